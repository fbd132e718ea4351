"""Functions of batches from callables, layers, polynomial maps, torch modules and ONNX models."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.errors import InputError
from algeom.gsvd.functions.batch_functions import as_function
from algeom.gsvd.functions.layers import ACTIVATIONS, Dense, Layers


def network(widths, activations, seed, biases=True):
    rng = np.random.default_rng(seed)
    layers = []
    for (a, b), activation in zip(pairwise(widths), activations, strict=True):
        layers.append(Dense(rng.normal(size=(b, a)), rng.normal(size=b) if biases else None, activation))
    return Layers(layers)


# -- layers


@settings(max_examples=30)
@given(
    activations=st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=1, max_size=3),
    seed=st.integers(0, 10**6),
)
def test_derivatives_of_layers_are_those_of_differences(activations, seed):
    f = network([4, 3, 5, 2][: len(activations) + 1], activations, seed)
    x = np.random.default_rng(seed + 1).normal(size=(3, 4))
    step = 1e-6
    numerical = np.stack([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(4)], axis=2)
    analytic = f.jacobian(x)
    # Next to a kink differences are wrong, by at most the slopes: points there are rare and left out.
    kinks = np.abs(analytic - numerical).max(axis=(1, 2)) > 1e-4 * (1 + np.abs(analytic).max())
    assert kinks.sum() <= 1
    w = np.random.default_rng(seed + 2).normal(size=(3, f.n_outputs))
    np.testing.assert_allclose(
        f.vjp(x, w), np.einsum("ip,ipn->in", w, analytic), atol=1e-12 * (1 + np.abs(analytic).max())
    )


@settings(max_examples=30)
@given(name=st.sampled_from(sorted(ACTIVATIONS)), a=st.floats(-30, 30), b=st.floats(-30, 30), scale=st.floats(0, 100))
def test_slopes_and_homogeneity_of_activations(name, a, b, scale):
    activation = ACTIVATIONS[name]
    low, high = activation.slopes
    values = activation.value(np.array([a, b]))
    difference, width = values[1] - values[0], b - a
    bounds = sorted((low * width, high * width))
    assert bounds[0] - 1e-12 <= difference <= bounds[1] + 1e-12
    if activation.is_homogeneous:
        np.testing.assert_allclose(activation.value(scale * np.array([a, b])), scale * values, rtol=1e-12)
    assert np.all(np.isfinite(activation.value(np.array([-1e300, 1e300]))))


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_the_lipschitz_bound_is_one(seed):
    f = network([3, 6, 2], ["tanh", "leaky_relu"], seed)
    x, y = np.random.default_rng(seed).normal(size=(2, 50, 3))
    quotients = np.linalg.norm(f(x) - f(y), axis=1) / np.linalg.norm(x - y, axis=1)
    assert quotients.max() <= f.lipschitz_bound * (1 + 1e-12)


def test_what_is_known_of_networks():
    linear = network([3, 2, 2], ["identity", "identity"], 0, biases=False)
    assert (linear.is_linear, linear.is_positively_homogeneous) == (True, True)
    relu = network([3, 2, 2], ["relu", "identity"], 0, biases=False)
    assert (relu.is_linear, relu.is_positively_homogeneous, relu.is_piecewise_linear) == (False, True, True)
    biased = network([3, 2, 2], ["relu", "identity"], 0)
    assert (biased.is_positively_homogeneous, biased.is_piecewise_linear) == (False, True)
    assert not network([3, 2], ["tanh"], 0, biases=False).is_piecewise_linear
    assert not Dense([[1.0]], [0.0]).bias, "a bias of zeros is none"


# -- sources


def test_callables_get_derivatives_by_differences():
    f = as_function(lambda x: np.stack([x[:, 0] ** 2, np.sin(x[:, 1]), x[:, 0] * x[:, 1]], axis=1), 2)
    assert (f.n_inputs, f.n_outputs, f.derivatives) == (2, 3, "finite differences")
    x = np.array([[1.5, -2.0], [1e3, 0.5]])
    expected = [[[2 * a, 0], [0, np.cos(b)], [b, a]] for a, b in x]
    # The step is relative to the largest entry of a row.
    np.testing.assert_allclose(f.jacobian(x), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(f.vjp(x, np.ones((2, 3))), np.sum(expected, axis=1), rtol=1e-5)
    assert not f.is_linear


def test_polynomial_maps_and_matrices():
    phi = ag.polynomial_map(["x^2+y", "x*y", "3*y"])
    f = as_function(phi)
    x = np.random.default_rng(0).normal(size=(4, 2))
    np.testing.assert_allclose(f(x), np.array([phi(row) for row in x]))
    np.testing.assert_allclose(f.jacobian(x), np.array([phi.jacobian(row) for row in x]))
    assert not f.is_linear
    assert as_function(ag.polynomial_map(["x+2*y", "y"])).is_linear
    assert not as_function(ag.polynomial_map(["x+2*y+1", "y"])).is_linear
    g = as_function(np.arange(6.0).reshape(2, 3))
    assert g.is_linear
    np.testing.assert_allclose(g(np.eye(3)), np.arange(6.0).reshape(2, 3).T)
    assert as_function(g) is g
    assert as_function(Dense([[2.0]]), 1).n_outputs == 1


def test_many_central_differences_are_made_in_parts(monkeypatch):
    f, x = as_function(np.tanh, 5), np.random.default_rng(0).standard_normal((7, 5))
    whole = f.jacobian(x)
    monkeypatch.setattr("algeom.gsvd.functions.batch_functions._BATCH", 50)
    assert np.array_equal(f.jacobian(x), whole)


def test_torch_modules():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    plain = torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Sequential(torch.nn.Linear(6, 3, bias=False), torch.nn.Tanh())
    ).eval()
    f = as_function(plain)
    assert f.layers is not None
    assert f.layers.layers[1].bias is None
    x = np.random.default_rng(0).normal(size=(5, 4))
    with torch.no_grad():
        expected = plain(torch.tensor(x, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(f(x), expected, atol=1e-5)

    class Residual(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(4, 4).double()

        def forward(self, x):
            return x + torch.nn.functional.gelu(self.inner(x))

    module = Residual().eval()
    g = as_function(module, 4)
    assert (g.layers, g.derivatives) == (None, "analytic")
    step = 1e-6
    numerical = np.stack([(g(x + step * e) - g(x - step * e)) / (2 * step) for e in np.eye(4)], axis=2)
    np.testing.assert_allclose(g.jacobian(x), numerical, atol=1e-7)
    with pytest.raises(InputError, match="n_inputs is missing"):
        as_function(module)
    with pytest.raises(InputError, match="training mode"):
        as_function(module.train(), 4)


def test_onnx_models(tmp_path):
    onnx = pytest.importorskip("onnx")
    rng = np.random.default_rng(1)
    first, bias, second = (rng.normal(size=s).astype(np.float32) for s in [(5, 3), 5, (5, 2)])
    helper = onnx.helper

    def model(last):
        nodes = [
            helper.make_node("Gemm", ["x", "W1", "b1"], ["z1"], transB=1),
            helper.make_node("Relu", ["z1"], ["a1"]),
            helper.make_node("MatMul", ["a1", "W2"], ["z2"]),
            helper.make_node(last, ["z2"], ["y"]),
        ]
        tensors = [onnx.numpy_helper.from_array(a, n) for a, n in [(first, "W1"), (bias, "b1"), (second, "W2")]]
        kinds = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", size])
            for name, size in [("x", 3), ("y", 2)]
        ]
        return helper.make_model(helper.make_graph(nodes, "g", kinds[:1], kinds[1:], tensors))

    x = rng.normal(size=(4, 3))
    hidden = np.maximum(x @ first.T.astype(float) + bias, 0) @ second.astype(float)
    path = tmp_path / "model.onnx"
    onnx.save(model("Tanh"), path)
    f = as_function(path)
    assert f.layers is not None
    np.testing.assert_allclose(f(x), np.tanh(hidden), atol=1e-12)
    g = as_function(model("Exp"))
    assert (g.layers, g.n_inputs, g.derivatives) == (None, 3, "finite differences")
    np.testing.assert_allclose(g(x), np.exp(hidden), rtol=1e-5)
    path.write_bytes(b"no model")
    with pytest.raises(InputError, match="cannot be read"):
        as_function(path)


# -- wrong inputs


def test_wrong_inputs_say_what_to_do():
    with pytest.raises(InputError, match="n_inputs is missing"):
        as_function(np.sin)
    with pytest.raises(InputError, match="one row for each"):
        as_function(lambda x: x.sum(), 2)
    with pytest.raises(InputError, match="one row for each"):
        as_function(lambda x: x.sum(axis=1), 2)
    with pytest.raises(InputError, match=r"module.eval\(\)"):
        as_function(lambda x: x - x.mean(axis=0), 2)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="at a second call"):
        as_function(lambda x: x * rng.random(), 2)
    with pytest.raises(InputError, match="real ones"):
        as_function(lambda x: x * 1j, 2)
    with pytest.raises(InputError, match="no callable"):
        as_function({"W": 1})
    with pytest.raises(InputError, match="no file nowhere"):
        as_function("nowhere.onnx")
    for wrong in (-1, 2.0):
        with pytest.raises(InputError, match="n_inputs is"):
            as_function(lambda x: x, wrong)
    with pytest.raises(InputError, match="n_inputs=3"):
        as_function(np.eye(2), 3)
    f = as_function(lambda x: np.sqrt(np.where(x < 5, np.nan, x)), 2)
    with pytest.raises(InputError, match="NaN or infinite at 1 of 2 inputs"):
        f(np.array([[9.0, 9.0], [1.0, 9.0]]))
    with pytest.raises(InputError, match=r"give \(N, 2\)"):
        f(np.zeros(2))
    with pytest.raises(InputError, match="not finite"):
        f(np.full((1, 2), np.inf))
    with pytest.raises(InputError, match="choose one of"):
        Dense([[1.0]], activation="swish")
    with pytest.raises(InputError, match="bias of shape"):
        Dense([[1.0]], [1.0, 2.0])
    with pytest.raises(InputError, match="weight of shape"):
        Dense([1.0])
    with pytest.raises(InputError, match="not finite"):
        Dense([[np.nan]])
    with pytest.raises(InputError, match="the next one takes 2"):
        Layers([Dense([[1.0]]), Dense([[1.0, 2.0]])])
    with pytest.raises(InputError, match="one or more"):
        Layers([])
