"""Two-sided bounds of the 2-induced norm of a nonlinear map: exact, covered by pieces, or sampled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError, ResourceError
from algeom.evidence import Evidence, Status
from algeom.gsvd.covering import UNIT, Cover, dot_error, spectral_norm
from algeom.gsvd.functions import BatchFunction, as_function
from algeom.gsvd.layers import Layers
from algeom.gsvd.relu_regions import HomogeneousNetwork, homogeneous_norm
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, Reporter, reporter

__all__ = ["NormBounds", "attack", "norm_bounds"]

Float = NDArray[np.float64]
Method = Literal["exact", "lipschitz", "sampled"]

#: Relative difference of the bounds that is asked for in the exact mode: what rounding errors of networks with hundreds
#: of neurons leave in reach.
EXACT_TOLERANCE = 1e-11

#: First steps of an attack, relative to the point, and by how much steps grow after success and shrink after failure.
_STEP, _GROW, _SHRINK = 0.3, 1.5, 0.4


@dataclass(frozen=True, eq=False, repr=False)
class NormBounds:
    """Bounds of the supremum of ``|L f(x)| / |x|`` over a domain.

    Attributes
    ----------
    lower : float
        The gain at `witness`, rounded down where f is a network or a polynomial map.
    upper : float
        Rounded up; infinite in the sampled mode.
    method : {"exact", "lipschitz", "sampled"}
        "exact": both bounds are the norm, up to `tol` and rounding. "lipschitz": a proved upper bound that need not be
        near. "sampled": only the lower bound means something.
    witness : ndarray of float64, shape (n,)
    n_pieces : int
        Pieces of the domain that were looked at; 0 without a subdivision.
    tol : float
        The relative difference that was asked for.
    evidence : Evidence
        For the upper bound: PROVED, or LOWER_BOUND where there is none.
    interrupted : bool
    seed : int
    """

    lower: float
    upper: float
    method: Method
    witness: Float
    n_pieces: int
    tol: float
    evidence: Evidence
    seed: int
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """``upper / lower - 1``, zero for the map zero."""
        if self.upper == self.lower:
            return 0.0
        return self.upper / self.lower - 1 if self.lower else math.inf

    def __repr__(self) -> str:
        upper = "unknown" if math.isinf(self.upper) else f"{self.upper:.12g}"
        pieces = f", {self.n_pieces} pieces" if self.n_pieces else ""
        stopped = ", interrupted" if self.interrupted else ""
        return f"NormBounds({self.lower:.12g} <= norm <= {upper}; {self.method}{pieces}{stopped}; {self.evidence})"

    def __str__(self) -> str:
        return f"{self!r}\n{self.evidence.reason}"


def norm_bounds(
    f: Any,
    domain: Any = None,
    *,
    n_inputs: int | None = None,
    metric: ArrayLike | None = None,
    root: ArrayLike | None = None,
    method: Literal["auto"] | Method = "auto",
    tol: float | None = None,
    max_pieces: int = 300_000,
    starts: int = 32,
    rng: seeds.RandomState = None,
    progress: Progress = False,
) -> NormBounds:
    """Bounds of ``sup |L f(x)| / |x|`` over the points x != 0 of a domain: the 2-induced norm, for L = 1.

    Parameters
    ----------
    f : callable, matrix, Layers, PolynomialMap, torch.nn.Module or ONNX model
        As for `algeom.gsvd.functions.as_function`, with f(0) = 0.
    domain : optional
        None stands for all x; a positively homogeneous map has the same norm on every ball around zero.
    n_inputs : int, optional
        Needed for callables.
    metric : array_like, shape (p, p), optional
        ``M = L^T L``, symmetric and positive semidefinite: the supremum is that of ``sqrt(y^T M y)`` over the gains y.
    root : array_like, shape (k, p), optional
        L itself, instead of the metric. For admissibility of ``(U, sigma)`` it is ``diag(1/sigma) U^T``.
    method : {"auto", "exact", "lipschitz", "sampled"}
        "auto": "exact" for linear maps and piecewise linear networks without biases; where that takes more than
        `max_pieces`, what is proved until then counts as "lipschitz". Else "sampled".
    tol : float, optional
        Relative difference of the bounds to reach; 1e-11 by default.
    max_pieces : int
        Stop after so many pieces.
    starts : int
        Of the attack that looks for the lower bound.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    NormBounds

    Raises
    ------
    InputError
        If f(0) is not zero, f is not finite, arguments do not fit together, or the method does not apply to f.
    ResourceError
        If ``method="exact"`` and `max_pieces` pieces are not enough.

    Notes
    -----
    *Rounding.* Upper bounds contain first-order bounds of all rounding errors: n terms of a sum of products count as
    ``n u / (1 - n u)`` times the sum of absolute values, u = 2^-53; singular values and eigenvalues of a matrix of
    order n as ``10 n u`` times its norm, which is more than LAPACK's are seen to be off, but no theorem with this
    constant. Overflow and underflow are left out. Lower bounds are rounded down likewise.

    Examples
    --------
    >>> import numpy as np
    >>> from algeom.gsvd.layers import Dense
    >>> relu = Layers([Dense(np.diag([3.0, 1.0]), activation="relu")])
    >>> norm_bounds(relu, rng=0)
    NormBounds(3 <= norm <= 3; exact, ... pieces; proved)
    >>> norm_bounds([[3.0, 4.0]], rng=0).witness
    array([0.6, 0.8])
    """
    seed, generator = seeds.resolve(rng)
    function = as_function(f, n_inputs)
    l, slack = _root(metric, root, function.n_outputs)
    _require_zero(function)
    if domain is not None:
        raise InputError(f"domain={domain!r}")
    if method not in ("auto", "exact", "lipschitz", "sampled"):
        raise InputError(f'method={method!r}; choose "auto", "exact", "lipschitz" or "sampled"')
    is_homogeneous = function.is_positively_homogeneous
    if tol is None:
        tol = EXACT_TOLERANCE
    with reporter(progress) as report:
        if method != "sampled" and function.is_linear:
            found = _linear(function, l, tol, seed)
        elif method != "sampled" and is_homogeneous and function.layers is not None:
            x = attack(function, l, 1.0, 1.0, generator, starts)
            found = _homogeneous(function.layers, l, x, method, tol, max_pieces, seed, report)
        else:
            if method not in ("auto", "sampled"):
                raise InputError(f"no {method} bound of {function} is known")
            found = _sampled(function, l, 0.0, 1.0, generator, starts, tol, seed)
    return found if not slack else _widened(found, function, slack)


def _root(metric: ArrayLike | None, root: ArrayLike | None, p: int) -> tuple[Float | None, float]:
    """L, and a bound for the spectral norm of M - L^T L."""
    if metric is not None and root is not None:
        raise InputError("metric and root were given; one of them says it")
    if root is not None:
        l = np.array(root, dtype=np.float64)
        if l.ndim != 2 or l.shape[1] != p or not np.isfinite(l).all():
            raise InputError(f"a root of shape {l.shape}; give finite numbers of shape (k, {p})")
        return l, 0.0
    if metric is None:
        return None, 0.0
    m = np.array(metric, dtype=np.float64)
    if m.shape != (p, p) or not np.isfinite(m).all():
        raise InputError(f"a metric of shape {m.shape} for {p} outputs; give finite numbers of shape ({p}, {p})")
    values, vectors = np.linalg.eigh((m + m.T) / 2)
    # Matrices that are positive semidefinite up to rounding pass, others are a mistake.
    negligible = 200 * p * UNIT * float(np.abs(values).max())
    if np.abs(m - m.T).max() > negligible or values[0] < -negligible:
        raise InputError(f"the metric is not symmetric and positive semidefinite: least eigenvalue {values[0]:.3g}")
    l = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    absolute = np.abs(l)
    errors = np.abs(m - l.T @ l) + dot_error(p + 3) * (np.abs(m) + absolute.T @ absolute)
    return l, float(np.linalg.norm(errors)) * (1 + dot_error(p * p + 2))


def _widened(found: NormBounds, function: BatchFunction, slack: float) -> NormBounds:
    """Bounds for a metric from those for its root: ``y^T M y <= |L y|^2 + slack |y|^2``."""
    if math.isinf(found.upper) or function.layers is None:
        return found
    norm = HomogeneousNetwork(function.layers, None).lipschitz
    upper = math.sqrt(found.upper**2 + slack * norm**2) * (1 + 4 * UNIT)
    lower = math.sqrt(max(found.lower**2 - slack * norm**2, 0.0)) * (1 - 4 * UNIT)
    return NormBounds(
        lower,
        upper,
        found.method,
        found.witness,
        found.n_pieces,
        found.tol,
        found.evidence,
        found.seed,
        found.interrupted,
    )


def _require_zero(function: BatchFunction) -> None:
    at_zero, nearby = function(np.concatenate([np.zeros((1, function.n_inputs)), np.eye(function.n_inputs)]))[[0, 1]]
    offset = float(np.linalg.norm(at_zero))
    if offset > 1e-12 * float(np.linalg.norm(nearby)):
        raise InputError(
            f"f(0) has norm {offset:.3g}; the 2-induced norm is that of maps with f(0) = 0: subtract "
            "f(0) first"
        )


def gains(function: BatchFunction, root: Float | None, x: Float) -> Float:
    """``|L f(x)| / |x|`` for the rows of x."""
    y = function(x)
    return np.asarray(np.linalg.norm(y if root is None else y @ root.T, axis=1) / np.linalg.norm(x, axis=1))


def attack(
    function: BatchFunction,
    root: Float | None,
    low: float,
    high: float,
    rng: np.random.Generator,
    starts: int = 32,
    steps: int = 100,
) -> Float:
    """A point of large gain with norm between bounds, by projected gradient ascent.

    Parameters
    ----------
    function : BatchFunction
    root : ndarray of float64, shape (k, p), optional
    low, high : float
        Bounds of |x|, ``0 <= low <= high``, ``high > 0``.
    rng : numpy.random.Generator
    starts, steps : int

    Returns
    -------
    ndarray of float64, shape (n,)
        The best point of all starts.

    Notes
    -----
    Steps are relative to |x| and adapted for each start: longer after success, shorter after failure.
    """
    low = max(low, 1e-3 * high)
    x = rng.standard_normal((starts, function.n_inputs))
    x *= (rng.uniform(low, high, starts) / np.linalg.norm(x, axis=1))[:, None]
    best = gains(function, root, x)
    length = np.full(starts, _STEP)
    for _ in range(steps):
        y = function(x)
        weights = y if root is None else y @ root.T @ root
        gradient = function.vjp(x, weights) - best[:, None] ** 2 * x
        size = np.linalg.norm(gradient, axis=1)
        # At kinks and maxima there may be no direction.
        size[size == 0] = 1.0
        norms = np.linalg.norm(x, axis=1)
        trial = x + (length * norms / size)[:, None] * gradient
        reached = np.linalg.norm(trial, axis=1)
        trial *= (np.clip(reached, low, high) / np.maximum(reached, 1e-300))[:, None]
        values = gains(function, root, trial)
        better = values > best
        x[better], best[better] = trial[better], values[better]
        length *= np.where(better, _GROW, _SHRINK)
    return np.array(x[best.argmax()])


def _linear(function: BatchFunction, root: Float | None, tol: float, seed: int) -> NormBounds:
    if function.layers is not None:
        weights = [layer.weight for layer in function.layers.layers]
    else:
        columns = [function.polynomials(e) for e in np.eye(function.n_inputs, dtype=np.int64)]  # type: ignore[misc]
        weights = [np.array(columns, dtype=np.float64).T]
    if root is not None:
        weights.append(root)
    matrix, absolute, error = weights[0], np.abs(weights[0]), 0.0
    for w in weights[1:]:
        error += dot_error(w.shape[1] + 2)
        matrix, absolute = w @ matrix, np.abs(w) @ absolute
    # The entries of a polynomial map are rounded once.
    error = (error + UNIT) * float(np.linalg.norm(absolute)) * (1 + dot_error(absolute.size + 2))
    witness = np.linalg.svd(matrix, full_matrices=False)[2][0]
    upper = spectral_norm(matrix) + error
    lower = float(np.linalg.norm(matrix @ witness)) / float(np.linalg.norm(witness))
    lower = lower * (1 - dot_error(matrix.shape[0] + matrix.shape[1] + 8)) - error
    lower -= dot_error(matrix.shape[1]) * float(np.linalg.norm(np.abs(matrix) @ np.abs(witness)))
    # The sign of a singular vector is a convention: take the one with a positive sum.
    witness = witness if witness.sum() >= 0 else -witness
    evidence = Evidence(Status.PROVED, -math.inf, "the largest singular value of a matrix, rounded up")
    return NormBounds(max(lower, 0.0), upper, "exact", witness, 0, tol, evidence, seed)


def _homogeneous(
    layers: Layers,
    root: Float | None,
    witness: Float,
    method: str,
    tol: float,
    max_pieces: int,
    seed: int,
    report: Reporter,
) -> NormBounds:
    report.start("cones")
    found = homogeneous_norm(layers, root, witness, tol=tol, max_pieces=max_pieces, report=report)
    if method == "exact" and not found.complete and not found.interrupted:
        raise ResourceError(
            f"after {found.n_pieces} cones the norm is between {found.lower:.6g} and {found.upper:.6g}; give "
            'method="auto" for these bounds, a larger max_pieces, or a larger tol'
        )
    exact = "linear on cones that cover all directions; maxima on their faces, the rest by copositive matrices"
    reason = exact if found.complete else "interpolation on cones that cover all directions, with bounds of the errors"
    return _from_cover(found, "exact" if found.complete else "lipschitz", reason, tol, seed)


def _from_cover(found: Cover, method: Method, reason: str, tol: float, seed: int) -> NormBounds:
    evidence = Evidence(Status.PROVED, -math.inf, reason)
    return NormBounds(
        found.lower, found.upper, method, found.witness, found.n_pieces, tol, evidence, seed, found.interrupted
    )


def _sampled(
    function: BatchFunction,
    root: Float | None,
    low: float,
    high: float,
    rng: np.random.Generator,
    starts: int,
    tol: float,
    seed: int,
) -> NormBounds:
    witness = attack(function, root, low, high, rng, starts)
    lower = float(gains(function, root, witness[None])[0])
    evidence = Evidence(Status.LOWER_BOUND, math.nan, f"the largest gain of {starts} local maximizations")
    return NormBounds(lower, math.inf, "sampled", witness, 0, tol, evidence, seed)
