"""Networks that are generalized singular value decompositions by construction: f(x) = U Sigma v(x)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.gsvd.functions.arguments import as_rows
from algeom.gsvd.functions.layers import ACTIVATIONS, Dense, Layers
from algeom.gsvd.functions.row_norms import quotients, row_norms
from algeom.maps.relabelling import check_integer, check_integers
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, reporter

__all__ = ["NormPreservingLayer", "SVDNet", "TrainedSVDNet", "svdnet"]

Float = NDArray[np.float64]

#: What the torch modules call these activations.
_TORCH_NAMES = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid", "softplus": "Softplus", "identity": "Identity"}


@dataclass(frozen=True, eq=False, repr=False)
class NormPreservingLayer:
    """The map v(x) = ||x|| (g(x), x) / ||(g(x), x)||: injective, with ||v(x)|| = ||x||.

    Parameters
    ----------
    inner : Layers
        g: R^n -> R^k, any network.

    Notes
    -----
    That such maps exist with f = U Sigma v is the theorem of arXiv 2404.00112 and 2605.06938; this layer is our own
    construction. The left inverse takes the last n entries and gives them the norm of all.

    Examples
    --------
    >>> layer = NormPreservingLayer(Layers([Dense([[1.0, 0.0]], activation="tanh")]))
    >>> x = np.array([[3.0, 4.0]])
    >>> z = layer(x)
    >>> z.shape, float(np.linalg.norm(z).round(12)), layer.left_inverse(z).round(12)
    ((1, 3), 5.0, array([[3., 4.]]))
    """

    inner: Layers

    def __post_init__(self) -> None:
        if not isinstance(self.inner, Layers):
            raise InputError(f"a norm-preserving layer is made of Layers; a {type(self.inner).__name__} was given")

    @property
    def n_inputs(self) -> int:
        """Entries of an input, n."""
        return self.inner.n_inputs

    @property
    def n_outputs(self) -> int:
        """Entries of a value, k + n."""
        return self.inner.n_outputs + self.inner.n_inputs

    def __call__(self, x: Float) -> Float:
        """Values (N, k + n) at inputs (N, n)."""
        x = as_rows("x", x, self.n_inputs)
        lifted = np.hstack([self.inner(x), x])
        return np.asarray(lifted * quotients(row_norms(x), row_norms(lifted))[:, None])

    def left_inverse(self, z: Float) -> Float:
        """The x with v(x) = z (N, n); for z that are no such values, the x whose direction the last entries have.

        Raises
        ------
        InputError
            If the last entries of a value vanish and the others do not, which v never does.
        """
        z = as_rows("z", z, self.n_outputs)
        last = z[:, self.inner.n_outputs :]
        norms, sizes = row_norms(z), row_norms(last)
        wrong = (norms > 0) & (sizes == 0)
        if wrong.any():
            raise InputError(
                f"{int(wrong.sum())} of {len(z)} embeddings have a last part that is zero; no input is embedded there"
            )
        return np.asarray(last * quotients(norms, sizes)[:, None])

    def backward(self, x: Float, w: Float) -> tuple[Float, list[tuple[Float, Float]]]:
        """Gradients of the sum of w * v(x), by the inputs and by the weights of g; zero by inputs that are zero."""
        lifted = np.hstack([self.inner(x), x])
        norms, sizes = row_norms(x)[:, None], row_norms(lifted)[:, None]
        directions = lifted * quotients(np.ones_like(sizes), sizes)
        along = np.sum(directions * w, axis=1, keepdims=True)
        outer = (w - along * directions) * quotients(norms, sizes)
        by_inputs, by_weights = self.inner.backward(x, outer[:, : self.inner.n_outputs])
        return by_inputs + outer[:, self.inner.n_outputs :] + along * x * quotients(
            np.ones_like(norms), norms
        ), by_weights

    def __repr__(self) -> str:
        return f"NormPreservingLayer({self.n_inputs} -> {self.n_outputs})"


@dataclass(frozen=True, eq=False, repr=False)
class SVDNet:
    """A network f(x) = offset + U Sigma v(x) with U orthogonal, Sigma diagonal and v norm preserving and injective.

    Get one from `svdnet`; train it with `fit`.

    Attributes
    ----------
    layers : tuple of NormPreservingLayer
        v, the first applied first.
    skew : ndarray of float64, shape (p, p)
        A skew symmetric matrix A; U = (1 + A)^-1 (1 - A), Cayley's transform.
    log_sigma : ndarray of float64, shape (p,)
        Logarithms of the singular values, in no order.
    offset : ndarray of float64, shape (p,)
        f(0).
    """

    layers: tuple[NormPreservingLayer, ...]
    skew: Float
    log_sigma: Float
    offset: Float

    @property
    def n_inputs(self) -> int:
        """Entries of an input, n."""
        return self.layers[0].n_inputs

    @property
    def n_outputs(self) -> int:
        """Entries of an output, p."""
        return len(self.log_sigma)

    @property
    def U(self) -> Float:
        """The orthogonal matrix (p, p)."""
        identity = np.eye(self.n_outputs)
        # For large A, Cayley's transform alone loses orthogonality to rounding errors.
        Q, R = np.linalg.qr(np.linalg.solve(identity + self.skew, identity - self.skew))
        return np.asarray(Q * np.where(np.diag(R) < 0, -1.0, 1.0), dtype=np.float64)

    @property
    def sigma(self) -> Float:
        """The singular values (p,), in the order of the columns of U."""
        return np.exp(self.log_sigma)

    @property
    def norm_bound(self) -> float:
        """The largest singular value: ||f(x) - f(0)|| <= norm_bound ||x|| for all x, by construction."""
        return float(self.sigma.max())

    def embed(self, x: ArrayLike) -> Float:
        """v(x), shape (N, m), for inputs (N, n): ||v(x)|| = ||x||."""
        values = as_rows("x", x, self.n_inputs)
        for layer in self.layers:
            values = layer(values)
        return values

    def invert(self, z: ArrayLike) -> Float:
        """The inputs (N, n) with given embeddings (N, m), exactly up to rounding."""
        values = as_rows("z", z, self.layers[-1].n_outputs)
        for layer in reversed(self.layers):
            values = layer.left_inverse(values)
        return values

    def __call__(self, x: ArrayLike) -> Float:
        """Outputs (N, p) of inputs (N, n)."""
        return np.asarray(self.offset + (self.embed(x)[:, : self.n_outputs] * self.sigma) @ self.U.T)

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        max_iterations: int = 500,
        bound: float | None = None,
        progress: Progress = False,
    ) -> TrainedSVDNet:
        """Train all weights, U, Sigma and the offset for the mean squared error, by L-BFGS with derivatives by hand.

        Parameters
        ----------
        x, y : array_like of float, shapes (N, n) and (N, p)
        max_iterations : int
        bound : float, optional
            Largest singular value allowed: the trained network then has that norm bound at most.
        progress : bool or callable

        Returns
        -------
        TrainedSVDNet

        Raises
        ------
        InputError
            If shapes do not fit, numbers are not finite or the bound is not positive.
        """
        from scipy.optimize import minimize

        inputs, targets = as_rows("x", x, self.n_inputs), as_rows("y", y, self.n_outputs)
        if len(inputs) != len(targets) or not len(inputs):
            raise InputError(f"{len(inputs)} inputs and {len(targets)} outputs; give as many, one at least")
        max_iterations = check_integer("max_iterations", max_iterations, 1)
        if bound is not None and not (isinstance(bound, (int, float, np.number)) and 0 < bound < np.inf):
            raise InputError(f"bound is {bound!r}; it has to be a positive number")
        history: list[float] = []
        state: list[Float] = [self._packed()]
        interrupted = False

        def objective(vector: Float) -> tuple[float, Float]:
            network = self._unpacked(vector)
            return network._loss(inputs, targets)

        with reporter(progress) as report:
            report.start("training", total=max_iterations)

            def advance(intermediate_result: Any) -> None:
                state[0] = np.array(intermediate_result.x)
                history.append(float(intermediate_result.fun))
                report.advance()

            limits: list[tuple[None, float | None]] = [(None, None)] * len(state[0])
            if bound is not None:
                singular = slice(-2 * self.n_outputs, -self.n_outputs)
                most = float(np.log(bound))
                while np.exp(most) > bound:
                    most = float(np.nextafter(most, -np.inf))
                limits[singular] = [(None, most)] * self.n_outputs
                state[0][singular] = np.minimum(state[0][singular], most)
            try:
                minimize(
                    objective,
                    state[0],
                    jac=True,
                    method="L-BFGS-B",
                    bounds=limits,
                    callback=advance,
                    options={"maxiter": max_iterations, "maxfun": 3 * max_iterations, "gtol": 0.0, "ftol": 0.0},
                )
            except KeyboardInterrupt:
                interrupted = True
        network = self._unpacked(state[0])
        return TrainedSVDNet(network, network._loss(inputs, targets)[0], np.array(history), interrupted)

    def _loss(self, x: Float, y: Float) -> tuple[float, Float]:
        """The mean squared error of an output, and its gradient by the packed parameters."""
        stages = [x]
        for layer in self.layers:
            stages.append(layer(stages[-1]))
        p, u, sigma = self.n_outputs, self.U, self.sigma
        first = stages[-1][:, :p]
        residual = self.offset + (first * sigma) @ u.T - y
        scale = 2.0 / residual.size
        by_u = scale * residual.T @ (first * sigma)
        # dU = -(1 + A)^-1 dA (1 + U), and dA is skew.
        by_skew = -np.linalg.solve((np.eye(p) + self.skew).T, by_u @ (np.eye(p) + u).T)
        turned = scale * residual @ u
        outer = np.zeros_like(stages[-1])
        outer[:, :p] = turned * sigma
        by_layers = []
        for layer, given in zip(reversed(self.layers), reversed(stages[:-1]), strict=True):
            outer, by_weights = layer.backward(given, outer)
            by_layers.append(by_weights)
        parts = [part.ravel() for weights in reversed(by_layers) for pair in weights for part in pair]
        upper = np.triu_indices(p, 1)
        parts += [(by_skew - by_skew.T)[upper], sigma * np.sum(turned * first, axis=0), scale * residual.sum(axis=0)]
        return float(np.mean(residual**2)), np.concatenate(parts)

    def _packed(self) -> Float:
        parts = []
        for layer in self.layers:
            for dense in layer.inner.layers:
                parts += [dense.weight.ravel(), np.zeros(dense.n_outputs) if dense.bias is None else dense.bias]
        return np.concatenate([*parts, self.skew[np.triu_indices(self.n_outputs, 1)], self.log_sigma, self.offset])

    def _unpacked(self, vector: Float) -> SVDNet:
        position = 0

        def take(*shape: int) -> Float:
            nonlocal position
            size = int(np.prod(shape))
            position += size
            return vector[position - size : position].reshape(shape)

        layers = []
        for layer in self.layers:
            inner = [
                Dense(take(dense.n_outputs, dense.n_inputs), take(dense.n_outputs), dense.activation.name)
                for dense in layer.inner.layers
            ]
            layers.append(NormPreservingLayer(Layers(inner)))
        p = self.n_outputs
        skew = np.zeros((p, p))
        skew[np.triu_indices(p, 1)] = take(p * (p - 1) // 2)
        return SVDNet(tuple(layers), skew - skew.T, take(p).copy(), take(p).copy())

    def torch_module(self) -> Any:
        """A torch.nn.Module with the same weights, for training by any recipe; `from_torch` takes them back.

        Raises
        ------
        InputError
            If torch is not installed or an activation has no torch module.
        """
        try:
            torch = import_module("torch")
        except ImportError as error:
            raise InputError('torch is not installed: pip install "algeom[torch]", or use fit') from error
        network = self

        class Module(torch.nn.Module):  # type: ignore[misc, name-defined]
            """f(x) = offset + U Sigma v(x)."""

            def __init__(self) -> None:
                super().__init__()
                self.inner = torch.nn.ModuleList(_torch_layers(torch, layer.inner) for layer in network.layers)
                self.skew = torch.nn.Parameter(torch.tensor(np.triu(network.skew, 1)))
                self.log_sigma = torch.nn.Parameter(torch.tensor(network.log_sigma))
                self.offset = torch.nn.Parameter(torch.tensor(network.offset))

            def embed(self, x: Any) -> Any:
                for inner in self.inner:
                    lifted = torch.cat([inner(x), x], dim=1)
                    norms = torch.linalg.vector_norm(x, dim=1, keepdim=True)
                    x = lifted * norms / torch.linalg.vector_norm(lifted, dim=1, keepdim=True)
                return x

            def forward(self, x: Any) -> Any:
                upper = torch.triu(self.skew, 1)
                skew = upper - upper.T
                identity = torch.eye(len(skew), dtype=skew.dtype)
                u = torch.linalg.solve(identity + skew, identity - skew)
                return self.offset + (self.embed(x)[:, : len(skew)] * torch.exp(self.log_sigma)) @ u.T

        return Module()

    def from_torch(self, module: Any) -> SVDNet:
        """Take back the weights of a module from `torch_module`."""
        layers = []
        for layer, inner in zip(self.layers, module.inner, strict=True):
            linear = [part for part in inner if hasattr(part, "weight")]
            layers.append(
                NormPreservingLayer(
                    Layers(
                        [
                            Dense(part.weight.detach().numpy(), part.bias.detach().numpy(), dense.activation.name)
                            for part, dense in zip(linear, layer.inner.layers, strict=True)
                        ]
                    )
                )
            )
        upper = np.triu(module.skew.detach().numpy(), 1)
        numbers = (part.detach().numpy().astype(np.float64) for part in (module.log_sigma, module.offset))
        return SVDNet(tuple(layers), upper - upper.T, *numbers)

    def __repr__(self) -> str:
        sigma = np.array2string(np.sort(self.sigma)[::-1][:6], precision=4)
        m = self.layers[-1].n_outputs
        return f"SVDNet({self.n_inputs} -> {m} -> {self.n_outputs}; singular values {sigma})"


@dataclass(frozen=True, eq=False, repr=False)
class TrainedSVDNet:
    """A trained network.

    Attributes
    ----------
    network : SVDNet
    loss : float
        Mean squared error of an output entry on the training data.
    history : ndarray of float64
        Loss after each iteration.
    interrupted : bool
    """

    network: SVDNet
    loss: float
    history: Float
    interrupted: bool

    def __repr__(self) -> str:
        stopped = ", interrupted" if self.interrupted else ""
        return f"TrainedSVDNet({self.network!r}; loss {self.loss:.4g} after {len(self.history)} iterations{stopped})"


def svdnet(
    n_inputs: int,
    n_outputs: int,
    hidden: Sequence[int] = (32,),
    *,
    lifts: int = 1,
    activation: str = "tanh",
    rng: seeds.RandomState = None,
) -> SVDNet:
    """A network that is a generalized singular value decomposition, with random weights.

    Parameters
    ----------
    n_inputs, n_outputs : int
        n and p.
    hidden : sequence of int
        Widths of the hidden layers of each inner network g.
    lifts : int
        How many norm-preserving layers follow each other; each adds p entries.
    activation : str
        One of those of `algeom.gsvd.Dense`.
    rng : int, Generator or None

    Returns
    -------
    SVDNet

    References
    ----------
    Architecture: our own reconstruction of the idea of arXiv 2605.06938, networks that are left invertible before a
    final linear layer.

    Examples
    --------
    >>> network = svdnet(3, 2, rng=0)
    >>> x = np.array([[1.0, -2.0, 0.5]])
    >>> bool(np.allclose(network.invert(network.embed(x)), x))
    True
    >>> bool(np.linalg.norm(network(x)) <= network.norm_bound * np.linalg.norm(x))
    True
    """
    for name, size in (("n_inputs", n_inputs), ("n_outputs", n_outputs), ("lifts", lifts)):
        check_integer(name, size, 1)
    hidden = check_integers("a hidden width", hidden, 1)
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise InputError(f"activation {activation!r}; choose one of {', '.join(ACTIVATIONS)}")
    _, generator = seeds.resolve(rng)
    layers = []
    width = n_inputs
    for _ in range(lifts):
        widths = [width, *hidden, n_outputs]
        dense = []
        for i, (a, b) in enumerate(pairwise(widths)):
            last = i == len(widths) - 2
            weight = generator.normal(size=(b, a)) / np.sqrt(a)
            dense.append(Dense(weight, None, "identity" if last else activation))
        layers.append(NormPreservingLayer(Layers(dense)))
        width += n_outputs
    skew = generator.normal(size=(n_outputs, n_outputs)) / n_outputs
    return SVDNet(tuple(layers), skew - skew.T, np.zeros(n_outputs), np.zeros(n_outputs))


def _torch_layers(torch: Any, layers: Layers) -> Any:
    parts = []
    for dense in layers.layers:
        name = _TORCH_NAMES.get(dense.activation.name)
        if name is None:
            raise InputError(
                f"activation {dense.activation.name!r} has no torch module; choose {', '.join(_TORCH_NAMES)}"
            )
        linear = torch.nn.Linear(dense.n_inputs, dense.n_outputs, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(dense.weight))
            linear.bias.copy_(torch.as_tensor(np.zeros(dense.n_outputs) if dense.bias is None else dense.bias))
        parts += [linear, getattr(torch.nn, name)()]
    return torch.nn.Sequential(*parts)
