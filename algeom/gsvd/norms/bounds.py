"""Two-sided bounds of the 2-induced norm of a nonlinear map: exact, covered by pieces, or sampled."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError, ResourceError
from algeom.evidence import Evidence, Status
from algeom.gsvd.functions.batch_functions import BatchFunction, as_function
from algeom.gsvd.functions.domains import Ball, Domain, as_domain
from algeom.gsvd.functions.layers import Layers
from algeom.gsvd.gains.ascent import require_bounded_gains
from algeom.gsvd.gains.noise import output_noise, rounding_unit
from algeom.gsvd.norms.attack import attack, gains
from algeom.gsvd.norms.covering import UNIT, Cover, dot_error, spectral_norm
from algeom.gsvd.norms.folded_layers import size_of_product
from algeom.gsvd.norms.linear import linear_norm
from algeom.gsvd.norms.lipschitz import NetworkGains, annulus_norm, network_norm
from algeom.gsvd.norms.polar import Polar, polar
from algeom.gsvd.norms.polynomials import MOST_COEFFICIENTS, Forms, polynomial_norm
from algeom.gsvd.norms.relu_regions import HomogeneousNetwork, homogeneous_norm
from algeom.gsvd.norms.rescaling import exponent, rescaled
from algeom.maps.polynomial_map import PolynomialMap
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, Reporter, reporter

__all__ = ["NormBounds", "norm_bounds"]

Float = NDArray[np.float64]
Method = Literal["exact", "lipschitz", "sampled"]

#: Relative difference of the bounds that is asked for in the exact mode: what rounding errors of networks with hundreds
#: of neurons leave in reach.
EXACT_TOLERANCE = 1e-11

#: The same for polynomials, whose pieces near maxima that fill a curve are as many as 1 / sqrt(tol).
POLYNOMIAL_TOLERANCE = 1e-8

#: The same for coverings whose bounds converge linearly: below a second for ten neurons on two or three inputs.
COVER_TOLERANCE = 1e-3

#: What a bound by spectral norms rests on.
_PRODUCT = "product of the layers' spectral norms and largest slopes"

#: |f(0)| relative to other values that is rounding in double precision after f(0) was subtracted.
_ZERO = 1e-12

#: Points at which f is looked at, next to those on the axes.
_PROBES = 64

#: Powers of two that are numbers in double precision.
_LARGEST = 1000

#: By how much measured gains of maps in single precision exceed a true Lipschitz constant.
_SINGLE = 1e-6


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
        A point of the domain (in boxes with holes, up to rounding of its norm). For positively homogeneous maps it was
        moved on its ray to the norm 1, or as near to that as the domain has points.
    n_pieces : int
        Pieces of the domain that were looked at; 0 without a subdivision.
    tol : float
        The relative difference that was asked for.
    evidence : Evidence
        For the upper bound: PROVED; NUMERICAL where it rests on a constant that was given and on values of a black box;
        LOWER_BOUND where there is none.
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
    lipschitz: float | None = None,
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
        As for `algeom.gsvd.as_function`, with f(0) = 0.
    domain : Sphere, Ball, Annulus, Box, float or pair of float, optional
        A radius R stands for the ball ``|x| <= R``, radii (r, R) for an annulus, None for all x. The radius does not
        matter for a positively homogeneous map.
    n_inputs : int, optional
        Needed for callables.
    metric : array_like, shape (p, p), optional
        ``M = L^T L``, symmetric and positive semidefinite: the supremum is that of ``sqrt(y^T M y)`` over the gains y.
    root : array_like, shape (k, p), optional
        L itself, instead of the metric. For admissibility of ``(U, sigma)`` it is ``diag(1/sigma) U^T``.
    method : {"auto", "exact", "lipschitz", "sampled"}
        "auto": "exact" for linear maps, piecewise linear networks without biases, and polynomial maps; where that takes
        more than `max_pieces`, what is proved until then counts as "lipschitz", as do boxes. "lipschitz" for other
        networks and where a constant is given, "sampled" else.
    lipschitz : float, optional
        A Lipschitz constant of f, between the points of the domain and zero (of a box, all points of it without the
        hole), in place of what is known of the structure of f. It improves on itself away from zero.
    tol : float, optional
        Relative difference of the bounds to reach; by default 1e-11 for networks without biases, 1e-8 for polynomials,
        1e-3 for others.
    max_pieces : int
        Stop after so many pieces. Where it is less than n 2^n, orthants cannot even be halved: then the upper bound is
        what is known without pieces, the product of the layers' spectral norms or a sum of coefficients.
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
        If f(0) is not zero, gains grow without end towards zero, f or the bounds are not finite, a gain exceeds the
        Lipschitz constant given, arguments do not fit together, or the method does not apply to f.
    ResourceError
        If ``method="exact"`` and `max_pieces` pieces are not enough; before any search if they are less than n 2^n.

    Notes
    -----
    *Published*: that the 2-induced norm is at most sigma_1 of any generalized singular value decomposition [1]_; bounds
    by products of the layers' norms [2]_; linear relaxations of networks [3]_; that Bernstein coefficients enclose
    polynomials [4]_. *Our own*: branch and bound over simplicial cones, with kinks of neurons as cuts, copositive
    matrices on cones where the map is linear, and relaxations of difference quotients that hold down to x = 0; and the
    bounds from a given constant. The number of pieces grows exponentially with the number of inputs.

    *What "proved" rests on.* Every piece that was left out has a bound that contains its rounding errors, by the rules
    below; on f(0) = 0, which is tested up to rounding (bounds of layers are those of f - f(0)); and, for torch and ONNX
    models that became layers, on these layers in real arithmetic. What rests on a Lipschitz constant that was given is
    "numerical", however many pieces were looked at.

    *Rounding.* Upper bounds contain first-order bounds of all rounding errors: n terms of a sum of products count as
    ``n u / (1 - n u)`` times the sum of absolute values, u = 2^-53; singular values and eigenvalues of a matrix of
    order n as ``10 n u`` times its norm, which is more than LAPACK's are seen to be off, but no theorem with this
    constant. Inputs and outputs are taken in units of powers of two in which they are about 1, so that large and small
    numbers do no harm; underflow next to these is left out. Lower bounds are rounded down likewise. Of callables
    nothing is known, and their values are taken as they come.

    References
    ----------
    .. [1] arXiv:2404.00112.
    .. [2] C. Szegedy, W. Zaremba, I. Sutskever, J. Bruna, D. Erhan, I. Goodfellow, R. Fergus, Intriguing properties of
       neural networks, ICLR 2014, Section 4.3.
    .. [3] H. Zhang, T.-W. Weng, P.-Y. Chen, C.-J. Hsieh, L. Daniel, Efficient neural network robustness certification
       with general activation functions, NeurIPS 2018.
    .. [4] R. T. Farouki, The Bernstein polynomial basis: a centennial retrospective, Comput. Aided Geom. Design 29
       (2012).

    Examples
    --------
    >>> import numpy as np
    >>> from algeom.gsvd.functions.layers import Dense
    >>> relu = Layers([Dense(np.diag([3.0, 1.0]), activation="relu")])
    >>> norm_bounds(relu, rng=0)
    NormBounds(3 <= norm <= 3; exact; proved)
    >>> norm_bounds([[3.0, 4.0]], rng=0).witness
    array([0.6, 0.8])
    >>> import algeom as ag
    >>> norm_bounds(ag.polynomial_map(["x*y"]), 2.0, rng=0).lower
    0.99999999...
    """
    seed, generator = seeds.resolve(rng)
    function = as_function(f, n_inputs)
    factor, slack, unit_of_root = _root(metric, root, function.n_outputs)
    region = as_domain(domain, function.n_inputs)
    if method not in ("auto", "exact", "lipschitz", "sampled"):
        raise InputError(f'method={method!r}; choose "auto", "exact", "lipschitz" or "sampled"')
    if lipschitz is not None and not (0 <= lipschitz < math.inf and method in ("auto", "lipschitz")):
        raise InputError(f"lipschitz={lipschitz} and method={method!r}: give a finite constant, and the method for it")
    whole = polar(region, function.n_inputs)
    inputs = exponent(whole.high)
    whole = whole.rescaled(inputs)
    homogeneous = function.is_positively_homogeneous
    searched = whole.sphere() if homogeneous else whole
    # The gain of a homogeneous map is the same in all units of inputs.
    shift = 0 if homogeneous else inputs
    size = _size(function, searched, shift)
    outputs = exponent(size if lipschitz is None else lipschitz)
    if function.layers is not None:
        outputs = _middle(size, function.layers)
    if function.layers is None and function.polynomials is None:
        _require_bounded(function, region or Ball(function.n_inputs), seed)
    function = rescaled(function, shift, shift + outputs)
    constant = None if lipschitz is None else math.ldexp(lipschitz, -outputs)
    wanted = _Wanted(function, factor, searched, method, constant, tol, max_pieces, starts, seed, generator)
    with reporter(progress) as report:
        found = wanted.find(report)
    if homogeneous:
        found = replace(found, witness=whole.on_rays(found.witness[None])[0])
    found = found if not slack else _widened(found, wanted, slack)
    return _in_units(found, inputs, outputs + unit_of_root)


@dataclass(frozen=True, eq=False)
class _Way:
    """How gains are bounded, and what that rests on."""

    #: What complete bounds count as.
    method: Method
    #: Gains at points, rounded down.
    gains: Callable[[Float], Float]
    #: A bound of all gains that is known at once, and what it is.
    known: float
    known_as: str
    #: From a point to start from to better bounds.
    cover: Callable[[Float, Reporter], Cover]
    reason: str
    tol: float
    #: What keeps from covering the domain.
    obstacle: str = ""
    status: Status = Status.PROVED


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What was asked for."""

    function: BatchFunction
    root: Float | None
    domain: Polar
    method: str
    lipschitz: float | None
    tol: float | None
    max_pieces: int
    starts: int
    seed: int
    rng: np.random.Generator

    def find(self, report: Reporter) -> NormBounds:
        """Choose the way and go it."""
        if self.method == "sampled":
            return self._sampled(report)
        if self.lipschitz is None and self.function.is_linear and self.domain.has_all_directions:
            return self._linear()
        way = self._way()
        return self._sampled(report) if way is None else self._follow(way, report)

    def _linear(self) -> NormBounds:
        found = linear_norm(self.function, self.root)
        evidence = Evidence(Status.PROVED, -math.inf, "the largest singular value of a matrix, rounded up")
        return NormBounds(found.lower, found.upper, "exact", found.witness, 0, self.tol or 0.0, evidence, self.seed)

    def _way(self) -> _Way | None:
        """The best bounds that are known of such a function, if any."""
        function = self.function
        if self.lipschitz is not None:
            return self._of_constant(self.lipschitz)
        if function.layers is not None and function.is_positively_homogeneous:
            return self._of_homogeneous(function.layers)
        if function.polynomials is not None and function.polynomials.is_polynomial:
            return self._of_polynomials(function.polynomials)
        if self.method == "exact":
            raise InputError(
                f"{function} has no exact mode: that is for linear maps, piecewise linear layers without biases, and "
                'polynomial maps; take method="auto"'
            )
        if function.layers is not None:
            return self._of_network(function.layers)
        if self.method == "lipschitz":
            raise InputError(f"of {function} no Lipschitz constant is known; give lipschitz=..., or Layers")
        return None

    def _of_homogeneous(self, layers: Layers) -> _Way:
        network = HomogeneousNetwork(layers, self.root)
        tol = self.tol or (EXACT_TOLERANCE if self.domain.box is None else COVER_TOLERANCE)
        return _Way(
            "exact" if self.domain.box is None else "lipschitz",
            network.gains,
            network.lipschitz,
            _PRODUCT,
            lambda witness, report: homogeneous_norm(
                network, self.domain, witness, tol=tol, max_pieces=self.max_pieces, report=report
            ),
            "interpolation on cones that cover the directions, linear on those that matter, by copositive matrices",
            tol,
        )

    def _of_polynomials(self, phi: PolynomialMap) -> _Way:
        if math.isinf(self.domain.high):
            raise InputError(f"gains of degree {phi.degree} are unbounded over all x; give a radius, domain=R")
        forms = Forms(phi, self.root)
        tol = self.tol or (POLYNOMIAL_TOLERANCE if self.domain.box is None else COVER_TOLERANCE)
        many = forms.size > MOST_COEFFICIENTS
        return _Way(
            "exact" if self.domain.box is None else "lipschitz",
            forms.gains,
            forms.lipschitz(self.domain.high)[0],
            "sum of the absolute values of coefficients",
            lambda witness, report: polynomial_norm(
                forms, self.domain, witness, tol=tol, max_pieces=self.max_pieces, report=report
            ),
            "Bernstein coefficients on cones that cover the directions",
            tol,
            f"a piece takes {forms.size} Bernstein coefficients, more than {MOST_COEFFICIENTS}" if many else "",
        )

    def _of_network(self, layers: Layers) -> _Way:
        network = NetworkGains(layers, self.root)
        tol = self.tol or COVER_TOLERANCE
        return _Way(
            "lipschitz",
            network.gains,
            network.lipschitz,
            _PRODUCT,
            lambda witness, report: network_norm(
                network, self.domain, witness, tol=tol, max_pieces=self.max_pieces, report=report
            ),
            "interpolation on pieces that cover the domain, with bounds of the errors",
            tol,
            "over all x nothing better is known" if math.isinf(self.domain.high) else "",
        )

    def _of_constant(self, lipschitz: float) -> _Way:
        constant = lipschitz if self.root is None else lipschitz * spectral_norm(self.root) * (1 + UNIT)
        if math.isinf(self.domain.high):
            raise InputError("a Lipschitz constant alone bounds no more than itself over all x; give domain=(r, R)")
        tol = self.tol or COVER_TOLERANCE

        def values(x: Float) -> Float:
            plain = gains(self.function, None, x)
            if plain.max() > lipschitz * (1 + _SINGLE):
                raise InputError(
                    f"a gain of f is {plain.max() / lipschitz if lipschitz else math.inf:.6g} times the Lipschitz "
                    "constant given, which therefore is none; give a larger one"
                )
            return plain if self.root is None else gains(self.function, self.root, x)

        return _Way(
            "lipschitz",
            values,
            constant,
            "the given Lipschitz constant, if it is one",
            lambda witness, report: annulus_norm(
                values, constant, self.domain, witness, tol=tol, max_pieces=self.max_pieces, report=report
            ),
            "values as computed and the given Lipschitz constant, if it is one, on pieces that cover the domain",
            tol,
            "" if self.domain.low > 0 else "nothing better is known near zero",
            Status.NUMERICAL,
        )

    def _follow(self, way: _Way, report: Reporter) -> NormBounds:
        n = self.domain.n_inputs
        obstacle = way.obstacle
        if not obstacle and n * 2**n > self.max_pieces:
            # Pieces as large as an orthant show next to nothing, and each has n edges to be split along.
            obstacle = f"{self.max_pieces} pieces are too few for the 2^{n} orthants of {n} inputs"
        if self.method == "exact" and obstacle:
            raise ResourceError(
                f'{obstacle}, so that there are no exact bounds; give method="auto" for others, or a larger max_pieces'
            )
        witness, interrupted = self._attack(report)
        if obstacle or interrupted:
            lower = float(way.gains(witness[None])[0])
            found = Cover(lower, max(lower, way.known), witness, 0, False, interrupted)
        else:
            report.start("pieces")
            found = way.cover(witness, report)
        if self.method == "exact" and not found.complete and not found.interrupted:
            raise ResourceError(
                f"after {found.n_pieces} pieces the norm is between {found.lower:.6g} and {found.upper:.6g}; give "
                'method="auto" for these bounds, a larger max_pieces, or a larger tol'
            )
        reason = way.reason if found.n_pieces else way.known_as
        if obstacle:
            reason += f"; {obstacle}"
        elif not found.complete:
            reason += "; stopped before the tolerance was reached"
        error = -math.inf if way.status is Status.PROVED else math.nan
        evidence = Evidence(way.status, error, reason)
        method = way.method if found.complete else "lipschitz"
        return NormBounds(
            found.lower, found.upper, method, found.witness, found.n_pieces, way.tol, evidence, self.seed,
            found.interrupted,
        )  # fmt: skip

    def _attack(self, report: Reporter) -> tuple[Float, bool]:
        """A point with a large gain, and whether the search was interrupted."""
        report.start("attack")
        return attack(self.function, self.root, self.domain, self.rng, self.starts)

    def _sampled(self, report: Reporter) -> NormBounds:
        witness, interrupted = self._attack(report)
        lower = float(gains(self.function, self.root, witness[None])[0])
        evidence = Evidence(Status.LOWER_BOUND, math.nan, f"the largest gain of {self.starts} local maximizations")
        return NormBounds(lower, math.inf, "sampled", witness, 0, self.tol or 0.0, evidence, self.seed, interrupted)


def _root(metric: ArrayLike | None, root: ArrayLike | None, p: int) -> tuple[Float | None, float, int]:
    """L in units of a power of two, a bound for the spectral norm of M - L^T L, and the power."""
    if metric is not None and root is not None:
        raise InputError("metric and root were given; one of them says it")
    if root is not None:
        l = np.array(root, dtype=np.float64)
        if l.ndim != 2 or l.shape[1] != p or not np.isfinite(l).all():
            raise InputError(f"a root of shape {l.shape}; give finite numbers of shape (k, {p})")
        unit = exponent(float(np.abs(l).max(initial=0.0)))
        return np.ldexp(l, -unit), 0.0, unit
    if metric is None:
        return None, 0.0, 0
    m = np.array(metric, dtype=np.float64)
    if m.shape != (p, p) or not np.isfinite(m).all():
        raise InputError(f"a metric of shape {m.shape} for {p} outputs; give finite numbers of shape ({p}, {p})")
    unit = exponent(float(np.abs(m).max())) // 2
    m = np.ldexp(m, -2 * unit)
    values, vectors = np.linalg.eigh((m + m.T) / 2)
    # Matrices that are positive semidefinite up to rounding pass, others are a mistake.
    negligible = 200 * p * UNIT * float(np.abs(values).max())
    if np.abs(m - m.T).max() > negligible or values[0] < -negligible:
        raise InputError(f"the metric is not symmetric and positive semidefinite: least eigenvalue {values[0]:.3g}")
    l = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    absolute = np.abs(l)
    errors = np.abs(m - l.T @ l) + dot_error(p + 3) * (np.abs(m) + absolute.T @ absolute)
    return l, float(np.linalg.norm(errors)) * (1 + dot_error(p * p + 2)), unit


def _widened(found: NormBounds, wanted: _Wanted, slack: float) -> NormBounds:
    """Bounds for a metric from those for its root: ``y^T M y <= |L y|^2 + slack |y|^2``."""
    if math.isinf(found.upper):
        return found
    function = wanted.function
    if wanted.lipschitz is not None:
        norm = wanted.lipschitz
    elif function.layers is not None:
        norm = NetworkGains(function.layers, None).lipschitz
    else:
        norm = Forms(function.polynomials).lipschitz(wanted.domain.high)[0]  # type: ignore[arg-type]
    upper = math.sqrt(found.upper**2 + slack * norm**2) * (1 + 4 * UNIT)
    lower = math.sqrt(max(found.lower**2 - slack * norm**2, 0.0)) * (1 - 4 * UNIT)
    return replace(found, lower=lower, upper=upper)


def _in_units(found: NormBounds, inputs: int, gains: int) -> NormBounds:
    """Bounds in units of 2^gains, for a map with inputs in units of 2^inputs."""
    with np.errstate(over="ignore"):
        lower, upper = np.ldexp([found.lower, found.upper], gains).tolist()
    known = found.method != "sampled"
    if not math.isfinite(lower) or (known and not math.isfinite(upper)):
        raise InputError(
            f"bounds of the norm are no finite numbers ({lower:.3g} and {upper:.3g}): values overflow; give the map in "
            "other units"
        )
    # Numbers without all of their bits are rounded.
    if known and 0 < upper < np.finfo(np.float64).tiny:
        lower, upper = max(math.nextafter(lower, -1.0), 0.0), math.nextafter(upper, 1.0)
    return replace(found, lower=lower, upper=upper, witness=np.ldexp(found.witness, inputs))


def _size(function: BatchFunction, domain: Polar, inputs: int) -> float:
    """The size of gains at some points ``2^inputs x``, after a look at f(0), which has to be zero."""
    n = function.n_inputs
    axes = domain.project(np.concatenate([np.eye(n), -np.eye(n)]) * min(domain.high, 1.0))
    points = np.concatenate([axes, domain.sample(np.random.default_rng(0), _PROBES)])
    values = function(np.ldexp(np.concatenate([np.zeros((1, n)), points]), inputs))
    # Without squares, which could overflow.
    outputs = np.array([math.hypot(*row) for row in values.tolist()])
    if outputs[0] > _ZERO * max(outputs[1:].max(), _size_at_zero(function)):
        raise InputError(
            f"f(0) has norm {outputs[0]:.3g}, and f norms up to {outputs[1:].max():.3g} at some other points; the "
            "2-induced norm is that of maps with f(0) = 0: subtract f(0) first"
        )
    return float((np.ldexp(outputs[1:], -inputs) / np.linalg.norm(points, axis=1)).max())


def _middle(size: float, layers: Layers) -> int:
    """A power of two between the size of gains that were seen and the product of the layers' norms."""
    product = size_of_product(layers)
    power = product if size == 0 else (math.log2(size) + product) / 2
    return exponent(math.ldexp(1.0, round(power))) if abs(power) < _LARGEST else 0


def _size_at_zero(function: BatchFunction) -> float:
    """The size of what f(0) is a sum of, for layers: rounding is relative to this."""
    if function.layers is None:
        return 0.0
    size = np.zeros(function.n_inputs)
    for layer in function.layers.layers:
        size = np.abs(layer.weight) @ size + (0.0 if layer.bias is None else np.abs(layer.bias))
        size = size * layer.activation.lipschitz + np.abs(layer.activation.value(np.zeros(1)))
    return math.hypot(*size)


def _require_bounded(function: BatchFunction, domain: Domain, seed: int) -> None:
    """Refuse black boxes whose gains grow without end towards zero."""
    zeros = np.zeros(function.n_inputs), np.zeros(function.n_outputs)
    rng = seeds.derive(seed, "near zero")
    unit = rounding_unit(function(domain.sample(rng, _PROBES)))
    noise = output_noise(function, domain, *zeros, unit, rng)
    require_bounded_gains(function, domain, rng, float(np.linalg.norm(noise)))
