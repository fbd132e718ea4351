"""The problems of the comparison: entries of the registry, expanded to the polynomial text that every program reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
from peer_programs import TextProblem

from algeom.maps import PolynomialMap
from algeom.registry import problem as registered


@dataclass(frozen=True)
class Case:
    """A problem of the registry and what is asked of it.

    Attributes
    ----------
    name : str
        In the registry.
    recorded : float
        Seconds that the fastest peer took when this list was made: what is quick.
    wrong : mapping of str to str
        Methods whose answer is known to be wrong here, and what they say.
    """

    name: str
    recorded: float
    wrong: Mapping[str, str] | None = None


_NONE_FOUND = "says dim I_d = 0: a fixed tolerance, no warning"

CASES = (
    Case("rational_normal_curve_4", 0.01),
    Case("rational_normal_curve_5", 0.01),
    Case("rational_normal_curve_6", 0.01),
    Case("segre_p2p2p2", 0.25),
    Case("determinantal_4_4_2", 0.15),
    Case("determinantal_5_5_3", 4.0),
    Case("secant_2_p1p1p1p1", 0.3),
    Case("secant_3_p1p1p1p1", 2.0),
    Case("grassmannian_3_7", 0.8),
    Case("jukes_cantor_quartet", 0.01),
    Case("factor_analysis_5_2", 0.15),
    Case("relu_333_110_011", 0.2),
    Case("relu_444_1100_0110_1001", 3.5),
    Case("split_cubics", 2.8),
    Case("secant_2_p1p1p1p1_mixed", 90.0),
    Case("relu_333_110_011_mixed", 200.0),
    Case("factor_analysis_5_2_mixed", 600.0),
    Case("random_surface_3", 0.01, {"ni-hilbert": _NONE_FOUND}),
    Case("random_surface_4", 1.9, {"ni-hilbert": _NONE_FOUND}),
)


def expanded(phi: PolynomialMap) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parameters t1, t2, ... and the expanded coordinates of a polynomial map, as text without spaces or brackets."""
    parameters = tuple(f"t{i + 1}" for i in range(phi.n_parameters))
    ring = flint.fmpq_mpoly_ctx.get(parameters, "degrevlex")

    def constant(value: Fraction) -> Any:
        return ring.constant(flint.fmpq(value.numerator, value.denominator))

    values = phi.tape.evaluate_exact(ring.gens(), constant=constant)
    return parameters, tuple(str(value).replace(" ", "") for value in values)


def text_problem(name: str) -> TextProblem:
    """The problem as the peers get it, through the largest degree of a minimal generator."""
    entry = registered(name)
    parameters, polynomials = expanded(entry.build())
    if not entry.generators:
        raise ValueError(f"{name} has no recorded generators to ask for")
    return TextProblem(name, parameters, polynomials, max(entry.generators))
