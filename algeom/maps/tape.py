"""Tapes: straight-line programs as data, evaluated by compiled kernels over F_p, R and C and exactly over any ring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels import tape as kernels
from algeom._kernels.tape import ADD, DIV, MUL, NEG, SUB
from algeom.errors import GenericityError, InputError
from algeom.maps.degrees import common_degree, degree_bounds
from algeom.maps.program import Program, Sweep, lower, lower_sweep
from algeom.runtime.execution import task_threads

_NAMES = {ADD: "add", SUB: "sub", MUL: "mul", DIV: "div", NEG: "neg"}
_OPERATIONS = {name: operation for operation, name in _NAMES.items()}

#: Doubles in the registers of one lane together: half of a 1 MB second-level cache. Long lanes win against short ones
#: that would fit the first level, since an instruction costs about 4 ns before its first point (benchmarks/tape.py).
_REGISTER_BUDGET = 65536
_SHORTEST_LANE, _LONGEST_LANE = 64, 256

#: Operations times points below which threads cost more than they save (benchmarks/tape.py).
_THREAD_WORK = 20_000_000

#: Directions that a derivative sweep treats at once.
_SWEEP_LANE = 256

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tape:
    """A straight-line program: inputs, constants and operations, each on nodes that come before it.

    Node numbers are ``0 .. n_inputs-1`` for the inputs, then the constants, then one node per operation. Instances are
    immutable, compare by content, and pickle. Build them with `TapeBuilder`, not by hand.

    Parameters
    ----------
    n_inputs : int
        Number of inputs, at least one.
    constants : sequence of Fraction
        Exact constants.
    operations : array_like of int, shape (K,)
        Operation codes: `algeom._kernels.tape.ADD`, ``SUB``, ``MUL``, ``DIV``, ``NEG``.
    operands : array_like of int, shape (K, 2)
        Nodes of the operands; a negation repeats its operand.
    outputs : array_like of int, shape (m,)
        Nodes of the outputs; any node may be an output, also repeatedly.

    Raises
    ------
    InputError
        If the parts do not form a straight-line program.

    Examples
    --------
    >>> from algeom.maps import TapeBuilder
    >>> builder = TapeBuilder(2)
    >>> x, y = builder.inputs
    >>> tape = builder.build([builder.mul(x, y), builder.add(x, y)])
    >>> tape.evaluate_exact([2, 3])
    [6, 5]
    >>> tape.jacobian_modular(np.array([2.0, 3.0]), 101)
    array([[3., 2.],
           [1., 1.]])
    """

    n_inputs: int
    constants: tuple[Fraction, ...]
    operations: NDArray[np.int64]
    operands: NDArray[np.int64]
    outputs: NDArray[np.int64]

    def __init__(
        self, n_inputs: int, constants: Sequence[Fraction], operations: Any, operands: Any, outputs: Any
    ) -> None:
        arrays = {
            "operations": np.array(operations, dtype=np.int64).reshape(-1),
            "operands": np.array(operands, dtype=np.int64).reshape(-1, 2),
            "outputs": np.array(outputs, dtype=np.int64).reshape(-1),
        }
        for name, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "n_inputs", int(n_inputs))
        object.__setattr__(self, "constants", tuple(Fraction(c) for c in constants))
        self._validate()

    def _validate(self) -> None:
        if self.n_inputs < 1:
            raise InputError(f"a tape needs at least one input, not {self.n_inputs}")
        if len(self.operands) != len(self.operations):
            raise InputError(f"{len(self.operations)} operations with {len(self.operands)} pairs of operands")
        if not len(self.outputs):
            raise InputError("a tape needs at least one output")
        own = np.arange(self.n_inputs + len(self.constants), self.n_nodes)[:, None]
        if np.any((self.operands < 0) | (self.operands >= own)):
            raise InputError("an operation of the tape uses a node that does not come before it")
        if np.any((self.outputs < 0) | (self.outputs >= self.n_nodes)):
            raise InputError("an output of the tape is not one of its nodes")
        if not set(np.unique(self.operations).tolist()) <= _NAMES.keys():
            raise InputError(f"a tape's operations are {sorted(_OPERATIONS)}; another code was given")

    # Sizes and identity

    @property
    def n_outputs(self) -> int:
        """Number of outputs m."""
        return len(self.outputs)

    @property
    def n_operations(self) -> int:
        """Number of operations."""
        return len(self.operations)

    @property
    def n_nodes(self) -> int:
        """Number of nodes: inputs, constants and operations."""
        return self.n_inputs + len(self.constants) + len(self.operations)

    @cached_property
    def is_polynomial(self) -> bool:
        """Whether the tape divides by nothing but constants."""
        return not bool(np.any(self.operations == DIV))

    @cached_property
    def _key(self) -> tuple[object, ...]:
        arrays = (self.operations, self.operands, self.outputs)
        return (self.n_inputs, self.constants, *(array.tobytes() for array in arrays))

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Tape) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[object, ...]:
        return Tape, (self.n_inputs, self.constants, self.operations, self.operands, self.outputs)

    def __repr__(self) -> str:
        counts = [
            (self.n_inputs, "input"),
            (self.n_operations, "operation"),
            (len(self.constants), "constant"),
            (self.n_outputs, "output"),
        ]
        return f"Tape({', '.join(noun_count(k, noun) for k, noun in counts)})"

    # Register code, made on first use and kept

    @cached_property
    def _modular_program(self) -> Program:
        return lower(self, modular=True)

    @cached_property
    def _numeric_program(self) -> Program:
        return lower(self, modular=False)

    @cached_property
    def _sweep(self) -> Sweep:
        # A reverse sweep touches both operands' adjoints, a forward sweep makes one tangent: about equal per direction.
        return lower_sweep(self, reverse=self.n_outputs < self.n_inputs)

    @cached_property
    def _instructions(self) -> NDArray[np.int64]:
        return np.ascontiguousarray(np.column_stack([self.operations, self.operands]))

    def _constants_modulo(self, p: int) -> Float:
        values = []
        for constant in self.constants:
            if constant.denominator % p == 0:
                raise GenericityError(
                    f"the prime {p} divides the denominator of the map's constant {constant}; choose another prime"
                )
            residue = constant.numerator * pow(constant.denominator, -1, p) % p
            values.append(residue - p if residue > p // 2 else residue)
        return np.array(values, dtype=np.float64)

    def _constants_numeric(self, dtype: type) -> NDArray[Any]:
        try:
            return np.array([float(constant) for constant in self.constants], dtype=dtype)
        except OverflowError:
            raise InputError("a constant of the map is too large for floating point; evaluate exactly") from None

    # Evaluation over prime fields

    def evaluate_modular(self, theta: Float, p: int, *, threads: int | None = None) -> tuple[Float, NDArray[np.bool_]]:
        """Values at a batch of points mod p.

        Parameters
        ----------
        theta : ndarray of float64, shape (n, B)
            Points as columns, entries balanced residues: integers of absolute value at most (p-1)/2.
        p : int
            Odd prime below 2^23.
        threads : int, optional
            Most threads to use; by default the cores that the running task may use, for large batches only.

        Returns
        -------
        values : ndarray of float64, shape (m, B)
            Balanced residues; without meaning where not ``defined``.
        defined : ndarray of bool, shape (B,)
            False where a denominator vanishes.

        Raises
        ------
        InputError
            If theta has another shape or p is out of range.
        GenericityError
            If p divides the denominator of a constant of the tape.
        """
        theta = self._batch(theta, np.float64)
        _check_prime(p)
        constants = self._constants_modulo(p)
        values = np.empty((self.n_outputs, theta.shape[1]))
        defined = np.ones(theta.shape[1], dtype=np.bool_)

        def run(code: NDArray[np.int64], registers: Float, lane: int, first: int, last: int) -> None:
            kernels.evaluate_modular(code, constants, theta, float(p), registers, lane, first, last, values, defined)

        _in_chunks(self._modular_program, theta.shape[1], np.float64, threads, run)
        return values, defined

    def jacobian_modular(self, theta: Float, p: int) -> Float:
        """Jacobian matrix mod p at one point.

        Parameters
        ----------
        theta : ndarray of float64, shape (n,)
            Balanced residues.
        p : int
            Odd prime below 2^23.

        Returns
        -------
        ndarray of float64, shape (m, n)
            Balanced residues.

        Raises
        ------
        GenericityError
            If a denominator vanishes there, or p divides the denominator of a constant.
        """
        theta = np.asarray(theta)
        if theta.ndim != 1:
            raise InputError(f"one point has shape ({self.n_inputs},), not {theta.shape}; see jacobians_modular")
        jacobians, defined = self.jacobians_modular(theta[:, None], p)
        if not defined[0]:
            raise GenericityError(f"a denominator of the map vanishes at this point modulo {p}; choose another point")
        jacobian: Float = jacobians[0]
        return jacobian

    def jacobians_modular(self, theta: Float, p: int) -> tuple[Float, NDArray[np.bool_]]:
        """Jacobian matrices mod p at a batch of points.

        Parameters and errors are those of `evaluate_modular`.

        Returns
        -------
        jacobians : ndarray of float64, shape (B, m, n)
            Balanced residues; without meaning where not ``defined``.
        defined : ndarray of bool, shape (B,)
            False where a denominator vanishes.
        """
        theta = self._batch(theta, np.float64)
        _check_prime(p)
        constants = self._constants_modulo(p)
        defined = np.ones(theta.shape[1], dtype=np.bool_)
        sweep, result, work = self._sweep_work(theta.shape[1], np.float64)
        registers, lane, nodes, weights = work
        kernels.jacobian_modular(
            self._instructions, sweep.code, constants, theta, float(p), registers, lane, nodes, weights, result, defined
        )
        return self._finish_sweep(sweep, result), defined

    # Evaluation in floating point

    def evaluate(self, theta: NDArray[Any], *, threads: int | None = None) -> NDArray[Any]:
        """Values at a batch of real or complex points.

        Parameters
        ----------
        theta : ndarray of float64 or complex128, shape (n, B)
            Points as columns.
        threads : int, optional
            As for `evaluate_modular`.

        Returns
        -------
        ndarray of the same type, shape (m, B)
            Infinite or NaN where a denominator vanishes.
        """
        dtype = np.complex128 if np.iscomplexobj(theta) else np.float64
        theta = self._batch(theta, dtype)
        constants = self._constants_numeric(dtype)
        values = np.empty((self.n_outputs, theta.shape[1]), dtype=dtype)

        def run(code: NDArray[np.int64], registers: NDArray[Any], lane: int, first: int, last: int) -> None:
            kernels.evaluate_numeric(code, constants, theta, registers, lane, first, last, values)

        _in_chunks(self._numeric_program, theta.shape[1], dtype, threads, run)
        return values

    def jacobian(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Jacobian matrix at a real or complex point, or at a batch of them.

        Parameters
        ----------
        theta : ndarray of float64 or complex128, shape (n,) or (n, B)
            A point, or points as columns.

        Returns
        -------
        ndarray of the same type, shape (m, n) or (B, m, n)
            Infinite or NaN where a denominator vanishes.
        """
        theta = np.asarray(theta)
        dtype = np.complex128 if np.iscomplexobj(theta) else np.float64
        batch = self._batch(theta[:, None] if theta.ndim == 1 else theta, dtype)
        constants = self._constants_numeric(dtype)
        sweep, result, work = self._sweep_work(batch.shape[1], dtype)
        registers, lane, nodes, weights = work
        kernels.jacobian_numeric(
            self._instructions, sweep.code, constants, batch, registers, lane, nodes, weights, result
        )
        jacobians = self._finish_sweep(sweep, result)
        return jacobians[0] if theta.ndim == 1 else jacobians

    def _batch(self, theta: NDArray[Any], dtype: type) -> NDArray[Any]:
        # Read-only arrays are another type to the compiler, which would compile every kernel once more.
        theta = np.require(theta, dtype=dtype, requirements=["C", "A", "W"])
        if theta.ndim != 2 or theta.shape[0] != self.n_inputs:
            raise InputError(
                f"a batch of points has shape ({self.n_inputs}, B), one point a column; {theta.shape} was given"
            )
        return theta

    def _sweep_work(
        self, points: int, dtype: type
    ) -> tuple[Sweep, NDArray[Any], tuple[NDArray[Any], int, NDArray[Any], NDArray[Any]]]:
        """The sweep, a zero result for it, and work space."""
        sweep = self._sweep
        shape = (self.n_inputs, self.n_outputs) if sweep.reverse else (self.n_outputs, self.n_inputs)
        result: NDArray[Any] = np.zeros((points, *shape), dtype=dtype)
        lane = min(shape[1], _SWEEP_LANE)
        registers: NDArray[Any] = np.empty(sweep.n_registers * lane, dtype=dtype)
        nodes: NDArray[Any] = np.empty(self.n_nodes, dtype=dtype)
        weights: NDArray[Any] = np.empty(2 * self.n_operations, dtype=dtype)
        return sweep, result, (registers, lane, nodes, weights)

    def _finish_sweep(self, sweep: Sweep, result: NDArray[Any]) -> NDArray[Any]:
        jacobians = np.ascontiguousarray(result.transpose(0, 2, 1)) if sweep.reverse else result
        # Outputs that are inputs never meet an operation.
        direct = np.flatnonzero(self.outputs < self.n_inputs)
        jacobians[:, direct, self.outputs[direct]] = 1
        return jacobians

    # Exact evaluation

    def evaluate_exact(self, values: Sequence[Any], *, constant: Callable[[Fraction], Any] | None = None) -> list[Any]:
        """Values at one point with entries in any ring, by the ring's own operators.

        Parameters
        ----------
        values : sequence of n ring elements
            int, Fraction, mpmath numbers, python-flint elements (``fmpq``, ``nmod``, ``fmpz_mpoly``, ...), SymPy
            expressions. Quotients of two ints are Fractions.
        constant : callable, optional
            Turns a Fraction into a ring element. By default the numerator and denominator are put into the ring of the
            first value, dividing there if the denominator is not one.

        Returns
        -------
        list of m ring elements

        Raises
        ------
        InputError
            If the number of values is wrong.
        ZeroDivisionError
            Where a denominator vanishes, as the ring says it.
        """
        if len(values) != self.n_inputs:
            raise InputError(f"the map has {self.n_inputs} inputs; {len(values)} values were given")
        convert = ring_constant(values[0]) if constant is None else constant
        nodes = [*values, *map(convert, self.constants)]
        for operation, (left, right) in zip(self.operations.tolist(), self.operands.tolist(), strict=True):
            a = nodes[left]
            b = nodes[right]
            if operation == MUL:
                nodes.append(a * b)
            elif operation == ADD:
                nodes.append(a + b)
            elif operation == SUB:
                nodes.append(a - b)
            elif operation == NEG:
                nodes.append(-a)
            else:
                nodes.append(Fraction(a, b) if type(a) is int and type(b) is int else a / b)
        return [nodes[k] for k in self.outputs.tolist()]

    def evaluate_residues(self, values: Sequence[int], p: int) -> list[int]:
        """Values at one point modulo a prime of any size, in Python integers from 0 to p-1.

        Raises
        ------
        InputError
            If the number of values is wrong.
        ZeroDivisionError
            If a denominator vanishes mod p, or p divides the denominator of a constant.
        """
        if len(values) != self.n_inputs:
            raise InputError(f"the map has {self.n_inputs} inputs; {len(values)} values were given")

        def inverse(x: int) -> int:
            if x % p == 0:
                raise ZeroDivisionError(f"a denominator of the map is zero modulo {p}")
            return pow(x, -1, p)

        nodes = [int(value) % p for value in values]
        nodes += [c.numerator * inverse(c.denominator) % p for c in self.constants]
        for operation, (left, right) in zip(self.operations.tolist(), self.operands.tolist(), strict=True):
            a = nodes[left]
            b = nodes[right]
            if operation == MUL:
                nodes.append(a * b % p)
            elif operation == ADD:
                nodes.append((a + b) % p)
            elif operation == SUB:
                nodes.append((a - b) % p)
            elif operation == NEG:
                nodes.append(-a % p)
            else:
                nodes.append(a * inverse(b) % p)
        return [nodes[k] for k in self.outputs.tolist()]

    # Degrees

    def degree_bounds(self) -> tuple[tuple[int, int], ...]:
        """Upper bounds (numerator degree, denominator degree) for every output.

        By propagation: cancellation between terms is not noticed. Polynomial outputs have denominator degree 0.
        """
        return degree_bounds(self)

    def common_degree(self) -> int:
        """Upper bound for the degrees of all numerators and the denominator over one common denominator.

        A polynomial of degree d in the outputs is a quotient whose numerator has degree at most d times this.
        """
        return common_degree(self)

    # Differentiation into tapes

    def gradient(self, output: int = 0) -> Tape:
        """Tape of the n partial derivatives of one output.

        Parameters
        ----------
        output : int
            Which output, 0 to m-1.

        Examples
        --------
        >>> from algeom.maps import TapeBuilder
        >>> builder = TapeBuilder(2)
        >>> x, y = builder.inputs
        >>> builder.build([builder.mul(x, builder.mul(x, y))]).gradient().evaluate_exact([3, 5])
        [30, 9]
        """
        from algeom.maps.differentiation import gradient_tape

        return gradient_tape(self, output)

    def jacobian_tape(self, *, with_values: bool = False) -> Tape:
        """Tape of the Jacobian matrix, m*n outputs in row order; the m values come before them if asked for."""
        from algeom.maps.differentiation import jacobian_tape

        return jacobian_tape(self, with_values=with_values)

    # Plain data

    def to_dict(self) -> dict[str, Any]:
        """The tape in plain JSON types, the format of certificates.

        Node numbers are as in the class description: inputs, constants, then operations.

        Examples
        --------
        >>> from algeom.maps import TapeBuilder
        >>> builder = TapeBuilder(2)
        >>> x, y = builder.inputs
        >>> builder.build([builder.mul(builder.constant(Fraction(1, 2)), builder.add(x, y))]).to_dict()
        {'inputs': 2, 'constants': ['1/2'], 'operations': [['add', 0, 1], ['mul', 2, 3]], 'outputs': [4]}
        """
        operations: list[list[str | int]] = []
        for operation, (left, right) in zip(self.operations.tolist(), self.operands.tolist(), strict=True):
            operations.append([_NAMES[operation], left] if operation == NEG else [_NAMES[operation], left, right])
        return {
            "inputs": self.n_inputs,
            "constants": [str(constant) for constant in self.constants],
            "operations": operations,
            "outputs": self.outputs.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tape:
        """The tape that `to_dict` wrote.

        Raises
        ------
        InputError
            If the data is not of that form.
        """
        try:
            operations = [_OPERATIONS[entry[0]] for entry in data["operations"]]
            operands = [(entry[1], entry[-1]) for entry in data["operations"]]
            for entry, operation in zip(data["operations"], operations, strict=True):
                if len(entry) != (2 if operation == NEG else 3):
                    raise InputError(f"the operation {entry} has the wrong number of operands")
            return cls(data["inputs"], [Fraction(c) for c in data["constants"]], operations, operands, data["outputs"])
        except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"this is not a tape as Tape.to_dict writes it: {error!r}") from error


def noun_count(count: int, noun: str) -> str:
    """``3 inputs``, ``1 input``."""
    return f"{count} {noun}{'s' * (count != 1)}"


def ring_constant(sample: Any) -> Callable[[Fraction], Any]:
    """A function that puts Fractions into the ring of ``sample``."""
    if isinstance(sample, (int, Fraction)):
        return lambda c: c.numerator if c.denominator == 1 else c
    zero = sample - sample

    def convert(constant: Fraction) -> Any:
        if constant.denominator == 1:
            return zero + constant.numerator
        try:
            return (zero + constant.numerator) / (zero + constant.denominator)
        except Exception as error:  # each library has exceptions of its own for this
            raise InputError(
                f"the map's constant {constant} is not in the ring of {type(sample).__name__}; "
                "use a ring that contains the rational numbers, or pass `constant`"
            ) from error

    return convert


def _check_prime(p: int) -> None:
    if not (3 <= p < 2**23 and p % 2):
        raise InputError(f"arithmetic modulo {p} was asked for; the kernels need an odd prime below 2^23")


def _in_chunks(
    program: Program,
    points: int,
    dtype: type,
    threads: int | None,
    run: Callable[[NDArray[np.int64], NDArray[Any], int, int, int], None],
) -> None:
    """Run register code over all points: at once, or by contiguous chunks of them in a thread pool if that pays."""
    words = np.dtype(dtype).itemsize // 8
    lane = _REGISTER_BUDGET // (words * (program.n_registers + 2)) // _SHORTEST_LANE * _SHORTEST_LANE
    lane = min(max(_SHORTEST_LANE, lane), _LONGEST_LANE, max(8, -(-points // 8) * 8))

    def work(first: int, last: int) -> None:
        # Two lanes more than registers: work space of the modular division.
        run(program.code, np.empty((program.n_registers + 2) * lane, dtype=dtype), lane, first, last)

    if threads is None:
        large = len(program.code) * points >= _THREAD_WORK
        threads = task_threads() if large else 1
    chunks = min(threads, points // lane)
    if chunks <= 1:
        work(0, points)
        return
    size = -(-points // (lane * chunks)) * lane
    with ThreadPoolExecutor(chunks) as pool:
        for _ in pool.map(lambda first: work(first, min(first + size, points)), range(0, points, size)):
            pass
