import math
from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import InputError
from algeom.evidence import Status
from algeom.lsrdr.gradients.norms import SchattenNorm, SpectralRadiusNorm
from algeom.lsrdr.gradients.perron import perron_averages
from algeom.lsrdr.words import embeddings as module
from algeom.lsrdr.words.corpora import GETTYSBURG_ADDRESS, WORD_CLASSES, generated_corpus, tokenize
from algeom.lsrdr.words.embeddings import embed_words
from algeom.lsrdr.words.word_products import CyclicWord

FIELDS = ["real", "complex"]


def random_matrices(rng, k, d, field):
    f = rng.standard_normal((k, d, d))
    return f if field == "real" else f + 1j * rng.standard_normal(f.shape)


def random_word(rng, n, k):
    return np.concatenate([np.arange(k), rng.integers(0, k, n - k)])


def log_rate(letters, f):
    """By eigenvalues of the product, rescaled after each factor."""
    whole, log_scale = np.eye(f.shape[1]), 0.0
    for a in letters:
        whole = whole @ f[a]
        size = np.abs(whole).max()
        whole, log_scale = whole / size, log_scale + math.log(size)
    return (math.log(max(abs(np.linalg.eigvals(whole)))) + log_scale) / len(letters)


def phi_matrix(f):
    return sum(np.kron(a, a.conj()) for a in f)


# Products


@pytest.mark.parametrize("field", FIELDS)
@given(n=st.integers(3, 200), d=st.integers(1, 4), seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_spectral_radius_of_products_and_its_gradient(field, n, d, seed):
    rng = np.random.default_rng(seed)
    letters, f = random_word(rng, n, 3), random_matrices(rng, 3, d, field)
    word = CyclicWord(letters, 3)
    value, gradient = word.log_rate(f)
    assert value == pytest.approx(log_rate(letters, f), abs=1e-10)
    # Each factor is homogeneous of degree one.
    along = (gradient.conj() * f).sum(axis=(1, 2)).real
    assert along == pytest.approx(word.counts / n, abs=1e-8)
    step, h = random_matrices(rng, 3, d, field), 1e-5
    logs = [log_rate(letters, f + t * h * step) for t in (2, 1, -1, -2)]
    differences = (-logs[0] + 8 * logs[1] - 8 * logs[2] + logs[3]) / (12 * h)
    if abs(logs[1] - 2 * value + logs[2]) < 1e-7:  # far from a crossing of eigenvalues
        assert np.vdot(gradient, step).real == pytest.approx(differences, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("field", FIELDS)
def test_neither_overflow_nor_underflow(field):
    rng = np.random.default_rng(0)
    letters, f = random_word(rng, 5000, 4), random_matrices(rng, 4, 3, field)
    scales = 10.0 ** np.array([100, -100, 150, -120])
    word = CyclicWord(letters, 4)
    value, gradient = word.log_rate(f)
    scaled, by_scaled = word.log_rate(f * scales[:, None, None])
    assert scaled == pytest.approx(value + word.counts @ np.log(scales) / 5000, rel=1e-12)
    assert by_scaled * scales[:, None, None] == pytest.approx(gradient, abs=1e-12)
    assert value == pytest.approx(log_rate(letters, f), abs=1e-12)


@given(seed=st.integers(0, 10**6), shift=st.integers(0, 60), field=st.sampled_from(FIELDS))
@settings(max_examples=20, deadline=None)
def test_invariance_of_products(seed, shift, field):
    rng = np.random.default_rng(seed)
    letters, f = random_word(rng, 61, 3), random_matrices(rng, 3, 3, field)
    value, gradient = CyclicWord(letters, 3).log_rate(f)
    assert CyclicWord(np.roll(letters, shift), 3).log_rate(f)[0] == pytest.approx(value, abs=1e-10)
    # The transpose reverses the word.
    assert CyclicWord(letters[::-1].copy(), 3).log_rate(f.transpose(0, 2, 1))[0] == pytest.approx(value, abs=1e-10)
    C = np.eye(3) + 0.3 * random_matrices(rng, 1, 3, field)[0]
    if np.linalg.cond(C) < 50:
        moved, by_moved = CyclicWord(letters, 3).log_rate(C @ f @ np.linalg.inv(C))
        assert moved == pytest.approx(value, abs=1e-9)
        # Re <g', C df C^-1> = Re <C^* g' C^-*, df>
        assert C.conj().T @ by_moved @ np.linalg.inv(C).conj().T == pytest.approx(gradient, rel=1e-5, abs=1e-6)
    phases = np.exp(1j * rng.uniform(0, 6, 3))
    assert CyclicWord(letters, 3).log_rate(phases[:, None, None] * f)[0] == pytest.approx(value, abs=1e-10)


def test_products_that_vanish():
    nilpotent = np.array([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 3.0], [0.0, 0.0]]])
    value, gradient = CyclicWord(np.array([0, 1, 0]), 2).log_rate(nilpotent)
    assert value == -math.inf
    assert not gradient.any()
    assert CyclicWord(np.array([0]), 1).log_rate(np.zeros((1, 2, 2)))[0] == -math.inf


def test_complex_dominant_eigenvalues_of_real_products():
    turns = np.array([[[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]] for t in (0.3, 0.5)])
    value, gradient = CyclicWord(np.array([0, 1, 1]), 2).log_rate(turns)
    assert value == pytest.approx(0, abs=1e-14)
    assert (gradient * turns).sum(axis=(1, 2)) == pytest.approx([1 / 3, 2 / 3])


# The objective


@given(seed=st.integers(0, 10**6), field=st.sampled_from(FIELDS), n=st.integers(3, 40))
@settings(max_examples=20, deadline=None)
def test_the_objective_is_at_most_one(seed, field, n):
    rng = np.random.default_rng(seed)
    letters, f = random_word(rng, n, 3), random_matrices(rng, 3, 3, field)
    value, _ = CyclicWord(letters, 3).log_rate(f)
    for norm in (SpectralRadiusNorm(), SchattenNorm(1), SchattenNorm(np.inf, "column")):
        assert value <= norm.log_and_gradient(f)[0] + 1e-12


def test_traces_of_words_are_amplitudes_of_probabilities():
    f = random_matrices(np.random.default_rng(1), 2, 3, "complex")
    total = 0.0
    for word in product(range(2), repeat=5):
        whole = np.eye(3)
        for a in word:
            whole = whole @ f[a]
        total += abs(np.trace(whole)) ** 2
    assert total == pytest.approx(np.trace(np.linalg.matrix_power(phi_matrix(f), 5)).real)


@pytest.mark.parametrize("field", FIELDS)
def test_numbers_find_the_word_frequencies(field):
    words = tokenize(GETTYSBURG_ADDRESS)
    found = embed_words(words, 1, field=field, starts=2, rng=0)
    counts = Counter(words)
    entropy = -sum(c / len(words) * math.log(c / len(words)) for c in counts.values())
    assert found.objective == pytest.approx(math.exp(-entropy / 2), abs=1e-9)
    assert found.perplexity == pytest.approx(found.unigram_perplexity)
    assert np.abs(found.matrices[:, 0, 0]) ** 2 == pytest.approx(found.counts / len(words), abs=1e-6)
    assert found.n_agreeing == 2


def test_periodic_words_are_certain_with_a_dimension_for_each_position():
    found = embed_words(["the", "cat", "saw", "the", "dog"], 5, starts=4, rng=0)
    assert found.perplexity == pytest.approx(1, abs=1e-6)
    # Less leaves something open: two dimensions for three positions of different words.
    assert embed_words(list("abc"), 2, rng=0).perplexity > 1.2


@pytest.mark.parametrize("norm", [SpectralRadiusNorm(), SchattenNorm(1), SchattenNorm(3)], ids=repr)
@pytest.mark.parametrize("field", FIELDS)
def test_maxima(norm, field):
    corpus = generated_corpus(300, rng=1).tokens
    found = embed_words(corpus, 2, norm=norm, field=field, starts=2, rng=0)
    assert found.starts[0].gradient_norm < 1e-3
    f, letters = found.matrices, np.array([found.index(word) for word in corpus])
    assert norm(f) == pytest.approx(1)
    assert found.objective == pytest.approx(math.exp(log_rate(letters, f)))
    assert found.score(corpus) == pytest.approx(found.objective)
    # No better neighbour.
    rng = np.random.default_rng(0)
    for _ in range(10):
        other = f + 1e-3 * random_matrices(rng, *f.shape[:2], field)
        assert math.exp(log_rate(letters, other)) / norm(other) <= found.objective * (1 + 1e-9)
    # What the norm says about frequencies is true where the gradient vanishes.
    if isinstance(norm, SpectralRadiusNorm):
        weights = found.frequencies
        K, L = perron_averages(f)
        assert pytest.approx(L, abs=1e-6) == K  # the balanced gauge
        values = np.linalg.eigvals(phi_matrix(f))
        assert max(abs(values)) == pytest.approx(1)
        direct = np.einsum("ij,ajk,kl,ail->a", L, f, K, f.conj()).real
        assert weights == pytest.approx(direct / np.trace(L @ K).real)
    else:
        squares = np.einsum("aij,akj->aik", f, f.conj())
        M = squares.sum(axis=0)
        power = np.linalg.matrix_power(M, int(norm.p) - 1)
        weights = np.einsum("ij,aji->a", power, squares).real / np.trace(power @ M).real
    assert weights == pytest.approx(found.counts / len(corpus), abs=1e-4)


# Similarities of words


@given(seed=st.integers(0, 10**6), field=st.sampled_from(FIELDS))
@settings(max_examples=15, deadline=None)
def test_similarities_do_not_depend_on_gauge_scale_and_phases(seed, field):
    rng = np.random.default_rng(seed)
    f = random_matrices(rng, 4, 3, field)
    C = np.eye(3) + 0.3 * random_matrices(rng, 1, 3, field)[0]
    if np.linalg.cond(C) > 20:
        return
    phases = np.sign(rng.standard_normal(4)) if field == "real" else np.exp(1j * rng.uniform(0, 6, 4))
    moved = 3.7 * phases[:, None, None] * (C @ f @ np.linalg.inv(C))

    def similarities(matrices):
        return module._similarities(module._unit_rows(module._seen_by_contexts(matrices)))

    assert similarities(moved) == pytest.approx(similarities(f), abs=1e-6)
    assert np.diag(similarities(f)) == pytest.approx(np.ones(4))


@pytest.fixture(scope="module")
def embedding():
    corpus = generated_corpus(3000, rng=7)
    return corpus, embed_words(corpus.tokens, 5, starts=3, rng=7)


def test_nearest_neighbours_are_of_the_same_class(embedding):
    corpus, found = embedding
    hits, chances, draws = 0, 0.0, 0
    for word in found.vocabulary:
        members = len(WORD_CLASSES[corpus.classes[word]]) - 1
        if not members:
            continue
        near = found.nearest(word, members)
        hits += sum(corpus.classes[other] == corpus.classes[word] for other, _ in near)
        draws += members
        chances += members * members / (len(found) - 1)
    # By chance fewer than 9 of 74, with a standard deviation of less than 3.
    assert draws == 74
    assert chances < 9
    assert hits >= 65


def test_maxima_are_reproducible_on_the_generated_corpus(embedding):
    _, found = embedding
    assert found.n_agreeing == 3
    assert found.perplexity < 0.4 * found.unigram_perplexity
    assert np.ptp([start.objective for start in found.starts]) < 1e-6
    # New sentences of the same grammar are as likely.
    assert found.score(generated_corpus(3000, rng=8).tokens) ** -2 == pytest.approx(found.perplexity, rel=0.1)


def test_similarity_interface(embedding):
    _, found = embedding
    table = found.similarity_matrix()
    assert table == pytest.approx(table.T)
    assert table.max() <= 1
    i, j = found.index("cat"), found.index("dog")
    assert found.similarity("cat", "dog") == pytest.approx(table[i, j])
    near = found.nearest("cat", 100)
    assert len(near) == len(found) - 1
    assert near[0][1] == pytest.approx(max(value for k, value in enumerate(table[i]) if k != i))
    assert [value for _, value in near] == sorted((value for _, value in near), reverse=True)
    assert (found["cat"] == found.matrices[i]).all()
    assert "cat" in found
    assert "cow" not in found
    assert found.evidence.status is Status.LOWER_BOUND


# Corpora


def test_the_text():
    words = tokenize(GETTYSBURG_ADDRESS)
    # 272 words, of which battle-field is counted as two.
    assert len(words) == 271
    assert [Counter(words)[w] for w in ("that", "the", "we", "to", "here")] == [13, 11, 10, 8, 8]
    assert words[:6] == ["four", "score", "and", "seven", "years", "ago"]
    assert words[-5:] == ["not", "perish", "from", "the", "earth"]
    assert tokenize(GETTYSBURG_ADDRESS, sentence_ends=True).count(".") == 10


def test_tokens_of_any_script():
    assert tokenize("L'été, c’est « très » bien_fait: 3 œufs") == [
        "l'été",
        "c’est",
        "très",
        "bien",
        "fait",
        "3",
        "œufs",
    ]
    assert tokenize("-- ...") == []


def test_generated_sentences():
    corpus = generated_corpus(2000, rng=3)
    assert corpus.tokens == generated_corpus(2000, rng=corpus.seed).tokens
    assert set(corpus.tokens) == set(corpus.classes)
    kinds = [corpus.classes[token] for token in corpus.tokens]
    allowed = {
        "determiner": {"adjective", "noun"},
        "adjective": {"adjective", "noun"},
        "noun": {"intransitive verb", "transitive verb", "preposition", "end of sentence"},
        "name": {"intransitive verb", "transitive verb", "preposition", "end of sentence"},
        "preposition": {"determiner", "name"},
        "intransitive verb": {"preposition", "end of sentence"},
        "transitive verb": {"determiner", "name"},
        "end of sentence": {"determiner", "name"},
    }
    assert all(later in allowed[kind] for kind, later in pairwise(kinds))
    assert "27 words of 8 classes" in repr(corpus)


# Reports


def test_reports_and_repeats():
    words = tokenize(GETTYSBURG_ADDRESS)[:60]
    events = []
    found = embed_words(words, 2, starts=2, rng=3, max_evaluations=30, progress=events.append)
    again = embed_words(" ".join(words), 2, starts=2, rng=found.seed, max_evaluations=30)
    assert (again.matrices == found.matrices).all()
    assert [event.done for event in events] == [0, 1, 2]
    assert "60 tokens" in repr(found)
    assert str(found).count("\n") == 3
    assert found.vocabulary[:2] == ("four", "score")
    gaussian = embed_words(words, 2, starts=1, initial="gaussian", rng=3, max_evaluations=30)
    assert 0 < gaussian.objective <= 1


def test_an_interrupted_search_says_so(monkeypatch):
    calls = 0

    class Interrupting(CyclicWord):
        def log_rate(self, f):
            nonlocal calls
            calls += 1
            if calls == 10:
                raise KeyboardInterrupt
            return super().log_rate(f)

    monkeypatch.setattr(module, "CyclicWord", Interrupting)
    found = embed_words(tokenize(GETTYSBURG_ADDRESS), 2, rng=0)
    assert found.interrupted
    assert "interrupted" in repr(found)
    assert len(found.starts) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": []}, "no tokens"),
        ({"tokens": "..."}, "no tokens"),
        ({"tokens": ["a", 3]}, "3"),
        ({"d": 0}, "positive integer"),
        ({"d": 1.5}, "positive integer"),
        ({"field": "quaternion"}, "complex"),
        ({"initial": "zero"}, "gaussian"),
        ({"starts": 0}, "positive number"),
        ({"tol": -1.0}, "positive"),
        ({"max_evaluations": 0}, "positive"),
    ],
)
def test_bad_input(arguments, message):
    arguments = {"tokens": ["a", "b"], "d": 1, **arguments}
    with pytest.raises(InputError, match=message):
        embed_words(arguments.pop("tokens"), arguments.pop("d"), **arguments)


def test_bad_questions(embedding):
    _, found = embedding
    with pytest.raises(InputError, match="did you mean cat"):
        found.nearest("catt")
    with pytest.raises(InputError, match="vocabulary"):
        found["xyzzy"]
    with pytest.raises(InputError, match="positive number"):
        found.nearest("cat", 0)
    with pytest.raises(InputError, match="cow"):
        found.score(["the", "cow"])
    with pytest.raises(InputError, match="positive number"):
        generated_corpus(0)
    with pytest.raises(InputError, match="string"):
        tokenize(["a"])


@pytest.mark.slow
def test_long_corpora_take_seconds():
    import time

    corpus = generated_corpus(10**5, rng=0)
    begin = time.process_time()
    found = embed_words(corpus.tokens, 4, starts=1, rng=0)
    assert time.process_time() - begin < 30
    assert found.perplexity < 7.2
