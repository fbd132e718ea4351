"""What can be decomposed: callables on batches, polynomial maps, NumPy layers, torch modules and ONNX models."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from importlib import import_module
from os import PathLike, fspath
from os.path import isfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.gsvd.functions.layers import Dense, Layers
from algeom.maps import PolynomialMap
from algeom.maps.relabelling import check_integer

__all__ = ["BatchFunction", "as_function"]

Float = NDArray[np.float64]

#: Step of central differences, relative to the size of the point: the cube root of rounding balances both errors.
_STEP = float(np.finfo(np.float64).eps) ** (1 / 3)

#: Numbers in the inputs of one call for central differences: 64 MB.
_BATCH = 1 << 22

#: Rows of the first call, which shows whether the callable takes batches.
_PROBES = 3

#: Relative difference between a row in a batch and alone that is rounding in single precision.
_SAME = 1e-4


class BatchFunction:
    """A function of batches: inputs (N, n) to outputs (N, p), with derivatives and what is known of it.

    Get one from `as_function`.

    Attributes
    ----------
    n_inputs, n_outputs : int
    source : str
        What it was made from.
    derivatives : {"analytic", "finite differences"}
    layers : Layers or None
        Its dense layers, if it consists of such.
    polynomials : PolynomialMap or None
    """

    def __init__(
        self,
        value: Callable[[Float], Any],
        n_inputs: int,
        source: str,
        *,
        vjp: Callable[[Float, Float], Float] | None = None,
        jacobian: Callable[[Float], Float] | None = None,
        layers: Layers | None = None,
        polynomials: PolynomialMap | None = None,
        n_outputs: int = 0,
    ) -> None:
        self._value, self._vjp, self._jacobian = value, vjp, jacobian
        self.n_inputs, self.source = n_inputs, source
        self.layers, self.polynomials = layers, polynomials
        self.derivatives = "finite differences" if vjp is None and jacobian is None else "analytic"
        self.n_outputs, self.scale, self.step = n_outputs, 1.0, _STEP
        if not n_outputs:
            self._check()

    def _check(self) -> None:
        """Find out the number of outputs, and refuse what is no function of rows."""
        probes = np.random.default_rng(0).standard_normal((_PROBES, self.n_inputs))
        # They need not be in the domain of f.
        with np.errstate(all="ignore"):
            outputs = self._raw(probes)
        if outputs.ndim != 2 or len(outputs) != _PROBES or not outputs.shape[1]:
            raise InputError(
                f"f takes {_PROBES} rows of {self.n_inputs} numbers to an array of shape {outputs.shape}; it has to "
                "return one row for each, shape (N, p)"
            )
        self.n_outputs = outputs.shape[1]
        if self.layers is not None or self.polynomials is not None:
            return
        with np.errstate(all="ignore"):
            alone = self._raw(probes[:1])
        finite = np.isfinite(outputs[0]) & np.isfinite(alone[0])
        size = np.abs(outputs[0][finite]).max(initial=0.0)
        if np.any(np.abs(outputs[0] - alone[0])[finite] > _SAME * size):
            raise InputError(
                "f gives a row another value in a batch than alone, or at a second call: switch dropout and batch "
                "statistics off (in torch: module.eval()), and treat rows independently"
            )

    def _raw(self, x: Float) -> Float:
        # A copy, since some callables write to what they are given.
        outputs = np.asarray(self._value(x.copy()))
        if outputs.dtype.kind not in "fiub":
            raise InputError(f"f returns {outputs.dtype} numbers; it has to return real ones")
        return outputs.astype(np.float64, copy=False)

    @property
    def is_linear(self) -> bool:
        """Whether it is known to be linear."""
        if self.layers is not None:
            return self.layers.is_linear
        phi = self.polynomials
        return phi is not None and phi.is_polynomial and phi.degree <= 1 and not np.any(phi([0] * self.n_inputs))

    @property
    def is_positively_homogeneous(self) -> bool:
        """Whether f(a x) = a f(x) is known for a >= 0."""
        return self.is_linear or (self.layers is not None and self.layers.is_positively_homogeneous)

    def inputs(self, x: Any) -> Float:
        """Check a batch of inputs (N, n)."""
        rows = np.asarray(x, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_inputs:
            raise InputError(f"inputs of shape {rows.shape}; give (N, {self.n_inputs}), one input a row")
        if not np.isfinite(rows).all():
            raise InputError("inputs are not finite; remove the rows with NaN or infinity")
        return rows

    def __call__(self, x: Any) -> Float:
        """Outputs (N, p) of inputs (N, n).

        Raises
        ------
        InputError
            If the shape is wrong or an output is not finite.
        """
        rows = self.inputs(x)
        outputs = self._raw(rows)
        wrong = ~np.isfinite(outputs).all(axis=1)
        if wrong.any():
            at = np.array2string(rows[np.argmax(wrong)][:6], precision=4)
            raise InputError(
                f"f is NaN or infinite at {int(wrong.sum())} of {len(rows)} inputs, the first {at}; take a domain on "
                "which f is finite"
            )
        return outputs

    def vjp(self, x: Float, w: Float) -> Float:
        """Gradients (N, n) of the sums of w * f(x), row by row."""
        if self._vjp is not None:
            return self._vjp(x, w)
        return np.asarray(np.einsum("ip,ipn->in", w, self.jacobian(x)))

    def jacobian(self, x: Float) -> Float:
        """Jacobian matrices (N, p, n)."""
        if self._jacobian is not None:
            return self._jacobian(x)
        if self._vjp is not None:
            rows = [self._vjp(x, np.tile(e, (len(x), 1))) for e in np.eye(self.n_outputs)]
            return np.stack(rows, axis=1)
        size = max(1, _BATCH // self.n_inputs**2)
        if len(x) > size:
            return np.concatenate([self.jacobian(x[i : i + size]) for i in range(0, len(x), size)])
        steps = self.step * np.maximum(self.scale, np.abs(x).max(axis=1, initial=0.0))
        shifts = steps[:, None, None] * np.eye(self.n_inputs)
        here = x[:, None, :]
        with np.errstate(all="ignore"):
            ahead, behind = (self._raw((here + sign * shifts).reshape(-1, self.n_inputs)) for sign in (1, -1))
        ahead, behind = (side.reshape(len(x), self.n_inputs, self.n_outputs) for side in (ahead, behind))
        widths = np.broadcast_to(2 * steps[:, None, None], ahead.shape)
        if not (np.isfinite(ahead).all() and np.isfinite(behind).all()):
            # At the boundary of the domain of f, one side.
            value = np.broadcast_to(self(x)[:, None, :], ahead.shape)
            widths = widths - (np.isnan(ahead) | np.isinf(ahead) | ~np.isfinite(behind)) * steps[:, None, None]
            ahead, behind = (np.where(np.isfinite(side), side, value) for side in (ahead, behind))
        return np.asarray(((ahead - behind) / widths).transpose(0, 2, 1))

    def on_scale(self, scale: float, step: float) -> BatchFunction:
        """The same, with central differences for a domain of this size.

        Parameters
        ----------
        scale : float
            Points of smaller norm have differences as points of this norm.
        step : float
            Of differences, relative to the norm; the cube root of rounding errors of inputs balances both errors.
        """
        function = copy(self)
        function.scale, function.step = scale, max(step, _STEP)
        return function

    def __repr__(self) -> str:
        return f"BatchFunction({self.source}: {self.n_inputs} -> {self.n_outputs}, {self.derivatives})"


def as_function(f: Any, n_inputs: int | None = None) -> BatchFunction:
    """Make a function of batches from what computes one.

    Parameters
    ----------
    f : callable, matrix, Layers, PolynomialMap, torch.nn.Module or ONNX model
        A callable takes an array (N, n) to one (N, p). A matrix (p, n) stands for the linear map. ONNX models are given
        as a path or as loaded, and take one input of shape (N, n).
    n_inputs : int, optional
        n, needed for callables without an attribute of this name; checked otherwise.

    Returns
    -------
    BatchFunction

    Raises
    ------
    InputError
        If f is none of these, the number of inputs is missing or another one, rows depend on each other or on chance.

    Notes
    -----
    torch modules that are sequences of linear layers and known activations become `Layers`, computed in double
    precision, so that exact norms apply; other modules are differentiated by torch in their own precision. ONNX models
    that are such sequences likewise; others are evaluated by onnx's reference implementation with derivatives by
    central differences, as are callables.

    Examples
    --------
    >>> as_function(lambda x: np.maximum(x, 0.0), n_inputs=2)
    BatchFunction(callable: 2 -> 2, finite differences)
    >>> as_function([[1.0, 2.0]])(np.array([[1.0, 1.0]]))
    array([[3.]])
    """
    if n_inputs is not None:
        n_inputs = check_integer("n_inputs", n_inputs, 1)
    function = _function(f, n_inputs)
    if n_inputs is not None and function.n_inputs != n_inputs:
        raise InputError(f"{function} takes {function.n_inputs} inputs; n_inputs={n_inputs} was given")
    return function


def _function(f: Any, n_inputs: int | None) -> BatchFunction:
    if isinstance(f, BatchFunction):
        return f
    if isinstance(f, PolynomialMap):
        return _from_polynomials(f)
    if isinstance(f, Dense):
        return _from_layers(Layers([f]), "layer")
    if isinstance(f, Layers):
        return _from_layers(f, "layers")
    if any(kind.__module__.startswith("torch.nn") for kind in type(f).__mro__):
        return _from_torch(f, n_inputs)
    if isinstance(f, str | PathLike) and not isfile(f):
        raise InputError(f"no file {fspath(f)}: give the path of an ONNX model, or a callable, matrix or network")
    if isinstance(f, str | PathLike) or type(f).__module__.startswith("onnx"):
        return _from_onnx(f, n_inputs)
    if callable(f):
        known = getattr(f, "n_inputs", n_inputs)
        if known is None:
            raise InputError("n_inputs is missing: a callable does not say how many numbers it takes")
        return BatchFunction(f, known, "callable")
    try:
        matrix = np.array(f, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"a {type(f).__name__} is no callable, matrix, network or polynomial map") from error
    return _from_layers(Layers([Dense(matrix)]), "matrix")


def _from_layers(layers: Layers, source: str) -> BatchFunction:
    return BatchFunction(layers, layers.n_inputs, source, vjp=layers.vjp, jacobian=layers.jacobian, layers=layers)


def _from_polynomials(phi: PolynomialMap) -> BatchFunction:
    return BatchFunction(
        lambda x: np.asarray(phi(np.ascontiguousarray(x.T))).T,
        phi.n_parameters,
        "polynomial map",
        jacobian=lambda x: np.asarray(phi.jacobian(np.ascontiguousarray(x.T))),
        polynomials=phi,
    )


#: Activations of torch and ONNX by their names there, without parameters other than the default ones.
_TORCH_ACTIVATIONS = {
    "ReLU": "relu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Identity": "identity",
}
_ONNX_ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softplus": "softplus", "Abs": "abs"}


def _from_torch(module: Any, n_inputs: int | None) -> BatchFunction:
    if module.training:
        raise InputError("the torch module is in training mode; call module.eval() first")
    layers = _torch_layers(module)
    if layers is not None:
        return _from_layers(layers, "torch layers")
    torch = import_module("torch")
    parameter = next(module.parameters(), None)
    kind = torch.get_default_dtype() if parameter is None else parameter.dtype
    device = None if parameter is None else parameter.device
    if n_inputs is None:
        raise InputError("n_inputs is missing: this torch module does not say how many numbers it takes")

    def value(x: Float) -> Any:
        with torch.no_grad():
            return module(torch.as_tensor(x, dtype=kind, device=device)).cpu().numpy()

    def vjp(x: Float, w: Float) -> Float:
        inputs = torch.tensor(x, dtype=kind, device=device, requires_grad=True)
        outputs = module(inputs)
        (gradient,) = torch.autograd.grad(outputs, inputs, torch.as_tensor(w, dtype=outputs.dtype, device=device))
        return np.asarray(gradient.cpu().numpy(), dtype=np.float64)

    return BatchFunction(value, n_inputs, "torch module", vjp=vjp)


def _torch_layers(module: Any) -> Layers | None:
    """The dense layers of a torch module, or None if it is something else."""
    parts = list(module) if type(module).__name__ == "Sequential" else [module]
    found: list[tuple[Any, Any, str]] = []
    for part in parts:
        name = type(part).__name__
        if name == "Sequential":
            inner = _torch_layers(part)
            if inner is None:
                return None
            found += [(layer.weight, layer.bias, layer.activation.name) for layer in inner.layers]
        elif name == "Linear":
            weight, bias = (None if p is None else p.detach().cpu().double().numpy() for p in (part.weight, part.bias))
            found.append((weight, bias, "identity"))
        elif name in _TORCH_ACTIVATIONS or name == "LeakyReLU":
            plain = name != "Softplus" or (part.beta == 1 and part.threshold >= _PRECISE_THRESHOLD)
            if name == "LeakyReLU":
                plain = part.negative_slope == 0.01
            if not found or found[-1][2] != "identity" or not plain:
                return None
            found[-1] = (*found[-1][:2], _TORCH_ACTIVATIONS.get(name, "leaky_relu"))
        elif name not in ("Dropout", "Flatten"):
            return None
    return Layers([Dense(*layer) for layer in found]) if found else None


#: torch's Softplus is the identity above its threshold, 20 by default: an error of exp(-20), below single precision.
_PRECISE_THRESHOLD = 20


def _from_onnx(model: Any, n_inputs: int | None) -> BatchFunction:
    try:
        onnx = import_module("onnx")
        reference = import_module("onnx.reference")
    except ImportError as error:
        raise InputError("ONNX models need the package onnx (pip install onnx)") from error
    if isinstance(model, str | PathLike):
        try:
            model = onnx.load(fspath(model))
        except Exception as error:
            raise InputError(f"{fspath(model)} cannot be read as an ONNX model: {error}") from error
    layers = _onnx_layers(model.graph, onnx.numpy_helper.to_array, onnx.helper.get_attribute_value)
    if layers is not None:
        return _from_layers(layers, "ONNX layers")
    constants = {item.name for item in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in constants]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise InputError(
            f"the ONNX model has {len(inputs)} inputs and {len(model.graph.output)} outputs; it has to take one array "
            "(N, n) to one array"
        )
    shape = inputs[0].type.tensor_type.shape.dim
    size = shape[1].dim_value if len(shape) == 2 else 0
    if not size and n_inputs is None:
        raise InputError("n_inputs is missing: the ONNX model does not say how many numbers it takes")
    kind = onnx.helper.tensor_dtype_to_np_dtype(inputs[0].type.tensor_type.elem_type)
    evaluator = reference.ReferenceEvaluator(model)

    def value(x: Float) -> Any:
        return evaluator.run(None, {inputs[0].name: x.astype(kind)})[0]

    return BatchFunction(value, size or int(n_inputs or 0), "ONNX model")


def _onnx_layers(graph: Any, to_array: Any, attribute: Any) -> Layers | None:
    """The dense layers of an ONNX graph that is a chain of such, or None."""
    constants = {item.name: to_array(item).astype(np.float64) for item in graph.initializer}
    found: list[list[Any]] = []
    current = None
    for node in graph.node:
        variable = [name for name in node.input if name not in constants]
        if len(variable) != 1 or len(node.output) != 1 or (current is not None and variable[0] != current):
            return None
        given = [constants[name] for name in node.input if name in constants]
        options = {item.name: attribute(item) for item in node.attribute}
        first = node.input[0] == variable[0]
        if node.op_type == "Gemm" and first and not options.get("transA", 0) and given[0].ndim == 2:
            weight = given[0] if options.get("transB", 0) else given[0].T
            bias = np.broadcast_to(given[1], (len(weight),)) * options.get("beta", 1.0) if len(given) > 1 else None
            found.append([weight * options.get("alpha", 1.0), bias, "identity"])
        elif node.op_type == "MatMul" and first and given[0].ndim == 2:
            found.append([given[0].T, None, "identity"])
        elif node.op_type == "Add" and found and found[-1][1] is None and found[-1][2] == "identity":
            if given[0].size not in (1, len(found[-1][0])):
                return None
            found[-1][1] = np.broadcast_to(given[0].ravel(), (len(found[-1][0]),))
        elif node.op_type in _ONNX_ACTIVATIONS and found and found[-1][2] == "identity":
            found[-1][2] = _ONNX_ACTIVATIONS[node.op_type]
        elif node.op_type not in ("Identity", "Dropout"):
            return None
        current = node.output[0]
    if not found or current != graph.output[0].name:
        return None
    return Layers([Dense(*layer) for layer in found])
