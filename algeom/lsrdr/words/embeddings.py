"""Word embeddings by matrices: the product along a corpus gets as large a spectral radius as its words allow.

For a corpus a_1 a_2 ... a_n, read as one cyclic word, f maps words to d x d matrices so that

    rho(f(a_1) f(a_2) ... f(a_n))^(1/n) / N(f),      N(f) = rho(Phi(f))^(1/2), Phi(f)(Y) = sum of f(a) Y f(a)^*,

is locally maximal (N may be another norm). These are *matrix product operator (MPO) embeddings*. What follows is a
reading of our own.

The objective is at most 1. It changes neither under joint conjugation f(a) -> C f(a) C^-1 and scaling, nor when single
words get phases, f(a) -> z_a f(a) with |z_a| = 1 (signs, over the reals).

The numbers |tr f(b_1) ... f(b_n)|^2 / tr Phi(f)^n are probabilities of all cyclic words b_1 ... b_n of n letters: a
translation-invariant Born machine. Up to terms of order 1 / n the objective is the square root of the geometric mean of
the probabilities of the words of the corpus, given what came before: training is maximum likelihood, and the objective
to the power -2 is a *perplexity*. For d = 1 the maximum is that of the word frequencies.

Let K and L be the Perron eigenvectors of Phi(f) and of its adjoint. They are what the vectors behind and before a word
average to, and <f(a), f(b)> = tr L f(a) K f(b)^* compares two words by what contexts see of them. This form is
invariant under conjugation, and |<f(a), f(b)>| / (|f(a)| |f(b)|), from 0 to 1, under all of the above: it is the
similarity of words used here. Where the gradient vanishes, |f(a)|^2 / (rho tr L K) is exactly the frequency of a in the
corpus.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status
from algeom.lsrdr.gradients.ascent import ascend
from algeom.lsrdr.gradients.coordinates import Coordinates
from algeom.lsrdr.gradients.norms import SpectralRadiusNorm, TupleNorm
from algeom.lsrdr.gradients.perron import balancing, perron_averages, power
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.words.corpora import tokenize
from algeom.lsrdr.words.word_products import CyclicWord
from algeom.runtime import seeds
from algeom.runtime.memory import require
from algeom.runtime.progress import Progress, reporter

__all__ = ["EmbeddingStart", "MatrixEmbedding", "embed_words"]

Float = NDArray[np.float64]
Field = Literal["real", "complex"]
Initial = Literal["positive", "gaussian"]

#: Similarities of words agree between starts up to this: what differs less does not change which words are near.
_AGREEMENT = 0.01

#: Most frequent words on which starts are compared.
_COMPARED = 500

#: Gain of a step, in the logarithm per word, below which a search ends.
_GAIN = 1e-11

#: Size of the complex part of positive starts over the complex numbers: without one, they would stay real.
_COMPLEX_PART = 0.1


@dataclass(frozen=True)
class EmbeddingStart:
    """What one start led to.

    Attributes
    ----------
    objective : float
    gradient_norm : float
        ||gradient of the logarithm of the objective|| ||f||, which no scaling changes.
    difference : float
        The largest difference of a similarity of two words to the best start, among the 500 most frequent words.
    evaluations : int
    seconds : float
    """

    objective: float
    gradient_norm: float
    difference: float
    evaluations: int
    seconds: float

    @property
    def perplexity(self) -> float:
        """The objective to the power -2."""
        return self.objective**-2


@dataclass(frozen=True, eq=False, repr=False)
class MatrixEmbedding:
    """Matrices for the words of a corpus.

    Attributes
    ----------
    vocabulary : tuple of str
        In the order of their first occurrence.
    matrices : ndarray, shape (k, d, d)
        One for each word, with N(f) = 1. For N(f) = rho(Phi(f))^(1/2) in a gauge where both Perron eigenvectors of
        Phi(f) are equal, which leaves unitary conjugation; other norms choose a gauge by themselves.
    counts : ndarray of int, shape (k,)
        Occurrences in the corpus.
    objective : float
        rho(product)^(1/n) / N(f), at most 1.
    starts : tuple of EmbeddingStart
        In the order of the starts.
    norm, field, initial
        As asked for.
    interrupted : bool
        Whether Ctrl-C ended the search early.
    evidence : Evidence
        LOWER_BOUND of the maximum: nothing proves that a local maximum is global.
    seed : int

    Examples
    --------
    >>> from algeom.lsrdr.words.corpora import generated_corpus
    >>> f = embed_words(generated_corpus(3000, rng=0).tokens, 5, starts=2, rng=0)
    >>> sorted(word for word, similarity in f.nearest("cat", 4))
    ['bird', 'dog', 'fox', 'horse']
    >>> round(f.perplexity, 2), round(f.unigram_perplexity, 2), f.n_agreeing
    (6.42, 22.09, 2)
    """

    vocabulary: tuple[str, ...]
    matrices: Array
    counts: NDArray[np.int64]
    objective: float
    starts: tuple[EmbeddingStart, ...]
    norm: TupleNorm
    field: Field
    initial: Initial
    interrupted: bool
    evidence: Evidence
    seed: int

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {word: k for k, word in enumerate(self.vocabulary)}

    @cached_property
    def _seen(self) -> Array:
        return _seen_by_contexts(self.matrices)

    @cached_property
    def _unit(self) -> Array:
        return _unit_rows(self._seen)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self._positions

    def __getitem__(self, word: str) -> Array:
        return np.asarray(self.matrices[self.index(word)])

    @property
    def d(self) -> int:
        """Size of the matrices."""
        return int(self.matrices.shape[1])

    @property
    def n_tokens(self) -> int:
        """Length of the corpus."""
        return int(self.counts.sum())

    @property
    def perplexity(self) -> float:
        """The objective to the power -2: among how many words, in the mean, the next one is undecided."""
        return self.objective**-2

    @property
    def unigram_perplexity(self) -> float:
        """The same for the word frequencies alone, which is the maximum for d = 1."""
        p = self.counts / self.counts.sum()
        return math.exp(-float(p @ np.log(p)))

    @property
    def frequencies(self) -> Float:
        """What the matrices say about the frequencies of words: equal to those of the corpus at critical points."""
        weights = (np.abs(self._seen) ** 2).sum(axis=1)
        return np.asarray(weights / weights.sum())

    @property
    def n_agreeing(self) -> int:
        """How many starts found the same similarities of words, up to 0.01."""
        return sum(start.difference <= _AGREEMENT for start in self.starts)

    def index(self, word: str) -> int:
        """Position of a word in the vocabulary.

        Raises
        ------
        InputError
            If it does not occur in the corpus.
        """
        if word not in self:
            near = get_close_matches(str(word), self.vocabulary, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "see .vocabulary for those that do"
            raise InputError(f"{word!r} does not occur in the corpus; {hint}")
        return self._positions[word]

    def similarity(self, first: str, second: str) -> float:
        """How similar two words are in what contexts see of them, from 0 to 1."""
        a, b = self._unit[self.index(first)], self._unit[self.index(second)]
        return min(1.0, float(abs(np.vdot(b, a))))

    def similarity_matrix(self) -> Float:
        """Similarities of all pairs of words, shape (k, k).

        Raises
        ------
        ResourceError
            If it does not fit.
        """
        k = len(self)
        require(48.0 * k * k, None, f"similarities of {k} words", "compare some words by similarity()")
        return _similarities(self._unit)

    def nearest(self, word: str, k: int = 5) -> list[tuple[str, float]]:
        """The k most similar other words, with their similarities.

        Parameters
        ----------
        word : str
        k : int

        Raises
        ------
        InputError
            If the word does not occur in the corpus, or k is not positive.
        """
        if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or k < 1:
            raise InputError(f"k={k!r}; give a positive number of words")
        at = self.index(word)
        values = np.minimum(np.abs(self._unit.conj() @ self._unit[at]), 1.0)
        values[at] = -1.0
        order = np.argsort(-values, kind="stable")[: min(k, len(self) - 1)]
        return [(self.vocabulary[i], float(values[i])) for i in order]

    def score(self, tokens: str | Iterable[str]) -> float:
        """The objective of another corpus with these matrices: rho(product)^(1/n) / N(f).

        Its power -2 is the perplexity of that corpus.

        Raises
        ------
        InputError
            If a word does not occur in the corpus of the embedding, or there is none.
        """
        words = _token_list(tokens)
        letters, which = np.unique([self.index(word) for word in words], return_inverse=True)
        value, _ = CyclicWord(which.astype(np.int64), len(letters)).log_rate(self.matrices[letters])
        return math.exp(value - self.norm.log_and_gradient(self.matrices)[0])

    def __repr__(self) -> str:
        notes = [
            f"{len(self)} words of {self.n_tokens} tokens",
            f"{self.field} matrices of size {self.d}",
            f"perplexity {self.perplexity:.4g} (unigrams {self.unigram_perplexity:.4g})",
            f"{self.n_agreeing} of {len(self.starts)} starts agree",
        ]
        if self.interrupted:
            notes.append("interrupted")
        return f"MatrixEmbedding({'; '.join(notes)}; {self.evidence})"

    def __str__(self) -> str:
        rows = [repr(self), f"{'start':>5} {'perplexity':>12} {'gradient':>9} {'difference':>10} {'evaluations':>11}"]
        for k, s in enumerate(self.starts):
            rows.append(f"{k:5d} {s.perplexity:12.6f} {s.gradient_norm:9.1e} {s.difference:10.1e} {s.evaluations:11d}")
        return "\n".join(rows)


def embed_words(
    tokens: str | Iterable[str],
    d: int,
    *,
    norm: TupleNorm | None = None,
    field: Field = "real",
    starts: int = 4,
    initial: Initial = "positive",
    tol: float = 1e-6,
    max_evaluations: int = 500,
    rng: seeds.RandomState = None,
    progress: Progress = False,
) -> MatrixEmbedding:
    """Matrices for the words of a corpus, whose product along the corpus has the largest spectral radius.

    Parameters
    ----------
    tokens : iterable of str, or str
        The corpus, read as one cyclic word. A string is cut into words by `tokenize`.
    d : int
        Size of the matrices.
    norm : TupleNorm, optional
        N in rho(f(a_1) ... f(a_n))^(1/n) / N(f); by default rho(Phi(f))^(1/2).
    field : {"real", "complex"}
    starts : int
        Number of random starts.
    initial : {"positive", "gaussian"}
        Distribution of the entries at the start. On the generated corpus starts from positive entries mostly agree,
        those from Gaussian ones mostly do not, and end at lower objectives after four times as many evaluations.
    tol : float
        For the gradient of the logarithm of the objective, times the norm of f.
    max_evaluations : int
        For each start.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    MatrixEmbedding
        The best of all starts, and how far they agree.

    Raises
    ------
    InputError
        If there is no token, a token is no string, or an argument does not fit.
    ResourceError
        If the vectors at all positions do not fit.
    GenericityError
        If the product underflowed at all starts.

    Notes
    -----
    An evaluation takes O(n d^3 + k d^4) operations for k words. One core takes 0.03 s for 10^5 tokens with d = 4, and
    0.06 s with d = 8; a start takes 50 to 400 evaluations.

    On natural text as short as a speech, of which most words occur once, many local maxima have nearly the same
    objective, and starts agree for d = 1 only or hardly more.

    References
    ----------
    The objective is J. Van Name's (MPO word embeddings). For probabilities from matrix products: Z.-Y. Han, J. Wang,
    H. Fan, L. Wang, P. Zhang, Unsupervised generative modeling using matrix product states, Phys. Rev. X 8 (2018).

    Examples
    --------
    The cyclic word "a b c" leaves nothing to chance, if there is a dimension for each position.

    >>> f = embed_words(["a", "b", "c"], 3, starts=2, rng=0)
    >>> round(f.perplexity, 6), round(embed_words(["a", "b", "c"], 1, rng=0).perplexity, 6)
    (1.0, 3.0)

    Words that the Gettysburg address uses alike:

    >>> from algeom.lsrdr.words.corpora import GETTYSBURG_ADDRESS
    >>> f = embed_words(tokenize(GETTYSBURG_ADDRESS, sentence_ends=True), 3, starts=1, rng=4)
    >>> sorted(word for word, similarity in f.nearest("dedicate", 2))
    ['consecrate', 'hallow']
    """
    words = _token_list(tokens)
    seed, _ = seeds.resolve(rng)
    if not isinstance(d, (int, np.integer)) or isinstance(d, bool) or d < 1:
        raise InputError(f"d={d!r}; give a positive integer, the size of the matrices")
    if field not in ("real", "complex"):
        raise InputError(f"field={field!r}; give 'real' or 'complex'")
    if initial not in ("positive", "gaussian"):
        raise InputError(f"initial={initial!r}; give 'positive' or 'gaussian'")
    if not isinstance(starts, (int, np.integer)) or isinstance(starts, bool) or starts < 1:
        raise InputError(f"starts={starts!r}; give a positive number of random starts")
    if not tol > 0 or max_evaluations < 1:
        raise InputError(f"tol={tol!r}, max_evaluations={max_evaluations!r}; give positive numbers")
    norm = SpectralRadiusNorm() if norm is None else norm
    vocabulary = tuple(dict.fromkeys(words))
    index = {word: k for k, word in enumerate(vocabulary)}
    corpus = CyclicWord(np.array([index[word] for word in words], dtype=np.int64), len(vocabulary))
    entries = Coordinates(field, (len(vocabulary), int(d), int(d)))
    # L-BFGS keeps 40 vectors and some more.
    require(8.0 * 60 * entries.count, None, f"the search for {len(vocabulary)} matrices of size {d}", "lower d")

    def objective(x: Float) -> tuple[float, Float]:
        f = entries.matrices(x)
        rate, by_product = corpus.log_rate(f)
        log_norm, by_norm = norm.log_and_gradient(f)
        if -math.inf in (rate, log_norm):
            return -math.inf, np.zeros_like(x)
        return rate - log_norm, entries.pull_back(by_product - by_norm)

    ends = []
    with reporter(progress) as report:
        report.start("embedding starts", total=starts)
        for k in range(starts):
            start = _random_start(entries, initial, seeds.derive(seed, "embedding start", k))
            start /= math.exp(norm.log_and_gradient(entries.matrices(start))[0])
            # No entry of the gradient larger than this: a norm at most tol, for a tuple of norm about one.
            smallest = tol / math.sqrt(entries.count)
            ends.append(ascend(objective, start, tol=smallest, max_evaluations=max_evaluations, gain=_GAIN))
            report.advance(objective=round(math.exp(ends[-1].value), 6))
            if ends[-1].interrupted:
                break
    best = max(ends, key=lambda end: end.value)
    if best.value == -math.inf:
        raise GenericityError(
            f"the product along the corpus vanished at all of {len(ends)} starts; give another seed, or positive starts"
        )
    compared = np.argsort(-corpus.counts, kind="stable")[:_COMPARED]

    def similarities(x: Float) -> Float:
        return _similarities(_unit_rows(_seen_by_contexts(entries.matrices(x))[compared]))

    reference = similarities(best.point)
    records = []
    for end in ends:
        slope, difference = math.nan, math.nan
        if end.value > -math.inf:
            slope = float(np.linalg.norm(objective(end.point)[1]) * np.linalg.norm(end.point))
            difference = float(np.abs(similarities(end.point) - reference).max())
        records.append(EmbeddingStart(math.exp(end.value), slope, difference, end.evaluations, end.seconds))
    return MatrixEmbedding(
        vocabulary=vocabulary,
        matrices=_in_gauge(entries.matrices(best.point), norm),
        counts=corpus.counts,
        objective=math.exp(best.value),
        starts=tuple(records),
        norm=norm,
        field=field,
        initial=initial,
        interrupted=any(end.interrupted for end in ends),
        evidence=Evidence(Status.LOWER_BOUND, math.nan, f"the best of {len(ends)} local searches"),
        seed=seed,
    )


def _token_list(tokens: str | Iterable[str]) -> list[str]:
    words = tokenize(tokens) if isinstance(tokens, str) else list(tokens)
    if not words:
        raise InputError("the corpus has no tokens; give at least one word")
    for word in words:
        if not isinstance(word, str):
            raise InputError(f"the corpus has a token {word!r} ({type(word).__name__}); give strings")
    return words


def _random_start(entries: Coordinates, initial: Initial, generator: np.random.Generator) -> Float:
    x = generator.standard_normal(entries.count)
    if initial == "gaussian":
        return x
    positive = entries.coordinates(generator.exponential(size=entries.shape))
    return positive if entries.field == "real" else positive + _COMPLEX_PART * x


def _in_gauge(f: Array, norm: TupleNorm) -> Array:
    """The matrices scaled to N(f) = 1 and, if N allows, conjugated so that both Perron eigenvectors are equal."""
    C = balancing(f) if isinstance(norm, SpectralRadiusNorm) else None
    f = f if C is None else C @ f @ np.linalg.inv(C)
    return np.ascontiguousarray(f / math.exp(norm.log_and_gradient(f)[0]))


def _seen_by_contexts(f: Array) -> Array:
    """Rows L^(1/2) f(a) K^(1/2), whose inner products are tr L f(a) K f(b)^*, shape (k, d^2)."""
    K, L = perron_averages(f)
    return np.asarray((power(L, 0.5) @ f @ power(K, 0.5)).reshape(len(f), -1))


def _unit_rows(rows: Array) -> Array:
    """Rows divided by their norms; rows that vanish, of words that contexts do not see, stay 0."""
    norms = np.sqrt((np.abs(rows) ** 2).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(norms > 0, norms, 1.0))


def _similarities(unit: Array) -> Float:
    return np.asarray(np.minimum(np.abs(unit @ unit.conj().T), 1.0))
