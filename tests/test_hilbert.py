"""Hilbert functions against closed formulas."""

import math
from fractions import Fraction

import numpy as np
import pytest

import algeom as ag
from algeom import varieties
from algeom.evidence import Status
from algeom.implicitization.hilbert import fit_hilbert_series, series_numerator


@pytest.mark.parametrize(("n", "d"), [(1, 3), (2, 2), (2, 3), (3, 2)])
def test_veronese(n, d):
    """HF(k) = C(n+dk, n); degree d^n (Harris, Algebraic Geometry, Example 13.4)."""
    h = ag.hilbert_function(varieties.veronese(n, d), 5, rng=1)
    assert h.values == {k: math.comb(n + d * k, n) for k in range(6)}
    assert h.dimension == n + 1
    assert h.fit is not None
    assert h.fit.degree == d**n
    assert h.fit.evidence.status is Status.EXTRAPOLATED


@pytest.mark.parametrize("dims", [(1, 1), (1, 2), (2, 2), (1, 1, 1)])
def test_segre(dims):
    """HF(k) = prod C(n_i + k, k); degree the multinomial coefficient."""
    h = ag.hilbert_function(varieties.segre(*dims), 5, rng=2)
    assert h.values == {k: math.prod(math.comb(n + k, k) for n in dims) for k in range(6)}
    assert h.fit is not None
    assert h.fit.degree == math.factorial(sum(dims)) // math.prod(math.factorial(n) for n in dims)


def test_fitted_polynomial_reproduces_the_values_it_came_from():
    h = ag.hilbert_function(varieties.grassmannian(2, 5), 5, rng=3)
    assert h.fit is not None
    assert h.fit.degree == 5
    assert h.fit.numerator == (1, 3, 1)
    for k, value in h.values.items():
        assert sum(c * Fraction(k) ** j for j, c in enumerate(h.fit.polynomial)) == value


def test_too_few_values_suggest_nothing():
    h = ag.hilbert_function(varieties.veronese(2, 3), 2, rng=1)
    assert h.fit is None
    assert "raise max_degree" in str(h)


def test_affine_images_are_counted_up_to_the_degree():
    """The parabola: polynomials of degree at most k modulo y - x^2 have dimension 2k + 1."""
    h = ag.hilbert_function(ag.polynomial_map(["t", "t^2"]), 5, rng=1)
    assert h.homogenized
    assert h.values == {k: 2 * k + 1 for k in range(6)}
    assert h.fit is not None
    assert h.fit.degree == 2


def test_points_have_constant_hilbert_function():
    h = ag.hilbert_function(ag.polynomial_map(["3", "5"], parameters=["a"]), 4, rng=1)
    assert h.values == dict.fromkeys(range(5), 1)
    assert h.fit is not None
    assert h.fit.degree == 1


def test_series_of_a_complete_intersection():
    """Three cubics of codimension three: numerator (1 + T + T^2)^3."""
    numerator = np.poly1d([1, 1, 1]) ** 3
    values = [
        sum(int(c) * math.comb(d - j + 4, 4) for j, c in enumerate(numerator.coeffs[::-1]) if d >= j) for d in range(10)
    ]
    fit = fit_hilbert_series(values, 5)
    assert fit is not None
    assert fit.degree == 27
    assert list(fit.numerator) == [int(c) for c in numerator.coeffs]
    assert series_numerator(values, 5)[:7] == list(fit.numerator)
    assert fit_hilbert_series(values[:7], 5) is None


def test_interruption_keeps_finished_degrees():
    def stop(event):
        if event.stage == "degree 3":
            raise KeyboardInterrupt

    h = ag.hilbert_function(varieties.veronese(2, 2), 5, rng=1, progress=stop)
    assert h.interrupted
    assert h.values == {0: 1, 1: 6, 2: 15}
    assert "INTERRUPTED" in str(h)
