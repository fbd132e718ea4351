"""Bounds of norms where it is easy to claim too much: boxes, many inputs, given constants, extreme scales."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.errors import InputError
from algeom.gsvd.bounds import norm_bounds
from algeom.gsvd.domains import Annulus, Ball, Box, Sphere, as_domain
from algeom.gsvd.layers import Dense, Layers
from algeom.gsvd.polar import polar

# -- domains


def in_box(x, box):
    inside = np.all((x >= box.lower) & (x <= box.upper))
    return inside and np.linalg.norm(x) >= box.low * (1 - 1e-13)


def gain(f, x):
    y = f @ x if isinstance(f, np.ndarray) else f(x[None])[0]
    return np.linalg.norm(y) / np.linalg.norm(x)


DIAGONAL = np.diag([3.0, 1.0])


@pytest.mark.parametrize(
    ("box", "norm"),
    [
        # The largest |x| / |y| is that at the corner (0.1, 1).
        (Box([0.0, 1.0], [0.1, 2.0]), math.sqrt(1.09 / 1.01)),
        # Outside of the hole |y| is at least sqrt(24).
        (Box([-1.0, -10.0], [1.0, 10.0], hole=5.0), math.sqrt(33.0 / 25.0)),
        # Only the corner (1, 1) is outside of the hole, and the points (1, y) with y^2 >= 0.96.
        (Box([0.0, 0.0], [1.0, 1.0], hole=1.4), math.sqrt((9 + 0.96) / 1.96)),
        (Box([100.0, 50.0], [200.0, 60.0]), math.sqrt((9 * 16 + 1) / 17)),
        # All directions.
        (Box([-1.0, -10.0], [1.0, 10.0], hole=1.0), 3.0),
        (Box([-2.0, -1.0], [1.0, 7.0]), 3.0),
    ],
)
def test_only_the_directions_of_a_box_count(box, norm):
    relu = Layers([Dense(DIAGONAL, activation="relu")])
    for f in (DIAGONAL, Layers([Dense(DIAGONAL)]), relu, ag.polynomial_map(["3*x", "y"])):
        bounds = norm_bounds(f, box, rng=0)
        assert bounds.lower <= norm * (1 + 1e-13)
        assert norm * (1 - 1e-13) <= bounds.upper <= norm * 1.0011
        assert in_box(bounds.witness, box)
        value = gain(DIAGONAL if f is not relu else f, bounds.witness)
        np.testing.assert_allclose(value, bounds.lower, rtol=1e-12)


@pytest.mark.parametrize("domain", [Sphere(2, 0.3), Ball(2, 7.0), Annulus(2, 20.0, 30.0), (0.0, 1e-3), None])
def test_witnesses_belong_to_the_domain(domain):
    low, high = polar(domain, 2).low, polar(domain, 2).high
    for f in (DIAGONAL, Layers([Dense(DIAGONAL, activation="relu")])):
        bounds = norm_bounds(f, domain, rng=0)
        assert low * (1 - 1e-13) <= np.linalg.norm(bounds.witness) <= high * (1 + 1e-13)
        np.testing.assert_allclose(gain(f, bounds.witness), 3.0, rtol=1e-12)


@settings(max_examples=50, derandomize=True)
@given(seed=st.integers(0, 10**6), part=st.floats(0.0, 0.999), n=st.integers(1, 4))
def test_points_of_boxes_with_holes_are_outside_of_the_holes(seed, part, n):
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.uniform(-1, 1, (2, n)), axis=0)
    box = Box(*ends)
    box = Box(*ends, hole=part * box.high)
    region = polar(box, n)
    x = rng.normal(size=(20, n))
    for points in (region.sample(rng, 20), region.project(x), box.sample(rng, 20)):
        assert all(in_box(point, box) for point in points)
    # The ray through a point of the domain leads to a point of it.
    points = region.sample(rng, 20)
    back = region.on_rays(points)
    assert all(in_box(point, box) for point in back)
    cosines = np.sum(points * back, axis=1) / np.linalg.norm(points, axis=1) / np.linalg.norm(back, axis=1)
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-9)


def test_what_stands_for_a_domain():
    assert as_domain(None, 3) is None
    for radius in (2, 2.0, np.float32(2), np.int64(2), np.array(2.0), (0, 2), np.array([0.0, 2.0])):
        assert as_domain(radius, 3) == Ball(3, 2.0)
    for radii in ((1, 2), [1.0, 2.0], np.array([1, 2])):
        assert as_domain(radii, 3) == Annulus(3, 1.0, 2.0)
    box = Box([0.0], [1.0])
    assert as_domain(box, 1) is box
    for wrong in (True, "1", -1.0, 0, (2, 1), (1, 2, 3), math.inf, math.nan, (1.0, math.inf), [[1.0], [1.0, 2.0]], {}):
        with pytest.raises(InputError, match="domain="):
            as_domain(wrong, 3)
    with pytest.raises(InputError, match="dimension 1, and f takes 3"):
        as_domain(box, 3)
