"""The estimator: what scikit-learn asks of one, and that it reduces as the function does."""

import pickle

import numpy as np
import pytest

from algeom.errors import InputError
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.superoperators import superoperator
from algeom.lsrdr.reduction.estimator import LSRDR, NotFittedError
from algeom.lsrdr.reduction.lsrdr import lsrdr

base = pytest.importorskip("sklearn.base")


@pytest.fixture
def matrices():
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, 6, 6)), rng.standard_normal((10, 6, 6))


def test_transform_compresses(matrices):
    A, B = matrices
    estimator = LSRDR(n_components=2, random_state=1, starts=3)
    assert estimator.fit(A) is estimator
    reduced = estimator.transform(B)
    assert reduced.shape == (10, 2, 2)
    R, S = estimator.components_, estimator.dual_components_
    assert (R.shape, S.shape) == ((2, 6), (6, 2))
    np.testing.assert_allclose(reduced, R @ B @ S)
    np.testing.assert_allclose(estimator.transform(B[0]), reduced[0])
    np.testing.assert_allclose(LSRDR(2, random_state=1, starts=3).fit_transform(A), estimator.transform(A), atol=1e-12)
    P = S @ R
    np.testing.assert_allclose(estimator.inverse_transform(reduced), P @ B @ P, atol=1e-12)
    direct = lsrdr(A, 2, rng=1, starts=3)
    np.testing.assert_array_equal(estimator.result_.P, direct.P)
    assert estimator.similarity_ == direct.similarity
    assert estimator.n_features_in_ == 6


def test_conventions_of_scikit_learn(matrices):
    A, B = matrices
    estimator = LSRDR(n_components=3, starts=2, random_state=4)
    params = estimator.get_params()
    assert params["n_components"] == 3
    assert LSRDR(**params).get_params() == params
    copy = base.clone(estimator.fit(A))
    assert copy is not estimator
    assert copy.get_params() == params
    assert not hasattr(copy, "result_")
    assert copy.set_params(n_components=2, tolerance=1e-10) is copy
    assert copy.n_components == 2
    with pytest.raises(InputError, match="no parameter 'components'"):
        copy.set_params(components=2)
    with pytest.raises(NotFittedError, match="call fit"):
        copy.transform(B)
    assert issubclass(NotFittedError, (ValueError, AttributeError))
    # fitting leaves parameters alone, and again gives the same
    assert estimator.get_params() == params
    np.testing.assert_array_equal(estimator.components_, base.clone(estimator).fit(A).components_)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.transform(B), estimator.transform(B))
    assert repr(estimator) == "LSRDR(n_components=3, starts=2, random_state=4)"


def test_wrong_sizes_and_maps_without_matrices(matrices):
    A, _ = matrices
    estimator = LSRDR(2, random_state=1, starts=2).fit(A)
    with pytest.raises(InputError, match=r"expected \(k, 6, 6\)"):
        estimator.transform(np.ones((3, 5, 5)))
    with pytest.raises(InputError, match=r"expected \(k, 2, 2\)"):
        estimator.inverse_transform(np.ones((3, 6, 6)))
    with pytest.raises(InputError, match="rank is 7"):
        LSRDR(7).fit(A)
    with pytest.raises(InputError, match="there is no X"):
        LSRDR(2, random_state=1, starts=2).fit_transform(superoperator(A, A.copy()))


def test_quaternionic_matrices():
    rng = np.random.default_rng(2)
    parts = rng.standard_normal((4, 3, 4, 4))
    A = Quaternions(parts[0] + 1j * parts[1], parts[2] + 1j * parts[3])
    estimator = LSRDR(2, random_state=1, starts=2).fit(A)
    reduced = estimator.transform(A)
    assert isinstance(reduced, Quaternions)
    assert reduced.shape == (3, 2, 2)
    difference = reduced - estimator.result_.X
    assert difference.norm.max() < 1e-12
