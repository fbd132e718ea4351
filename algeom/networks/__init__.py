"""Neural networks as polynomial maps."""

from algeom.networks.attention import attention_cross_map, attention_map
from algeom.networks.relu import relu_output_map, relu_pattern_map
from algeom.networks.relu_ranks import relu_expected_dimension, relu_generic_rank

__all__ = [
    "attention_cross_map",
    "attention_map",
    "relu_expected_dimension",
    "relu_generic_rank",
    "relu_output_map",
    "relu_pattern_map",
]
