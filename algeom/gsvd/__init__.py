"""Generalized singular value decompositions of nonlinear maps and trained networks."""

from algeom.gsvd.bounds import NormBounds, attack, norm_bounds
from algeom.gsvd.decomposition import gsvd
from algeom.gsvd.domains import Annulus, Ball, Box, Domain, Samples, Sphere
from algeom.gsvd.ellipsoid import Ellipsoid, minimum_volume_ellipsoid
from algeom.gsvd.functions import BatchFunction, as_function
from algeom.gsvd.group_comparison import GroupDifference
from algeom.gsvd.group_probe import GroupProbe, group_probe
from algeom.gsvd.layers import Dense, Layers
from algeom.gsvd.reconstruction import InputReconstruction, null_inputs, reconstruct_inputs
from algeom.gsvd.relu_regions import linear_regions
from algeom.gsvd.result import GSVD, InputDirections
from algeom.gsvd.svdnet import NormPreservingLayer, SVDNet, TrainedSVDNet, svdnet

__all__ = [
    "GSVD",
    "Annulus",
    "Ball",
    "BatchFunction",
    "Box",
    "Dense",
    "Domain",
    "Ellipsoid",
    "GroupDifference",
    "GroupProbe",
    "InputDirections",
    "InputReconstruction",
    "Layers",
    "NormBounds",
    "NormPreservingLayer",
    "SVDNet",
    "Samples",
    "Sphere",
    "TrainedSVDNet",
    "as_function",
    "attack",
    "group_probe",
    "gsvd",
    "linear_regions",
    "minimum_volume_ellipsoid",
    "norm_bounds",
    "null_inputs",
    "reconstruct_inputs",
    "svdnet",
]
