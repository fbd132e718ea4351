from fractions import Fraction

import numpy as np
import pytest

import algeom as ag
from algeom.continuation.gauge import gauge
from algeom.errors import InputError
from algeom.networks import attention_map

MAPS = {
    "no fiber": lambda: ag.varieties.veronese(2, 3),
    "segre": lambda: ag.varieties.segre(1, 2, 1),
    "determinantal": lambda: ag.varieties.determinantal(4, 3, 2),
    "symmetric": lambda: ag.varieties.symmetric_determinantal(4, 3),
    "skew": lambda: ag.varieties.skew_determinantal(5, 1),
    "secant": lambda: ag.varieties.secant(2, ag.varieties.segre(1, 1, 1, 1)),
    "rational": lambda: ag.varieties.gaussian_graphical(3, [(1, 2), (2, 3)], inverse=False),
    "grassmannian": lambda: ag.varieties.grassmannian(2, 5),
    "attention": lambda: attention_map(2, 2),
}


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", MAPS)
def test_the_restriction_has_the_same_dimension_with_finite_fibers_and_agrees_with_the_map(name, dense):
    phi = MAPS[name]()
    g = gauge(phi, dense=dense, rng=3)
    found = ag.dimension(phi, rng=4)
    assert g.dimension == g.map.n_parameters == found.value
    assert ag.dimension(g.map, rng=5).fiber == 0
    assert g.evidence.status is found.evidence.status
    tau = np.random.default_rng(0).standard_normal((g.dimension, 4)) + 0.5j
    lifted = g.lift(tau)
    assert lifted.shape == (phi.n_parameters, 4)
    np.testing.assert_allclose(phi(lifted), g.map(tau), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(g.lift(tau[:, 0]), lifted[:, 0], rtol=1e-14)
    if not dense:
        assert sorted([*g.free, *g.fixed]) == list(range(phi.n_parameters))
        for i, value in g.fixed.items():
            assert np.all(lifted[i] == float(value))


def test_a_block_of_one_factor_becomes_a_permutation_matrix():
    g = gauge(ag.varieties.determinantal(5, 5, 3), rng=0)
    block = np.array([float(g.fixed[i]) for i in range(9)]).reshape(3, 3)
    assert np.array_equal(block @ block.T, np.eye(3))
    # The factor with more entries left is the one to be restricted.
    wide, tall = (gauge(ag.varieties.determinantal(*shape, 2), rng=0) for shape in ((3, 6), (6, 3)))
    assert max(wide.fixed) < 6
    assert min(tall.fixed) >= 12


def test_leading_entries_of_rank_one_tensors_are_one():
    g = gauge(ag.varieties.segre(1, 1, 1), rng=0)
    assert set(g.fixed.values()) == {Fraction(1)}
    assert len(g.fixed) == 2


def test_constants_are_kept_off_where_zero_and_one_lower_the_dimension():
    # With a in (0, 1) the image would be a plane curve or nothing.
    phi = ag.polynomial_map(["a*(a-1)*b", "a*(a-1)*b^2 + c - c", "a*(a-1)*c"])
    g = gauge(phi, rng=0)
    assert g.dimension == 3
    assert not g.fixed
    phi = ag.polynomial_map(["a*(a-1)*b", "a*(a-1)*b*c"])
    g = gauge(phi, rng=0)
    assert g.dimension == 2
    if 0 in g.fixed:
        assert g.fixed[0] not in (0, 1)


def test_a_gauge_repeats_with_its_seed():
    phi = ag.varieties.factor_analysis(5, 2)
    assert gauge(phi, rng=7).map == gauge(phi, rng=7).map
    assert gauge(phi, dense=True, rng=7).map == gauge(phi, dense=True, rng=7).map
    assert gauge(phi, dense=True, rng=7).map != gauge(phi, dense=True, rng=8).map
    assert gauge(phi, rng=7).seed == 7
    assert "random directions" in repr(gauge(phi, dense=True, rng=7))


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="constant"):
        gauge(ag.polynomial_map(["a - a + 1", "2 + 0*a"]))
    with pytest.raises(InputError, match="trace it first"):
        gauge(lambda x: x)
    g = gauge(ag.varieties.segre(1, 1), rng=0)
    with pytest.raises(InputError, match="3 parameters free"):
        g.lift([1.0, 2.0])
