"""Plain Python twins of the kernels in algeom._kernels.monomials."""

from itertools import combinations_with_replacement


def multidegree_table(weights, degree):
    """Monomials by multidegree: dict from (k, weight vector) to the sorted list of index sequences."""
    m = len(weights[0]) if weights else 0
    table = {}
    for k in range(degree + 1):
        for sequence in combinations_with_replacement(range(m), k):
            weight = tuple(sum(row[i] for i in sequence) for row in weights)
            table.setdefault((k, weight), []).append(sequence)
    return table


def evaluate(sequences, y, p):
    """Values modulo p: list of rows (points) of columns (monomials); y is a list of coordinate rows."""
    points = len(y[0]) if y else 0
    rows = []
    for k in range(points):
        row = []
        for sequence in sequences:
            value = 1
            for i in sequence:
                value = value * y[i][k] % p
            row.append(value)
        rows.append(row)
    return rows
