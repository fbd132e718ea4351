"""Networks that are generalized singular value decompositions: laws of construction, derivatives, training."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import InputError
from algeom.gsvd import gsvd
from algeom.gsvd.functions.layers import ACTIVATIONS, Dense, Layers
from algeom.gsvd.networks.svdnet import NormPreservingLayer, svdnet

NETWORKS = st.builds(
    lambda n, p, hidden, lifts, activation, seed: svdnet(n, p, hidden, lifts=lifts, activation=activation, rng=seed),
    st.integers(1, 5),
    st.integers(1, 4),
    st.lists(st.integers(1, 6), max_size=2),
    st.integers(1, 3),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.integers(0, 10**6),
)


@settings(max_examples=60)
@given(network=NETWORKS, seed=st.integers(0, 10**6), scale=st.sampled_from([1e-8, 1.0, 1e8]))
def test_embeddings_keep_norms_and_have_an_exact_left_inverse(network, seed, scale):
    x = scale * np.random.default_rng(seed).normal(size=(20, network.n_inputs))
    z = network.embed(x)
    norms = np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), norms, rtol=1e-13)
    # Where the lift dominates, the part that is inverted is small, and rounding is relative to the whole.
    share = min(np.linalg.norm(z[:, -network.n_inputs :], axis=1) / norms)
    np.testing.assert_allclose(network.invert(z), x, atol=1e-14 * norms.max() / share ** len(network.layers))
    outputs = network(x)
    assert np.all(np.linalg.norm(outputs, axis=1) <= network.norm_bound * norms * (1 + 1e-12))
    np.testing.assert_allclose(network.U @ network.U.T, np.eye(network.n_outputs), atol=1e-13)
    rectangular = np.zeros((network.n_outputs, z.shape[1]))
    np.fill_diagonal(rectangular, network.sigma)
    np.testing.assert_allclose(outputs, z @ rectangular.T @ network.U.T, atol=1e-13 * np.abs(z).max())


@pytest.mark.parametrize("size", [1e-140, 1e-13, 1e150, 1e250])
def test_scales_of_inputs_do_not_matter(size):
    layer = NormPreservingLayer(Layers([Dense([[1.0], [1e-3]], [1.0, 0.0])]))
    x = np.array([[size], [-size]])
    z = layer(x)
    assert np.abs(z / size).max() <= 1 + 1e-15
    np.testing.assert_allclose(np.linalg.norm(z / size, axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(layer.left_inverse(z), x, rtol=1e-13)
    steep = NormPreservingLayer(Layers([Dense([[1e14]])]))
    np.testing.assert_allclose(steep.left_inverse(steep(x)), x, rtol=1e-13)


def test_axes_are_orthogonal_for_all_weights():
    network = replace(svdnet(2, 5, rng=0), skew=1e8 * svdnet(2, 5, rng=0).skew)
    np.testing.assert_allclose(network.U.T @ network.U, np.eye(5), atol=1e-14)
    small = 1e-3 * network.skew / 1e8
    cayley = np.linalg.solve(np.eye(5) + small, np.eye(5) - small)
    np.testing.assert_allclose(replace(network, skew=small).U, cayley, atol=1e-14)


def test_zero_goes_to_the_offset():
    network = svdnet(3, 2, rng=1)
    zero = np.zeros((1, 3))
    assert not network.embed(zero).any()
    assert not network.invert(network.embed(zero)).any()
    np.testing.assert_array_equal(network(zero), network.offset[None])


@settings(max_examples=30)
@given(network=NETWORKS, seed=st.integers(0, 10**6))
def test_gradients_of_the_loss_are_those_of_differences(network, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, network.n_inputs)), rng.normal(size=(6, network.n_outputs))
    vector = network._packed()
    np.testing.assert_array_equal(network._unpacked(vector)._packed(), vector)
    # Without biases inactive neurons pass exact zeros on to the kinks of the next layer.
    vector = vector + 0.1 * rng.normal(size=len(vector))
    _, gradient = network._unpacked(vector)._loss(x, y)
    direction = rng.normal(size=len(vector))
    quotients = []
    for step in (1e-6, 1e-7):
        ahead, behind = (network._unpacked(vector + sign * step * direction)._loss(x, y)[0] for sign in (1, -1))
        quotients.append((ahead - behind) / (2 * step))
    # Two steps agree unless a kink lies between.
    if abs(quotients[0] - quotients[1]) < 1e-5 * (1 + abs(quotients[0])):
        assert gradient @ direction == pytest.approx(quotients[0], rel=1e-4, abs=1e-6)


def test_training_finds_a_linear_map_and_its_singular_values():
    rng = np.random.default_rng(3)
    matrix = np.array([[0.5, 0.2, 0.0], [0.0, 0.3, -0.4]])
    x = rng.normal(size=(200, 3))
    trained = svdnet(3, 2, (16,), rng=0).fit(x, x @ matrix.T + [1.0, -1.0], max_iterations=400)
    assert trained.loss < 1e-5
    assert trained.history[-1] <= trained.history[0]
    assert f"after {len(trained.history)} iterations" in repr(trained)
    np.testing.assert_allclose(trained.network.offset, [1.0, -1.0], atol=0.02)
    # The bound is certified, so never below the norm that the data show.
    assert trained.network.norm_bound >= 0.99 * np.linalg.norm(matrix, 2)


def test_training_keeps_a_bound_on_the_norm():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(100, 2))
    free = svdnet(2, 2, rng=0).fit(x, 3 * x, max_iterations=100)
    bounded = svdnet(2, 2, rng=0).fit(x, 3 * x, max_iterations=100, bound=1.0)
    assert bounded.network.norm_bound <= 1.0 < free.network.norm_bound
    for bound in (0.1, 0.3, 0.7, 2.3):
        assert svdnet(2, 2, rng=0).fit(x, 50 * x, bound=bound, max_iterations=20).network.norm_bound <= bound
    assert bounded.loss > free.loss


def test_trained_networks_can_be_decomposed_and_stay_within_their_bound():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    network = svdnet(2, 2, (8,), rng=0).fit(x, np.tanh(x), max_iterations=50).network
    found = gsvd(network, (0.1, 3.0), offset=True, rng=0, rounds=5)
    assert found.norm_lower <= network.norm_bound * (1 + 1e-12)
    assert np.prod(found.sigma) <= np.prod(network.sigma) * (1 + 1e-7)  # both are admissible, one has least volume


def test_torch_modules_are_the_same_networks():
    torch = pytest.importorskip("torch")
    network = svdnet(4, 3, (5, 6), lifts=2, rng=7)
    module = network.torch_module()
    x = np.random.default_rng(0).normal(size=(8, 4))
    np.testing.assert_allclose(module(torch.as_tensor(x)).detach().numpy(), network(x), atol=1e-12)
    y = np.random.default_rng(1).normal(size=(8, 3))
    loss = torch.mean((module(torch.as_tensor(x)) - torch.as_tensor(y)) ** 2)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    loss.backward()
    optimizer.step()
    moved = network.from_torch(module)
    assert moved._loss(x, y)[0] < network._loss(x, y)[0]
    np.testing.assert_allclose(moved(x), module(torch.as_tensor(x)).detach().numpy(), atol=1e-12)
    with pytest.raises(InputError, match="no torch module"):
        svdnet(2, 2, activation="abs").torch_module()


def test_wrong_inputs_say_what_to_do():
    with pytest.raises(InputError, match="n_outputs"):
        svdnet(3, 0)
    with pytest.raises(InputError, match="a hidden width"):
        svdnet(3, 2, [2.5])
    with pytest.raises(InputError, match="choose one of"):
        svdnet(3, 2, activation="swish")
    network = svdnet(3, 2, rng=0)
    with pytest.raises(InputError, match=r"expected \(N, 3\)"):
        network(np.zeros(3))
    with pytest.raises(InputError, match="not finite"):
        network.embed(np.full((1, 3), np.nan))
    with pytest.raises(InputError, match="no input is embedded there"):
        network.invert([[1.0, 0.0, 0.0, 0.0, 0.0]])
    with pytest.raises(InputError, match="as many"):
        network.fit(np.zeros((3, 3)), np.zeros((2, 2)))
    for bound in (-1.0, "a"):
        with pytest.raises(InputError, match="positive number"):
            network.fit(np.ones((3, 3)), np.ones((3, 2)), bound=bound)
    with pytest.raises(InputError, match="max_iterations"):
        network.fit(np.ones((3, 3)), np.ones((3, 2)), max_iterations=2.5)
    with pytest.raises(InputError, match="made of Layers"):
        NormPreservingLayer(lambda x: x)
    layer = NormPreservingLayer(Layers([Dense([[1.0, 0.0]])]))
    with pytest.raises(InputError, match=r"expected \(N, 2\)"):
        layer(np.ones((1, 3)))
    assert repr(layer) == "NormPreservingLayer(2 -> 3)"
