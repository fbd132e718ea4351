"""Gains of maps by dense grids and by one region after the other, in plain NumPy."""

from itertools import product

import numpy as np


def sphere_grid(n, count):
    """Unit vectors that come within about 3 / count of every one, for n = 1, 2, 3."""
    if n == 1:
        return np.array([[1.0], [-1.0]])
    if n == 2:
        angles = np.linspace(0, 2 * np.pi, 2 * count)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    line = np.linspace(-1, 1, count)
    points = []
    for axis, sign in product(range(3), (1.0, -1.0)):
        a, b = np.meshgrid(line, line)
        face = np.insert(np.stack([a.ravel(), b.ravel()], axis=1), axis, sign, axis=1)
        points.append(face / np.linalg.norm(face, axis=1)[:, None])
    return np.concatenate(points)


_LONG = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, np.longdouble(0.01) * z),
    "abs": np.abs,
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
}


def precise_gains(layers, x):
    """``|f(x) - f(0)| / |x|`` of dense layers in extended precision, rounded down at the end."""
    points = np.concatenate([np.zeros((1, x.shape[1])), x]).astype(np.longdouble)
    h = points
    for layer in layers:
        z = h @ layer.weight.T.astype(np.longdouble)
        h = _LONG[layer.activation.name](z if layer.bias is None else z + layer.bias)
    sizes = np.sqrt(np.square(h[1:] - h[0]).sum(axis=1)) / np.sqrt(np.square(points[1:]).sum(axis=1))
    return np.nextafter(sizes.astype(np.float64), 0)


def grid_norm(f, n, radii=(1.0,), count=300):
    """The largest gain of f on a grid."""
    u = sphere_grid(n, count)
    return max(float((np.linalg.norm(f(r * u), axis=1) / r).max()) for r in radii)


def planar_norm(weights, slopes):
    """The norm of a network R^2 -> R^p without biases, by the angles of its kinks.

    ``weights`` are matrices, ``slopes`` for each the slopes for positive and negative arguments. Between two angles
    where a neuron changes its sign the network is one matrix, and ``|A x|^2 = a + b cos 2t + c sin 2t``.
    """
    angles = {0.0, np.pi}
    for k in range(len(weights)):
        for low, high in _arcs(angles):
            a = _matrix(weights[:k], slopes[:k], (low + high) / 2)
            for row in weights[k] @ a:
                angle = np.arctan2(-row[0], row[1]) % (2 * np.pi)
                angles |= {t for t in (angle, (angle + np.pi) % (2 * np.pi)) if low < t < high}
    best = 0.0
    for low, high in _arcs(angles):
        a = _matrix(weights, slopes, (low + high) / 2)
        g = a.T @ a
        top = 0.5 * np.arctan2(2 * g[0, 1], g[0, 0] - g[1, 1])
        inside = [t for t in (top + k * np.pi for k in range(4)) if low < t < high]
        best = max(best, *(np.linalg.norm(a @ [np.cos(t), np.sin(t)]) for t in (low, high, *inside)))
    return float(best)


def _arcs(angles):
    ordered = sorted(angles)
    return list(zip(ordered, [*ordered[1:], ordered[0] + 2 * np.pi], strict=True))


def _matrix(weights, slopes, angle):
    a, x = np.eye(2), np.array([np.cos(angle), np.sin(angle)])
    for w, (plus, minus) in zip(weights, slopes, strict=True):
        z = w @ a @ x
        a = np.where(z > 0, plus, minus)[:, None] * (w @ a)
    return a
