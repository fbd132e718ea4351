"""Linear convolutional networks in one dimension: filters, their function spaces and critical points."""

from algeom.networks.convolutional.architecture import ConvolutionalArchitecture, convolutional_map
from algeom.networks.convolutional.composition import compose_filters, convolution_matrix
from algeom.networks.convolutional.factorization import FilterFactorization, factor_filter
from algeom.networks.convolutional.regression import (
    FilterCriticality,
    FilterRegression,
    filter_criticality,
    filter_regression,
)

__all__ = [
    "ConvolutionalArchitecture",
    "FilterCriticality",
    "FilterFactorization",
    "FilterRegression",
    "compose_filters",
    "convolution_matrix",
    "convolutional_map",
    "factor_filter",
    "filter_criticality",
    "filter_regression",
]
