"""Witness sets: moving, sampling, membership, files."""

import json
from dataclasses import replace

import numpy as np
import pytest

import algeom as ag
from algeom.continuation.certify import certify
from algeom.continuation.degree import degree
from algeom.continuation.slices import Slice, complex_gaussian
from algeom.continuation.witness import WitnessSet
from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status
from algeom.varieties import determinantal, grassmannian, segre


def witness_of(phi, seed=1):
    return degree(phi, method="monodromy", rng=seed).witness_set


@pytest.fixture(scope="module")
def cubic():
    """The twisted cubic in affine space, no cone."""
    return witness_of(ag.polynomial_map(["t", "t^2", "t^3"]))


@pytest.fixture(scope="module")
def rank_one():
    """Matrices of rank at most one, 3 x 3: a cone of degree 6."""
    return witness_of(determinantal(3, 3, 1))


@pytest.fixture(scope="module")
def cusp():
    return witness_of(ag.polynomial_map(["t^2", "t^3"]))


def require_sound(witness):
    """Points are images of parameters, lie on the slice, and are different."""
    np.testing.assert_allclose(witness.map(witness.theta), witness.points, atol=1e-10)
    assert np.all(witness.slice.residual(witness.points) < 1e-12)
    gaps = np.abs(witness.points[:, :, None] - witness.points[:, None, :]).max(axis=0)
    assert np.all(gaps + np.eye(len(witness)) > 1e-6)


def test_points_and_summary(cubic, rank_one):
    require_sound(cubic)
    require_sound(rank_one)
    assert (cubic.degree, cubic.dimension, cubic.is_cone, cubic.is_generic) == (3, 1, False, True)
    assert (len(rank_one), rank_one.dimension, rank_one.is_cone) == (6, 5, True)
    assert repr(rank_one) == "WitnessSet(6 points, dimension 5 in dimension 9, numerical)"


def test_points_can_be_certified(rank_one):
    found = certify(rank_one.system, rank_one.tau, rank_one.system_parameters)
    assert found.count == 6


# Moving


def test_moving_to_random_and_given_slices(rank_one):
    rng = np.random.default_rng(3)
    random = rank_one.move(rng=1)
    require_sound(random)
    assert random.is_generic
    assert not np.array_equal(random.slice.matrix, rank_one.slice.matrix)
    given = random.move(Slice(complex_gaussian(rng, 5, 9), complex_gaussian(rng, 5)), rng=2)
    require_sound(given)
    real = given.move(Slice(rng.standard_normal((5, 9)), rng.standard_normal(5)), rng=3)
    require_sound(real)
    assert not real.is_generic
    # Between two real slices the straight way would be real, and could cross the discriminant.
    other = real.move(Slice(rng.standard_normal((5, 9)), rng.standard_normal(5)), rng=4)
    require_sound(other)
    back = other.move(rank_one.slice, rng=5)
    order = [int(np.argmin(np.abs(back.points - y[:, None]).max(axis=0))) for y in rank_one.points.T]
    assert sorted(order) == list(range(6))
    np.testing.assert_allclose(back.points[:, order], rank_one.points, atol=1e-9)


def test_same_seed_same_move(cubic):
    np.testing.assert_array_equal(cubic.move(rng=7).points, cubic.move(rng=7).points)


def test_special_slices_are_refused(cusp, cubic):
    # A line through the cusp meets the curve in two points there.
    with pytest.raises(GenericityError, match="not generic"):
        cusp.move(Slice([[1.0, 1.0]], [0.0]), rng=1)
    # A plane across the last coordinate meets the cubic three times, one across the first twice at infinity.
    assert len(cubic.move(Slice([[0.0, 0.0, 1.0]], [8.0]), rng=1)) == 3
    with pytest.raises(GenericityError, match=r"at infinity|step too small|not finite|too many steps"):
        cubic.move(Slice([[1.0, 0.0, 0.0]], [2.0]), rng=1)
    with pytest.raises(InputError, match="was given to move"):
        cubic.move(Slice(np.eye(3)[:2], [1.0, 1.0]))


# Sampling


def test_samples_are_on_the_variety(rank_one):
    points = rank_one.sample(10, rng=1)
    assert points.shape == (9, 10)
    values = np.linalg.svd(points.T.reshape(10, 3, 3), compute_uv=False)
    assert np.all(values[:, 1] < 1e-10 * values[:, 0])
    np.testing.assert_array_equal(points, rank_one.sample(10, rng=1))


def test_real_samples(cubic, rank_one):
    t = cubic.sample(6, real=True, rng=2)
    assert t.dtype == np.float64
    np.testing.assert_allclose(t[1:], [t[0] ** 2, t[0] ** 3], rtol=1e-9)
    matrices = rank_one.sample(4, real=True, rng=2).T.reshape(4, 3, 3)
    assert np.linalg.matrix_rank(matrices, tol=1e-8).tolist() == [1] * 4


def test_real_samples_of_a_curve_that_some_slices_miss():
    phi = ag.polynomial_map(["(1 - t^2)/(1 + t^2)", "2*t/(1 + t^2)"])
    circle = witness_of(phi)
    points = circle.sample(6, real=True, rng=3)
    np.testing.assert_allclose((points**2).sum(axis=0), 1, rtol=1e-9)


@pytest.mark.parametrize("count", [0, -1, 2.5, True])
def test_counts_are_checked(cubic, count):
    with pytest.raises(InputError, match="positive integer"):
        cubic.sample(count)


# Membership


def test_points_on_and_off_the_variety(cubic):
    yes = cubic.contains([2, 4, 8], rng=1)
    assert yes.value
    assert yes.distance < 1e-10
    np.testing.assert_allclose(yes.nearest, [2, 4, 8], rtol=1e-9)
    no = cubic.contains([2, 4, 8.1], rng=1)
    assert no.value is False
    assert 1e-4 < no.distance < 1
    assert no.evidence.status is Status.NUMERICAL
    assert bool(cubic.contains([1j, -1, -1j]))


def test_points_of_the_closure_that_are_no_images(rank_one):
    # The first column is zero: no parameters of a chart reach that, but limits do.
    for matrix in ([[0, 2, 1], [0, 4, 2], [0, 2, 1]], [[0, 0, 0], [0, 0, 0], [0, 0, 5]]):
        assert rank_one.contains(np.ravel(matrix), rng=1).value
    assert rank_one.contains(np.zeros(9), rng=1).value
    assert not rank_one.contains(np.eye(3).ravel(), rng=1).value
    assert not rank_one.contains(1e-6 * np.eye(3).ravel(), rng=1).value


def test_points_that_no_parameters_reach():
    # (s, s t) misses the points (0, y) with y not zero, which its closure, the plane, has; here on a surface.
    surface = witness_of(ag.polynomial_map(["s", "s*t", "t^2 * s"]))
    assert surface.degree == 2
    assert surface.contains([0, 0, 3], rng=1).value
    assert not surface.contains([0, 1, 3], rng=1).value


def test_singular_points(cusp):
    found = cusp.contains([0, 0], rng=1)
    assert found.value
    assert found.distance < 1e-6
    assert not cusp.contains([0, 0.01], rng=1).value


def test_membership_in_a_grassmannian():
    witness = witness_of(grassmannian(2, 4))
    rng = np.random.default_rng(5)
    plane = rng.standard_normal((2, 4))
    minors = [plane[0, i] * plane[1, j] - plane[0, j] * plane[1, i] for i in range(4) for j in range(i + 1, 4)]
    assert witness.contains(minors, rng=1).value
    assert witness.contains(np.multiply(1e3, minors), rng=1).value
    assert not witness.contains([1, 0, 0, 0, 0, 1], rng=1).value


def test_membership_from_a_given_slice(cubic):
    # The slice of a moved set is no random one, so that paths have to start from another.
    moved = cubic.move(Slice([[1.0, 2.0, 3.0]], [4.0]), rng=1)
    assert moved.contains([2, 4, 8], rng=1).value
    assert not moved.contains([2, 4, 9], rng=1).value
    assert moved.sample(4, rng=1).shape == (3, 4)


def test_incomplete_sets_decide_only_yes(cubic):
    partial = replace(
        cubic,
        tau=cubic.tau[:, :2],
        points=cubic.points[:, :2],
        evidence=Evidence(Status.LOWER_BOUND, np.nan, "a search that was stopped"),
    )
    assert not partial.is_complete
    undecided = partial.contains([2, 4, 9], rng=1)
    assert undecided.value is None
    assert "may lack points" in undecided.evidence.reason
    with pytest.raises(GenericityError, match="undecided"):
        bool(undecided)


def test_unknown_ends_are_sought_from_another_slice(cubic, monkeypatch):
    nearest, slices = WitnessSet._nearest, []

    def failing_at_first(self, *arguments):
        slices.append(self.slice)
        found = nearest(self, *arguments)
        return found if len(slices) > 1 else replace(found, value=None, failed=1)

    monkeypatch.setattr(WitnessSet, "_nearest", failing_at_first)
    assert cubic.contains([2, 4, 9], rng=1).value is False
    assert len(slices) == 2
    assert slices[0] is cubic.slice
    assert not np.array_equal(slices[1].matrix, cubic.slice.matrix)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 2], "shape"),
        ([1, 2, np.nan], "NaN"),
        (["a", "b", "c"], "not numbers"),
        ([[1, 2], [1, 2], [1, 2]], "one point"),
    ],
)
def test_bad_points(cubic, y, message):
    with pytest.raises(InputError, match=message):
        cubic.contains(y)


def test_shapes_are_checked(cubic):
    with pytest.raises(InputError, match="codimension must be 1"):
        replace(cubic, slice=Slice(np.eye(3)[:2], [1.0, 1.0]))
    with pytest.raises(InputError, match="shapes"):
        replace(cubic, points=cubic.points[:, :2])


# Files


def test_files_keep_everything(tmp_path, rank_one):
    path = tmp_path / "witness.npz"
    rank_one.save(path)
    again = WitnessSet.load(path)
    for name in ("tau", "points"):
        np.testing.assert_array_equal(getattr(again, name), getattr(rank_one, name))
    np.testing.assert_array_equal(again.slice.matrix, rank_one.slice.matrix)
    assert again.map == rank_one.map
    assert again.map.parameter_shapes == rank_one.map.parameter_shapes
    assert again.gauge.map == rank_one.gauge.map
    assert (again.gauge.free, again.gauge.fixed) == (rank_one.gauge.free, rank_one.gauge.fixed)
    assert again.evidence.status is rank_one.evidence.status
    assert (again.is_cone, again.is_generic, again.seed) == (True, True, rank_one.seed)
    np.testing.assert_array_equal(again.move(rng=1).points, rank_one.move(rng=1).points)


def test_names_of_files_are_kept(tmp_path, cubic):
    cubic.save(tmp_path / "curve.witness")
    assert len(WitnessSet.load(str(tmp_path / "curve.witness"))) == 3


def changed(path, **changes):
    """Write a file again with other arrays or entries of its description."""
    with np.load(path) as archive:
        arrays = dict(archive)
    description = json.loads(str(arrays.pop("description")))
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = value
        else:
            description[name] = value
    with path.open("wb") as file:
        np.savez(file, description=np.array(json.dumps(description)), **arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "something else"}, "not a witness set"),
        ({"format": 2}, "has the format 2"),
        ({"free": "x"}, "is damaged"),
        ({"evidence": {"status": "CERTAIN"}}, "is damaged"),
        ({"map": {"tape": {}}}, "is damaged"),
        ({"points": np.ones((3, 3), complex)}, "not the image of its parameters"),
        ({"points": np.full((3, 3), np.nan)}, "NaN"),
        ({"offset": np.array([100.0])}, "not on the slice"),
        ({"tau": np.ones((2, 3))}, "is damaged"),
    ],
)
def test_damaged_files(tmp_path, cubic, changes, message):
    path = tmp_path / "witness.npz"
    cubic.save(path)
    changed(path, **changes)
    with pytest.raises(InputError, match=message):
        WitnessSet.load(path)


def test_other_files(tmp_path, cubic):
    path = tmp_path / "witness.npz"
    with pytest.raises(InputError, match="there is no file"):
        WitnessSet.load(path)
    cubic.save(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="damaged"):
        WitnessSet.load(path)
    path.write_text("no archive")
    with pytest.raises(InputError, match="damaged"):
        WitnessSet.load(path)
    np.savez(path, description=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="damaged"):
        WitnessSet.load(path)


def test_segre_membership_by_flattenings():
    witness = witness_of(segre(1, 1, 1))
    rng = np.random.default_rng(8)
    vectors = rng.standard_normal((3, 2))
    tensor = np.einsum("i,j,k->ijk", *vectors)
    assert witness.contains(tensor.ravel(), rng=1).value
    tensor[0, 0, 0] += 0.1
    assert not witness.contains(tensor.ravel(), rng=1).value


@pytest.mark.parametrize("target", [3, "foo", None])
def test_only_slices_are_moved_to(cubic, target):
    with pytest.raises(InputError, match="expected a Slice"):
        cubic.move(target)


@pytest.mark.parametrize("tolerance", [-1, 0, 2, float("nan"), "1e-6", None])
def test_tolerances_are_relative_distances(cubic, tolerance):
    with pytest.raises(InputError, match="between 0 and 1"):
        cubic.contains([1, 1, 1], tolerance=tolerance)


def test_folders_are_not_made(cubic, tmp_path):
    with pytest.raises(InputError, match="folder that exists"):
        cubic.save(tmp_path / "missing" / "witness.npz")


def test_points_are_read_only(cubic):
    own = cubic.points.copy()
    built = replace(cubic, points=own)
    own[:] = 0
    assert np.all(built.points == cubic.points)
    for array in (cubic.tau, cubic.points, cubic.slice.matrix, cubic.slice.offset, cubic.move(rng=1).tau):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
