"""Which sentences of a context an answer's sentences come closest to, by their words (BM25)."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

K1, B = 1.2, 0.75  # BM25's usual constants

Words = Sequence[str]


@dataclass(frozen=True, slots=True)
class Match:
    """`share`: of what a perfect fit would score, 0 to 1. `places`: context sentences that fit best, best first."""

    share: float
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """`postings`: for each word, what it is worth in which sentence. `worth`: its own; `unseen`: any other word's.

    `size`: sentences of the context.
    """

    size: int
    postings: Mapping[str, Sequence[tuple[int, float]]]
    worth: Mapping[str, float]
    unseen: float


def index(told: Sequence[Words]) -> Index:
    """Read the context's sentences; there must be a word in them."""
    counted = [Counter(sentence) for sentence in told]
    seen = Counter(word for sentence in counted for word in sentence)
    worth = {word: math.log(1 + (len(told) - n + 0.5) / (n + 0.5)) for word, n in seen.items()}
    average = sum(map(len, told)) / len(told)
    postings = defaultdict(list)
    for place, sentence in enumerate(counted):
        damping = K1 * (1 - B + B * len(told[place]) / average)
        for word, n in sentence.items():
            postings[word].append((place, worth[word] * n * (K1 + 1) / (n + damping)))
    return Index(len(told), postings, worth, unseen=math.log(1 + (len(told) + 0.5) / 0.5))


def nearest(spoken: Words, known: Index, *, most: int) -> Match:
    """Up to `most` sentences of the context: those that share words with one of the answer, then the first ones."""
    scores = [0.0] * known.size
    query = set(spoken)
    for word in sorted(query):  # sums of floats depend on their order
        for place, worth in known.postings.get(word, ()):
            scores[place] += worth
    possible = sum(known.worth.get(word, known.unseen) for word in sorted(query))
    places = tuple(nlargest(most, range(known.size), key=scores.__getitem__))
    return Match(min(1.0, scores[places[0]] / possible) if possible else 1.0, places)
