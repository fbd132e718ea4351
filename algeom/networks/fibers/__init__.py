"""Fibers of the multiplication of a linear network's weight matrices: strata, their order, points, moves and routes."""

from algeom.networks.fibers.adapted_bases import AdaptedBases, RankDecision
from algeom.networks.fibers.bars import Bars, Move
from algeom.networks.fibers.connectivity import Separation, count_connected_fiber, count_connected_stratum
from algeom.networks.fibers.diagrams import flow_diagram
from algeom.networks.fibers.network import LinearNetwork
from algeom.networks.fibers.order import lower_covers, upper_covers
from algeom.networks.fibers.paths import StratumPath, product_error, stratum_path
from algeom.networks.fibers.points import RandomPoint, random_point
from algeom.networks.fibers.report import DeadDirections, FiberReport, dead_directions, fiber_report, freeing_moves
from algeom.networks.fibers.routes import Leg, Route, route
from algeom.networks.fibers.strata import Strata, strata
from algeom.networks.fibers.tangent import (
    Direction,
    DirectionBasis,
    differential,
    normal_basis,
    tangent_basis,
    transversal_basis,
)
from algeom.networks.fibers.weight_moves import (
    OneMatrixMove,
    TwoMatrixMove,
    lowering_moves,
    one_matrix_move,
    one_matrix_moves,
    raising_moves,
    two_matrix_move,
)

__all__ = [
    "AdaptedBases",
    "Bars",
    "DeadDirections",
    "Direction",
    "DirectionBasis",
    "FiberReport",
    "Leg",
    "LinearNetwork",
    "Move",
    "OneMatrixMove",
    "RandomPoint",
    "RankDecision",
    "Route",
    "Separation",
    "Strata",
    "StratumPath",
    "TwoMatrixMove",
    "count_connected_fiber",
    "count_connected_stratum",
    "dead_directions",
    "differential",
    "fiber_report",
    "flow_diagram",
    "freeing_moves",
    "lower_covers",
    "lowering_moves",
    "normal_basis",
    "one_matrix_move",
    "one_matrix_moves",
    "product_error",
    "raising_moves",
    "random_point",
    "route",
    "strata",
    "stratum_path",
    "tangent_basis",
    "transversal_basis",
    "two_matrix_move",
    "upper_covers",
]
