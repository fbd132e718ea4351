"""Elimination modulo a prime in plain Python integers: the twin of algeom._kernels.modular."""

from __future__ import annotations


def balanced(x: int, p: int) -> int:
    """Representative of x modulo p of least absolute value."""
    x %= p
    return x - p if 2 * x > p else x


def echelon(rows: list[list[int]], p: int) -> tuple[list[int], list[list[int]]]:
    """Pivot columns and the nonzero rows of the reduced row echelon form."""
    work = [[x % p for x in row] for row in rows]
    columns = len(work[0]) if work else 0
    pivots: list[int] = []
    for c in range(columns):
        top = len(pivots)
        found = next((i for i in range(top, len(work)) if work[i][c]), None)
        if found is None:
            continue
        work[top], work[found] = work[found], work[top]
        inverse = pow(work[top][c], -1, p)
        work[top] = [x * inverse % p for x in work[top]]
        for i, row in enumerate(work):
            if i != top and row[c]:
                factor = row[c]
                work[i] = [(x - factor * y) % p for x, y in zip(row, work[top], strict=True)]
        pivots.append(c)
    return pivots, work[: len(pivots)]


def null_space(rows: list[list[int]], columns: int, p: int) -> tuple[list[int], list[int], list[list[int]]]:
    """Pivot columns, free columns and the balanced coefficients at the pivots of each null vector."""
    pivots, reduced = echelon(rows, p)
    free = [c for c in range(columns) if c not in set(pivots)]
    return pivots, free, [[balanced(-row[f], p) for row in reduced] for f in free]


def invert_lower(rows: list[list[int]], p: int) -> list[list[int]]:
    """Inverse of a lower triangular matrix, entries above its diagonal taken as zero."""
    inverse: list[list[int]] = []
    for i, row in enumerate(rows):
        scale = pow(row[i], -1, p)
        line = [int(i == j) for j in range(len(rows))]
        for j in range(i):
            line = [x - row[j] * y for x, y in zip(line, inverse[j], strict=True)]
        inverse.append([balanced(x * scale, p) for x in line])
    return inverse
