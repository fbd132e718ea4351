"""Numbers of the variety of m x n matrices of rank at most r: the function space of a two-layer linear network."""

from math import comb, prod

from algeom.maps.relabelling import check_integer

__all__ = [
    "determinantal_degree",
    "determinantal_dimension",
    "determinantal_ed_degree",
    "determinantal_singular_rank",
]


def determinantal_dimension(m: int, n: int, r: int) -> int:
    """Dimension r(m + n - r) of the affine variety of m x n matrices of rank at most r.

    Parameters
    ----------
    m, n : int
        Rows and columns, at least 1.
    r : int
        The rank, from 0 to min(m, n).

    Returns
    -------
    int

    Raises
    ------
    InputError
        If a size is not positive, or r is negative or exceeds min(m, n).

    References
    ----------
    W. Bruns, U. Vetter, Determinantal Rings, Springer, 1988, chapter 1.

    Examples
    --------
    >>> determinantal_dimension(3, 4, 2)
    10
    """
    m, n, r = _checked(m, n, r)
    return r * (m + n - r)


def determinantal_degree(m: int, n: int, r: int) -> int:
    """Degree of the projective variety of m x n matrices of rank at most r; 1 for r = 0, a point of the affine space.

    Parameters and errors are those of `determinantal_dimension`.

    Returns
    -------
    int
        ``prod_{i=0}^{n-r-1} (m+i)! i! / ((r+i)! (m-r+i)!)``, a quotient of products of the binomial coefficients
        ``C(m+i, r)`` and ``C(r+i, r)``.

    References
    ----------
    W. Fulton, Intersection Theory, Springer, 1984, Example 14.4.14.

    Examples
    --------
    >>> determinantal_degree(4, 4, 2), determinantal_degree(3, 4, 2), determinantal_degree(2, 2, 1)
    (20, 6, 2)
    """
    m, n, r = _checked(m, n, r)
    if r == 0:
        return 1
    return prod(comb(m + i, r) for i in range(n - r)) // prod(comb(r + i, r) for i in range(n - r))


def determinantal_ed_degree(m: int, n: int, r: int) -> int:
    """Euclidean distance degree of the m x n matrices of rank at most r for the Frobenius norm.

    Parameters and errors are those of `determinantal_dimension`.

    Returns
    -------
    int
        ``C(min(m, n), r)``: a critical point keeps r of the min(m, n) singular values.

    Notes
    -----
    The norms ``||(M - U) S||`` with S invertible have the same ED degree, since M -> M S preserves the rank; among them
    is the squared loss of a linear network on data X, with ``S = (X X^T)^(1/2)``. A general quadratic form on the
    entries has a larger one: see ``algeom.ed_degree_formula("determinantal", m, n, r)``.

    References
    ----------
    J. Draisma, E. Horobet, G. Ottaviani, B. Sturmfels, R. Thomas, The Euclidean distance degree of an algebraic
    variety, Found. Comput. Math. 16 (2016), Example 2.3.

    Examples
    --------
    >>> determinantal_ed_degree(3, 4, 2)
    3
    """
    m, n, r = _checked(m, n, r)
    return comb(min(m, n), r)


def determinantal_singular_rank(m: int, n: int, r: int) -> int | None:
    """The rank up to which matrices are singular points of the variety of matrices of rank at most r.

    Parameters and errors are those of `determinantal_dimension`.

    Returns
    -------
    int or None
        r - 1 for 0 < r < min(m, n); None for the smooth varieties: the origin and the space of all matrices.

    References
    ----------
    W. Bruns, U. Vetter, Determinantal Rings, Springer, 1988, chapter 2.

    Examples
    --------
    >>> determinantal_singular_rank(3, 4, 2), determinantal_singular_rank(3, 4, 3)
    (1, None)
    """
    m, n, r = _checked(m, n, r)
    return r - 1 if 0 < r < min(m, n) else None


def _checked(m: int, n: int, r: int) -> tuple[int, int, int]:
    m, n = check_integer("m", m, 1), check_integer("n", n, 1)
    return m, n, check_integer("r", r, 0, min(m, n), "the smaller side of the matrix")
