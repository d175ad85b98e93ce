"""How much of an answer is not in its context.

Each measure lies in [0, 1] and is higher for an answer that goes further from its context. They are never weighed by
training: trained combinations did worse on data they had not seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from analytics.nearest import Match, index, nearest
from analytics.sentences import WORD, sentences, words

PIECE = 5  # characters: short enough to find a word again in another form
NAMES_WEIGH = 3  # what is made up is mostly a name or a number
MOST_NEAR = 4  # context sentences that an answer's sentence is held against
MOST_TOLD = 1200  # sentences of a context


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """`said`, `told`: sentences of the answer and of its context. `matches`: one for each sentence said.

    `measures`: by what they say of the answer. `support`: how far each sentence said is found in the context.
    """

    said: Sequence[str]
    told: Sequence[str]
    matches: Sequence[Match]
    measures: Mapping[str, float]
    support: Sequence[float]

    @property
    def mean(self) -> float:
        return fmean(self.measures.values())

    @property
    def worst_sentence(self) -> str:
        return self.said[min(range(len(self.said)), key=self.support.__getitem__)]

    def near(self, sentence: int) -> list[str]:
        """The context sentences that one of the answer comes closest to, in their order."""
        return [self.told[place] for place in sorted(self.matches[sentence].places)]


def grounding(answer: str, context: Sequence[str]) -> Grounding | None:
    """Compare an answer with its context documents, word by word; None when either holds no words."""
    spoken, said = words(answer), sentences(answer)
    told = [sentence for document in context for sentence in sentences(document)][:MOST_TOLD]
    read = [words(sentence) for sentence in told]
    flat = [word for sentence in read for word in sentence]
    if not spoken or not flat:
        return None
    known = index(read)
    matches = [nearest(words(sentence), known, most=MOST_NEAR) for sentence in said]
    measures = {
        "new words": _new_words(said, frozenset(flat)),
        "new pieces of words": _new_pieces(spoken, flat),
        "words out of order": 1 - _common(spoken, flat) / len(spoken),
    }
    return Grounding(said=said, told=told, matches=matches, measures=measures, support=[m.share for m in matches])


def with_meaning(found: Grounding, likeness: Sequence[float]) -> Grounding:
    """Add how far the meaning of the first sentences said is found in the context, 0 to 1 each."""
    both = ((share + like) / 2 for share, like in zip(found.support, likeness, strict=False))
    measures = {**found.measures, "other meaning": 1 - fmean(likeness)}
    return replace(found, measures=measures, support=[*both, *found.support[len(likeness) :]])


def judged(found: Grounding, follows: Sequence[float]) -> Grounding:
    """Take the word of a model for how far the first sentences said follow from the context; nothing else counts."""
    measures = {"does not follow": 1 - fmean(follows)}
    return replace(found, said=found.said[: len(follows)], measures=measures, support=follows)


def _new_words(said: Sequence[str], told: frozenset[str]) -> float:
    """Share of the answer's words, each once, that the context does not hold; names and numbers weigh more."""
    weights: dict[str, int] = {}
    for sentence in said:
        for place, word in enumerate(WORD.findall(sentence)):
            telling = any(map(str.isdigit, word)) or (place and word[0].isupper())
            known = word.lower()
            weights[known] = max(weights.get(known, 1), NAMES_WEIGH if telling else 1)
    return sum(weight for word, weight in weights.items() if word not in told) / sum(weights.values())


def _new_pieces(spoken: Sequence[str], told: Sequence[str]) -> float:
    mine = _pieces(spoken)
    return len(mine - _pieces(told)) / len(mine)


def _pieces(spoken: Sequence[str]) -> set[str]:
    text = f" {' '.join(spoken)} "
    return {text[i : i + PIECE] for i in range(max(1, len(text) - PIECE + 1))}


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
