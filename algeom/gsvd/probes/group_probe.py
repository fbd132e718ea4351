"""Whether a model treats groups of inputs differently: local gains and embedding distances, by permutation tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.gsvd.decomposition.decompose import gsvd
from algeom.gsvd.decomposition.result import GSVD
from algeom.gsvd.functions.arguments import as_rows
from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.functions.centering import centered
from algeom.gsvd.functions.domains import Ball, Samples
from algeom.gsvd.norms.attack import attack, gains
from algeom.gsvd.norms.polar import polar
from algeom.gsvd.probes.group_comparison import Comparison, GroupDifference, Strata, as_marks
from algeom.maps.relabelling import check_integer
from algeom.maps.tape import noun_count
from algeom.runtime import memory
from algeom.runtime.progress import Progress, Reporter, reporter
from algeom.runtime.seeds import RandomState, derive, resolve

__all__ = ["GroupProbe", "group_probe"]

Float = NDArray[np.float64]
GivenStrata = Literal["norms"] | ArrayLike | Mapping[Any, ArrayLike] | None

#: Factor by which a decomposition that is fitted to the inputs of the groups is made strict.
_INFLATION = 1.1
#: Directions at which a quantile of local gains is taken; starts of the search for their supremum, which on small balls
#: is a search over directions.
_DIRECTIONS, _STARTS = 128, 16
#: Numbers in one batch of neighbours: 64 MB.
_BATCH = 1 << 23
#: Level at which notes are written.
_LEVEL = 0.05
#: Differences and notes that are printed.
_SHOWN = 9


@dataclass(frozen=True, eq=False, repr=False)
class GroupProbe:
    """Differences between groups of inputs; made by `group_probe`.

    Attributes
    ----------
    names : tuple of str
        K groups.
    gains : tuple of ndarray of float64, shapes (N_k,)
        Local gains at the inputs; NaN where an interruption came first.
    distances : ndarray of float64, shape (K, K)
        Mean distances of embeddings of different inputs: within groups on the diagonal, between them elsewhere. Energy
        statistics take those within a group of n inputs times 1 - 1/n: see `GroupDifference`.
    differences : tuple of GroupDifference
        Three for each pair of groups.
    confounders : tuple of GroupDifference
        Two for each pair: whether the inputs themselves differ.
    decomposition : GSVD
        The one whose lift and sigma were taken.
    gain, units, embedding, strata : str
        How.
    n_permutations : int
    is_exact : bool
        False if the decomposition was fitted to some of the inputs that are exchanged and not to others: p-values that
        depend on it are not valid then. Those of gains in units of the norm and of confounders do not.
    notes : tuple of str
        What to know before relying on this.
    evidence : Evidence
    seed : int
    interrupted : bool
    """

    names: tuple[str, ...]
    gains: tuple[Float, ...]
    distances: Float
    differences: tuple[GroupDifference, ...]
    confounders: tuple[GroupDifference, ...]
    decomposition: GSVD
    gain: str
    units: str
    embedding: str
    strata: str
    n_permutations: int
    is_exact: bool
    notes: tuple[str, ...]
    evidence: Evidence
    seed: int
    interrupted: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs in each group."""
        return tuple(map(len, self.gains))

    @property
    def mean_gains(self) -> Float:
        """Mean local gain of each group, shape (K,); of inputs that were reached, NaN if none of a group were."""
        known = [values[np.isfinite(values)] for values in self.gains]
        return np.array([values.mean() if len(values) else math.nan for values in known])

    def significant(self, level: float = 0.05) -> tuple[GroupDifference, ...]:
        """Differences with an adjusted p-value of at most this.

        Parameters
        ----------
        level : float
            Where no two groups differ, the probability that there is any is at most this.

        Raises
        ------
        InputError
            If the level is no number between 0 and 1.
        """
        if not isinstance(level, Real) or not 0 < level < 1:
            raise InputError(f"level={level!r}: expected a probability between 0 and 1")
        return tuple(difference for difference in self.differences if difference.adjusted <= level)

    def difference(self, statistic: str, first: Any, second: Any) -> GroupDifference:
        """The difference or confounder of this name and these groups, in the order in which they are kept.

        Raises
        ------
        InputError
            If there is none.
        """
        for found in (*self.differences, *self.confounders):
            if (found.statistic, {found.first, found.second}) == (statistic, {str(first), str(second)}):
                return found
        known = sorted({found.statistic for found in (*self.differences, *self.confounders)})
        raise InputError(
            f"there is no {statistic!r} of {first} and {second}; statistics are {', '.join(known) or 'none'}, and "
            f"groups {', '.join(self.names)}"
        )

    def plot(self, kind: str | None = None, *, ax: Any = None) -> Any:
        """Draw gains or distances of the groups (`algeom.plot.group_probe`); returns matplotlib Axes."""
        from algeom import plot

        return plot.group_probe(self, kind, ax=ax)

    def __repr__(self) -> str:
        few, many = min(self.sizes), max(self.sizes)
        sizes = f"{few}" if few == many else f"{few} to {many}"
        more = f", {noun_count(len(self.notes), 'note')}" if self.notes else ""
        cut = ("" if self.is_exact else ", p-values not valid") + (", interrupted" if self.interrupted else "")
        return (
            f"GroupProbe({len(self.names)} groups of {sizes} inputs: {len(self.significant(_LEVEL))} of "
            f"{len(self.differences)} differences significant at {_LEVEL:g}{more}{cut}; {self.evidence})"
        )

    def __str__(self) -> str:
        ordered = sorted(self.differences, key=lambda found: found.adjusted)
        lines = [repr(self), *map(str, ordered[:_SHOWN])]
        if len(ordered) > _SHOWN:
            lines.append(f"... and {len(ordered) - _SHOWN} more, with larger p-values: see .differences")
        lines += [f"note: {note}" for note in self.notes[:_SHOWN]]
        if len(self.notes) > _SHOWN:
            lines.append(f"... and {len(self.notes) - _SHOWN} more: see .notes")
        return "\n".join(lines)


def group_probe(
    f: Any,
    groups: Mapping[Any, ArrayLike] | ArrayLike,
    labels: ArrayLike | None = None,
    *,
    gain: Literal["jacobian", "local"] = "jacobian",
    radius: float | None = None,
    quantile: float = 1.0,
    units: Literal["norm", "sigma"] = "norm",
    embedding: Literal["lift", "outputs"] = "lift",
    strata: GivenStrata = None,
    n_strata: int = 5,
    n_permutations: int = 2000,
    rng: RandomState = None,
    progress: Progress = False,
    memory_limit: Any = None,
) -> GroupProbe:
    """Test whether a model has other local gains, or spreads embeddings otherwise, on some groups of inputs.

    Parameters
    ----------
    f : GSVD, or callable, matrix, Layers, PolynomialMap, torch.nn.Module or ONNX model
        A decomposition with a function; or a map, for which one is fitted to all inputs given, around f(0).
    groups : mapping from names to array_like, shapes (N_k, n); or array_like, shape (N, n)
        Two groups at least, each of two inputs at least.
    labels : array_like, shape (N,), optional
        The groups of the rows, numbers or strings, if these are given as one array.
    gain : {"jacobian", "local"}
        Local gain of an input: the largest singular value of the Jacobian J(x), or, within a radius, of ``|f(x + d) -
        f(x)| / |d|`` the supremum that local search finds or another quantile.
    radius : float, optional
        Of the balls around inputs, for ``gain="local"``. f has to be defined there.
    quantile : float
        1: the supremum, which takes some hundredths of a second for each input. Less: that quantile over random d, the
        same for all inputs.
    units : {"norm", "sigma"}
        Of gains. "norm": sigma_1, the bound of the norm. "sigma": those of the ellipsoid, ``Sigma^-1 U^T J(x)``, so
        that outputs of small gains count as much. That hides what sigma has adapted to: a map that is steeper on one
        group in one direction has gains near 1 in these units on both.
    embedding : {"lift", "outputs"}
        Distances of lifts v(x), which contain the inputs as well, or of their first p coordinates ``Sigma^-1 U^T
        (f(x) - offset)`` alone.
    strata : None, "norms", array_like of shape (N,), or mapping from names to array_like
        Exchange inputs only within strata, so that what strata agree in explains no difference. "norms": `n_strata`
        quantiles of ``|x - x0|`` in each pair of groups. Or a stratum for each input, a number or a string, in the form
        of the groups; for matched pairs, the number of the pair.
    n_strata : int
    n_permutations : int
        Of each test; no p-value is below ``1 / (n_permutations + 1)``.
    rng : int, numpy.random.Generator or None
    progress : bool or callable
    memory_limit : int or str, optional

    Returns
    -------
    GroupProbe
        If interrupted, with the gains and pairs of groups that were reached. While a decomposition is fitted and inputs
        are embedded there is nothing yet, and an interruption is raised.

    Raises
    ------
    InputError
        If there is one group alone, a group has fewer than two inputs, shapes do not fit, numbers are not finite,
        labels or strata are missing (None or NaN), the decomposition has no function or does not cover the inputs, or
        no stratum has inputs of both groups of a pair.

    Notes
    -----
    Our own construction. For each pair of groups their inputs are exchanged at random, within strata. p-values are
    exact if the inputs of both groups are exchangeable and the decomposition does not depend on who is in which group:
    those at most a then have probability at most a (see `algeom.gsvd.probes.permutation_tests.p_value`). This is so
    whatever other groups do, because only inputs of the pair are exchanged. Holm's correction over all pairs and
    statistics keeps the probability of any wrong finding.

    The one that is fitted here is a symmetric function of all inputs. A decomposition that was fitted to the inputs of
    one group alone fits that group better, and makes differences where there are none: where its domain is `Samples`
    with some of the inputs that are exchanged and not others, notes and evidence say that p-values are not valid. A
    domain or an x0 that was chosen by looking at one group is not noticed.

    A small p-value says that the groups differ in what the model makes of them. Whether the model or the inputs are the
    reason, it does not say: a map with gains that depend on |x| has other gains on groups of other norms. So the inputs
    themselves are compared as well (`GroupProbe.confounders`), and notes say where they differ. Strata of norms hold
    the norm fixed up to the width of a stratum.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.abs(rng.standard_normal((80, 2)))
    >>> steep = lambda x: x * np.where(x > 0, 3.0, 1.0)
    >>> found = group_probe(steep, {"right": x[:40], "left": -x[40:]}, n_permutations=999, rng=0)
    >>> right, left = found.mean_gains
    >>> round(float(right / left), 6), found.difference("local gain", "right", "left").p_value
    (3.0, 0.001)
    """
    seed, _ = resolve(rng)
    if gain not in ("jacobian", "local"):
        raise InputError(f'gain={gain!r}: choose "jacobian" or "local"')
    if units not in ("norm", "sigma"):
        raise InputError(f'units={units!r}: choose "norm" or "sigma"')
    if embedding not in ("lift", "outputs"):
        raise InputError(f'embedding={embedding!r}: choose "lift" or "outputs"')
    if (gain == "local") != (radius is not None):
        raise InputError(f'gain={gain!r} and radius={radius!r}: give a radius for gain="local", and only for that')
    if not isinstance(quantile, Real) or not 0 < quantile <= 1 or (quantile < 1 and gain != "local"):
        raise InputError(f'quantile={quantile!r}: expected a number above 0, at most 1, and gain="local"')
    count, n_strata = check_integer("n_permutations", n_permutations, 1), check_integer("n_strata", n_strata, 2)
    names, x, which = _groups(groups, labels, f.n_inputs if isinstance(f, GSVD) else None)
    ball = None if radius is None else Ball(x.shape[1], radius)
    chosen = Strata.of(strata, groups, labels, which, names, n_strata)
    memory.require(
        8.0 * (4 * len(x) ** 2 + 3 * _BATCH), memory_limit, f"distances of {len(x)} inputs",
        "give fewer inputs of each group",
    )  # fmt: skip
    decomposition = f if isinstance(f, GSVD) else gsvd(f, Samples(x), n_inputs=x.shape[1], offset=True, rng=seed)
    if not isinstance(f, GSVD):
        decomposition = decomposition.inflate(_INFLATION)
    function = decomposition.function
    if function is None:
        raise InputError("this decomposition is of samples without a function; give f to gsvd() as well")
    z = decomposition.lift(x)
    d, width = x - decomposition.x0, decomposition.n_outputs
    if units == "norm":
        root = np.eye(width) / decomposition.sigma[0]
    else:
        rank = decomposition.rank
        root = (decomposition.U[:, :rank] / decomposition.sigma[:rank]).T
    local = _LocalGains(function, root, seed, ball, quantile)
    values = np.full(len(x), np.nan)
    task = Comparison(
        names, which, values, _distances(z if embedding == "lift" else z[:, :width]), d, _distances(d),
        _fitted(decomposition, d), chosen, count, seed,
    )  # fmt: skip
    distances, doubts = task.mean_distances(), task.fitted_in_part()
    with reporter(progress) as report:
        interrupted = local.fill(values, d, report)
        differences, confounders, notes = ((), (), ()) if interrupted else task.all_pairs(report)
    notes = doubts + notes
    pairs = len(names) * (len(names) - 1) // 2
    interrupted |= len(confounders) < 2 * pairs
    if interrupted:
        notes += (f"interrupted: {len(confounders) // 2} of {noun_count(pairs, 'pair')} of groups were compared",)
    reason = f"permutation tests of {count} exchanges, "
    if doubts:
        reason += "not valid for all pairs: the decomposition was fitted to a part of the inputs that are exchanged"
    else:
        reason += f"exact for groups that are exchangeable{chosen.suffix}, and a decomposition made without the labels"
    return GroupProbe(
        names=names, gains=tuple(values[which == k] for k in range(len(names))), distances=distances,
        differences=differences, confounders=confounders, decomposition=decomposition, gain=local.name,
        units=units, embedding=embedding, strata=chosen.name, n_permutations=count, is_exact=not doubts, notes=notes,
        evidence=Evidence(Status.NUMERICAL, math.nan, reason), seed=seed, interrupted=interrupted,
    )  # fmt: skip


def _groups(groups: Any, labels: Any, n: int | None) -> tuple[tuple[str, ...], Float, NDArray[np.int64]]:
    """Names, all inputs, and the number of the group of each."""
    if isinstance(groups, Mapping):
        if labels is not None:
            raise InputError("groups are a mapping, and labels were given as well; give one array with labels, or none")
        parts: list[Float] = []
        for name, rows in groups.items():
            if isinstance(rows, Sized) and not len(rows):
                raise InputError(f"group {name!r} is empty; leave it out")
            parts.append(as_rows(f"group {name!r}", rows, n or (parts[0].shape[1] if parts else None)))
        names = tuple(map(str, groups))
        sizes = [len(part) for part in parts]
        which = np.repeat(np.arange(len(parts)), sizes)
        x = np.vstack(parts) if parts else np.zeros((0, 1))
    else:
        if labels is None:
            raise InputError("labels are missing: give the group of each row, or groups as a mapping from names")
        x = as_rows("the array of inputs", groups, n)
        found, which = np.unique(as_marks("labels", labels, len(x)), return_inverse=True)
        names, sizes = tuple(map(str, found)), np.bincount(which).tolist()
    if len(sizes) < 2:
        raise InputError(f"{noun_count(len(sizes), 'group')} cannot be compared; give two or more")
    if len(set(names)) < len(names):
        raise InputError(f"groups have the names {', '.join(names)}; give them different ones")
    if min(sizes) < 2:
        name = names[int(np.argmin(sizes))]
        raise InputError(f"group {name!r} has one input, and has no spread; give two or more, or leave it out")
    return names, x, which


def _fitted(decomposition: GSVD, d: Float) -> NDArray[np.bool_]:
    """Which of the inputs are among the samples that a decomposition was fitted to."""
    if not isinstance(decomposition.domain, Samples):
        return np.zeros(len(d), dtype=np.bool_)
    # Adding zero makes negative zeros positive; x0 itself is no sample, and changes no fit.
    rows = {row.tobytes() for row in decomposition.domain.points + 0.0}
    return np.array([not row.any() or row.tobytes() in rows for row in d + 0.0])


def _distances(points: Float) -> Float:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(points, points))


@dataclass(frozen=True, eq=False)
class _LocalGains:
    """How gains near points are measured; a function of the point alone, so that exchangeable points stay so."""

    function: BatchFunction
    root: Float
    seed: int
    ball: Ball | None
    quantile: float

    @property
    def name(self) -> str:
        if self.ball is None:
            return "largest singular value of the Jacobian"
        kind = "supremum found" if self.quantile == 1 else f"{self.quantile:g} quantile"
        return f"{kind} within {self.ball.radius:g}"

    def fill(self, values: Float, d: Float, report: Reporter) -> bool:
        """Write gains at points, and return whether that was interrupted."""
        p, n = self.root.shape[1], d.shape[1]
        single = self.ball is not None and self.quantile == 1
        size = 1 if single else max(1, _BATCH // (n * (p if self.ball is None else _DIRECTIONS)))
        try:
            report.start("local gains", total=len(d))
            for first in range(0, len(d), size):
                part = slice(first, first + size)
                values[part] = self._batch(d[part])
                report.advance(len(d[part]))
        except KeyboardInterrupt:
            return True
        return False

    def _batch(self, d: Float) -> Float:
        function, root = self.function, self.root
        if self.ball is None:
            return np.asarray(np.linalg.svd(root @ function.jacobian(d), compute_uv=False)[:, 0])
        stream = derive(self.seed, "local gains")
        if self.quantile == 1:
            moved = centered(function, d[0], function(d)[0])
            found, interrupted = attack(moved, root, polar(self.ball, d.shape[1]), stream, _STARTS)
            if interrupted:
                raise KeyboardInterrupt
            return gains(moved, root, found[None])
        steps = self.ball.sample(stream, _DIRECTIONS)
        values = function((d[:, None] + steps).reshape(-1, d.shape[1])).reshape(len(d), len(steps), -1)
        changes = np.linalg.norm((values - function(d)[:, None]) @ root.T, axis=2) / np.linalg.norm(steps, axis=1)
        return np.asarray(np.quantile(changes, self.quantile, axis=1))
