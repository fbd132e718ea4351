"""Plain versions of what algeom.networks.equivariant computes: by listing groups, components and eigenspaces."""

from itertools import product

import numpy as np


def group(generators):
    """All elements of a group of matrices, by multiplying until nothing new comes up."""
    n = len(generators[0])
    found = [np.eye(n)]
    for g in found:
        for h in generators:
            new = h @ g
            if not any(np.allclose(new, old, atol=1e-8) for old in found):
                found.append(new)
    return found


def mean(elements, matrix):
    """The mean of g M g^T over a group."""
    return sum(g @ matrix @ g.T for g in elements) / len(elements)


def commutant_dimension(generators):
    """The number of independent solutions of g X = X g."""
    n = len(generators[0])
    equations = np.concatenate([np.kron(g, np.eye(n)) - np.kron(np.eye(n), g.T) for g in generators])
    return n * n - np.linalg.matrix_rank(equations)


def orbits(generators, n):
    """Orbits of 0, ..., n-1 under lists of images, by merging sets."""
    parts = [{i} for i in range(n)]
    for images in generators:
        for i, j in enumerate(images):
            one = next(part for part in parts if i in part)
            other = next(part for part in parts if j in part)
            if one is not other:
                parts.remove(other)
                one |= other
    return sorted(sorted(part) for part in parts)


def rank_vectors(costs, high, rank):
    """All vectors with 0 <= r_b <= high_b of total cost `rank`, large entries first."""
    ranges = [range(most, -1, -1) for most in high]
    return [r for r in product(*ranges) if sum(c * x for c, x in zip(costs, r, strict=True)) == rank]


def series(costs, high):
    """The coefficients of the product of 1 + x^c + ... + x^(c d), term by term."""
    result = [1]
    for cost, most in zip(costs, high, strict=True):
        longer = [0] * (len(result) + cost * most)
        for s, value in enumerate(result):
            for r in range(most + 1):
                longer[s + cost * r] += value
        result = longer
    return result


def maximal_rank_vectors(costs, high, rank):
    """The vectors of cost at most `rank` that no other one dominates."""
    found = [r for s in range(rank + 1) for r in rank_vectors(costs, high, s)]
    return [r for r in found if not any(q != r and all(a <= b for a, b in zip(r, q, strict=True)) for q in found)]


def eigenspace(P, l, m):
    """An orthonormal basis of the eigenvectors of P for exp(2 pi i m / l)."""
    n = len(P)
    _, values, rows = np.linalg.svd(P - np.exp(2j * np.pi * m / l) * np.eye(n))
    return rows[np.count_nonzero(values > 1e-9) :].conj().T


def ranks_on_eigenspaces(P, labels, matrix):
    """The ranks of an equivariant matrix on eigenspaces of P."""
    found = []
    for l, m in labels:
        V = eigenspace(P, l, m)
        found.append(int(np.linalg.matrix_rank(V.conj().T @ matrix @ V, tol=1e-9)))
    return tuple(found)


def nearest_with_ranks(P, labels, target, ranks, *, real=True):
    """The nearest matrix that commutes with P and has at most given ranks on eigenspaces; pairs together for `real`."""
    n = len(P)
    result = np.zeros((n, n), dtype=complex)
    for (l, m), r in zip(labels, ranks, strict=True):
        V = eigenspace(P, l, m)
        left, values, right = np.linalg.svd(V.conj().T @ target @ V)
        part = V @ (left[:, :r] * values[:r]) @ right[:r] @ V.conj().T
        result += part + part.conj() if real and l > 2 else part
    return result.real if real else result


def nearest(P, labels, costs, high, target, rank, *, real=True):
    """The nearest one of rank at most `rank`, over all rank vectors."""
    candidates = [
        nearest_with_ranks(P, labels, target, ranks, real=real)
        for s in range(rank + 1)
        for ranks in rank_vectors(costs, high, s)
    ]
    distances = [np.linalg.norm(candidate - target) for candidate in candidates]
    return candidates[int(np.argmin(distances))], min(distances)


def best_selection(values, costs, rank):
    """The least sum of c s^2 over dropped values, by trying all choices."""
    items = [(s, c) for block, c in zip(values, costs, strict=True) for s in block]
    best = np.inf
    for choice in product([0, 1], repeat=len(items)):
        if sum(c for kept, (_, c) in zip(choice, items, strict=True) if kept) <= rank:
            best = min(best, sum(c * s * s for kept, (s, c) in zip(choice, items, strict=True) if not kept))
    return best
