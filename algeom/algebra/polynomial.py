"""Exact sparse polynomials in several variables with rational coefficients.

Terms are kept in the graded lexicographic order, largest first: the higher total degree first, and within a degree
the larger exponent of the first variable, then of the second, and so on (FLINT's ``deglex``). So the leading term
of ``p1*p4 - p2*p3`` is ``p1*p4``.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from flint import fmpq, fmpz
from numpy.typing import ArrayLike, NDArray

from algeom.algebra import conversion, printing
from algeom.algebra.evaluation import Coefficient, EvaluationPlan, evaluate_point, evaluate_ring, plan_evaluation
from algeom.algebra.terms import (
    EXPONENT_LIMIT,
    canonical,
    check_exponent_sums,
    checked_exponents,
    checked_names,
    default_names,
    exact,
    multiply,
)
from algeom.errors import InputError

_REPR_CHARACTERS = 200
_LATEX_TERMS = 40


class Polynomial:
    """Exact sparse polynomial with integer or rational coefficients.

    Values are immutable and hashable. Sums, differences and products are with polynomials in the same variables (the
    same names in the same order) or with exact numbers. Two polynomials are equal if their terms and their names are;
    a constant equals the number that it is.

    Parameters
    ----------
    exponents : array of int, shape (T, m)
        One row for each term. Rows may repeat (their coefficients add) and come in any order.
    coefficients : sequence of T int or Fraction
        NumPy and python-flint integers and rationals are taken as well; floats are refused.
    names : sequence of str, optional
        Names of the m variables; default ``y1, ..., ym``.

    Raises
    ------
    InputError
        If shapes disagree, an exponent is negative, a coefficient is not exact, or names repeat.

    Examples
    --------
    >>> f = Polynomial([[1, 0, 0, 1], [0, 1, 1, 0]], [1, -1], ["p1", "p2", "p3", "p4"])
    >>> f
    p1*p4 - p2*p3
    >>> f([1, 2, 3, 6]), f.degree, len(f)
    (0, 2, 2)
    >>> p1, p2, p3, p4 = Polynomial.variables(["p1", "p2", "p3", "p4"])
    >>> f == p1 * p4 - p2 * p3
    True
    """

    __slots__ = ("_coefficients", "_exponents", "_hash", "_names", "_plan")
    #: NumPy's scalars and arrays leave the arithmetic to this class.
    __array_ufunc__: ClassVar[None] = None

    _coefficients: tuple[Coefficient, ...]
    _exponents: NDArray[np.int64]
    _hash: int | None
    _names: tuple[str, ...]
    _plan: EvaluationPlan | None

    def __init__(self, exponents: ArrayLike, coefficients: Iterable[Any], names: Iterable[str] | None = None) -> None:
        numbers_ = [exact(c) for c in coefficients]
        given = None if names is None else checked_names(names)
        array = checked_exponents(exponents, len(numbers_), None if given is None else len(given))
        if given is not None and len(given) != array.shape[1]:
            raise InputError(f"{len(given)} names were given for {array.shape[1]} variables; give one for each")
        self._set(*canonical(array, numbers_), default_names(array.shape[1]) if given is None else given)

    def _set(self, exponents: NDArray[np.int64], coefficients: tuple[Coefficient, ...], names: tuple[str, ...]) -> None:
        for slot, value in (
            ("_exponents", exponents),
            ("_coefficients", coefficients),
            ("_names", names),
            ("_hash", None),
            ("_plan", None),
        ):
            object.__setattr__(self, slot, value)

    @classmethod
    def _from_canonical(
        cls, exponents: NDArray[np.int64], coefficients: tuple[Coefficient, ...], names: tuple[str, ...]
    ) -> Polynomial:
        """Build from terms that are already in canonical form."""
        polynomial = cls.__new__(cls)
        exponents.setflags(write=False)
        polynomial._set(exponents, coefficients, names)
        return polynomial

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"polynomials are immutable; {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"polynomials are immutable; {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return Polynomial._from_canonical, (self._exponents, self._coefficients, self._names)

    # Construction

    @classmethod
    def from_terms(
        cls,
        terms: Mapping[tuple[int, ...], Any] | Iterable[tuple[Sequence[int], Any]],
        names: Iterable[str] | None = None,
    ) -> Polynomial:
        """Polynomial from a mapping of exponents to coefficients, or from pairs of them.

        Examples
        --------
        >>> Polynomial.from_terms({(2, 1): 3, (0, 0): -1}, ["x", "y"])
        3*x^2*y - 1
        """
        pairs = list(terms.items() if isinstance(terms, Mapping) else terms)
        rows = [tuple(exponents) for exponents, _ in pairs]
        if len({len(row) for row in rows}) > 1:
            raise InputError(f"the terms have different numbers of exponents: {sorted({len(row) for row in rows})}")
        return cls(np.array(rows) if rows else [], [c for _, c in pairs], names)

    @classmethod
    def constant(cls, value: Any, names: Iterable[str]) -> Polynomial:
        """The constant polynomial of the given value, zero included.

        Examples
        --------
        >>> Polynomial.constant(0, ["x", "y"])
        0
        """
        checked = checked_names(names)
        return cls(np.zeros((1, len(checked)), np.int64), [value], checked)

    @classmethod
    def variables(cls, names: Iterable[str]) -> tuple[Polynomial, ...]:
        """The variables of the ring with the given names.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (x + y) ** 2
        x^2 + 2*x*y + y^2
        """
        checked = checked_names(names)
        identity = np.eye(len(checked), dtype=np.int64)
        return tuple(cls._from_canonical(identity[i : i + 1], (1,), checked) for i in range(len(checked)))

    def _ring(self, exponents: NDArray[np.int64], coefficients: Sequence[Coefficient]) -> Polynomial:
        """Polynomial in the same variables from terms in any order."""
        return Polynomial._from_canonical(*canonical(exponents, coefficients), self._names)

    def _map_coefficients(self, scale: Coefficient) -> Polynomial:
        """The product with a nonzero number."""
        return Polynomial._from_canonical(
            self._exponents, tuple(exact(c * scale) for c in self._coefficients), self._names
        )

    # Terms

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables."""
        return self._names

    @property
    def n_variables(self) -> int:
        """Number of variables of the ring, whether they occur or not."""
        return len(self._names)

    @property
    def exponents(self) -> NDArray[np.int64]:
        """Exponents of the terms in order, shape (T, m), read-only."""
        return self._exponents

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """Coefficients of the terms in order, none of them zero."""
        return self._coefficients

    def terms(self) -> list[tuple[tuple[int, ...], Coefficient]]:
        """Pairs of exponents and coefficient, largest term first.

        Examples
        --------
        >>> Polynomial([[0, 1], [2, 0]], [5, -1]).terms()
        [((2, 0), -1), ((0, 1), 5)]
        """
        return list(zip(map(tuple, self._exponents.tolist()), self._coefficients, strict=True))

    def __iter__(self) -> Iterator[tuple[tuple[int, ...], Coefficient]]:
        return iter(self.terms())

    def __len__(self) -> int:
        return len(self._coefficients)

    @property
    def leading_coefficient(self) -> Coefficient:
        """Coefficient of the largest term; 0 for the zero polynomial."""
        return self._coefficients[0] if self._coefficients else 0

    @property
    def degree(self) -> int:
        """Total degree; -1 for the zero polynomial."""
        return int(self._exponents[0].sum()) if self._coefficients else -1

    @property
    def is_constant(self) -> bool:
        """Whether no variable occurs."""
        return self.degree <= 0

    @property
    def height_bits(self) -> int:
        """The least b such that all numerators and denominators are below 2^b in absolute value."""
        return max((max(abs(c.numerator), c.denominator).bit_length() for c in self._coefficients), default=0)

    def _weights(self, weights: ArrayLike | None) -> NDArray[np.int64]:
        """Weights of the terms, shape (T,) or (T, r)."""
        if weights is None:
            return np.asarray(self._exponents.sum(axis=1), np.int64)
        array = np.asarray(weights)
        if array.dtype.kind not in "iu" or array.ndim not in (1, 2) or array.shape[-1] != self.n_variables:
            raise InputError(
                f"the weights have shape {array.shape} and type {array.dtype}; give integers of shape "
                f"({self.n_variables},) or (r, {self.n_variables})"
            )
        return np.asarray(self._exponents @ array.T.astype(np.int64), np.int64)

    def is_homogeneous(self, weights: ArrayLike | None = None) -> bool:
        """Whether all terms have the same total degree, or the same weights.

        Parameters
        ----------
        weights : array of int, shape (m,) or (r, m), optional
            One weight of each variable, or r of them; total degree by default.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (x**2 - y).is_homogeneous(), (x**2 - y).is_homogeneous([1, 2])
        (False, True)
        """
        values = self._weights(weights)
        return bool((values == values[:1]).all())

    def multidegree(self, weights: ArrayLike) -> int | tuple[int, ...]:
        """Common weight of all terms.

        Parameters
        ----------
        weights : array of int, shape (m,) or (r, m)
            One weight of each variable, or r of them.

        Returns
        -------
        int or tuple of r int
            Following the shape of `weights`.

        Raises
        ------
        InputError
            If the polynomial is zero or its terms have different weights.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (x**2 - 3 * y).multidegree([[1, 2], [0, 0]])
        (2, 0)
        """
        values = self._weights(weights)
        if not self:
            raise InputError("the zero polynomial has every multidegree; ask a nonzero one")
        if (values != values[:1]).any():
            t = int(np.argmax((values != values[:1]).reshape(len(values), -1).any(axis=1)))
            raise InputError(
                f"the polynomial is not homogeneous: term 1 has weight {values[0].tolist()} and term {t + 1} has "
                f"{values[t].tolist()}"
            )
        first = values[0].tolist()
        return tuple(first) if isinstance(first, list) else int(first)

    # Comparison

    def __bool__(self) -> bool:
        return bool(self._coefficients)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Polynomial):
            if self.is_constant and other.is_constant:
                return self.leading_coefficient == other.leading_coefficient
            return (
                self._names == other._names
                and self._coefficients == other._coefficients
                and np.array_equal(self._exponents, other._exponents)
            )
        if isinstance(other, numbers.Rational | fmpz | fmpq):
            return self.is_constant and self.leading_coefficient == exact(other)
        return NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            value = (
                hash(self.leading_coefficient)
                if self.is_constant
                else hash((self._names, self._exponents.tobytes(), self._coefficients))
            )
            object.__setattr__(self, "_hash", value)
        assert self._hash is not None
        return self._hash

    def equal_up_to_scale(self, other: Polynomial) -> bool:
        """Whether one is a nonzero rational multiple of the other.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (2 * x - 4 * y).equal_up_to_scale(y - x / 2)
        True
        """
        return self.primitive() == other.primitive()

    # Arithmetic

    def _coerce(self, other: Any) -> Polynomial | None:
        """The other operand as a polynomial in the same variables, or None if it is not a number."""
        if isinstance(other, Polynomial):
            if other._names != self._names:
                raise InputError(
                    f"the polynomials have different variables, {self._names} and {other._names}; "
                    "rename(...) gives one of them the names of the other"
                )
            return other
        if isinstance(other, numbers.Rational | fmpz | fmpq):
            return self._ring(np.zeros((1, self.n_variables), np.int64), [exact(other)])
        return None

    def __add__(self, other: Any) -> Polynomial:
        right = self._coerce(other)
        if right is None:
            return NotImplemented
        return self._ring(np.concatenate([self._exponents, right._exponents]), self._coefficients + right._coefficients)

    __radd__ = __add__

    def __neg__(self) -> Polynomial:
        return self._map_coefficients(-1)

    def __pos__(self) -> Polynomial:
        return self

    def __sub__(self, other: Any) -> Polynomial:
        right = self._coerce(other)
        return NotImplemented if right is None else self + (-right)

    def __rsub__(self, other: Any) -> Polynomial:
        left = self._coerce(other)
        return NotImplemented if left is None else left + (-self)

    def __mul__(self, other: Any) -> Polynomial:
        right = self._coerce(other)
        if right is None:
            return NotImplemented
        if len(self) < len(right):
            return right * self
        if not right:
            return right
        if len(right) == 1:  # the order of the terms survives
            shift, scale = right._exponents[0], right._coefficients[0]
            check_exponent_sums(self._exponents, right._exponents)
            coefficients = self._map_coefficients(scale)._coefficients
            return Polynomial._from_canonical(self._exponents + shift, coefficients, self._names)
        return self._ring(*multiply(self._exponents, self._coefficients, right._exponents, right._coefficients))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Polynomial:
        if not isinstance(other, numbers.Rational | fmpz | fmpq):
            return NotImplemented
        divisor = exact(other)
        if not divisor:
            raise ZeroDivisionError(f"division of the polynomial {self!r} by zero")
        return self._map_coefficients(Fraction(1) / divisor)

    def __pow__(self, exponent: int) -> Polynomial:
        if isinstance(exponent, bool) or not isinstance(exponent, int | np.integer) or exponent < 0:
            raise InputError(f"the exponent is {exponent!r}; powers of polynomials are nonnegative integers")
        result = self._ring(np.zeros((1, self.n_variables), np.int64), [1])
        if len(self) == 1:
            if int(self._exponents.max(initial=0)) * int(exponent) >= EXPONENT_LIMIT:
                raise InputError(f"the power {exponent} has an exponent of 2^31 or more")
            power = exact(self._coefficients[0] ** int(exponent))
            return Polynomial._from_canonical(self._exponents * int(exponent), (power,), self._names)
        # For sparse polynomials in many variables repeated multiplication does less work than squaring.
        for _ in range(int(exponent)):
            result = result * self
        return result

    def primitive(self) -> Polynomial:
        """The rational multiple with coprime integer coefficients and a positive leading one; zero for zero.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (y / 3 - x / 2).primitive()
        3*x - 2*y
        """
        if not self:
            return self
        denominator = math.lcm(*(c.denominator for c in self._coefficients))
        integers = [c.numerator * (denominator // c.denominator) for c in self._coefficients]
        content = math.gcd(*integers)
        if integers[0] < 0:
            content = -content
        return Polynomial._from_canonical(self._exponents, tuple(c // content for c in integers), self._names)

    # Variables

    def _index(self, variable: int | str) -> int:
        """Position of a variable given by position or name."""
        if isinstance(variable, str):
            if variable not in self._names:
                raise InputError(f"there is no variable {variable!r}; the variables are {self._names}")
            return self._names.index(variable)
        if not -self.n_variables <= variable < self.n_variables:
            raise InputError(f"variable {variable} does not exist; there are {self.n_variables}, counted from 0")
        return int(variable) % self.n_variables

    def derivative(self, variable: int | str) -> Polynomial:
        """Partial derivative with respect to a variable, given by its position (from 0) or name.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (x**3 * y + y).derivative("x")
        3*x^2*y
        """
        i = self._index(variable)
        powers = self._exponents[:, i]
        exponents = self._exponents[powers > 0].copy()
        exponents[:, i] -= 1
        pairs = zip(self._coefficients, powers.tolist(), strict=True)
        return self._ring(exponents, [exact(c * e) for c, e in pairs if e])

    def permute(self, sigma: ArrayLike) -> Polynomial:
        """Replace variable i by variable ``sigma[i]``, for all i at once; the names stay where they are.

        So ``f.permute(sigma)(y) == f(y[sigma])``, and ``f.permute(s).permute(t) == f.permute(t[s])`` with NumPy's
        indexing. If ``phi(theta[tau]) == phi(theta)[sigma]`` for all theta and f vanishes on the image of phi, then
        ``f.permute(sigma)`` vanishes on it as well.

        Parameters
        ----------
        sigma : array of int, shape (m,)
            A permutation of 0, ..., m-1.

        Examples
        --------
        >>> x, y, z = Polynomial.variables(["x", "y", "z"])
        >>> (x**2 + y).permute([1, 2, 0])
        y^2 + z
        """
        order = np.asarray(sigma)
        if order.shape != (self.n_variables,) or sorted(order.tolist()) != list(range(self.n_variables)):
            raise InputError(f"sigma is {sigma!r}; give a permutation of 0, ..., {self.n_variables - 1}")
        exponents = np.empty_like(self._exponents)
        exponents[:, order.astype(np.int64)] = self._exponents
        return self._ring(exponents, self._coefficients)

    def rename(self, names: Iterable[str]) -> Polynomial:
        """The same polynomial with other names for the variables.

        Examples
        --------
        >>> Polynomial([[1, 2]], [3]).rename(["a", "b"])
        3*a*b^2
        """
        checked = checked_names(names)
        if len(checked) != self.n_variables:
            raise InputError(f"{len(checked)} names were given for {self.n_variables} variables; give one for each")
        return Polynomial._from_canonical(self._exponents, self._coefficients, checked)

    def homogenize(self, name: str = "y0", index: int = 0, degree: int | None = None) -> Polynomial:
        """Homogeneous polynomial in one more variable that gives this one where the new variable is 1.

        Parameters
        ----------
        name : str
            Name of the new variable.
        index : int
            Its position among the variables of the result, first by default.
        degree : int, optional
            Total degree of the result; by default the degree of the polynomial.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (x**2 - y + 1).homogenize("t")
        t^2 - t*y + x^2
        """
        if name in self._names:
            raise InputError(f"the variable {name!r} exists already; give another name")
        if not 0 <= index <= self.n_variables:
            raise InputError(f"index is {index}; the new variable goes to a position from 0 to {self.n_variables}")
        if degree is not None and not self.degree <= degree < EXPONENT_LIMIT:
            raise InputError(f"degree is {degree}; the polynomial has degree {self.degree}, which it must reach")
        total = self.degree if degree is None else degree
        exponents = np.insert(self._exponents, index, total - self._exponents.sum(axis=1), axis=1)
        names = (*self._names[:index], name, *self._names[index:])
        return Polynomial._from_canonical(*canonical(exponents, self._coefficients), names)

    def dehomogenize(self, variable: int | str = 0) -> Polynomial:
        """Set a variable to 1 and leave it out of the ring.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (x**2 - x * y).dehomogenize("x")
        -y + 1
        """
        i = self._index(variable)
        exponents = np.delete(self._exponents, i, axis=1)
        names = self._names[:i] + self._names[i + 1 :]
        return Polynomial._from_canonical(*canonical(exponents, self._coefficients), names)

    def subs(self, replacements: Mapping[int | str, Any]) -> Polynomial:
        """Replace variables, all at once, by numbers or polynomials of the same ring.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (x**2 + y).subs({"x": y - 1, "y": x})
        y^2 + x - 2*y + 1
        """
        values: list[Polynomial] = list(Polynomial.variables(self._names))
        for variable, value in replacements.items():
            coerced = self._coerce(value)
            if coerced is None:
                raise InputError(f"{variable} is to become {value!r}; give an exact number or a polynomial")
            values[self._index(variable)] = coerced
        result = self.compose(values)
        return result if isinstance(result, Polynomial) else self._ring(self._exponents, self._coefficients)

    # Evaluation

    def _evaluation_plan(self) -> EvaluationPlan:
        if self._plan is None:
            object.__setattr__(self, "_plan", plan_evaluation(self._exponents))
        assert self._plan is not None
        return self._plan

    def __call__(self, y: Any, *, modulo: int | None = None) -> Any:
        """Evaluate at one point, or at many.

        Parameters
        ----------
        y : sequence of m numbers, or array of shape (m,) or (m, B)
            Integers and Fractions give an exact value; floats, complex and mpmath numbers give one of their kind, as
            do other numbers that multiply with integers (python-flint's, for instance). Arrays are evaluated for all
            points at once, one point a column; arrays of machine integers give exact values (Python integers).
        modulo : int, optional
            Evaluate modulo this number, prime or not and of any size: the points hold integers or Fractions, and the
            value is in [0, modulo). Points come as arrays of integers, balanced residues in floating point included.

        Returns
        -------
        number, or array of shape (B,)
            For a batch modulo a number below 2^63 the array is int64.

        Raises
        ------
        InputError
            If the length is not m, or the point does not hold numbers.
        ZeroDivisionError
            If a denominator is not invertible modulo `modulo`.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> f = x**2 - y / 2
        >>> f([3, 4]), f([Fraction(1, 2), 1]), f([0.5, 1.0]), f([3, 5], modulo=7)
        (Fraction(7, 1), Fraction(-1, 4), -0.25, 3)
        >>> f(np.array([[1.0, 2.0], [2.0, 2.0]]))
        array([0., 3.])
        """
        return evaluate_point(self._evaluation_plan(), self._coefficients, y, self.n_variables, modulo)

    def compose(self, values: Sequence[Any]) -> Any:
        """Evaluate at elements of any commutative ring, for instance at polynomials: the exact expansion f(phi).

        The elements need ``+`` and ``*``, with each other and with Python integers. Products that several terms begin
        with are computed once. A coefficient with a denominator divides by it, so that python-flint's ``fmpz_mpoly``
        suits integer coefficients and ``fmpq_mpoly`` all.

        Parameters
        ----------
        values : sequence of m ring elements
            What the variables become.

        Examples
        --------
        >>> s, t = Polynomial.variables(["s", "t"])
        >>> conic = Polynomial([[1, 0, 1], [0, 2, 0]], [1, -1])
        >>> conic.compose([s**2, s * t, t**2])
        0
        """
        elements = list(values)
        if len(elements) != self.n_variables:
            raise InputError(f"{len(elements)} elements were given for {self.n_variables} variables")
        return evaluate_ring(self._evaluation_plan(), self._coefficients, elements)

    # Text and other systems

    def __str__(self) -> str:
        return "".join(printing.term_texts(self.terms(), self._names)) or "0"

    def __repr__(self) -> str:
        shown: list[str] = []
        length = 0
        for text in printing.term_texts(self.terms(), self._names):
            length += len(text)
            if length > _REPR_CHARACTERS and shown:
                return f"{''.join(shown)} + ... ({len(self)} terms, degree {self.degree})"
            shown.append(text)
        return "".join(shown) or "0"

    def latex(self) -> str:
        r"""All terms in LaTeX; ``y12`` and ``y_12`` become ``y_{12}``, Greek names Greek letters.

        Examples
        --------
        >>> print(Polynomial([[2, 1]], [Fraction(1, 2)], ["y12", "mu"]).latex())
        \frac{1}{2} y_{12}^{2} \mu
        """
        return "".join(printing.latex_texts(self.terms(), self._names)) or "0"

    def _repr_latex_(self) -> str:
        if len(self) <= _LATEX_TERMS:
            return f"${self.latex()}$"
        shown = "".join(printing.latex_texts(self.terms()[:_LATEX_TERMS], self._names))
        return rf"${shown} + \cdots \quad (\text{{{len(self)} terms}})$"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: the names, and for each term the coefficient as text and the powers of its variables.

        Examples
        --------
        >>> Polynomial([[2, 0], [0, 1]], [Fraction(1, 2), -1]).to_dict()
        {'names': ['y1', 'y2'], 'terms': [['1/2', [[0, 2]]], ['-1', [[1, 1]]]]}
        """
        return conversion.to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Polynomial:
        """Read what `to_dict` gives.

        Raises
        ------
        InputError
            If the data are malformed.

        Examples
        --------
        >>> Polynomial.from_dict({"names": ["x", "y"], "terms": [["-7/3", [[0, 2], [1, 1]]]]})
        -7/3*x^2*y
        """
        return cls(*conversion.from_dict(data))

    def to_sympy(self) -> Any:
        """SymPy expression in symbols of the same names (needs the extra ``algeom[sympy]``)."""
        return conversion.to_sympy(self)

    @classmethod
    def from_sympy(cls, expression: Any, names: Iterable[str] | None = None) -> Polynomial:
        """Polynomial from a SymPy expression or ``Poly`` with rational coefficients.

        Parameters
        ----------
        expression : sympy.Expr or sympy.Poly
            Expanded where needed.
        names : sequence of str, optional
            The variables, in order. By default the generators of a ``Poly``, or the symbols that occur, with numbers
            inside names compared as numbers (y2 before y10).

        Raises
        ------
        InputError
            If it is not a polynomial in these variables, or has coefficients that are not rational.

        Examples
        --------
        >>> import sympy
        >>> Polynomial.from_sympy((sympy.Symbol("x") - 1) ** 2 / 2)
        1/2*x^2 - x + 1/2
        """
        return cls(*conversion.from_sympy(expression, names))

    def to_flint(self, context: Any = None) -> Any:
        """Polynomial of python-flint: ``fmpz_mpoly`` for integer coefficients, ``fmpq_mpoly`` otherwise.

        Parameters
        ----------
        context : fmpz_mpoly_ctx or fmpq_mpoly_ctx, optional
            A ring with as many variables; by default one with the same names in the same term order.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> (x**2 + 2 * x * y + y**2).to_flint().factor()
        (1, [(x + y, 2)])
        """
        return conversion.to_flint(self, context)

    @classmethod
    def from_flint(cls, polynomial: Any, names: Iterable[str] | None = None) -> Polynomial:
        """Polynomial from python-flint's ``fmpz_mpoly`` or ``fmpq_mpoly``, with its context's names by default.

        Examples
        --------
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> Polynomial.from_flint((x * y).to_flint() ** 2)
        x^2*y^2
        """
        return cls(*conversion.from_flint(polynomial, names))
