"""Systems of polynomial equations with parameters, held as tapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps import PolynomialMap, Tape, polynomial_map
from algeom.maps.polynomial_map import checked_names
from algeom.maps.tape import noun_count

Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False, repr=False)
class System:
    """Equations ``F(x; p) = 0`` in unknowns x with parameters p, rational functions with rational coefficients.

    Make one with `polynomial_system`. Systems are immutable, compare by tape and names, and pickle.

    Parameters
    ----------
    tape : Tape
        The straight-line program of F; its inputs are the n unknowns, then the k parameters.
    n_unknowns : int
        Number of unknowns n, at least one.
    unknown_names, parameter_names : sequence of str, optional
        ``x1, x2, ...`` and ``p1, p2, ...`` by default.

    Raises
    ------
    InputError
        If the tape has fewer inputs than there are unknowns, or names are repeated or of the wrong number.

    Examples
    --------
    >>> import algeom as ag
    >>> circle_and_line = ag.polynomial_system(["x^2 + y^2 - r", "x - y"], unknowns=["x", "y"], parameters=["r"])
    >>> circle_and_line
    System(2 equations, 2 unknowns, 1 parameter)
    >>> circle_and_line([1.0, 1.0], [2.0])
    array([0., 0.])
    >>> circle_and_line.jacobian([1.0, 1.0], [2.0])
    array([[ 2.,  2.],
           [ 1., -1.]])
    """

    tape: Tape
    n_unknowns: int
    unknown_names: tuple[str, ...] = ()
    parameter_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = self.n_unknowns
        if not 1 <= n <= self.tape.n_inputs:
            raise InputError(f"a system of {n} unknowns was made from a tape of {self.tape.n_inputs} inputs")
        k = self.tape.n_inputs - n
        unknowns = checked_names("unknowns", self.unknown_names or [f"x{i}" for i in range(1, n + 1)], n, "unknowns")
        parameters = checked_names(
            "parameters", self.parameter_names or [f"p{i}" for i in range(1, k + 1)], k, "parameters"
        )
        _check_apart(unknowns, parameters)
        object.__setattr__(self, "unknown_names", unknowns)
        object.__setattr__(self, "parameter_names", parameters)

    @property
    def n_parameters(self) -> int:
        """Number of parameters k."""
        return self.tape.n_inputs - self.n_unknowns

    @property
    def n_equations(self) -> int:
        """Number of equations."""
        return self.tape.n_outputs

    @property
    def is_square(self) -> bool:
        """Whether there are as many equations as unknowns."""
        return self.n_equations == self.n_unknowns

    @cached_property
    def values_and_jacobian_tape(self) -> Tape:
        """Tape of the values F, then the derivatives by the unknowns in row order."""
        full = self.tape.jacobian_tape(with_values=True)
        r, n, width = self.n_equations, self.n_unknowns, self.tape.n_inputs
        chosen = [*range(r), *(r + i * width + j for i in range(r) for j in range(n))]
        return _only(full, chosen)

    def __call__(self, x: Any, p: Any = None) -> NDArray[Any]:
        """Values of the equations.

        Parameters
        ----------
        x : array_like, shape (n,) or (n, B)
            A point, or points as columns; real or complex.
        p : array_like, shape (k,) or (k, B), optional
            Parameters; not needed for a system without any.

        Returns
        -------
        ndarray of float64 or complex128, shape (n_equations,) or (n_equations, B)
        """
        inputs, single = self._inputs(x, p)
        values = self.tape.evaluate(inputs)
        return values[:, 0] if single else values

    def jacobian(self, x: Any, p: Any = None) -> NDArray[Any]:
        """Derivatives of the equations by the unknowns.

        Parameters are those of calling the system.

        Returns
        -------
        ndarray of float64 or complex128, shape (n_equations, n) or (B, n_equations, n)
        """
        inputs, single = self._inputs(x, p)
        jacobians = self.tape.jacobian(inputs)[:, :, : self.n_unknowns]
        return jacobians[0] if single else jacobians

    def _inputs(self, x: Any, p: Any) -> tuple[NDArray[Any], bool]:
        """Unknowns and parameters as columns of one array, and whether one point was given."""
        points = as_points("x", x, self.n_unknowns)
        parameters = self.parameter_columns(p, points.shape[1] if points.ndim == 2 else 1)
        single = points.ndim == 1
        columns = points[:, None] if single else points
        return np.concatenate([columns, parameters]), single

    def parameter_columns(self, p: Any, count: int) -> NDArray[Any]:
        """Parameters as an array of shape (k, count), one vector repeated if only one was given.

        Raises
        ------
        InputError
            If they are missing, of the wrong shape, or not finite.
        """
        k = self.n_parameters
        if p is None:
            if k:
                raise InputError(f"the system has {noun_count(k, 'parameter')}; give their values")
            return np.empty((0, count))
        parameters = as_points("parameters", p, k)
        if parameters.ndim == 1:
            parameters = np.repeat(parameters[:, None], count, axis=1)
        if parameters.shape[1] != count:
            raise InputError(
                f"{parameters.shape[1]} parameter vectors were given for {noun_count(count, 'point')}; "
                "give one vector, or one for each point"
            )
        return parameters

    def at(self, p: Any) -> System:
        """The system with its parameters fixed at rational or real numbers, exactly.

        Parameters
        ----------
        p : sequence of k numbers
            int, Fraction or float.

        Examples
        --------
        >>> import algeom as ag
        >>> ag.polynomial_system(["x^2 - a"], unknowns=["x"], parameters=["a"]).at([2])
        System(1 equation, 1 unknown)
        """
        from algeom.maps.builder import TapeBuilder

        values = list(p)
        if len(values) != self.n_parameters:
            raise InputError(f"the system has {noun_count(self.n_parameters, 'parameter')}; {len(values)} were given")
        builder = TapeBuilder(self.n_unknowns)
        nodes = builder.append(self.tape, [*builder.inputs, *(builder.literal(value) for value in values)])
        return System(builder.build(nodes), self.n_unknowns, self.unknown_names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, System):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        return (self.tape, self.n_unknowns, self.unknown_names, self.parameter_names)

    def __reduce__(self) -> tuple[object, ...]:
        return System, (self.tape, self.n_unknowns, self.unknown_names, self.parameter_names)

    def __repr__(self) -> str:
        parameters = f", {noun_count(self.n_parameters, 'parameter')}" if self.n_parameters else ""
        unknowns = noun_count(self.n_unknowns, "unknown")
        return f"System({noun_count(self.n_equations, 'equation')}, {unknowns}{parameters})"


def _check_apart(unknowns: Sequence[str], parameters: Sequence[str]) -> None:
    shared = set(unknowns) & set(parameters)
    if shared:
        raise InputError(f"{sorted(shared)[0]!r} is both an unknown and a parameter; names must differ")


def _only(tape: Tape, outputs: Sequence[int]) -> Tape:
    """The tape of some of the outputs, without the operations that only the others need."""
    from algeom.maps.builder import TapeBuilder

    builder = TapeBuilder(tape.n_inputs)
    nodes = builder.append(tape, builder.inputs)
    return builder.build([nodes[k] for k in outputs])


def as_points(argument: str, values: Any, n: int) -> NDArray[Any]:
    """A point (n,) or points as columns (n, B), float64 or complex128, finite.

    Raises
    ------
    InputError
        If the values are no numbers, have another shape, or are not finite.
    """
    try:
        array = np.asarray(values)
        array = array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{argument} are not numbers: {error}") from error
    if array.ndim not in (1, 2) or array.shape[0] != n:
        raise InputError(
            f"{argument} has the shape {array.shape}; expected ({n},), or ({n}, B) with one point a column"
        )
    if not np.all(np.isfinite(array)):
        raise InputError(f"{argument} has an entry that is NaN or infinite; give finite numbers")
    return array


def polynomial_system(
    equations: Callable[..., Any] | Sequence[Any] | str,
    *,
    unknowns: Mapping[str, Any] | Sequence[str] | int,
    parameters: Mapping[str, Any] | Sequence[str] | int = (),
) -> System:
    """Make a system of equations, each to be zero, from strings, SymPy expressions or a NumPy-style function.

    Parameters
    ----------
    equations : callable, or sequence of str and SymPy expressions
        What is to vanish. A function is called once with traced arguments: ``f(x)`` or ``f(x, p)`` with vectors, or
        with the arrays named by mappings. See `polynomial_map` for what it may do.
    unknowns : sequence of str, int, or mapping of str to shape
        Names of the unknowns; their number, for a function; or arrays by shape.
    parameters : sequence of str, int, or mapping of str to shape
        The same for the parameters; none by default.

    Returns
    -------
    System

    Raises
    ------
    NotPolynomialError
        If the function does what no rational function does.
    InputError
        If arguments are missing or do not fit.

    Examples
    --------
    >>> import algeom as ag
    >>> ag.polynomial_system(lambda x, p: [x @ x - p[0], x[0] - x[1]], unknowns=2, parameters=1)
    System(2 equations, 2 unknowns, 1 parameter)
    """
    first = _named("x", unknowns)
    second = _named("p", parameters)
    if callable(equations) and not isinstance(equations, Sequence):
        shapes = {name: value for part in (first, second) for name, value in part.items()}
        if len(shapes) < len(first) + len(second):
            raise InputError("unknowns and parameters share a name; names must differ")
        if _size(first) == 0:
            raise InputError("unknowns is empty; a system has at least one unknown")
        map_ = polynomial_map(equations, parameters={name: s for name, s in shapes.items() if _size({name: s})})
        names: tuple[str, ...] = map_.parameter_names
        if isinstance(unknowns, Sequence) and not isinstance(unknowns, str):
            names = (*unknowns, *names[_size(first) :])
        if isinstance(parameters, Sequence) and not isinstance(parameters, str):
            names = (*names[: _size(first)], *parameters)
        n = _size(first)
        return System(map_.tape, n, tuple(names[:n]), tuple(names[n:]))
    unknown_names = _name_list("unknowns", unknowns)
    parameter_names = _name_list("parameters", parameters)
    _check_apart(unknown_names, parameter_names)
    map_ = polynomial_map(equations, parameters=[*unknown_names, *parameter_names])
    return System(map_.tape, len(unknown_names), tuple(unknown_names), tuple(parameter_names))


def _name_list(argument: str, names: Mapping[str, Any] | Sequence[str] | int) -> list[str]:
    if isinstance(names, (int, Mapping, str)):
        raise InputError(f"{argument}={names!r}: equations in names need the list of names of their {argument}")
    return list(names)


def _named(default: str, given: Any) -> dict[str, Any]:
    """Arrays by name and shape: one vector of the given length unless shapes were given."""
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, str):
        raise InputError(f"{given!r} is one string; give a list of names")
    count = given if isinstance(given, (int, np.integer)) else len(given)
    return {default: (int(count),)}


def _size(shapes: Mapping[str, Any]) -> int:
    return sum(int(np.prod(shape, dtype=int)) for shape in shapes.values())


def system_of_map(phi: PolynomialMap) -> System:
    """The system whose equations are the coordinates of a map, in its parameters as unknowns."""
    return System(phi.tape, phi.n_parameters, phi.parameter_names)
