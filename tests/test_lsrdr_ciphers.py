"""S-boxes and measures of block ciphers, against FIPS 197, published values, theorems and brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.lsrdr.ciphers.reduction import reduce_cipher
from algeom.lsrdr.ciphers.sboxes import PRESENT_SBOX, aes_sbox, field_inversion, field_multiplication
from algeom.lsrdr.ciphers.security import (
    difference_distribution_table,
    keyed_permutations,
    pair_permutations,
    sbox_security_measure,
    security_measure,
)
from algeom.lsrdr.operators.structured_families import Permutations
from algeom.lsrdr.spectra.similarity import similarity

#: The S-box of DES number 1 (FIPS 46-3), read by rows: 4 rows of 16 values, 6 bits to 4.
DES_S1_ROWS = """
    14 4 13 1 2 15 11 8 3 10 6 12 5 9 0 7
    0 15 7 4 14 2 13 1 10 6 12 11 9 5 3 8
    4 1 14 8 13 6 2 11 15 12 9 7 3 10 5 0
    15 12 8 2 4 9 1 7 5 11 3 14 10 0 6 13
"""


def naive_table(sbox):
    n, m = len(sbox), 1 << (max(max(sbox), len(sbox) - 1)).bit_length()
    table = [[0] * m for _ in range(n)]
    for x, y in itertools.product(range(n), repeat=2):
        table[x ^ y][sbox[x] ^ sbox[y]] += 1
    return table


def naive_second_modulus(permutations):
    """All eigenvalues of the matrix that acts on frozensets of two points, built one pair at a time."""
    n = len(permutations[0])
    pairs = [frozenset(pair) for pair in itertools.combinations(range(n), 2)]
    place = {pair: i for i, pair in enumerate(pairs)}
    matrix = np.zeros((len(pairs), len(pairs)))
    for sigma in permutations:
        for pair in pairs:
            matrix[place[pair], place[frozenset(sigma[x] for x in pair)]] += 1
    return sorted(abs(np.linalg.eigvals(matrix)))[-2]


def test_aes_sbox_is_that_of_the_standard():
    """FIPS 197, figures 7 and 14: first and last rows, and entries."""
    sbox = aes_sbox()
    assert bytes(sbox[:16].tolist()).hex() == "637c777bf26b6fc53001672bfed7ab76"
    assert bytes(sbox[240:].tolist()).hex() == "8ca1890dbfe6426841992d0fb054bb16"
    inverse = aes_sbox(inverse=True)
    assert bytes(inverse[:16].tolist()).hex() == "52096ad53036a538bf40a39e81f3d7fb"
    assert np.array_equal(sbox[inverse], np.arange(256))


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 8])
def test_tables_of_field_arithmetic(bits):
    x = np.arange(1 << bits)
    products = np.array([field_multiplication(c, bits) for c in x])
    assert np.array_equal(products, products.T)
    assert np.array_equal(products[1], x)
    inverse = field_inversion(bits)
    assert (products[x, inverse][1:] == 1).all()
    assert inverse[0] == 0
    assert not np.any(products[1:, 1:] == 0)


def test_mixcolumns_matrices_are_inverse():
    """FIPS 197: circulants of (2, 1, 1, 3) and (14, 9, 13, 11) are inverse."""
    forward, backward = (2, 1, 1, 3), (14, 9, 13, 11)
    for shift in range(4):
        entry = 0
        for i in range(4):
            entry ^= int(field_multiplication(forward[i])[backward[(shift - i) % 4]])
        assert entry == (shift == 0)


@pytest.mark.parametrize("sbox", [PRESENT_SBOX, [0, 1], [3, 0, 1, 2], [1, 1, 7, 0, 2, 2, 2, 5], [9, 0, 0, 1]])
def test_table_counts_pairs(sbox):
    assert np.array_equal(difference_distribution_table(sbox), naive_table(list(sbox)))


def test_table_of_des():
    """E. Biham, A. Shamir, Differential Cryptanalysis of DES-like Cryptosystems, table 1: entries of S1."""
    rows = [[int(v) for v in line.split()] for line in DES_S1_ROWS.split("\n") if line.strip()]
    sbox = [rows[(x >> 4 & 2) | (x & 1)][x >> 1 & 15] for x in range(64)]
    table = difference_distribution_table(sbox)[:, :16]
    assert table[0x34].tolist() == [0, 8, 16, 6, 2, 0, 0, 12, 6, 0, 0, 0, 0, 8, 0, 6]
    assert table[0x01].tolist() == [0, 0, 0, 6, 0, 2, 4, 4, 0, 10, 12, 4, 10, 6, 2, 4]


def test_differential_uniformity():
    """K. Nyberg, EUROCRYPT '93: inversion is 4-uniform for even k, 2-uniform for odd k."""
    for bits in (4, 5, 6, 7, 8):
        table = difference_distribution_table(field_inversion(bits))
        assert table[1:].max() == (2 if bits % 2 else 4)
        assert np.array_equal(table, table.T)
    assert difference_distribution_table(aes_sbox())[1:].max() == 4


@pytest.mark.parametrize(
    ("sboxes", "digits", "total"),
    [
        pytest.param([aes_sbox()], "16.4149357560", 256, marks=pytest.mark.slow),
        ([field_multiplication(c)[aes_sbox()] for c in (2, 1, 1, 3)], "45.6864262007", 1024),
        pytest.param(
            [aes_sbox(inverse=True)[field_multiplication(c)] for c in (14, 9, 13, 11)],
            "33.5970180369",
            1024,
            marks=pytest.mark.slow,
        ),
    ],
    ids=["S-box", "encryption", "decryption"],
)
def test_values_for_aes(sboxes, digits, total):
    """The published values, to all printed digits, inside proved enclosures."""
    measure = sbox_security_measure(*sboxes)
    assert f"{measure.value:.10f}" == digits
    assert measure.lower < measure.value < measure.upper
    assert measure.upper - measure.lower < 1e-13
    assert measure.total == total
    assert measure.evidence.status is Status.PROVED
    assert sbox_security_measure(*sboxes, method="dense").value == pytest.approx(measure.value, abs=1e-10)


def test_mixing_before_or_after_the_sbox_is_the_same():
    after = [field_multiplication(c)[aes_sbox(inverse=True)] for c in (14, 9, 13, 11)]
    assert sbox_security_measure(*after, method="dense").value == pytest.approx(33.5970180369, abs=1e-10)


@pytest.mark.parametrize("bits", [2, 4, 6, 8])
def test_inversion_has_the_value_of_the_theorem(bits):
    """Stickelberger's Gauss sums: exactly 2^(k/2) + 2 for even k (for k = 2 inversion is linear, with 4 of 4)."""
    measure = sbox_security_measure(field_inversion(bits))
    assert measure.integer == 2 ** (bits // 2) + 2
    assert measure.lower == measure.upper == measure.value == measure.integer
    assert measure.total == 1 << bits


@pytest.mark.parametrize("bits", [3, 5, 7])
def test_inversion_is_bounded_by_gauss_sums(bits):
    measure = sbox_security_measure(field_inversion(bits))
    assert measure.upper < 2 ** (bits / 2) + 2
    assert measure.integer is None


def test_inversion_is_the_worst_of_its_affine_class():
    rng = np.random.default_rng(1)
    for _ in range(5):
        c, d = rng.integers(1, 256, 2)
        sbox = field_multiplication(int(c))[field_inversion()[field_multiplication(int(d))]] ^ 0x5A
        rotated = ((sbox << 3) | (sbox >> 5)) & 0xFF
        assert sbox_security_measure(rotated, method="dense").value < 18 + 1e-9


def test_random_sboxes():
    """The circular law with variance 2 of the entries predicts sqrt(2 * 255) = 22.6; three samples had 22.8 to 23.7."""
    for seed in range(3):
        measure = sbox_security_measure(np.random.default_rng(seed).permutation(256), method="dense")
        assert 22 < measure.value < 24.5
        assert measure.evidence.status is Status.NUMERICAL


@pytest.mark.parametrize(("n", "r"), [(3, 1), (4, 2), (5, 3), (7, 2), (9, 4), (12, 3)])
def test_sums_of_permutations_by_brute_force(n, r):
    rng = np.random.default_rng([n, r])
    for _ in range(3):
        sigma = np.array([rng.permutation(n) for _ in range(r)])
        measure = security_measure(sigma)
        # Repeated eigenvalues of nonsymmetric matrices are known to the square root of the rounding errors.
        assert measure.value == pytest.approx(naive_second_modulus(sigma.tolist()), abs=1e-6)
        assert measure.rows == n * (n - 1) // 2


@pytest.mark.parametrize("sbox", [PRESENT_SBOX, field_inversion(5), np.random.default_rng(3).permutation(64)])
def test_squared_correlations_have_the_same_eigenvalues(sbox):
    """J. Daemen, R. Govaerts, J. Vandewalle, Correlation matrices, FSE 1994: by a Walsh transform."""
    n = len(sbox)
    walsh = np.array([[(-1) ** (u & x).bit_count() for x in range(n)] for u in range(n)])
    correlations = walsh @ np.eye(n)[np.asarray(sbox)].T @ walsh / n
    squared = (correlations**2)[1:, 1:]
    assert squared.sum(axis=0) == pytest.approx(np.ones(n - 1))
    second = sorted(abs(np.linalg.eigvals(squared)))[-2]
    assert n * second == pytest.approx(sbox_security_measure(sbox).value, rel=1e-9)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.permutations(list(range(8))), st.permutations(list(range(8))))
def test_differences_and_pairs_agree(first, second):
    sigma = np.concatenate([keyed_permutations(first), keyed_permutations(second)])
    by_differences, by_pairs = security_measure(sigma), security_measure(sigma, matrix="pairs")
    assert (by_differences.matrix, by_pairs.matrix) == ("differences", "pairs")
    assert by_differences.value == pytest.approx(by_pairs.value, abs=1e-12)
    assert by_differences.integer == by_pairs.integer
    assert by_differences.value == sbox_security_measure(first, second).value


def test_only_complete_sets_of_keys_reduce_to_differences():
    keyed = keyed_permutations(PRESENT_SBOX)
    assert security_measure(np.concatenate([keyed, keyed])[::-1]).matrix == "differences"
    assert security_measure(keyed[:-1]).matrix == "pairs"
    assert security_measure(keyed[[*range(15), 14]]).matrix == "pairs"


def test_methods_agree():
    rng = np.random.default_rng(5)
    sigma = np.array([rng.permutation(22) for _ in range(6)])
    exact = security_measure(sigma)
    assert exact.method == "exact"
    for method in ("dense", "arpack"):
        other = security_measure(sigma, method=method)
        assert other.method == method
        assert other.value == pytest.approx(exact.value, rel=1e-10)
        assert abs(abs(other.eigenvalue) - other.value) < 1e-12
        assert math.isnan(other.evidence.log10_error)


def test_intransitive_groups_do_not_mix():
    sigma = [[1, 0, 3, 2, 4], [0, 1, 3, 4, 2], [1, 0, 2, 3, 4]]
    measure = security_measure(sigma)
    assert measure.integer == measure.total == 3
    assert measure.contraction == 1


def test_all_permutations_mix_at_once():
    measure = security_measure(list(itertools.permutations(range(4))))
    assert measure.integer == 0
    assert measure.eigenvalue == 0


@pytest.mark.slow
def test_aes_on_all_32640_pairs():
    """The reduction to differences holds at full size: ARPACK on pairs, no use made of the keys' structure."""
    measure = security_measure(keyed_permutations(aes_sbox()), matrix="pairs")
    assert measure.method == "arpack"
    assert measure.value == pytest.approx(16.4149357560, abs=1e-9)


def test_pairs_are_permuted():
    sigma = np.array([np.random.default_rng(s).permutation(6) for s in range(4)])
    images = pair_permutations(sigma)
    pairs = list(itertools.combinations(range(6), 2))
    for row, image in zip(sigma, images, strict=True):
        assert [set(pairs[i]) for i in image] == [{row[a], row[b]} for a, b in pairs]


@pytest.mark.parametrize(
    "sbox", [[], [0], [0, 1, 2], [[0, 1]], [0.0, 1.0], [0, -1], [[0], [1, 2]], [0, 1 << 20], "ab", None, [True, False]]
)
def test_bad_sboxes(sbox):
    with pytest.raises(InputError, match=r"give|expected"):
        difference_distribution_table(sbox)
    with pytest.raises(InputError):
        sbox_security_measure(sbox)


def test_bad_arguments():
    with pytest.raises(InputError, match="no permutation"):
        sbox_security_measure([0, 0, 1, 2])
    with pytest.raises(InputError, match="one size"):
        sbox_security_measure([0, 1], [0, 1, 2, 3])
    with pytest.raises(InputError, match="no S-box"):
        sbox_security_measure()
    for bad in ([], [0, 1, 2], [[0, 1, 3]], [[0.5, 1]], [[0, 1], [0]], [[float("nan"), 1.0]]):
        with pytest.raises(InputError, match="permutation"):
            security_measure(bad)
    with pytest.raises(InputError, match="at least 3 points"):
        security_measure([[1, 0]])
    with pytest.raises(InputError, match="method"):
        security_measure([[1, 2, 0]], method="fast")
    with pytest.raises(InputError, match="matrix"):
        security_measure([[1, 2, 0]], matrix="differences")
    with pytest.raises(InputError, match="arpack"):
        security_measure([[1, 2, 0]], method="arpack")
    with pytest.raises(InputError, match="reducible"):
        field_multiplication(2, 8, 0x101)
    with pytest.raises(InputError, match="polynomial"):
        field_inversion(8, 0x1B)
    with pytest.raises(InputError, match="coefficient"):
        field_multiplication(256)
    with pytest.raises(InputError, match="bits"):
        field_inversion(17)
    with pytest.raises(ResourceError, match="pairs"):
        pair_permutations(np.broadcast_to(np.arange(4000), (4000, 4000)))


def test_reductions_of_keyed_sboxes():
    """Projections onto Walsh functions by radii of squared correlations; reductions exceed the best of them."""
    sbox, n = PRESENT_SBOX, 16
    walsh = np.array([[(-1) ** (u & x).bit_count() for x in range(n)] for u in range(n)]) / 4
    squared = (walsh @ np.eye(n)[:, np.asarray(sbox)] @ walsh.T) ** 2
    matrices = Permutations(keyed_permutations(sbox), sum_zero=True).dense()
    best = 0.0
    for masks in itertools.combinations(range(1, n), 2):
        radius = max(abs(np.linalg.eigvals(squared[np.ix_(masks, masks)])))
        best = max(best, radius)
        if masks in ((3, 6), (6, 12), (1, 2)) and radius > 0:
            basis = walsh[list(masks)].T
            X = np.array([basis.T @ A @ basis for A in matrices])
            assert float(similarity(matrices, X)) == pytest.approx(math.sqrt(radius), abs=1e-9)
    reduced = reduce_cipher(keyed_permutations(sbox), 2, rng=0)
    assert reduced.radius == pytest.approx(n)
    assert reduced.similarity > math.sqrt(best) + 0.01
    assert np.abs(reduced.P.sum(axis=0)).max() < 1e-9
    assert np.abs(reduced.P.sum(axis=1)).max() < 1e-9
    assert np.trace(reduced.P) == pytest.approx(2)


def test_reduction_to_all_functions_with_sum_zero_loses_nothing():
    reduced = reduce_cipher([[1, 2, 3, 4, 0], [0, 1, 2, 4, 3]], 4, starts=2, rng=0)
    assert reduced.similarity == pytest.approx(1, abs=1e-9)
    assert pytest.approx(np.eye(5) - 0.2, abs=1e-9) == reduced.P
    for rank in (0, 5, 1.0):
        with pytest.raises(InputError, match="rank"):
            reduce_cipher([[1, 2, 3, 4, 0]], rank)
    with pytest.raises(InputError, match="one point"):
        reduce_cipher([[0]], 1)
    with pytest.raises(InputError, match="no permutation"):
        reduce_cipher([[0, 0]], 1)
