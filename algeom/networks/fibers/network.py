"""Linear networks at given weights: bars, flow subspaces, and what they say about the fiber."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from algeom.algebra.terms import exact
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.maps.relabelling import check_integer
from algeom.networks.fibers.adapted_bases import AdaptedBases, RankDecision, adapted_bases
from algeom.networks.fibers.bars import Bars, Interval
from algeom.networks.fibers.diagrams import flow_diagram
from algeom.networks.fibers.fields import Field, Matrix, PrimeField, Rationals, Reals, default_tolerance

if TYPE_CHECKING:
    from algeom.networks.fibers.report import FiberReport

__all__ = ["LinearNetwork", "require_network"]

#: Relative spacing of floating-point numbers, by the name of the type.
_EPSILONS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}

#: Size of a product relative to that of its factors that is rounding, for layers of some thousand neurons.
_ROUNDING = 4096 * 2.0**-52

#: Products of weights in double precision may have norms from 10^-150 to 10^150: squares of these are taken.
_LOG_LARGEST = 150


class LinearNetwork:
    """A linear network: weight matrices, and the linear map that is their product.

    Parameters
    ----------
    weights : sequence of matrices, or torch.nn.Sequential
        W_1, ..., W_L in the order in which they are applied: W_i has d_i rows and d_(i-1) columns, and the network
        computes ``x -> W_L ... W_1 x``. Integers and Fractions (nested lists or arrays) are exact rational numbers;
        one float anywhere makes all of them floats. Tensors of PyTorch are taken, as are a ``torch.nn.Sequential`` of
        ``Linear`` layers without bias (its first layer is W_1), and such layers in a list.
    modulus : int, optional
        A prime p below 2^63: the weights (integers, or Fractions whose denominators p does not divide) are read
        modulo p.
    tolerance : float, optional
        For floats: singular values up to this, relative to the norm of their matrix, count as zero. By default the
        square root of the spacing of the coarsest floating-point type given: 1.5e-8 for double precision, 3.5e-4 for
        single precision. Trained networks are near a smaller stratum rather than on it: choose the tolerance in the
        gap that `decisions` show. Since layers may be scaled against each other, a matrix that is zero but for
        rounding errors has to be given as zero.

    Attributes
    ----------
    weights : tuple of read-only arrays
        float64, or of dtype object with int and Fraction entries.
    field : Field
        Prints as R, Q or F_p.

    Raises
    ------
    InputError
        If there are no weights, one is no matrix of finite numbers, shapes do not compose, the modulus is no prime, or
        a layer is not linear or has a bias.

    References
    ----------
    J. R. Shewchuk, S. Bhattacharya, The geometry of the set of equivalent linear neural networks, arXiv 2404.14855.

    Examples
    --------
    >>> network = LinearNetwork([[[1, 0], [0, 1], [0, 0]], [[0, 1, 0], [0, 0, 1]], [[1, 0], [0, 1], [0, 0]]])
    >>> network
    LinearNetwork(2 -> 3 -> 2 -> 3 over Q, 18 weights)
    >>> print(network.bars)
    03 01 13 33
    >>> network.product.tolist()
    [[0, 1], [0, 0], [0, 0]]
    >>> network.bars.dimension, network.evidence.status
    (13, <Status.PROVED: 'proved'>)
    >>> print(network.diagram())
    layer   0     1     2     3
    width   2     3     2     3
    03      ●═════●═════●═════●  full
    01      ●─────●
    13            ●─────●─────●
    33                        ●
    """

    weights: tuple[Matrix, ...]
    field: Field

    def __init__(self, weights: Any, *, modulus: int | None = None, tolerance: float | None = None) -> None:
        layers = [_entries(layer, f"weights[{i}]") for i, layer in enumerate(_layers(weights))]
        if not layers:
            raise InputError("no weights were given; give at least one matrix")
        field = _field([epsilon for _, epsilon in layers], modulus, tolerance)
        self._set([field.matrix(entries, f"weights[{i}]") for i, (entries, _) in enumerate(layers)], field)

    @classmethod
    def over(cls, field: Field, weights: Sequence[Matrix]) -> LinearNetwork:
        """From arrays that are matrices over the field already, such as results of arithmetic on other weights."""
        network = object.__new__(cls)
        network._set([field.normalized(weight) for weight in weights], field)
        return network

    def _set(self, weights: list[Matrix], field: Field) -> None:
        for i in range(1, len(weights)):
            if weights[i].shape[1] != weights[i - 1].shape[0]:
                raise InputError(
                    f"weights[{i}] has {weights[i].shape[1]} columns and weights[{i - 1}] has "
                    f"{weights[i - 1].shape[0]} rows; each matrix has a column for each row of the one before it "
                    "(they are given in the order in which they are applied)"
                )
        if isinstance(field, Reals):
            _require_moderate_products(weights)
        for weight in weights:
            weight.flags.writeable = False
        self.weights = tuple(weights)
        self.field = field

    @property
    def depth(self) -> int:
        """The number L of weight matrices."""
        return len(self.weights)

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths d_0, ..., d_L of the layers."""
        return (self.weights[0].shape[1], *(weight.shape[0] for weight in self.weights))

    @property
    def n_weights(self) -> int:
        """The number of entries of all matrices."""
        return sum(weight.size for weight in self.weights)

    @cached_property
    def product(self) -> Matrix:
        """The matrix W_L ... W_1 that the network computes."""
        return self.partial_product(self.depth, 0)

    def partial_product(self, j: int, i: int) -> Matrix:
        """The matrix ``W_(j~i) = W_j ... W_(i+1)`` from layer i to layer j >= i; the identity if they are equal."""
        j = check_integer("j", j, 0, self.depth, "the last layer")
        i = check_integer("i", i, 0, j, "the first layer comes second")
        if i == j:
            return self.field.identity(self.widths[i])
        return self.field.multiply(*self.weights[i:j][::-1])

    @cached_property
    def adapted(self) -> AdaptedBases:
        """Bases of all layers in which the weights permute basis vectors, or send them to 0."""
        return adapted_bases(self.weights, self.field)

    @property
    def bars(self) -> Bars:
        """The interval multiplicities, which say in which stratum of the fiber the weights are."""
        return self.adapted.bars

    @property
    def rank(self) -> int:
        """The rank of the product."""
        return self.bars.rank

    @property
    def rank_list(self) -> dict[Interval, int]:
        """The ranks r_ji of all partial products, by (j, i)."""
        return self.bars.rank_list

    @property
    def decisions(self) -> tuple[RankDecision, ...]:
        """For floats every decision on a rank, with the singular values on both sides; empty over exact fields."""
        return self.adapted.decisions

    @property
    def evidence(self) -> Evidence:
        """What ranks and bars rest on: PROVED over exact fields, NUMERICAL with its gap for floats.

        LOWER_BOUND where products of weights show another rank than the bars: tolerances are relative to each layer,
        and layers that are scaled against each other in some directions need others.
        """
        found = self.adapted.evidence
        if not isinstance(self.field, Reals):
            return found
        for (j, i), rank in self.rank_list.items():
            if j < i + 2:
                continue
            values = np.linalg.svd(self.partial_product(j, i), compute_uv=False)
            rounding = _ROUNDING * math.prod(float(np.linalg.norm(w, 2)) for w in self.weights[i:j])
            shown = int(np.count_nonzero(values > max(self.field.tolerance * values[0], rounding)))
            if shown != rank:
                reason = (
                    f"the product W_{j} ... W_{i + 1} has numerical rank {shown}, but by the bars {rank}: give another "
                    "tolerance, or balance the layers (change bases of the hidden layers)"
                )
                return Evidence(Status.LOWER_BOUND, math.nan, f"{reason}; {found.reason}")
        return found

    def flow_subspace(self, k: int, j: int, i: int) -> Matrix:
        """The subspace ``A_kji = null W_(k+1~j) n col W_(j~i)`` of layer j: from layer i, and 0 beyond layer k.

        Parameters
        ----------
        k, j, i : int
            Layers with L >= k >= j >= i >= 0; W_(L+1~j) is zero.

        Returns
        -------
        array of shape (d_j, dim A_kji)
            A basis as columns, orthonormal for floats. It is spanned by the adapted basis vectors of the bars [a, b]
            with a <= i and j <= b <= k.

        Raises
        ------
        InputError
            If the layers are not in this order.

        References
        ----------
        arXiv 2404.14855, the flow subspaces A_kji and B_kji.

        Examples
        --------
        >>> LinearNetwork([[[1, 2], [2, 4]], [[2, -1]]]).flow_subspace(1, 1, 0).tolist()
        [[1], [2]]
        """
        k, j, i = self._check_layers(k, j, i)
        chosen = [place for place, (a, b) in enumerate(self.bars.through(j)) if a <= i and b <= k]
        return self._orthonormal(self.adapted.bases[j][:, chosen])

    def dual_flow_subspace(self, k: int, j: int, i: int) -> Matrix:
        """The subspace ``B_kji = row W_(k~j) n null W_(j~i-1)^T`` of layer j, for the transposed network.

        Parameters
        ----------
        k, j, i : int
            Layers with L >= k >= j >= i >= 0; W_(j~-1) is zero.

        Returns
        -------
        array of shape (d_j, dim B_kji)
            A basis as columns, orthonormal for floats. It is spanned by the dual basis vectors of the bars [a, b] with
            i <= a <= j and b >= k.

        Raises
        ------
        InputError
            If the layers are not in this order.
        """
        k, j, i = self._check_layers(k, j, i)
        chosen = [place for place, (a, b) in enumerate(self.bars.through(j)) if a >= i and b >= k]
        return self._orthonormal(self.adapted.duals[j][chosen].T)

    def _check_layers(self, k: int, j: int, i: int) -> tuple[int, int, int]:
        k = check_integer("k", k, 0, self.depth, "the last layer")
        j = check_integer("j", j, 0, k, "at most k")
        return k, j, check_integer("i", i, 0, j, "at most j")

    def _orthonormal(self, columns: Matrix) -> Matrix:
        return columns if self.field.is_exact else np.linalg.qr(columns)[0]

    def diagram(self) -> str:
        """The basis flow diagram as text: a column for each layer, a line for each bar from its birth to its death."""
        return flow_diagram(self.bars)

    def report(self) -> FiberReport:
        """Stratum, dimension, smoothness, dead directions and the moves that free them; see `FiberReport`."""
        from algeom.networks.fibers.report import fiber_report

        return fiber_report(self)

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the basis flow diagram (`algeom.plot.flow_diagram`); returns matplotlib Axes."""
        from algeom import plot

        return plot.flow_diagram(self, ax=ax)

    def __repr__(self) -> str:
        arrows = " -> ".join(map(str, self.widths))
        return f"LinearNetwork({arrows} over {self.field}, {self.n_weights} weights)"


def _require_moderate_products(weights: Sequence[Matrix]) -> None:
    """Refuse weights in double precision some product of which is too large or too small for norms.

    Raises
    ------
    InputError
        If the norms of successive matrices multiply to a number that double precision cannot square.
    """
    greatest = least = 0.0  # logarithms of the extreme products that end with the matrix at hand
    for i, weight in enumerate(weights):
        size = float(np.abs(weight).max(initial=0.0))
        if size == 0:
            greatest = least = 0.0
            continue
        log_norm = math.log10(size) + math.log10(float(np.linalg.norm(weight / size)))
        greatest, least = max(greatest, 0.0) + log_norm, min(least, 0.0) + log_norm
        if greatest > _LOG_LARGEST or least < -_LOG_LARGEST:
            extreme = greatest if greatest > _LOG_LARGEST else least
            raise InputError(
                f"the norms of matrices up to weights[{i}] multiply to 10^{extreme:.0f}, and double precision squares "
                f"numbers from 10^-{_LOG_LARGEST} to 10^{_LOG_LARGEST}: multiply matrices by numbers (which changes "
                "neither ranks nor strata), or give integers or Fractions"
            )


def require_network(value: object, name: str = "network") -> None:
    """Refuse what is no `LinearNetwork`, such as a bare list of weights.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(value, LinearNetwork):
        raise InputError(f"{name} is of type {type(value).__name__}; give a LinearNetwork: LinearNetwork(weights)")


def _layers(weights: Any) -> Iterator[Any]:
    """The layers of a network as users hand it over, nested containers of modules taken apart."""
    if _is_layer(weights):
        yield weights
        return
    if isinstance(weights, (str, bytes)) or not hasattr(weights, "__iter__"):
        raise InputError(
            f"weights is {type(weights).__name__} {weights!r}; give a list of matrices W_1, ..., W_L, or a "
            "torch.nn.Sequential of Linear layers"
        )
    for layer in weights:
        is_container = hasattr(layer, "parameters") and not _is_layer(layer)
        if is_container and hasattr(layer, "__iter__"):
            yield from _layers(layer)
        elif is_container:
            raise InputError(f"the layer {layer!r} is not linear; a linear network has Linear layers only")
        else:
            yield layer


def _is_layer(layer: Any) -> bool:
    """Whether it is a module with a weight, such as torch.nn.Linear."""
    return hasattr(layer, "parameters") and hasattr(layer, "weight")


def _entries(layer: Any, name: str) -> tuple[Any, float | None]:
    """The entries of a layer, and the relative spacing of its floats; None if they are exact."""
    if _is_layer(layer):
        if getattr(layer, "bias", None) is not None:
            raise InputError(f"{name} is {layer!r}, with a bias; linear networks have none: build it with bias=False")
        layer = layer.weight
    if hasattr(layer, "detach"):  # a tensor of PyTorch, which may have a type that NumPy does not know
        epsilon = _EPSILONS.get(str(layer.dtype).rpartition(".")[2])
        layer = layer.detach().cpu()
        return (layer if epsilon is None else layer.double()).numpy(), epsilon
    try:
        array = np.asarray(layer)
    except ValueError:
        array = np.asarray(layer, dtype=object)
    if array.dtype.kind == "c":
        raise InputError(f"{name} is complex; weights are real numbers, rational numbers, or integers modulo a prime")
    if array.dtype.kind == "f":
        return array, _EPSILONS.get(array.dtype.name, _EPSILONS["float64"])
    try:
        for value in array.ravel():
            exact(value)
    except InputError:
        return array, _EPSILONS["float64"]
    return array, None


def _field(epsilons: list[float | None], modulus: int | None, tolerance: float | None) -> Field:
    inexact = [epsilon for epsilon in epsilons if epsilon is not None]
    if modulus is not None or not inexact:
        if tolerance is not None:
            raise InputError(f"tolerance={tolerance} was given for exact weights, whose ranks need none; leave it out")
        return Rationals() if modulus is None else PrimeField(modulus)
    if tolerance is None:
        return Reals(default_tolerance(max(inexact)))
    if not isinstance(tolerance, (int, float)) or not 0 < tolerance < 1:
        raise InputError(f"tolerance={tolerance!r}; give a relative size between 0 and 1")
    return Reals(float(tolerance))
