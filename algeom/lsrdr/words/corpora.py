"""Small corpora: a text in the public domain, and sentences of a grammar whose word classes are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from algeom.errors import InputError
from algeom.runtime import seeds
from algeom.runtime.memory import require

__all__ = ["GETTYSBURG_ADDRESS", "WORD_CLASSES", "GeneratedCorpus", "generated_corpus", "tokenize"]

#: Abraham Lincoln's address of 19 November 1863 at Gettysburg, in the wording of the Bliss copy, the last of the five
#: manuscripts and the one that he signed. In the public domain: its author died in 1865, and works published in the
#: United States in the nineteenth century have no copyright any more; nor has the work of a federal official in office.
GETTYSBURG_ADDRESS = """\
Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, and
dedicated to the proposition that all men are created equal.

Now we are engaged in a great civil war, testing whether that nation, or any nation so conceived and so dedicated, can
long endure. We are met on a great battle-field of that war. We have come to dedicate a portion of that field, as a
final resting place for those who here gave their lives that that nation might live. It is altogether fitting and
proper that we should do this.

But, in a larger sense, we can not dedicate -- we can not consecrate -- we can not hallow -- this ground. The brave men,
living and dead, who struggled here, have consecrated it, far above our poor power to add or detract. The world will
little note, nor long remember what we say here, but it can never forget what they did here. It is for us the living,
rather, to be dedicated here to the unfinished work which they who fought here have thus far so nobly advanced. It is
rather for us to be here dedicated to the great task remaining before us -- that from these honored dead we take
increased devotion to that cause for which they gave the last full measure of devotion -- that we here highly resolve
that these dead shall not have died in vain -- that this nation, under God, shall have a new birth of freedom -- and
that government of the people, by the people, for the people, shall not perish from the earth.
"""

#: The words of `generated_corpus` by their classes.
WORD_CLASSES: Mapping[str, tuple[str, ...]] = {
    "determiner": ("a", "every", "some", "the"),
    "adjective": ("old", "quiet", "red", "small"),
    "noun": ("bird", "cat", "dog", "fox", "horse"),
    "name": ("alice", "bob", "carol"),
    "preposition": ("behind", "near", "under"),
    "intransitive verb": ("runs", "sleeps", "waits"),
    "transitive verb": ("follows", "hears", "likes", "sees"),
    "end of sentence": (".",),
}

_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_WORDS_AND_ENDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[.!?]")


def tokenize(text: str, *, sentence_ends: bool = False) -> list[str]:
    """The words of a text in lower case; hyphens and apostrophes within words belong to them.

    Parameters
    ----------
    text : str
    sentence_ends : bool
        Whether the marks ``.``, ``!`` and ``?`` are tokens as well.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If `text` is no string.

    Examples
    --------
    >>> tokenize("We are met on a great battle-field. It's Lincoln's!", sentence_ends=True)
    ['we', 'are', 'met', 'on', 'a', 'great', 'battle-field', '.', "it's", "lincoln's", '!']
    """
    if not isinstance(text, str):
        raise InputError(f"text is a {type(text).__name__}; give a string")
    return (_WORDS_AND_ENDS if sentence_ends else _WORDS).findall(text.lower())


@dataclass(frozen=True, repr=False)
class GeneratedCorpus:
    """Sentences of a grammar.

    Attributes
    ----------
    tokens : tuple of str
    classes : mapping of str to str
        The class of each word.
    seed : int
    """

    tokens: tuple[str, ...]
    classes: Mapping[str, str]
    seed: int

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        kinds = f"{len(self.classes)} words of {len(set(self.classes.values()))} classes"
        return f"GeneratedCorpus({len(self.tokens)} tokens; {kinds})"


def generated_corpus(n: int, *, rng: seeds.RandomState = None) -> GeneratedCorpus:
    """Random sentences of a small English grammar, of at least n tokens in all.

    Words of one class (`WORD_CLASSES`) are exchangeable: each choice among them is uniform and independent of all
    others, so that nothing but chance tells them apart. In brackets, probabilities::

        sentence     ->  noun phrase  predicate  [0.3: preposition  noun phrase]  "."
        predicate    ->  [0.5] intransitive verb  |  [0.5] transitive verb  noun phrase
        noun phrase  ->  [0.3] name  |  [0.7] determiner  adjectives  noun
        adjectives   ->  [0.35] adjective  adjectives  |  [0.65] nothing

    Parameters
    ----------
    n : int
        The last sentence is finished.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    GeneratedCorpus

    Raises
    ------
    InputError
        If n is not positive.
    ResourceError
        If the tokens do not fit.

    Examples
    --------
    >>> corpus = generated_corpus(1000, rng=0)
    >>> corpus.classes["fox"], corpus.tokens[-1], 1000 <= len(corpus) < 1030
    ('noun', '.', True)
    """
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 1:
        raise InputError(f"n={n!r}; give a positive number of tokens")
    # References, in a list and a tuple.
    require(16.0 * n, None, f"{n} tokens", "generate fewer")
    seed, generator = seeds.resolve(rng)
    tokens: list[str] = []

    def word(kind: str) -> None:
        tokens.append(WORD_CLASSES[kind][generator.integers(len(WORD_CLASSES[kind]))])

    def noun_phrase() -> None:
        if generator.random() < 0.3:
            word("name")
            return
        word("determiner")
        while generator.random() < 0.35:
            word("adjective")
        word("noun")

    while len(tokens) < n:
        noun_phrase()
        if generator.random() < 0.5:
            word("intransitive verb")
        else:
            word("transitive verb")
            noun_phrase()
        if generator.random() < 0.3:
            word("preposition")
            noun_phrase()
        word("end of sentence")
    classes = {member: kind for kind, members in WORD_CLASSES.items() for member in members}
    return GeneratedCorpus(tuple(tokens), classes, seed)
