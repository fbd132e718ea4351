"""Neural networks as polynomial maps."""

from algeom.networks.attention import attention_cross_map, attention_map
from algeom.networks.polynomial import (
    NetworkDimension,
    network_dimension_table,
    polynomial_network_dimension,
    polynomial_network_expected_dimension,
    polynomial_network_map,
)
from algeom.networks.relu import relu_output_map, relu_pattern_map
from algeom.networks.relu_ranks import relu_expected_dimension, relu_generic_rank

__all__ = [
    "NetworkDimension",
    "attention_cross_map",
    "attention_map",
    "network_dimension_table",
    "polynomial_network_dimension",
    "polynomial_network_expected_dimension",
    "polynomial_network_map",
    "relu_expected_dimension",
    "relu_generic_rank",
    "relu_output_map",
    "relu_pattern_map",
]
