"""The index of distinct points, against comparison of all pairs."""

from __future__ import annotations

import time

import numpy as np
import pytest
from parameters import quick_first

from algeom.continuation.distinct import PointIndex
from algeom.errors import InputError


def naive_add(points: np.ndarray, tolerance: float, scale: float = 1.0) -> list[int]:
    kept: list[np.ndarray] = []
    found = []
    for point in points.T:
        gaps = [np.abs(point - q).max() / max(scale, np.abs(point).max(), np.abs(q).max()) for q in kept]
        if gaps and min(gaps) <= tolerance:
            found.append(int(np.argmin(gaps)))
        else:
            found.append(len(kept))
            kept.append(point)
    return found


def cloud(rng: np.random.Generator, m: int, n: int, size: float = 1.0) -> np.ndarray:
    return size * (rng.standard_normal((m, n)) + 1j * rng.standard_normal((m, n)))


@pytest.mark.parametrize("m", [1, 2, 7])
@pytest.mark.parametrize("seed", quick_first(range(5), 2))
def test_agrees_with_all_pairs(m, seed):
    rng = np.random.default_rng(seed)
    # Sizes over ten powers of ten, copies with noise on either side of the tolerance.
    distinct = cloud(rng, m, 60) * 10.0 ** rng.integers(-4, 7, 60)
    noise = 10.0 ** rng.uniform(-16, -2, 300) * np.exp(2j * np.pi * rng.random(300))
    points = distinct[:, rng.integers(60, size=300)] * (1 + noise)
    index = PointIndex(m, 1e-6)
    found = np.concatenate([index.add(points[:, low : low + 70]) for low in range(0, 300, 70)])
    assert found.tolist() == naive_add(points, 1e-6)
    assert len(index) == found.max() + 1
    assert np.array_equal(index.find(index.points), np.arange(len(index)))


def test_equal_up_to_the_tolerance_on_both_sides():
    index = PointIndex(1, 1e-8)
    assert index.add([[1.0, 1.0 + 0.9e-8, 1.0 + 1.2e-8, 1e6, 1e6 + 0.009, 1e6 + 0.02]]).tolist() == [0, 0, 1, 2, 2, 3]


def test_below_the_scale_distances_are_absolute():
    points = [[0.0, 1e-12, 1e-7]]
    assert PointIndex(1, 1e-8).add(points).tolist() == [0, 0, 1]
    assert PointIndex(1, 1e-8, scale=1e-6).add(points).tolist() == [0, 1, 2]


def test_being_equal_does_not_spread_along_chains():
    chain = 1.0 + 0.8e-8 * np.arange(5)
    # Every other one is kept; the last equals its neighbour only.
    assert PointIndex(1, 1e-8).add(chain[None]).tolist() == [0, 0, 1, 1, 2]


def test_order_and_batches_do_not_matter_for_the_partition():
    rng = np.random.default_rng(3)
    labels = rng.integers(500, size=4000)
    points = cloud(rng, 3, 500)[:, labels] * (1 + 1e-12 * rng.standard_normal(4000))
    one = PointIndex(3).add(points)
    index = PointIndex(3)
    many = np.concatenate([index.add(part) for part in np.array_split(points, 37, axis=1)])
    assert np.array_equal(one, many)
    assert len(set(zip(one.tolist(), labels.tolist(), strict=True))) == len(index) == len(set(labels.tolist()))


def test_doubtful_pairs_are_decided_by_their_witnesses():
    asked = []

    def decide(known, new):
        asked.append((known.tolist(), new.tolist()))
        return bool(known[0] == new[0])

    index = PointIndex(1, 1e-8, doubtful=1e-5, decide=decide)
    assert index.add([[1.0, 1.0 + 1e-12, 2.0]], [[5, 5, 7]]).tolist() == [0, 0, 1]
    assert asked == []
    assert index.add([[1.0 + 1e-6, 1.0 + 2e-6, 2.0 + 1e-6, 3.0]], [[5, 6, 8, 9]]).tolist() == [0, 2, 3, 4]
    assert ([5 + 0j], [6 + 0j]) in asked
    assert ([7 + 0j], [8 + 0j]) in asked
    # Among points of one batch as well.
    assert index.add([[9.0, 9.0 + 1e-6, 9.0 + 2e-6]], [[1, 1, 2]]).tolist() == [5, 5, 6]


def test_without_a_decision_there_is_one_threshold():
    assert PointIndex(1, 1e-8, doubtful=1e-3).add([[1.0, 1.0 + 1e-7]]).tolist() == [0, 1]


def test_many_copies_of_few_points_stay_cheap():
    rng = np.random.default_rng(5)
    points = cloud(rng, 2, 3)[:, rng.integers(3, size=30_000)]
    index = PointIndex(2)
    begin = time.process_time()
    assert set(index.add(points).tolist()) == {0, 1, 2}
    assert time.process_time() - begin < 5


def test_a_hundred_thousand_points():
    rng = np.random.default_rng(1)
    points = cloud(rng, 4, 100_000)
    index = PointIndex(4)
    assert np.array_equal(index.add(points), np.arange(100_000))
    assert np.array_equal(index.find(points[:, ::1000] * (1 + 1e-11)), np.arange(0, 100_000, 1000))


@pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0, np.nan)])
def test_points_must_be_finite(bad):
    index = PointIndex(2)
    with pytest.raises(InputError, match="NaN or infinite"):
        index.add([[1.0, bad], [0.0, 1.0]])
    assert len(index) == 0


def test_arguments_are_checked():
    with pytest.raises(InputError, match="at least one coordinate"):
        PointIndex(0)
    with pytest.raises(InputError, match="tolerance"):
        PointIndex(1, 1e-3, doubtful=1e-5)
    with pytest.raises(InputError, match="scale"):
        PointIndex(1, scale=0.0)
    with pytest.raises(InputError, match="shape"):
        PointIndex(2).add([[1.0, 2.0]])
    with pytest.raises(InputError, match="witnesses"):
        PointIndex(1).add([[1.0, 2.0]], [[1.0]])


def test_nothing_to_add():
    index = PointIndex(3)
    assert index.add(np.empty((3, 0))).size == 0
    assert index.add(np.ones((3, 1))).tolist() == [0]
    assert repr(index) == "PointIndex(1 point in C^3, tolerance 1e-08)"
