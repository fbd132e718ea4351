"""Neural networks as polynomial maps.

Linear networks have packages of their own: `linear` (function spaces), `equivariant`, `convolutional` and `fibers`.
"""

from importlib import import_module
from typing import Any

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

#: Imported when first used.
_SUBPACKAGES = ("convolutional", "equivariant", "fibers", "linear")


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"algeom.networks.{name}")
    raise AttributeError(f"module 'algeom.networks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBPACKAGES])
