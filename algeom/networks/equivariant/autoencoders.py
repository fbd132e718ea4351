"""Linear autoencoders with shared weights: their best losses in closed form, training, and comparison."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import check_integer
from algeom.networks.equivariant.component import EquivariantComponent
from algeom.networks.equivariant.equivariant_maps import EquivariantMaps
from algeom.networks.equivariant.invariant import InvariantMaps
from algeom.networks.equivariant.weight_sharing import WeightSharing
from algeom.networks.linear import determinantal_dimension
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, reporter

__all__ = [
    "AutoencoderDesign",
    "TrainedAutoencoder",
    "autoencoder_design",
    "compare_autoencoders",
    "high_pass_ranks",
    "spread_ranks",
]

Array = NDArray[Any]
Float = NDArray[np.float64]
Indices = NDArray[np.int64]

#: Decay rates and the small denominator of Adam (Kingma, Ba 2015), their default values.
_MOMENTUM, _SECOND_MOMENT, _DENOMINATOR = 0.9, 0.999, 1e-8


@dataclass(frozen=True, eq=False, repr=False)
class TrainedAutoencoder:
    """A linear autoencoder with weights.

    Attributes
    ----------
    name : str
    encoder, decoder : ndarray of float64, shapes (r, n) and (n, r)
    loss : float
        Mean squared error of a pixel on the images it was fitted to.
    history : ndarray of float64, shape (steps,)
        Loss before each step of training; empty for closed forms.
    seed : int or None
        Of the training; None for closed forms.
    interrupted : bool
        Whether training was stopped by Ctrl-C.
    """

    name: str
    encoder: Float
    decoder: Float
    loss: float
    history: Float
    seed: int | None
    interrupted: bool = False

    @property
    def matrix(self) -> Float:
        """Decoder times encoder."""
        return np.asarray(self.decoder @ self.encoder)

    def __call__(self, images: ArrayLike) -> Float:
        """Reconstruct images, one a row (N, n)."""
        rows = np.asarray(images, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.encoder.shape[1]:
            raise InputError(f"images of shape {rows.shape}; give (N, {self.encoder.shape[1]}), one image a row")
        return np.asarray(rows @ self.encoder.T @ self.decoder.T)

    def __repr__(self) -> str:
        r, n = self.encoder.shape
        how = f"{len(self.history)} steps" if self.seed is not None else "closed form"
        return f"TrainedAutoencoder({self.name}: {n} -> {r} -> {n}, {how}, loss {self.loss:.5g})"


@dataclass(frozen=True, eq=False, repr=False)
class AutoencoderDesign:
    """Which weights of a linear autoencoder there are, and which are shared.

    Get one from `autoencoder_design`.

    Attributes
    ----------
    name : str
    sharing : WeightSharing
    function_space : EquivariantComponent, InvariantMaps or None
        None for a dense autoencoder: all matrices of rank at most r.
    dimension : int
        Dimension of the function space.
    """

    name: str
    sharing: WeightSharing
    function_space: EquivariantComponent | InvariantMaps | None
    dimension: int

    @property
    def n(self) -> int:
        """Number of pixels."""
        return int(self.sharing.encoder.shape[1])

    @property
    def rank(self) -> int:
        """Number of hidden neurons."""
        return int(self.sharing.encoder.shape[0])

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return self.sharing.n_weights

    def layers(self, weights: ArrayLike) -> tuple[Float, Float]:
        """Decoder (n x r) and encoder (r x n) with given weights, in the original coordinates."""
        decoder, encoder = self.sharing.layers(weights)
        component = self.function_space
        if isinstance(component, EquivariantComponent):
            change = component.base_change.apply_transpose
            return change(decoder), np.ascontiguousarray(change(encoder.T).T)
        return decoder, encoder

    def optimum(self, images: ArrayLike) -> TrainedAutoencoder:
        """The weights with the least loss, by singular value decompositions in the metric of the data.

        Parameters
        ----------
        images : array_like of float, shape (N, n)
            One a row; not centred.

        Returns
        -------
        TrainedAutoencoder

        References
        ----------
        Eckart and Young, Psychometrika 1 (1936); for autoencoders P. Baldi, K. Hornik, Neural Networks 2 (1989). Blocks
        of equivariant ones separate: Kohn, Sattelberger, Shahverdi, arXiv 2309.13736.
        """
        rows = _images(images, self.n)
        gram = rows.T @ rows / len(rows)
        if self.function_space is None:
            principal = np.linalg.eigh(gram)[1][:, ::-1][:, : self.rank]
            encoder, decoder = principal.T, principal
        else:
            matrix = np.asarray(self.function_space.nearest(np.eye(self.n), gram=gram).matrix)
            u, values, v = np.linalg.svd(matrix)
            encoder, decoder = v[: self.rank], u[:, : self.rank] * values[: self.rank]
        loss = _loss(gram, decoder, encoder)
        return TrainedAutoencoder(self.name, np.asarray(encoder), np.asarray(decoder), loss, np.empty(0), None)

    def train(
        self,
        images: ArrayLike,
        *,
        steps: int = 2000,
        learning_rate: float = 0.01,
        backend: str = "numpy",
        rng: seeds.RandomState = None,
        progress: Progress = False,
    ) -> TrainedAutoencoder:
        """Train the weights by gradient descent (Adam) on all images.

        Parameters
        ----------
        images : array_like of float, shape (N, n)
        steps : int
        learning_rate : float
            It falls to zero along a quarter of a cosine.
        backend : {"numpy", "torch"}
            Derivatives by hand, or by torch if it is installed; both in double precision.
        rng : int, Generator or None
        progress : bool or callable

        Returns
        -------
        TrainedAutoencoder

        Raises
        ------
        InputError
            If arguments do not fit, or torch is asked for and not installed.

        Notes
        -----
        The loss depends on the images by their second moments C only: tr((B A - 1) C (B A - 1)^T) / n. It has no local
        minima but the global one: block by block it is that of a dense linear autoencoder over R or C (Baldi, Hornik
        1989).
        """
        rows = _images(images, self.n)
        steps = check_integer("steps", steps, 1)
        if not 0.0 < learning_rate < np.inf:
            raise InputError(f"learning_rate is {learning_rate}; it has to be a positive number")
        if backend not in ("numpy", "torch"):
            raise InputError(f'backend is {backend!r}; choose "numpy" or "torch"')
        seed, generator = seeds.resolve(rng)
        gram = rows.T @ rows / len(rows)
        component = self.function_space
        if isinstance(component, EquivariantComponent):
            gram = component.base_change.apply(component.base_change.apply(gram).T)
        weights = generator.normal(size=self.n_parameters) / np.sqrt(self.n)
        gradient = _torch_gradient(self.sharing, gram) if backend == "torch" else _Gradient(self.sharing, gram)
        first, second = np.zeros_like(weights), np.zeros_like(weights)
        history: list[float] = []
        interrupted = False
        with reporter(progress) as report:
            report.start(f"training {self.name}", total=steps)
            try:
                for step in range(1, steps + 1):
                    loss, slope = gradient(weights)
                    first = _MOMENTUM * first + (1 - _MOMENTUM) * slope
                    second = _SECOND_MOMENT * second + (1 - _SECOND_MOMENT) * slope**2
                    mean, size = first / (1 - _MOMENTUM**step), second / (1 - _SECOND_MOMENT**step)
                    rate = learning_rate * np.cos(0.5 * np.pi * (step - 1) / steps)
                    weights = weights - rate * mean / (np.sqrt(size) + _DENOMINATOR)
                    history.append(loss)
                    report.advance()
            except KeyboardInterrupt:
                interrupted = True
        decoder, encoder = self.layers(weights)
        final, _ = gradient(weights)
        return TrainedAutoencoder(self.name, encoder, decoder, final, np.array(history), seed, interrupted)

    def torch_module(self, rng: seeds.RandomState = None) -> Any:
        """A torch.nn.Module with one parameter vector of the shared weights, for training by any recipe.

        Raises
        ------
        InputError
            If torch is not installed.
        """
        torch = _torch()
        _, generator = seeds.resolve(rng)
        start = torch.as_tensor(generator.normal(size=self.n_parameters) / np.sqrt(self.n))
        component = self.function_space
        change = None
        if isinstance(component, EquivariantComponent):
            change = torch.as_tensor(component.base_change.matrix())
        positions = [_torch_positions(torch, part) for part in (self.sharing.encoder, self.sharing.decoder)]

        class SharedAutoencoder(torch.nn.Module):  # type: ignore[misc, name-defined]
            """Images (N, n) to their reconstructions."""

            def __init__(self) -> None:
                super().__init__()
                self.weights = torch.nn.Parameter(start)

            def forward(self, images: Any) -> Any:
                encoder, decoder = (sign * _padded(torch, self.weights)[index] for index, sign in positions)
                hidden = (images if change is None else images @ change.T) @ encoder.T
                result = hidden @ decoder.T
                return result if change is None else result @ change

        return SharedAutoencoder()

    def __repr__(self) -> str:
        return (
            f"AutoencoderDesign({self.name}: {self.n} -> {self.rank} -> {self.n}, {self.n_parameters} weights, "
            f"dimension {self.dimension})"
        )


def autoencoder_design(
    function_space: EquivariantComponent | InvariantMaps | tuple[int, int], *, name: str | None = None
) -> AutoencoderDesign:
    """The linear autoencoder whose function space is a given one.

    Parameters
    ----------
    function_space : EquivariantComponent, InvariantMaps or (n, r)
        A real component of equivariant maps; invariant maps of R^n to itself; or all n x n matrices of rank at most r,
        a dense autoencoder.
    name : str, optional

    Returns
    -------
    AutoencoderDesign

    Raises
    ------
    InputError
        If the function space is none of these or has no network.

    Examples
    --------
    >>> from algeom.networks.equivariant import equivariant_maps, image_translation
    >>> maps = equivariant_maps(image_translation(8))
    >>> autoencoder_design(maps.component({(1, 1): 2, (8, 7): 3}))
    AutoencoderDesign(equivariant: 64 -> 8 -> 64, 128 weights, dimension 106)
    >>> autoencoder_design((64, 8))
    AutoencoderDesign(dense: 64 -> 8 -> 64, 1024 weights, dimension 960)
    """
    if isinstance(function_space, EquivariantComponent):
        sharing, dimension, kind = function_space.weight_sharing(), function_space.dimension, "equivariant"
        return AutoencoderDesign(name or kind, sharing, function_space, dimension)
    if isinstance(function_space, InvariantMaps):
        if function_space.m != function_space.n:
            raise InputError(
                f"invariant maps R^{function_space.n} -> R^{function_space.m}; an autoencoder has as many outputs as "
                "inputs"
            )
        sharing = function_space.weight_sharing()
        return AutoencoderDesign(name or "invariant", sharing, function_space, function_space.dimension)
    try:
        n, r = function_space
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a {type(function_space).__name__} is no function space; give a component of equivariant maps, invariant "
            "maps, or (n, r) for a dense autoencoder"
        ) from error
    n = check_integer("n", n, 1)
    r = check_integer("r", r, 1, n, "the number of pixels")
    numbers = np.arange(1, 2 * n * r + 1, dtype=np.int64)
    sharing = WeightSharing(numbers[: n * r].reshape(r, n), numbers[n * r :].reshape(n, r), 2 * n * r, "pixels")
    return AutoencoderDesign(name or "dense", sharing, None, determinantal_dimension(n, n, r))


def spread_ranks(maps: EquivariantMaps, rank: int) -> EquivariantComponent:
    """The component of a rank whose blocks have ranks as equal as possible: a design that does not look at the data.

    Examples
    --------
    >>> from algeom.networks.equivariant import equivariant_maps, image_translation
    >>> spread_ranks(equivariant_maps(image_translation(4)), 6)
    EquivariantComponent(rank 6 real: (1,1): 2 of 4, (2,1): 2 of 4, (4,3): 1 of 4; dimension 38, ...)
    """
    return _filled(maps, rank, lambda blocks, ranks: min(range(len(ranks)), key=lambda b: (ranks[b], blocks[b].cost)))


def high_pass_ranks(maps: EquivariantMaps, rank: int) -> EquivariantComponent:
    """The component of a rank that keeps the last blocks of the base change, the highest frequencies, whole.

    For maps with ``order="frequency"``: what an autoencoder of natural images should not do.
    """
    return _filled(maps, rank, lambda blocks, ranks: max(range(len(ranks))))


def compare_autoencoders(
    images: ArrayLike,
    maps: EquivariantMaps,
    rank: int,
    *,
    invariants: InvariantMaps | None = None,
    train: bool = True,
    steps: int = 2000,
    rng: seeds.RandomState = None,
    progress: Progress = False,
) -> list[tuple[AutoencoderDesign, TrainedAutoencoder, TrainedAutoencoder | None]]:
    """Linear autoencoders of one rank on the same images: dense, equivariant, and equivariant with other ranks.

    Parameters
    ----------
    images : array_like of float, shape (N, n)
    maps : EquivariantMaps
        The symmetry; with ``order="frequency"`` for a meaningful high-pass design.
    rank : int
        Number of hidden neurons.
    invariants : InvariantMaps, optional
        One more row.
    train : bool
        Whether to train each besides its optimum in closed form.
    steps, rng, progress
        As for `AutoencoderDesign.train`.

    Returns
    -------
    list of (AutoencoderDesign, TrainedAutoencoder, TrainedAutoencoder or None)
        Dense; "equivariant", the component with the least loss of all; "equal ranks"; "high pass"; "invariant". For
        each the design, its optimum, and what training found.
    """
    rows = _images(images, maps.n)
    seed, _ = seeds.resolve(rng)
    best = maps.nearest(np.eye(maps.n), rank, gram=rows.T @ rows / len(rows)).component
    designs = [
        autoencoder_design((maps.n, rank)),
        autoencoder_design(best),
        autoencoder_design(spread_ranks(maps, rank), name="equal ranks"),
        autoencoder_design(high_pass_ranks(maps, rank), name="high pass"),
    ]
    if invariants is not None:
        designs.append(autoencoder_design(invariants))
    return [
        (
            design,
            design.optimum(rows),
            design.train(rows, steps=steps, rng=seed, progress=progress) if train else None,
        )
        for design in designs
    ]


def _filled(maps: EquivariantMaps, rank: int, choose: Any) -> EquivariantComponent:
    """The component with ranks raised one after the other, where `choose` says, until they add up."""
    rank = check_integer("rank", rank, 1, maps.n, "the number of pixels")
    blocks = list(maps.components(rank).blocks)
    ranks = [0] * len(blocks)
    left = rank
    while left:
        open_blocks = [b for b, block in enumerate(blocks) if ranks[b] < block.multiplicity and block.cost <= left]
        if not open_blocks:
            raise InputError(f"no component of rank {rank} is filled that way; take a rank one larger or smaller")
        at = open_blocks[choose([blocks[b] for b in open_blocks], [ranks[b] for b in open_blocks])]
        ranks[at] += 1
        left -= blocks[at].cost
    return maps.component(ranks)


def _loss(gram: Float, decoder: Float, encoder: Float) -> float:
    residual = decoder @ encoder - np.eye(len(gram))
    return float(np.sum((residual @ gram) * residual)) / len(gram)


class _Gradient:
    """The loss and its gradient by the shared weights, from second moments in the coordinates of the weights.

    Pixels and hidden neurons that are not connected contribute sums of their own: only the diagonal blocks of the
    second moments matter.
    """

    def __init__(self, sharing: WeightSharing, gram: Float) -> None:
        self.sharing, self.n = sharing, len(gram)
        self.total = float(np.trace(gram))
        self.parts = []
        for hidden, pixels in _connected(sharing):
            positions = [
                (np.abs(part).ravel(), np.sign(part).ravel())
                for part in (sharing.encoder[np.ix_(hidden, pixels)], sharing.decoder[np.ix_(pixels, hidden)])
            ]
            self.parts.append((positions, (len(hidden), len(pixels)), gram[np.ix_(pixels, pixels)]))

    def __call__(self, weights: Float) -> tuple[float, Float]:
        padded = np.concatenate([[0.0], weights])
        loss, gradient = self.total, np.zeros(len(padded))
        for positions, (r, n), gram in self.parts:
            encoder, decoder = (sign * padded[index] for index, sign in positions)
            encoder, decoder = encoder.reshape(r, n), decoder.reshape(n, r)
            seen = encoder @ gram
            square, moments = decoder.T @ decoder, seen @ encoder.T
            loss += float(np.sum(square * moments)) - 2.0 * float(np.sum(seen.T * decoder))
            slopes = (2.0 * (square @ seen - decoder.T @ gram), 2.0 * (decoder @ moments - seen.T))
            for (index, sign), slope in zip(positions, slopes, strict=True):
                np.add.at(gradient, index, sign * slope.ravel())
        return loss / self.n, gradient[1:] / self.n


def _connected(sharing: WeightSharing) -> list[tuple[Indices, Indices]]:
    """Hidden neurons and pixels that weights connect, set by set."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    r, n = sharing.encoder.shape
    rows, columns = np.nonzero((sharing.encoder != 0) | (sharing.decoder.T != 0))
    graph = coo_array((np.ones(len(rows)), (rows, columns + r)), shape=(r + n, r + n))
    _, labels = connected_components(graph, directed=False)
    return [
        (np.flatnonzero(labels[:r] == label), np.flatnonzero(labels[r:] == label)) for label in np.unique(labels[:r])
    ]


def _torch_gradient(sharing: WeightSharing, gram: Float) -> Any:
    """As `_Gradient`, with the derivatives by torch."""
    torch = _torch()
    moments = torch.as_tensor(gram)
    positions = [_torch_positions(torch, part) for part in (sharing.encoder, sharing.decoder)]
    identity = torch.eye(len(gram), dtype=torch.float64)

    def gradient(weights: Float) -> tuple[float, Float]:
        leaf = torch.tensor(weights, requires_grad=True)
        encoder, decoder = (sign * _padded(torch, leaf)[index] for index, sign in positions)
        residual = decoder @ encoder - identity
        loss = ((residual @ moments) * residual).sum() / len(gram)
        loss.backward()
        return float(loss.detach()), np.asarray(leaf.grad.numpy())

    return gradient


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError as error:
        raise InputError('torch is not installed: pip install "algeom[torch]", or take backend="numpy"') from error


def _torch_positions(torch: Any, part: Indices) -> tuple[Any, Any]:
    return torch.as_tensor(np.abs(part)), torch.as_tensor(np.sign(part).astype(np.float64))


def _padded(torch: Any, weights: Any) -> Any:
    """The weights behind a zero, which entries without a weight take."""
    return torch.cat([torch.zeros(1, dtype=weights.dtype), weights])


def _images(images: ArrayLike, n: int) -> Float:
    rows = np.asarray(images, dtype=np.float64)
    if rows.ndim > 2:
        rows = rows.reshape(len(rows), -1)
    if rows.ndim != 2 or rows.shape[1] != n or not len(rows):
        raise InputError(f"images of shape {np.shape(images)}; give (N, {n}), one image a row, N > 0")
    if not np.isfinite(rows).all():
        raise InputError("images have entries that are not finite; remove those with NaN or infinity")
    return rows
