"""Reductions of layers of networks and of images: exact recovery, identities, what other methods do better."""

import itertools
import math
import sys

import numpy as np
import pytest

from algeom.errors import InputError
from algeom.lsrdr.learning.feature_comparison import compare_features
from algeom.lsrdr.learning.image_features import reduce_images
from algeom.lsrdr.learning.layer_tuples import compare_layer_reductions, reduce_layers, word_traces
from algeom.lsrdr.learning.trained_layers import digit_network, lightning_attention, load_digit_images
from algeom.lsrdr.operators.outer_products import OuterProducts, OuterProductSuperoperator
from algeom.lsrdr.operators.structured_families import Permutations
from algeom.lsrdr.operators.superoperators import superoperator
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.spectra.similarity import similarity


def gaussian(seed, *shape, complex_entries=False):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal(shape)
    return M + 1j * rng.standard_normal(shape) if complex_entries else M


# Outer products: everything against the matrices written out


@pytest.mark.parametrize("complex_entries", [False, True])
def test_outer_products_are_what_they_are_written_out(complex_entries):
    u, v = gaussian(0, 2, 7, 5, complex_entries=complex_entries)
    sparse, dense = OuterProducts(u, v), superoperator(OuterProducts(u, v).dense())
    np.testing.assert_allclose(dense.left.dense()[3], np.outer(u[3], v[3].conj()))
    E = superoperator(sparse)
    M = gaussian(1, 2, 5, 3, complex_entries=complex_entries)
    S, Y, Z = gaussian(2, 3, 2, 5, 3, complex_entries=complex_entries)
    R = gaussian(3, 2, 3, 5, complex_entries=complex_entries)
    for ours, theirs in zip(E.products(S, R, Y, Z), dense.products(S, R, Y, Z), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(E.product(M, M, M), dense.product(M, M, M), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(E.adjoint_product(M, M, M), dense.adjoint_product(M, M, M), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(E.apply(M[0] @ M[1].T), dense.apply(M[0] @ M[1].T), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(E.adjoint(M[0] @ M[1].T), dense.adjoint(M[0] @ M[1].T), rtol=1e-12, atol=1e-11)
    for j in (0, 6):
        np.testing.assert_allclose(sparse.times(j, M[0]), dense.left.times(j, M[0]), atol=1e-12)
        np.testing.assert_allclose(sparse.adjoint_times(j, M[0]), dense.left.adjoint_times(j, M[0]), atol=1e-12)
    c = gaussian(4, 7)
    np.testing.assert_allclose(sparse.combination(c), dense.left.combination(c), atol=1e-12)
    np.testing.assert_allclose(sparse.scaled(-3.0).dense(), -3 * sparse.dense(), atol=1e-12)
    np.testing.assert_allclose(OuterProducts(u).scaled(0.5).dense(), OuterProducts(u).dense() / 2, atol=1e-12)
    assert sparse.largest >= np.abs(sparse.dense()).max() * (1 - 1e-12)
    signs = np.array([1.0, -1, 1, 1, -1, 1, -1])
    signed = superoperator(sparse, signs=signs)
    for ours, theirs in zip(
        signed.products(S, R, Y, Z), superoperator(sparse.dense(), signs=signs).products(S, R, Y, Z), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("complex_entries", [False, True])
def test_the_superoperator_of_vectors(complex_entries):
    v = gaussian(0, 9, 4, complex_entries=complex_entries)
    E, dense = OuterProductSuperoperator(v), superoperator(OuterProducts(v).dense())
    Y = gaussian(1, 3, 4, 4, complex_entries=True)
    np.testing.assert_allclose(E.apply(Y), dense.apply(Y), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(E.adjoint(Y), dense.adjoint(Y), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(E.to_dense(), dense.to_dense(), rtol=1e-12, atol=1e-11)
    assert E.is_completely_positive
    assert E.hermitian_preserving
    assert E.multiplications(2) < dense.multiplications(2)
    ours, theirs = lsrdr(E, 2, starts=3, rng=0), lsrdr(OuterProducts(v).dense(), 2, starts=3, rng=0)
    assert ours.similarity == pytest.approx(theirs.similarity, abs=1e-10)
    np.testing.assert_allclose(ours.P, theirs.P, atol=1e-8)
    np.testing.assert_allclose(ours.X, theirs.R @ OuterProducts(v).dense() @ theirs.S, atol=1e-7)


def test_a_reduction_of_vectors_is_a_weighted_principal_component_analysis():
    v = gaussian(5, 60, 6) * [3.0, 2, 1.5, 1, 0.5, 0.2] + [1.0, 0, 1, 0, 0, 0]
    d = 3
    reduced = lsrdr(OuterProductSuperoperator(v), d, rng=0)
    P = reduced.P
    np.testing.assert_allclose(P, P.T, atol=1e-9)
    g, h = v @ v.T, v @ P @ v.T
    radii = [np.linalg.eigvalsh(M)[-1] for M in (g * h, g * g, h * h)]
    assert reduced.similarity == pytest.approx(radii[0] / math.sqrt(radii[1] * radii[2]), abs=1e-10)
    weights = np.abs(np.linalg.eigh(h * h)[1][:, -1])
    leading = np.linalg.eigh((v.T * weights) @ v)[1][:, -d:]
    np.testing.assert_allclose(leading @ leading.T, P, atol=1e-8)


def test_orthogonal_vectors_with_one_that_is_longer():
    # E(E_ii) = l_i^4 E_ii: a diagonal map, of which the longest vectors are kept.
    lengths = np.array([1.0, 4, 2, 3])
    reduced = lsrdr(OuterProductSuperoperator(np.diag(lengths)), 1, starts=6, rng=0)
    assert reduced.similarity == pytest.approx(1, abs=1e-10)
    np.testing.assert_allclose(reduced.P, np.diag([0.0, 1, 0, 0]), atol=1e-8)


def test_bad_vectors():
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        OuterProducts([1.0, 2, 3])
    with pytest.raises(InputError, match="nan"):
        OuterProductSuperoperator([[1.0, np.nan]])
    with pytest.raises(InputError, match="as many vectors"):
        OuterProducts(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(InputError, match="cannot be made"):
        OuterProducts([[1.0], [1.0, 2.0]])


def test_complex_reductions_of_permutations():
    # Gathers return products in another order of memory than matrix products do.
    family = Permutations([[1, 2, 3, 4, 0], [1, 0, 2, 3, 4]], sum_zero=True)
    reduced = lsrdr(family, 2, starts=4, field="complex", rng=1)
    dense = lsrdr(family.dense(), 2, starts=4, field="complex", rng=1)
    assert reduced.similarity == pytest.approx(dense.similarity, abs=1e-9)


# Layers


def planted(seed, r, n, d, angle):
    rng = np.random.default_rng(seed)
    frame = np.linalg.qr(rng.standard_normal((n, 2 * d)))[0]
    B, C = frame[:, :d], math.cos(angle) * frame[:, :d] + math.sin(angle) * frame[:, d:]
    return B @ rng.standard_normal((r, d, d)) @ C.T, B @ np.linalg.pinv(C.T @ B) @ C.T


@pytest.mark.parametrize("angle", [0.0, 0.6, 1.2])
def test_common_image_and_kernel_are_recovered(angle):
    A, P = planted(0, 4, 10, 3, angle)
    reduced = reduce_layers(A, 3, rng=0)
    assert reduced.error < 1e-7
    assert reduced.similarity() == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(reduced.reduction.P, P, atol=1e-7)
    assert reduce_layers(A, 3, method="tucker", rng=0).error < 1e-10
    assert reduced.parameters == 2 * 10 * 3 + 4 * 9
    x = gaussian(1, 10)
    np.testing.assert_allclose(reduced.apply(2, x), A[2] @ x, atol=1e-6)


def test_orthogonal_image_and_coimage_are_out_of_reach():
    A, _ = planted(0, 4, 10, 3, math.pi / 2)
    assert reduce_layers(A, 3, method="tucker", rng=0).error < 1e-10
    with pytest.raises(InputError, match=r"rho\(Phi\(A\)\) = 0"):
        reduce_layers(A, 3, rng=0)


def test_traces_of_all_words_are_traces_of_powers_of_superoperators():
    A = gaussian(2, 3, 5, 5, complex_entries=True)
    reduced = reduce_layers(A, 2, rng=0)
    words = np.array(list(itertools.product(range(3), repeat=4)))
    a, b = word_traces(A, words), word_traces(reduced.small, words)
    gamma, phi = superoperator(A, reduced.small).to_dense(), superoperator(A).to_dense()
    assert np.vdot(b, a) == pytest.approx(np.trace(np.linalg.matrix_power(gamma, 4)), rel=1e-10)
    assert np.vdot(a, a) == pytest.approx(np.trace(np.linalg.matrix_power(phi, 4)), rel=1e-10)
    np.testing.assert_allclose(b, word_traces(reduced.approximation, words), rtol=1e-9)
    naive = [np.trace(A[i] @ A[j] @ A[k] @ A[m]) for i, j, k, m in words[:5]]
    np.testing.assert_allclose(a[:5], naive, rtol=1e-12)


@pytest.mark.parametrize("complex_entries", [False, True])
def test_each_method_is_best_at_what_it_optimizes(complex_entries):
    A = gaussian(3, 3, 8, 8, complex_entries=complex_entries)
    found = {name: reduce_layers(A, 3, method=name, rng=0) for name in ("lsrdr", "tucker", "shared", "random")}
    others = [found["tucker"], found["shared"], found["random"]]
    assert found["lsrdr"].reduction.evidence is not None
    assert all(found["lsrdr"].similarity() > other.similarity() for other in others)
    assert all(found["tucker"].error < other.error for other in [found["lsrdr"].fitted(), found["shared"]])
    assert found["lsrdr"].fitted().error < found["lsrdr"].error
    assert found["lsrdr"].similarity() == pytest.approx(found["lsrdr"].reduction.similarity, abs=1e-9)
    # The factor of the cores is the best one, and the cores of the others are.
    for each in found.values():
        B = each.approximation
        assert np.vdot(B, A - B) == pytest.approx(0, abs=1e-9 * np.linalg.norm(A) ** 2)
    for each in others:
        assert each.fitted().error == pytest.approx(each.error, rel=1e-12)
    np.testing.assert_allclose(found["random"].right @ found["random"].left, np.eye(3), atol=1e-12)


def test_reductions_commute_with_conjugation_and_tucker_with_congruence():
    A, C = gaussian(7, 3, 6, 6), np.eye(6) + 0.2 * gaussian(5, 6, 6)
    inverse = np.linalg.inv(C)
    first, second = reduce_layers(A, 2, starts=2, rng=0), reduce_layers(C @ A @ inverse, 2, starts=2, rng=0)
    np.testing.assert_allclose(second.reduction.P, C @ first.reduction.P @ inverse, atol=1e-6)
    Q = np.linalg.qr(C)[0]
    rotated = reduce_layers(Q.T @ A @ Q, 2, method="tucker", rng=0)
    np.testing.assert_allclose(
        rotated.approximation, Q.T @ reduce_layers(A, 2, method="tucker").approximation @ Q, atol=1e-3
    )


def test_full_rank_reductions_are_exact():
    A = gaussian(6, 2, 4, 4)
    for method in ("lsrdr", "tucker", "shared", "random"):
        assert reduce_layers(A, 4, method=method, rng=0).error < 1e-10


def test_trained_attention_heads():
    trained = lightning_attention(8, 2, 3, sequences=500, rng=1)
    assert trained.score(trained.layers) > 0.99
    assert trained.score(0 * trained.layers) == pytest.approx(0, abs=0.02)
    compared = compare_layer_reductions(trained.layers, 2, score=trained.score, starts=4, rng=0)
    assert compared["lsrdr"].score > 0.98 > compared["random"].score
    assert compared["lsrdr"].word_correlation > compared["tucker"].word_correlation
    assert compared["tucker"].error < compared["lsrdr"].error < compared["random"].error
    assert compared["svd of each"].parameters == 3 * 2 * 8  # of rank 1, though that is more than 2 * 16 + 3 * 4
    reduced = reduce_layers(trained.layers, 2, rng=0)
    assert np.linalg.norm(reduced.reduction.P - trained.projection) < 0.1 * np.linalg.norm(trained.projection)
    assert str(compared).count("\n") == 7
    again = lightning_attention(8, 2, 3, sequences=500, rng=1)
    np.testing.assert_array_equal(again.layers, trained.layers)


def test_the_gradient_of_attention():
    # With the planted weights and without noise, decay or training there is nothing left to explain.
    trained = lightning_attention(4, 1, 1, noise=0.0, weight_decay=0.0, sequences=200, rng=0)
    assert trained.score(trained.layers) == pytest.approx(1, abs=1e-6)
    factor = np.vdot(trained.planted, trained.layers) / np.vdot(trained.planted, trained.planted)
    np.testing.assert_allclose(trained.layers, factor * trained.planted, atol=1e-3)
    assert lightning_attention(4, 1, 1, angle=math.pi / 2, sequences=50, rng=0).projection is None


def test_layers_of_a_digit_network():
    pytest.importorskip("sklearn")
    network = digit_network(2, iterations=20, rng=0)
    score = network.score(network.layers)
    assert score > 0.85
    compared = compare_layer_reductions(network.layers, 32, score=network.score, words=200, starts=1, rng=0)
    assert compared.score == score
    assert max(compared.rows, key=lambda row: row.word_correlation).method.startswith("lsrdr")
    assert compared["tucker"].error < compared["lsrdr"].error
    assert compared["random"].score < 0.5
    with pytest.raises(InputError, match="the network has"):
        network.score(network.layers[:1])


def test_bad_layers():
    A = gaussian(0, 2, 4, 4)
    with pytest.raises(InputError, match="choose lsrdr, tucker"):
        reduce_layers(A, 2, method="hosvd")
    with pytest.raises(InputError, match="5"):
        reduce_layers(A, 5)
    with pytest.raises(InputError, match="all matrices are zero"):
        reduce_layers(0 * A, 2, method="tucker")
    with pytest.raises(InputError, match="shape"):
        reduce_layers(A[:, :3], 2)
    with pytest.raises(InputError, match="words has the index 2"):
        word_traces(A, [[0, 2]])
    with pytest.raises(InputError, match="words has the shape"):
        word_traces(A, [0, 1])
    with pytest.raises(InputError, match="no row"):
        compare_layer_reductions(A, 2, words=10, starts=2, rng=0)["hosvd"]
    with pytest.raises(InputError, match="angle"):
        lightning_attention(angle=2.0)
    with pytest.raises(InputError, match="noise"):
        lightning_attention(noise=-1.0)
    with pytest.raises(InputError, match="weight_decay"):
        digit_network(weight_decay=-1.0)


# Images


def test_features_of_images():
    pytest.importorskip("sklearn")
    images, labels = load_digit_images()
    images, labels = images[:200], labels[:200]
    for encoding in ("images", "directions", "classes", "matrices"):
        first, second = (
            reduce_images(images, 4, encoding=encoding, labels=labels, starts=2, rng=seed) for seed in (0, 1)
        )
        assert first.components.shape == (4, 64)
        assert first.transform(images).shape == (200, 4)
        np.testing.assert_allclose(first.transform(images).mean(axis=0), 0, atol=1e-12)
        spans = [np.linalg.qr(found.components.T)[0] for found in (first, second)]
        assert np.linalg.norm(spans[0].T @ spans[1]) ** 2 == pytest.approx(4, abs=1e-5)
        if encoding != "matrices":
            np.testing.assert_allclose(first.components @ first.components.T, np.eye(4), atol=1e-12)
            np.testing.assert_allclose(first.reduction.P, first.reduction.P.T, atol=1e-6)
            np.testing.assert_allclose(first.components.T @ first.components, first.reduction.P, atol=1e-6)
    square = reduce_images(images.reshape(-1, 8, 8), 4, encoding="matrices", rng=0)
    centred = (images - images.mean(axis=0)).reshape(-1, 8, 8)
    np.testing.assert_allclose(
        square.transform(images), square.reduction.transform(centred).reshape(200, 4), atol=1e-10
    )


def test_the_comparison_of_features():
    pytest.importorskip("sklearn")
    images, labels = load_digit_images()
    compared = compare_features(8, images=images[:200], labels=labels[:200], splits=2, starts=1, rng=0)
    for encoding in ("images", "directions"):
        row = compared[f"LSRDR, {encoding}"]
        assert row.same_data > 0.9999
        assert row.other_data > 0.8
        assert min(row.neighbours) > 0.85
    assert compared["PCA"].same_data == pytest.approx(1)
    assert compared["network"].same_data < 0.8
    assert [row.name for row in compared.rows][-2:] == ["LDA", "network"]
    assert str(compared).count("\n") == 9


def test_bad_images():
    images = gaussian(0, 10, 9)
    with pytest.raises(InputError, match="encoding='pixels'"):
        reduce_images(images, 2, encoding="pixels")
    with pytest.raises(InputError, match="needs one for each"):
        reduce_images(images, 2, encoding="classes")
    with pytest.raises(InputError, match="give 1 or 4"):
        reduce_images(images, 2, encoding="matrices")
    with pytest.raises(InputError, match="square images"):
        reduce_images(images[:, :8], 4, encoding="matrices")
    with pytest.raises(InputError, match="all images are equal"):
        reduce_images(np.ones((5, 9)), 2)
    with pytest.raises(InputError, match="9 pixels"):
        reduce_images(images, 10)
    with pytest.raises(InputError, match="of 8 pixels were given"):
        reduce_images(images, 2, rng=0).transform(images[:, :8])
    with pytest.raises(InputError, match="complex"):
        reduce_images(images + 1j, 2)
    with pytest.raises(InputError, match="images and labels"):
        compare_features(2, images=images)
    with pytest.raises(InputError, match="one for each of the 10"):
        compare_features(2, images=images, labels=[0, 1])


def test_without_scikit_learn(monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for call in (load_digit_images, digit_network, compare_features):
        with pytest.raises(InputError, match="pip install scikit-learn"):
            call()
    with pytest.raises(InputError, match="pip install scikit-learn"):
        compare_features(2, images=gaussian(0, 10, 9), labels=np.arange(10) % 2)


def test_similarity_of_the_reduced_layers_by_its_definition():
    A = gaussian(7, 3, 6, 6)
    reduced = reduce_layers(A, 2, rng=0)
    assert similarity(A, reduced.approximation).value == pytest.approx(reduced.similarity(), abs=1e-9)
