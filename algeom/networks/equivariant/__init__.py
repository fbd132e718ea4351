"""Invariant and equivariant linear networks: components, dimensions, degrees, nearest maps and autoencoders."""

from algeom.networks.equivariant.autoencoders import (
    AutoencoderDesign,
    TrainedAutoencoder,
    autoencoder_design,
    compare_autoencoders,
    high_pass_ranks,
    spread_ranks,
)
from algeom.networks.equivariant.base_change import BaseChange
from algeom.networks.equivariant.component import EquivariantComponent
from algeom.networks.equivariant.components import EquivariantComponents
from algeom.networks.equivariant.equivariant_maps import EquivariantMaps, equivariant_maps
from algeom.networks.equivariant.groups import SignedPermutation, orthogonal_form
from algeom.networks.equivariant.images import read_idx_images, shifted_digits
from algeom.networks.equivariant.invariant import InvariantMaps, NearestInvariant, invariant_maps
from algeom.networks.equivariant.membership import BlockRanks
from algeom.networks.equivariant.nearest import NearestEquivariant
from algeom.networks.equivariant.permutations import (
    Permutation,
    image_reflection,
    image_rotation,
    image_translation,
    image_transposition,
    orbits,
    permutation,
)
from algeom.networks.equivariant.selection import Selection
from algeom.networks.equivariant.weight_sharing import WeightSharing

__all__ = [
    "AutoencoderDesign",
    "BaseChange",
    "BlockRanks",
    "EquivariantComponent",
    "EquivariantComponents",
    "EquivariantMaps",
    "InvariantMaps",
    "NearestEquivariant",
    "NearestInvariant",
    "Permutation",
    "Selection",
    "SignedPermutation",
    "TrainedAutoencoder",
    "WeightSharing",
    "autoencoder_design",
    "compare_autoencoders",
    "equivariant_maps",
    "high_pass_ranks",
    "image_reflection",
    "image_rotation",
    "image_translation",
    "image_transposition",
    "invariant_maps",
    "orbits",
    "orthogonal_form",
    "permutation",
    "read_idx_images",
    "shifted_digits",
    "spread_ranks",
]
