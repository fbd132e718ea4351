"""Upper bounds for the degrees of a tape's outputs, by propagation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algeom._kernels.tape import ADD, DIV, MUL, NEG, SUB

if TYPE_CHECKING:
    from algeom.maps.tape import Tape


@dataclass(frozen=True)
class _Quotient:
    """A bound for a rational function: numerator degree, and the denominator as a product of powers.

    The factors of denominators are the numerators of the nodes that were divided by, so that quotients with a
    denominator in common (all entries of an inverse matrix) add without squaring it.
    """

    numerator: int
    denominator: dict[int, int] = field(default_factory=dict)  # node -> exponent


def _quotients(tape: Tape) -> tuple[list[_Quotient], dict[int, int]]:
    """Bounds of all nodes, and the degree of the numerator of each node that is divided by."""
    degree: dict[int, int] = {}

    def total(factors: dict[int, int]) -> int:
        return sum(degree[node] * exponent for node, exponent in factors.items())

    bounds = [_Quotient(1)] * tape.n_inputs + [_Quotient(0)] * len(tape.constants)
    for operation, (left, right) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
        a, b = bounds[left], bounds[right]
        if operation == NEG:
            bounds.append(a)
        elif operation in (ADD, SUB):
            if not a.denominator and not b.denominator:
                bounds.append(_Quotient(max(a.numerator, b.numerator)))
                continue
            common = dict(a.denominator)
            for node, exponent in b.denominator.items():
                common[node] = max(common.get(node, 0), exponent)
            size = total(common)
            bounds.append(
                _Quotient(
                    max(a.numerator + size - total(a.denominator), b.numerator + size - total(b.denominator)), common
                )
            )
        elif operation == MUL:
            product = dict(a.denominator)
            for node, exponent in b.denominator.items():
                product[node] = product.get(node, 0) + exponent
            bounds.append(_Quotient(a.numerator + b.numerator, product))
        elif operation == DIV:
            # (Na/Da) / (Nb/Db) = Na (Db/g) / ((Da/g) Nb) with g what Da and Db share.
            degree[right] = b.numerator
            shared = {node: min(k, b.denominator.get(node, 0)) for node, k in a.denominator.items()}
            kept = {node: k - shared[node] for node, k in a.denominator.items() if k > shared[node]}
            moved = {node: k - shared.get(node, 0) for node, k in b.denominator.items()}
            kept[right] = kept.get(right, 0) + 1
            bounds.append(_Quotient(a.numerator + total(moved), kept))
    return bounds, degree


def degree_bounds(tape: Tape) -> tuple[tuple[int, int], ...]:
    """Upper bounds (numerator degree, denominator degree) for every output of a tape.

    The output is, as a rational function, a quotient of polynomials of at most these total degrees. The
    denominator bound of a polynomial output is 0, and cancellation between terms is not noticed.
    """
    bounds, degree = _quotients(tape)
    outputs = [bounds[node] for node in tape.outputs.tolist()]
    return tuple((q.numerator, sum(degree[node] * k for node, k in q.denominator.items())) for q in outputs)


def common_degree(tape: Tape) -> int:
    """Upper bound D for the degrees of all numerators and of the denominator, over one common denominator.

    A polynomial of degree d composed with the tape is then a quotient whose numerator has degree at most d*D, which is
    the degree that the Schwartz-Zippel lemma asks for.
    """
    bounds, degree = _quotients(tape)
    outputs = [bounds[node] for node in tape.outputs.tolist()]
    common: dict[int, int] = {}
    for q in outputs:
        for node, exponent in q.denominator.items():
            common[node] = max(common.get(node, 0), exponent)
    size = sum(degree[node] * k for node, k in common.items())
    below = [sum(degree[node] * k for node, k in q.denominator.items()) for q in outputs]
    numerators = [q.numerator + size - own for q, own in zip(outputs, below, strict=True)]
    result: int = max([size, *numerators])
    return result
