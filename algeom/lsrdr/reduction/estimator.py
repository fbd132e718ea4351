"""LSRDR with the conventions of scikit-learn: fit on a tuple of matrices, transform others."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.result import LSRDRResult
from algeom.lsrdr.reduction.starts import Field, StartKind

__all__ = ["LSRDR", "NotFittedError"]


class NotFittedError(InputError, AttributeError):
    """The estimator was used before `fit`."""


class LSRDR:
    """Reduction of matrices to smaller ones, as an estimator.

    A sample is a matrix and the tuple a data set: ``fit`` finds R and S for a tuple A of shape (r, n, n), and
    ``transform`` takes matrices B_j to R B_j S. It needs no scikit-learn, but works with its `clone`, pipelines and
    parameter searches.

    Parameters
    ----------
    n_components : int
        d, the size of the reduced matrices.
    method, s, t, accelerate, starts, start, field, retraction, tolerance, max_steps, restarts, compute_similarity
        As for `lsrdr`.
    random_state : int, numpy.random.Generator or None
        As `rng` there.

    Attributes
    ----------
    result_ : LSRDRResult
    components_ : ndarray, shape (d, n)
        R.
    dual_components_ : ndarray, shape (n, d)
        S.
    similarity_ : float
    n_features_in_ : int
        n.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> A, B = rng.standard_normal((3, 6, 6)), rng.standard_normal((10, 6, 6))
    >>> LSRDR(n_components=2, random_state=1).fit(A).transform(B).shape
    (10, 2, 2)
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        method: Literal["auto", "low_rank", "dense"] = "auto",
        s: float = math.inf,
        t: float | Literal["adaptive"] = "adaptive",
        accelerate: bool = True,
        starts: int | Sequence[Any] = 8,
        start: StartKind = "psd",
        field: Field | None = None,
        retraction: Literal["closed", "iterated"] = "closed",
        tolerance: float = 1e-13,
        max_steps: int | None = None,
        restarts: int = 3,
        compute_similarity: bool = True,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.s = s
        self.t = t
        self.accelerate = accelerate
        self.starts = starts
        self.start = start
        self.field = field
        self.retraction = retraction
        self.tolerance = tolerance
        self.max_steps = max_steps
        self.restarts = restarts
        self.compute_similarity = compute_similarity
        self.random_state = random_state

    @classmethod
    def _parameters(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters that were given or set; ``deep`` has no effect."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> LSRDR:
        """Set parameters.

        Raises
        ------
        InputError
            If one is unknown.
        """
        known = self._parameters()
        for name, value in params.items():
            if name not in known:
                raise InputError(f"LSRDR has no parameter {name!r}; choose from {', '.join(known)}")
            setattr(self, name, value)
        return self

    def fit(self, A: Any, y: Any = None) -> LSRDR:
        """Find the reduction of a tuple of matrices.

        Parameters
        ----------
        A : as for `lsrdr`
            r matrices of size n, or a superoperator.
        y : ignored

        Returns
        -------
        LSRDR
            The estimator itself.
        """
        options = {
            name: value for name, value in self.get_params().items() if name not in ("n_components", "random_state")
        }
        result = lsrdr(A, self.n_components, rng=self.random_state, **options)
        self.result_: LSRDRResult = result
        self.components_, self.dual_components_ = result.R, result.S
        self.similarity_ = result.similarity
        self.n_features_in_ = result.n
        return self

    def transform(self, B: Any) -> Any:
        """Reduce matrices: R B_j S.

        Parameters
        ----------
        B : array_like or Quaternions, shape (k, n, n) or (n, n)

        Returns
        -------
        ndarray or Quaternions, shape (k, d, d) or (d, d)

        Raises
        ------
        NotFittedError
            Before `fit`.
        InputError
            If the matrices have another size.
        """
        self._require_fit()
        return self.result_.transform(self._checked(B, self.n_features_in_, "n"))

    def fit_transform(self, A: Any, y: Any = None) -> Any:
        """The reduced matrices X_j = R A_j S of the tuple itself, shape (r, d, d).

        Raises
        ------
        InputError
            If A is a superoperator that was not given by matrices: it has no X.
        """
        X = self.fit(A).result_.X
        if X is None:
            raise InputError("A is a superoperator without matrices, so that there is no X; use fit, then transform(B)")
        return X

    def inverse_transform(self, X: Any) -> Any:
        """The matrices S X_j R of size n that reduce to X_j: for reduced B_j they are P B_j P.

        Parameters
        ----------
        X : array_like or Quaternions, shape (k, d, d) or (d, d)

        Returns
        -------
        ndarray or Quaternions, shape (k, n, n) or (n, n)
        """
        self._require_fit()
        X = self._checked(X, self.components_.shape[0], "d")
        return self.dual_components_ @ X @ self.components_

    def _require_fit(self) -> None:
        if not hasattr(self, "result_"):
            raise NotFittedError("this LSRDR has not been fitted; call fit(A) first")

    @staticmethod
    def _checked(B: Any, size: int, letter: str) -> Any:
        matrices = B if isinstance(B, Quaternions) else np.asarray(B)
        if matrices.ndim not in (2, 3) or matrices.shape[-2:] != (size, size):
            raise InputError(
                f"matrices of shape {matrices.shape} were given; expected (k, {size}, {size}) or ({size}, {size}), "
                f"with {letter} = {size} as in fit"
            )
        return matrices

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if name == "n_components" or (value is not defaults[name].default and value != defaults[name].default)
        ]
        return f"LSRDR({', '.join(changed)})"
