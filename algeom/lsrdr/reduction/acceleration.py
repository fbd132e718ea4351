"""Anderson acceleration of the low-rank iteration, in charts around each start's own reference projection.

Near a fixed point a step of the iteration is a linear map plus smaller terms, and successive differences of states span
a Krylov space of it. Anderson acceleration goes to the combination of recent states whose residual is smallest; for a
linear map it is GMRES. It is our addition to the method; the fixed points are those of the plain iteration.

The iteration involves conjugates: it is differentiable over the reals only. Coefficients are therefore real, and
complex states are vectors of real and imaginary parts.

References
----------
D. G. Anderson, Iterative procedures for nonlinear integral equations, J. ACM 12 (1965), 547-560.
H. F. Walker, P. Ni, Anderson acceleration for fixed-point iterations, SIAM J. Numer. Anal. 49 (2011), 1715-1735.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.reduction.projections import State, inverse

__all__ = ["WINDOW", "Anderson"]

Float = NDArray[np.float64]
Int = NDArray[np.intp]

#: Differences that are remembered. With more, fewer steps are needed (10: 8 % more, 30: 2 % fewer, in the mean over the
#: tuples of benchmarks/lsrdr_steps.py), each of which costs more memory and time in proportion.
WINDOW = 20

#: Added to the squares of normalized differences: a relative perturbation that decides only among directions that
#: rounding errors leave undetermined.
_RIDGE = 1e-14

#: Smallest singular value of normalized differences, relative to the largest, of directions that tell about the linear
#: part: what is smaller is dominated by second-order terms.
_INDEPENDENT = 1e-5

#: Entries of windows that are copied out at a time, to work on some starts of many; above it start by start.
_COPIED = 1 << 18


class Anderson:
    """Windows of recent states and residuals of k starts.

    Parameters
    ----------
    starts : int
        k.
    n, d : int
        Size and rank.
    dtype : numpy.dtype
        float64 or complex128.

    Notes
    -----
    The chart around a reference (S0, R0) describes a projection by the bases with R0 S = 1 and R S0 = 1, so that states
    can be combined; Y and Z follow the bases. They are scaled by d, to be as large as the bases.
    """

    def __init__(self, starts: int, n: int, d: int, dtype: np.dtype) -> None:  # type: ignore[type-arg]
        self.n, self.d, self.dtype = n, d, dtype
        self.length = 4 * n * d * (2 if dtype.kind == "c" else 1)
        self.S0 = np.zeros((starts, n, d), dtype)
        self.R0 = np.zeros((starts, d, n), dtype)
        self.point = np.zeros((starts, self.length))
        self._image = np.zeros((starts, self.length))
        self._residual = np.zeros((starts, self.length))
        self._images = np.zeros((starts, WINDOW, self.length))
        self._residuals = np.zeros((starts, WINDOW, self.length))
        self._gram = np.zeros((starts, WINDOW, WINDOW))
        self._count = np.zeros(starts, dtype=np.intp)

    @staticmethod
    def bytes_of(n: int, d: int, itemsize: int) -> float:
        """Memory for one start."""
        return (2 * WINDOW + 6) * 4 * n * d * itemsize

    def begin(self, index: Int, state: State) -> None:
        """Start anew at a state, which becomes the reference; S has to be orthonormal."""
        self.S0[index], self.R0[index] = state.S, state.R
        self._images[index] = 0.0
        self._residuals[index] = 0.0
        self._gram[index] = 0.0
        self._count[index] = 0
        self.point[index] = self._vector(state, self.d)

    def advance(self, index: Int, image: State) -> State:
        """Take in what the iteration makes of the present points, and return the points to go on with.

        Parameters
        ----------
        index : ndarray of int
            The starts, all of which have begun.
        image : State
            Their images.

        Returns
        -------
        State
            Not finite where the image has left the chart.
        """
        with np.errstate(all="ignore"):
            to_S, to_R = self.R0[index] @ image.S, image.R @ self.S0[index]
            charted = State(image.S @ inverse(to_S), inverse(to_R) @ image.R, image.Y @ adjoint(to_S), image.Z @ to_R)
            values = self._vector(charted, self.d)
            residual = values - self.point[index]
            going = np.flatnonzero(self._count[index] > 0)
            self._remember(index[going], values[going], residual[going])
            self._image[index], self._residual[index] = values, residual
            self._count[index] += 1
            self.point[index] = values - self._correction(index, residual)
        return self._state(index)

    def _remember(self, index: Int, values: Float, residual: Float) -> None:
        """Differences to the last image and residual, in place of the oldest ones."""
        column = (self._count[index] - 1) % WINDOW
        self._images[index, column] = values - self._image[index]
        self._residuals[index, column] = residual - self._residual[index]
        products = self._dot(index, self._residuals[index, column])
        self._gram[index, column] = products
        self._gram[index, :, column] = products

    def _correction(self, index: Int, residual: Float) -> Float:
        """The combination of differences of images that belongs to the least residual."""
        gram = self._gram[index]
        diagonal = np.einsum("kii->ki", gram)
        scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        gram = gram / (scale[:, :, None] * scale[:, None, :])
        np.einsum("kii->ki", gram)[:] = 1.0 + _RIDGE
        finite = np.isfinite(gram).all(axis=(1, 2))
        gram[~finite] = np.eye(WINDOW)
        right = self._dot(index, residual) / scale
        coefficients = np.linalg.solve(gram, right[..., None])[..., 0] / scale
        if len(index) * WINDOW * self.length > _COPIED:
            return np.stack([c @ self._images[i] for i, c in zip(index, coefficients, strict=True)])
        return np.asarray((coefficients[:, None, :] @ self._images[index])[:, 0])

    def _dot(self, index: Int, vectors: Float) -> Float:
        """Inner products of the differences of residuals with one vector for each start, shape (k, WINDOW)."""
        if len(index) * WINDOW * self.length > _COPIED:
            return np.stack([self._residuals[i] @ v for i, v in zip(index, vectors, strict=True)])
        return np.asarray((self._residuals[index] @ vectors[..., None])[..., 0])

    def growth(self, start: int) -> tuple[float, State] | None:
        """The dominant eigenvalue of the linear part of a step, as far as the window knows it, and where it leads.

        Returns
        -------
        value : float
            The largest real part of an eigenvalue of the map compressed to the span of the differences of states.
        direction : State
            The point moved by an eigenvector whose part in S and R has norm 1, minus the point: in the same chart.
            None in all if the window is too short.

        Notes
        -----
        A value above 1 tells that the fixed point is not stable: acceleration converges to saddles as well. Values
        belong to the span alone, so that one below 1 proves nothing.
        """
        images, residuals = self._images[start], self._residuals[start]
        steps = images - residuals
        sizes = np.linalg.norm(steps, axis=1)
        used = sizes > 0
        if np.count_nonzero(used) < 2 or not np.isfinite(sizes).all():
            return None
        steps, images = steps[used] / sizes[used, None], images[used] / sizes[used, None]
        left, values, right = np.linalg.svd(steps, full_matrices=False)
        rank = int(np.count_nonzero(values > _INDEPENDENT * values[0]))
        # right[:rank] is an orthonormal basis of the span; the map takes it to these vectors.
        mapped = (left[:, :rank] / values[:rank]).T @ images
        eigenvalues, vectors = np.linalg.eig(right[:rank] @ mapped.T)
        first = int(np.argmax(eigenvalues.real))
        vector = vectors[:, first].real @ right[:rank]
        moved = vector[: self.length // 2]
        size = float(np.linalg.norm(moved))
        if size == 0:
            return None
        # The sign of an eigenvector is arbitrary; it is fixed so that runs can be repeated.
        vector = vector / (size * np.sign(moved[np.argmax(np.abs(moved))]))
        return float(eigenvalues[first].real), self._matrices(vector[None])

    def displaced(self, start: int, direction: State, amount: float) -> State:
        """The present point of a start moved along a direction of its chart."""
        here = self._matrices(self.point[[start]])
        parts = zip((here.S, here.R, here.Y, here.Z), (direction.S, direction.R, direction.Y, direction.Z), strict=True)
        return _uncharted(State(*(a + amount * b for a, b in parts)))

    def _state(self, index: Int) -> State:
        return _uncharted(self._matrices(self.point[index]))

    def _vector(self, state: State, scale: float) -> Float:
        parts = [state.S, state.R, scale * state.Y, scale * state.Z]
        flat = [np.ascontiguousarray(part).reshape(len(state), -1) for part in parts]
        return np.concatenate([part.view(np.float64) for part in flat], axis=1)

    def _matrices(self, vectors: Float) -> State:
        n, d = self.n, self.d
        quarter = self.length // 4
        parts = [np.ascontiguousarray(vectors[:, i * quarter : (i + 1) * quarter]).view(self.dtype) for i in range(4)]
        S, R, Y, Z = (
            part.reshape(-1, *shape) for part, shape in zip(parts, [(n, d), (d, n), (n, d), (n, d)], strict=True)
        )
        return State(S, R, Y / d, Z / d)


def _uncharted(charted: State) -> State:
    """The state with R S = I from bases with other pairings."""
    with np.errstate(all="ignore"):
        pairing = charted.R @ charted.S
        return State(charted.S, inverse(pairing) @ charted.R, charted.Y, charted.Z @ pairing)
