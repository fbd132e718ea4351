"""Function spaces of linear networks: matrices of bounded rank, and the critical points of losses on them."""

from algeom.networks.linear.criticality import (
    LinearCriticality,
    linear_criticality,
    linear_network_gradient,
    linear_network_hessian,
)
from algeom.networks.linear.determinantal import (
    determinantal_degree,
    determinantal_dimension,
    determinantal_ed_degree,
    determinantal_singular_rank,
)
from algeom.networks.linear.low_rank import (
    MatrixCriticalPoint,
    MatrixDistance,
    linear_network_map,
    matrix_regression,
    nearest_of_rank,
)

__all__ = [
    "LinearCriticality",
    "MatrixCriticalPoint",
    "MatrixDistance",
    "determinantal_degree",
    "determinantal_dimension",
    "determinantal_ed_degree",
    "determinantal_singular_rank",
    "linear_criticality",
    "linear_network_gradient",
    "linear_network_hessian",
    "linear_network_map",
    "matrix_regression",
    "nearest_of_rank",
]
