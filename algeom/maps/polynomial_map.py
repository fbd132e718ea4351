"""Polynomial and rational maps as values: evaluation over every field, derivatives, and new maps from old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.builder import TapeBuilder
from algeom.maps.parsing import checked_name
from algeom.maps.tape import Tape, noun_count
from algeom.maps.tracing import TracedArray, lift

Permutation = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class PolynomialMap:
    """A polynomial or rational map ``phi: K^n -> K^m`` with rational coefficients, held as a tape.

    Make one with `polynomial_map`. Maps are immutable, compare by tape, names and symmetries, and pickle.

    Parameters
    ----------
    tape : Tape
        The straight-line program of the map.
    names : sequence of str, optional
        Names of the m coordinates; ``y1, y2, ...`` by default.
    parameter_names : sequence of str, optional
        Names of the n parameters; ``theta1, theta2, ...`` by default.
    parameter_shapes : mapping of str to tuple of int, optional
        Array parameters in the order in which they make up the parameter vector, each in C order.
    symmetries : sequence of pairs of permutations, optional
        Pairs (tau, sigma) with ``phi(theta[tau])[i] == phi(theta)[sigma[i]]`` for all i.
    has_float_constants : bool
        Whether a constant came from a float that looks rounded (0.1, but not 0.5).

    Raises
    ------
    InputError
        If names are repeated or of the wrong number, or a symmetry is not a pair of permutations.

    Examples
    --------
    >>> import algeom as ag
    >>> phi = ag.polynomial_map(["a*b", "a*(1-b)"], names=["p", "q"])
    >>> phi
    PolynomialMap(2 parameters -> 2 coordinates, 3 operations, degree 2)
    >>> phi([2, Fraction(1, 3)])
    array([Fraction(2, 3), Fraction(4, 3)], dtype=object)
    >>> phi.jacobian(np.array([2.0, 0.5]))
    array([[ 0.5,  2. ],
           [ 0.5, -2. ]])
    """

    tape: Tape
    names: tuple[str, ...] = ()
    parameter_names: tuple[str, ...] = ()
    parameter_shapes: Mapping[str, tuple[int, ...]] | None = None
    symmetries: tuple[tuple[Permutation, Permutation], ...] = ()
    has_float_constants: bool = field(default=False)

    def __post_init__(self) -> None:
        n, m = self.tape.n_inputs, self.tape.n_outputs
        names = checked_names("names", self.names or [f"y{i}" for i in range(1, m + 1)], m, "coordinates")
        parameter_names = checked_names(
            "parameters", self.parameter_names or [f"theta{i}" for i in range(1, n + 1)], n, "parameters"
        )
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "parameter_names", parameter_names)
        object.__setattr__(self, "symmetries", tuple(_checked_symmetry(pair, n, m) for pair in self.symmetries))
        if self.parameter_shapes is not None:
            shapes = {name: tuple(shape) for name, shape in self.parameter_shapes.items()}
            if sum(int(np.prod(shape, dtype=int)) for shape in shapes.values()) != n:
                raise InputError(f"array parameters of shapes {shapes} do not make up {n} parameters")
            object.__setattr__(self, "parameter_shapes", shapes)

    # Sizes and identity

    @property
    def n_parameters(self) -> int:
        """Number of parameters n."""
        return self.tape.n_inputs

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates m."""
        return self.tape.n_outputs

    @property
    def is_polynomial(self) -> bool:
        """Whether the map divides by constants only."""
        return self.tape.is_polynomial

    @cached_property
    def degree(self) -> int:
        """Upper bound for the degree: of the polynomials, or of numerators and denominator over a common one."""
        return self.tape.common_degree()

    def degree_bounds(self) -> tuple[tuple[int, int], ...]:
        """Upper bounds (numerator degree, denominator degree) for every coordinate."""
        return self.tape.degree_bounds()

    @cached_property
    def _key(self) -> tuple[object, ...]:
        symmetries = tuple((tau.tobytes(), sigma.tobytes()) for tau, sigma in self.symmetries)
        return (self.tape, self.names, self.parameter_names, symmetries)

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, PolynomialMap) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({noun_count(self.n_parameters, 'parameter')} -> "
            f"{noun_count(self.n_coordinates, 'coordinate')}, {noun_count(self.tape.n_operations, 'operation')}, "
            f"{'' if self.is_polynomial else 'rational, '}degree {self.degree})"
        )

    # Evaluation

    def __call__(self, theta: Any = None, /, *, modulus: int | None = None, **arrays: Any) -> Any:
        """Values of the map.

        Parameters
        ----------
        theta : array_like, shape (n,) or (n, B), or mapping
            A point, or points as columns. The entries choose the arithmetic: int and Fraction (and NumPy integers)
            give exact values, floats double precision, complex numbers complex ones; mpmath numbers, python-flint
            elements and SymPy expressions are computed with as they are. A mapping gives array parameters by name.
        modulus : int, optional
            Compute modulo this prime, of any size; entries are then integers or Fractions.
        **arrays : array_like
            Array parameters by name, instead of ``theta``; all of one kind.

        Returns
        -------
        ndarray, shape (m,) or (m, B)
            float64, complex128 or object. Infinite or NaN where a denominator vanishes in floating point. Traced,
            if called inside a function that is being traced.

        Raises
        ------
        InputError
            If the shape is wrong, or a denominator vanishes in exact arithmetic.
        """
        point = self._point(theta, arrays)
        if isinstance(point, TracedArray):
            return self._trace(point)
        if modulus is not None:
            return self._columns(point, lambda values: self._modulo(self.tape, values, modulus))
        if point.dtype != object:
            values = self.tape.evaluate(point[:, None] if point.ndim == 1 else point)
            return values[:, 0] if point.ndim == 1 else values
        return self._columns(point, lambda values: self._exactly(self.tape, values))

    def jacobian(self, theta: Any = None, /, *, modulus: int | None = None, **arrays: Any) -> NDArray[Any]:
        """Jacobian matrix, row i the partial derivatives of coordinate i.

        Parameters and errors are those of calling the map.

        Returns
        -------
        ndarray, shape (m, n) or (B, m, n)
            float64, complex128 or object.
        """
        point = self._point(theta, arrays)
        if isinstance(point, TracedArray):
            raise InputError("the Jacobian of a map at traced parameters was asked for; use tape.jacobian_tape()")
        if modulus is None and point.dtype != object:
            return self.tape.jacobian(point)
        tape = self._jacobian_tape
        if modulus is None:
            values = self._columns(point, lambda column: self._exactly(tape, column))
        else:
            values = self._columns(point, lambda column: self._modulo(tape, column, modulus))
        shape = (self.n_coordinates, self.n_parameters)
        return values.reshape(shape) if point.ndim == 1 else values.T.reshape(-1, *shape)

    @cached_property
    def _jacobian_tape(self) -> Tape:
        return self.tape.jacobian_tape()

    def _point(self, theta: Any, arrays: Mapping[str, Any]) -> Any:
        """The point or batch as a traced, float64, complex128 or object array of shape (n,) or (n, B)."""
        if isinstance(theta, Mapping):
            theta, arrays = None, {**theta, **arrays}
        if theta is None:
            theta = self._flat_parameters(arrays)
        elif arrays:
            raise InputError(f"give the parameters as one vector or by name ({', '.join(arrays)}), not both")
        if isinstance(theta, TracedArray):
            point: Any = theta
        elif isinstance(theta, np.ndarray):
            point = theta
        else:
            # Through object entries: NumPy would turn large or mixed integers into floats.
            traced = _first_traced(theta)
            if traced is not None:
                point = TracedArray(traced.builder, lift(traced.builder, list(theta)))
            else:
                try:
                    point = np.array(list(theta), dtype=object)
                except (TypeError, ValueError) as error:
                    raise InputError(f"the parameters {theta!r} are not a vector: {error}") from error
        if point.ndim not in (1, 2) or point.shape[0] != self.n_parameters:
            raise InputError(
                f"this map has {noun_count(self.n_parameters, 'parameter')}: give a vector of that length, or an array "
                f"of shape ({self.n_parameters}, B) with points as columns; shape {point.shape} was given"
            )
        if isinstance(point, TracedArray):
            return point
        return _normal_entries(point)

    def _flat_parameters(self, arrays: Mapping[str, Any]) -> Any:
        shapes = self.parameter_shapes
        if shapes is None:
            shapes = dict.fromkeys(self.parameter_names, ())
        if set(arrays) != set(shapes):
            raise InputError(f"the parameters of this map are {', '.join(shapes)}; {', '.join(arrays) or 'none'} given")
        entries: list[Any] = []
        for name, shape in shapes.items():
            value = arrays[name]
            given = value if isinstance(value, (np.ndarray, TracedArray)) else np.array(value, dtype=object)
            if given.shape != shape:
                raise InputError(f"the parameter {name} has shape {shape}; shape {given.shape} was given")
            entries += given.ravel().tolist()
        return entries

    def _columns(self, point: NDArray[Any], evaluate: Any) -> NDArray[Any]:
        columns = [point] if point.ndim == 1 else list(point.T)
        values = [evaluate(column.tolist()) for column in columns]
        result = np.empty((len(values[0]) if values else self.n_coordinates, len(values)), dtype=object)
        for k, value in enumerate(values):
            result[:, k] = value
        return result[:, 0] if point.ndim == 1 else result

    @staticmethod
    def _exactly(tape: Tape, values: list[Any]) -> list[Any]:
        try:
            return tape.evaluate_exact(values)
        except ZeroDivisionError as error:
            raise InputError("a denominator of the map vanishes at this point; choose another") from error

    @staticmethod
    def _modulo(tape: Tape, values: list[Any], p: int) -> list[int]:
        if p < 2:
            raise InputError(f"arithmetic modulo {p} was asked for; the modulus is a prime")
        try:
            residues = [Fraction(v).numerator * pow(Fraction(v).denominator, -1, p) % p for v in values]
            return tape.evaluate_residues(residues, p)
        except (ZeroDivisionError, ValueError) as error:
            raise InputError(f"a denominator vanishes here modulo {p}; choose another point or prime") from error
        except TypeError as error:
            raise InputError(f"arithmetic modulo {p} takes integers and Fractions: {error}") from error

    def _trace(self, point: TracedArray) -> TracedArray:
        builder = point.builder
        builder.has_float_constants |= self.has_float_constants
        columns = [point.nodes] if point.ndim == 1 else list(point.nodes.T)
        values = np.array([builder.append(self.tape, column.tolist()) for column in columns], dtype=np.int64)
        return TracedArray(builder, values[0] if point.ndim == 1 else values.T)

    # New maps from old

    def compose(self, inner: PolynomialMap) -> PolynomialMap:
        """The map ``theta -> self(inner(theta))``: first ``inner``, then this one.

        Parameters
        ----------
        inner : PolynomialMap
            With as many coordinates as this map has parameters.

        Returns
        -------
        PolynomialMap
            Parameters named as those of ``inner``, coordinates as those of this map, without symmetries.

        Examples
        --------
        >>> import algeom as ag
        >>> square, shift = ag.polynomial_map(["x^2"]), ag.polynomial_map(["x + 1"])
        >>> square.compose(shift)([2]).tolist(), shift.compose(square)([2]).tolist()
        ([9], [5])
        """
        if not isinstance(inner, PolynomialMap):
            raise InputError(f"phi.compose(psi) takes another PolynomialMap; {inner!r} was given")
        if inner.n_coordinates != self.n_parameters:
            raise InputError(
                f"phi.compose(psi) is phi after psi: psi has {noun_count(inner.n_coordinates, 'coordinate')}, "
                f"and phi takes {noun_count(self.n_parameters, 'parameter')}"
            )
        builder = TapeBuilder(inner.n_parameters)
        nodes = builder.append(self.tape, builder.append(inner.tape, builder.inputs))
        return PolynomialMap(
            builder.build(nodes),
            names=self.names,
            parameter_names=inner.parameter_names,
            parameter_shapes=inner.parameter_shapes,
            has_float_constants=self.has_float_constants or inner.has_float_constants,
        )

    def linear_change(self, matrix: Any, *, names: Sequence[str] | None = None) -> PolynomialMap:
        """The map ``theta -> matrix @ phi(theta)``.

        Parameters
        ----------
        matrix : array_like, shape (k, m)
            Rational entries; floats are taken exactly.
        names : sequence of str, optional
            Names of the k new coordinates, ``y1, y2, ...`` by default.

        Returns
        -------
        PolynomialMap
            Without symmetries.

        Examples
        --------
        >>> import algeom as ag
        >>> ag.polynomial_map(["a", "b"]).linear_change([[1, 1], [1, -1]])([5, 3])
        array([8, 2], dtype=object)
        """
        builder = TapeBuilder(self.n_parameters)
        try:
            entries = matrix if isinstance(matrix, np.ndarray) else np.array(matrix, dtype=object)
        except ValueError:
            entries = np.array(None)  # too ragged even for an array of lists
        if entries.ndim != 2 or entries.shape[1] != self.n_coordinates or not entries.shape[0]:
            given = f"shape {entries.shape}" if entries.ndim == 2 else f"{matrix!r}"
            raise InputError(
                f"a linear change of {noun_count(self.n_coordinates, 'coordinate')} is a matrix of shape "
                f"(k, {self.n_coordinates}), its rows equally long; {given} was given"
            )
        rows = lift(builder, entries)
        values = builder.append(self.tape, builder.inputs)
        tape = builder.build([builder.dot(row, values) for row in rows.tolist()])
        return PolynomialMap(
            tape,
            names=tuple(names or ()),
            parameter_names=self.parameter_names,
            parameter_shapes=self.parameter_shapes,
            has_float_constants=self.has_float_constants or builder.has_float_constants,
        )

    def restrict(self, coordinates: Iterable[int | str]) -> PolynomialMap:
        """The map followed by the projection to some coordinates, in the order given.

        Parameters
        ----------
        coordinates : iterable of int or str, or of bool
            Indices or names, none repeated; or a mask, one truth value for each coordinate.

        Returns
        -------
        PolynomialMap
            With the symmetries that permute the chosen coordinates among themselves.

        Examples
        --------
        >>> import algeom as ag
        >>> ag.polynomial_map(["a", "a*b", "b"], names=["u", "v", "w"]).restrict(["w", 0]).names
        ('w', 'u')
        """
        if isinstance(coordinates, str):
            raise InputError(f"restrict takes a list of coordinates, like [{coordinates!r}]")
        if not isinstance(coordinates, Iterable):
            raise InputError(f"restrict takes a list of coordinates, names or indices; {coordinates!r} was given")
        listed: list[Any] = list(coordinates)
        if listed and all(isinstance(entry, (bool, np.bool_)) for entry in listed):
            if len(listed) != self.n_coordinates:
                raise InputError(
                    f"a mask of {len(listed)} entries was given for {noun_count(self.n_coordinates, 'coordinate')}; "
                    "give one truth value for each, or names or indices"
                )
            listed = np.flatnonzero(listed).tolist()
        position = {name: k for k, name in enumerate(self.names)}
        chosen: list[int] = []
        for coordinate in listed:
            if isinstance(coordinate, str):
                index = position.get(coordinate, -1)
            else:
                index = int(np.arange(self.n_coordinates)[coordinate]) if self._is_index(coordinate) else -1
            if index < 0:
                raise InputError(
                    f"{coordinate!r} is not a coordinate of this map: give names, or indices 0 to "
                    f"{self.n_coordinates - 1}"
                )
            chosen.append(index)
        if not chosen or len(set(chosen)) < len(chosen):
            raise InputError("restrict needs at least one coordinate, and each at most once")
        builder = TapeBuilder(self.n_parameters)
        values = builder.append(self.tape, builder.inputs)
        place = {index: k for k, index in enumerate(chosen)}
        symmetries = [
            (tau, np.array([place[int(sigma[index])] for index in chosen]))
            for tau, sigma in self.symmetries
            if all(int(sigma[index]) in place for index in chosen)
        ]
        return PolynomialMap(
            builder.build([values[index] for index in chosen]),
            names=tuple(self.names[index] for index in chosen),
            parameter_names=self.parameter_names,
            parameter_shapes=self.parameter_shapes,
            symmetries=tuple(symmetries),
            has_float_constants=self.has_float_constants,
        )

    def _is_index(self, coordinate: object) -> bool:
        return (
            isinstance(coordinate, (int, np.integer))
            and not isinstance(coordinate, bool)
            and -self.n_coordinates <= int(coordinate) < self.n_coordinates
        )

    def cone(self) -> PolynomialMap:
        """The map ``(theta, t) -> (t, t phi_1(theta), ..., t phi_m(theta))``.

        The closure of its image is the cone over the image, and its ideal the homogenization of the ideal of the
        image by the new first coordinate.

        Returns
        -------
        PolynomialMap
            With one more parameter, the last, named ``t``, and one more coordinate, the first, named ``y0`` (other
            names if these are taken). Symmetries carry over.

        Examples
        --------
        >>> import algeom as ag
        >>> cone = ag.polynomial_map(["a", "a^2"]).cone()
        >>> cone.names, cone.parameter_names, cone([3, 2])
        (('y0', 'y1', 'y2'), ('a', 't'), array([2, 6, 18], dtype=object))
        """
        n = self.n_parameters
        builder = TapeBuilder(n + 1)
        t = builder.inputs[n]
        values = builder.append(self.tape, builder.inputs[:n])
        tape = builder.build([t, *(builder.mul(t, value) for value in values)])
        name = _free_name("t", self.parameter_names)
        return PolynomialMap(
            tape,
            names=(_free_name("y0", self.names), *self.names),
            parameter_names=(*self.parameter_names, name),
            parameter_shapes=None if self.parameter_shapes is None else {**self.parameter_shapes, name: ()},
            symmetries=tuple((np.append(tau, n), np.append(0, sigma + 1)) for tau, sigma in self.symmetries),
            has_float_constants=self.has_float_constants,
        )


def _free_name(wanted: str, taken: Sequence[str]) -> str:
    name, k = wanted, 0
    while name in taken:
        k += 1
        name = f"{wanted}_{k}"
    return name


def checked_names(argument: str, names: Sequence[str], count: int, what: str) -> tuple[str, ...]:
    """Names in their normal form, once it is certain that they are as many as needed, readable and different."""
    if isinstance(names, str):
        raise InputError(f"{argument}={names!r} is one string; give a list of {count} names")
    if not isinstance(names, Iterable):
        raise InputError(f"{argument}={names!r} is not a list of names; give {count}")
    names = tuple(names)
    normal = tuple(checked_name(argument, name) for name in names)
    if len(names) != count:
        raise InputError(f"{argument} has {len(names)} names, and the map has {count} {what}; give one name for each")
    if len(set(normal)) < count:
        repeated = next(name for k, name in enumerate(normal) if name in normal[:k])
        raise InputError(f"{argument} repeats the name {repeated!r}; names must differ")
    return normal


def _checked_symmetry(pair: Any, n: int, m: int) -> tuple[Permutation, Permutation]:
    try:
        tau, sigma = (np.array(part, dtype=np.int64) for part in pair)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a symmetry is a pair (parameter permutation, coordinate permutation) of integer arrays: {error}"
        ) from error
    for part, size, what in ((tau, n, "parameters"), (sigma, m, "coordinates")):
        if part.shape != (size,) or not np.array_equal(np.sort(part), np.arange(size)):
            raise InputError(f"a symmetry has {part.tolist()} instead of a permutation of 0..{size - 1} of the {what}")
        part.flags.writeable = False
    return tau, sigma


def _first_traced(values: Any) -> TracedArray | None:
    if isinstance(values, TracedArray):
        return values
    if isinstance(values, (list, tuple)):
        return next((found for found in map(_first_traced, values) if found is not None), None)
    return None


def _normal_entries(point: NDArray[Any]) -> Any:
    """float64, complex128 or object entries; object entries that are all plain numbers choose among these."""
    kind = point.dtype.kind
    if kind == "f":
        return point.astype(np.float64)
    if kind == "c":
        return point.astype(np.complex128)
    if kind in "iub":
        return point.astype(object) if kind != "b" else point.astype(np.int64).astype(object)
    if kind != "O":
        raise InputError(f"parameters of type {point.dtype} were given; they are numbers")
    entries = [int(v) if isinstance(v, (np.integer, np.bool_)) else v for v in point.ravel().tolist()]
    if any(isinstance(v, TracedArray) for v in entries):
        traced = next(v for v in entries if isinstance(v, TracedArray))
        return TracedArray(traced.builder, lift(traced.builder, point))
    if any(isinstance(v, str) or v is None for v in entries):
        raise InputError("the parameters have an entry that is not a number")
    inexact = any(isinstance(v, (float, complex, np.floating, np.complexfloating)) for v in entries)
    plain = all(isinstance(v, (int, Fraction, float, complex, np.number)) for v in entries)
    if inexact and plain:
        is_complex = any(isinstance(v, (complex, np.complexfloating)) for v in entries)
        numbers = [complex(v) if is_complex else float(v) for v in entries]
        return np.array(numbers, dtype=np.complex128 if is_complex else np.float64).reshape(point.shape)
    result = np.empty(len(entries), dtype=object)
    result[:] = entries
    return result.reshape(point.shape)
