"""Linear autoencoders with shared weights: closed forms, training, and what symmetry of the data buys."""

import gzip
import struct

import numpy as np
import pytest
from scipy.optimize import minimize

from algeom.errors import InputError
from algeom.networks.equivariant import (
    autoencoder_design,
    compare_autoencoders,
    equivariant_maps,
    high_pass_ranks,
    image_rotation,
    image_translation,
    invariant_maps,
    read_idx_images,
    shifted_digits,
    spread_ranks,
)

SHIFT = image_translation(8)


@pytest.fixture(scope="module")
def digits():
    return shifted_digits(rng=0)


@pytest.fixture(scope="module")
def table(digits):
    maps = equivariant_maps(SHIFT, order="frequency")
    invariants = invariant_maps(SHIFT, m=64, n=64, r=8)
    rows = compare_autoencoders(digits, maps, 8, invariants=invariants, steps=1200, rng=1)
    return {design.name: (design, best, trained) for design, best, trained in rows}


def per_pixel(images, autoencoder):
    return float(np.mean((autoencoder(images) - images) ** 2))


def test_training_reaches_the_closed_form(digits, table):
    assert list(table) == ["dense", "equivariant", "equal ranks", "high pass", "invariant"]
    for _, best, trained in table.values():
        assert per_pixel(digits, best) == pytest.approx(best.loss, rel=1e-9)
        assert per_pixel(digits, trained) == pytest.approx(trained.loss, rel=1e-9)
        assert best.loss <= trained.loss * (1 + 1e-9)
        assert trained.loss <= 1.01 * best.loss
        assert len(trained.history) == 1200


def test_equivariant_is_close_to_dense_with_fewer_parameters(table):
    """The order of the losses of Kohn, Sattelberger, Shahverdi (arXiv 2309.13736) on MNIST, here on shifted digits."""
    losses = {name: best.loss for name, (_, best, _) in table.items()}
    assert losses["dense"] < losses["equivariant"] < losses["equal ranks"] < losses["high pass"]
    assert losses["equivariant"] < 1.02 * losses["dense"]
    assert losses["high pass"] > 4 * losses["equivariant"]
    # An image and its shifts have one encoding.
    assert losses["invariant"] > losses["equivariant"]
    assert table["dense"][0].n_parameters == 8 * table["equivariant"][0].n_parameters


def test_twenty_eight_times_fewer_parameters_at_the_size_of_mnist():
    maps = equivariant_maps(image_translation(28), order="frequency")
    component = maps.component((13, 10, 9, 8, 7, 5, 3, 1) + (0,) * 7)
    assert component.rank == 99
    design, dense = autoencoder_design(component), autoencoder_design((784, 99))
    assert (design.n_parameters, dense.n_parameters, design.dimension) == (5544, 155232, 4717)
    images = shifted_digits(28, rng=0)[:300]
    decoder, encoder = design.layers(np.random.default_rng(0).normal(size=5544))
    shifted = image_translation(28).apply(images.T).T
    matrix = decoder @ encoder
    np.testing.assert_allclose(shifted @ matrix.T, image_translation(28).apply((images @ matrix.T).T).T, atol=1e-10)


def test_equivariant_reconstructions_move_with_the_images(digits, table):
    moved = SHIFT.apply(digits[:50].T).T
    for name in ("equivariant", "equal ranks", "high pass"):
        for autoencoder in table[name][1:]:
            again = SHIFT.apply(autoencoder(digits[:50]).T).T
            np.testing.assert_allclose(autoencoder(moved), again, atol=1e-10)
    for autoencoder in table["invariant"][1:]:
        np.testing.assert_allclose(autoencoder(moved), autoencoder(digits[:50]), atol=1e-10)


@pytest.mark.parametrize("kind", ["dense", "equivariant", "invariant"])
def test_closed_forms_are_minima(kind):
    """Against a minimization over the weights of a small design, with images without any symmetry."""
    rotation = image_rotation(3)
    images = np.random.default_rng(2).normal(size=(40, 9)) @ np.random.default_rng(3).normal(size=(9, 9))
    spaces = {
        "dense": (9, 3),
        "equivariant": equivariant_maps(rotation).component([1, 0, 1]),
        "invariant": invariant_maps(rotation, m=9, n=9, r=2),
    }
    design = autoencoder_design(spaces[kind])

    def loss(weights):
        decoder, encoder = design.layers(weights)
        return np.mean((images @ encoder.T @ decoder.T - images) ** 2)

    starts = np.random.default_rng(4).normal(size=(3, design.n_parameters))
    reached = min(minimize(loss, start, method="BFGS").fun for start in starts)
    assert design.optimum(images).loss == pytest.approx(reached, rel=1e-6)


def test_torch_trains_likewise(digits):
    torch = pytest.importorskip("torch")
    maps = equivariant_maps(SHIFT, order="frequency")
    design = autoencoder_design(maps.nearest(np.eye(64), 8, gram=digits.T @ digits).component)
    options = {"steps": 50, "rng": 3}
    np.testing.assert_allclose(
        design.train(digits, backend="torch", **options).history, design.train(digits, **options).history, rtol=1e-8
    )
    module = design.torch_module(rng=3)
    assert sum(p.numel() for p in module.parameters()) == design.n_parameters
    images = torch.as_tensor(digits[:10])
    decoder, encoder = design.layers(module.weights.detach().numpy())
    np.testing.assert_allclose(module(images).detach().numpy(), digits[:10] @ encoder.T @ decoder.T, atol=1e-12)


def test_training_is_reproducible_and_stops_on_request(digits, monkeypatch):
    design = autoencoder_design((64, 2))
    first, second = (design.train(digits, steps=5, rng=7) for _ in range(2))
    np.testing.assert_array_equal(first.history, second.history)
    assert first.seed == 7

    def interrupt(event):
        if event.done == 3:
            raise KeyboardInterrupt

    stopped = design.train(digits, steps=50, rng=7, progress=interrupt)
    assert stopped.interrupted
    assert 2 <= len(stopped.history) <= 4


def test_designs_that_do_not_look_at_data():
    maps = equivariant_maps(SHIFT, order="frequency")
    even = spread_ranks(maps, 16)
    assert even.rank == 16
    assert max(even.ranks) - min(even.ranks) <= 1
    top = high_pass_ranks(maps, 16)
    assert top.ranks == (0, 0, 0, 4, 8)


def test_idx_files(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    data = struct.pack(">4B3I", 0, 0, 8, 3, 5, 4, 3) + pixels.tobytes()
    plain, packed = tmp_path / "images", tmp_path / "images.gz"
    plain.write_bytes(data)
    packed.write_bytes(gzip.compress(data))
    for path in (plain, packed):
        np.testing.assert_allclose(read_idx_images(path), pixels.reshape(5, 12) / 255)
    plain.write_bytes(data[:-1])
    with pytest.raises(InputError, match="cut off"):
        read_idx_images(plain)
    plain.write_bytes(b"PNG")
    with pytest.raises(InputError, match="no idx file"):
        read_idx_images(plain)
    with pytest.raises(InputError, match="cannot be read"):
        read_idx_images(tmp_path / "missing")


def test_wrong_inputs_say_what_to_do(digits):
    design = autoencoder_design((64, 2))
    with pytest.raises(InputError, match=r"give \(N, 64\)"):
        design.optimum(digits[:, :10])
    with pytest.raises(InputError, match="not finite"):
        design.train(np.where(digits > 0.9, np.nan, digits))
    with pytest.raises(InputError, match="N > 0"):
        design.optimum(digits[:0])
    with pytest.raises(InputError, match="learning_rate"):
        design.train(digits, learning_rate=-1.0)
    with pytest.raises(InputError, match="backend"):
        design.train(digits, backend="jax")
    with pytest.raises(InputError, match="steps"):
        design.train(digits, steps=0)
    with pytest.raises(InputError, match="no function space"):
        autoencoder_design(3)
    with pytest.raises(InputError, match="as many"):
        autoencoder_design(invariant_maps("(12)", m=2, n=3, r=1))
    with pytest.raises(InputError, match="one larger or smaller"):
        # The constants, and a pair: nothing of rank 2 comes from the pair first and then one more.
        spread_ranks(equivariant_maps("(123)"), 2)
    with pytest.raises(InputError, match="one image a row"):
        design.optimum(digits)(digits[0])
    # Images in their shape are taken as well.
    assert design.optimum(digits.reshape(-1, 8, 8)).loss == pytest.approx(design.optimum(digits).loss)
