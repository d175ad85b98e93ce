"""How much of an answer is not in its context: three lexical measures and their mean.

Each lies in [0, 1] and is higher for an answer that goes further from its context. The mean is untrained: trained
combinations did worse on data they had not seen.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from analytics.sentences import sentences, words

K1, B = 1.2, 0.75  # BM25's usual constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    novel_bigrams: float
    unshared_sequence: float
    unmatched_sentences: float
    worst_sentence: str

    @property
    def mean(self) -> float:
        return (self.novel_bigrams + self.unshared_sequence + self.unmatched_sentences) / 3


def grounding(answer: str, context: Sequence[str]) -> Grounding | None:
    """Compare an answer with its context documents; None when either holds no words."""
    spoken = words(answer)
    told = [words(sentence) for document in context for sentence in sentences(document)]
    flat = [word for sentence in told for word in sentence]
    if not spoken or not flat:
        return None
    said = sentences(answer)
    matches = _best_matches([words(sentence) for sentence in said], told)
    return Grounding(
        novel_bigrams=novel_bigrams(spoken, flat),
        unshared_sequence=1 - _common(spoken, flat) / len(spoken),
        unmatched_sentences=1 - sum(matches) / len(matches),
        worst_sentence=said[min(range(len(said)), key=matches.__getitem__)],
    )


def novel_bigrams(spoken: Sequence[str], flat: Sequence[str]) -> float:
    """Share of the answer's word pairs that the context does not hold; of single words when there is but one."""
    mine, theirs = set(pairwise(spoken)), set(pairwise(flat))
    if not mine:
        return float(spoken[0] not in flat)
    return len(mine - theirs) / len(mine)


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence (ROUGE-L), one bit of a big integer per word of `a` (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    full = (1 << len(a)) - 1
    row = full
    for word in b:
        hits = row & places.get(word, 0)
        row = ((row + hits) | (row - hits)) & full
    return len(a) - row.bit_count()


def _best_matches(said: Sequence[Sequence[str]], told: Sequence[Sequence[str]]) -> list[float]:
    """For each sentence of the answer: BM25 of the context sentence that fits best, as a share of a perfect fit."""
    documents = [Counter(sentence) for sentence in told]
    seen = Counter(word for document in documents for word in document)
    rarity = {word: math.log(1 + (len(told) - n + 0.5) / (n + 0.5)) for word, n in seen.items()}
    unseen = math.log(1 + (len(told) + 0.5) / 0.5)
    average = sum(map(len, told)) / len(told)
    damping = [K1 * (1 - B + B * len(sentence) / average) for sentence in told]
    return [_best_match(set(sentence), documents, damping, rarity, unseen) for sentence in said]


def _best_match(
    query: set[str],
    documents: Sequence[Counter[str]],
    damping: Sequence[float],
    rarity: dict[str, float],
    unseen: float,
) -> float:
    possible = sum(rarity.get(word, unseen) for word in query)
    known = [(word, rarity[word]) for word in query if word in rarity]
    best = 0.0
    for document, damp in zip(documents, damping, strict=True):
        score = sum(weight * document[word] * (K1 + 1) / (document[word] + damp) for word, weight in known)
        best = max(best, score)
    return min(1.0, best / possible) if possible else 0.0
