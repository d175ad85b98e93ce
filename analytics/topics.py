"""Topics of texts: groups of like vectors, named by the words that set them apart. Runs in a worker."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from analytics.detector import Matrix
from analytics.sentences import words

TOPICS = 20
MIN_PER_TOPIC = 10
NAME_WORDS = 3
RECOGNISED = 0.8  # cosine of two centres from which they are one topic
SAME_TOPIC = 0.8  # average cosine distance up to which novel texts are one topic
MIN_NEW = 4

STOP_WORDS = frozenset(
    words(
        "a about above after again all also am an and any are as at be because been before being below between both "
        "but by can could did do does doing don down during each few for from further get got had has have having he "
        "her here hers him his how i i'd i'll i'm i've if in into is isn it it's its just know let like make may me "
        "more most my need no nor not now of off on once one only or other our ours out over own please same she "
        "should so some such tell than that the their them then there these they this those through to too under "
        "until up us use very want was way we were what what's when where which while who whom why will with would "
        "you your yours "
    )
)


Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Of each topic: id, centre (unit vector), name, and share of the reference."""

    ids: tuple[int, ...]
    centres: Matrix
    names: tuple[str, ...]
    shares: tuple[float, ...]


def topics_of(vectors: Matrix, texts: Sequence[str], seed: int, before: Topics | None = None) -> Topics:
    """k-means over unit vectors, k = 20 or fewer where there are few texts.

    A topic that was there `before` keeps its id and its name.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415 - only in workers

    k = max(1, min(TOPICS, len(np.unique(vectors, axis=0)), len(vectors) // MIN_PER_TOPIC))
    fitted = KMeans(k, n_init=4, random_state=seed).fit(vectors)
    names, places = _distinct(named(texts, fitted.labels_, k), fitted.labels_)
    k = len(names)
    centres = np.stack([vectors[places == place].mean(axis=0) for place in range(k)])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True).clip(1e-9)
    shares = np.bincount(nearest_topic(vectors, centres), minlength=k) / len(vectors)
    same = recognised(centres, before.centres) if before else {}
    ids = numbered([before.ids[same[i]] if before and i in same else None for i in range(k)], before)
    kept = [before.names[same[i]] if before and i in same else name for i, name in enumerate(names)]
    return Topics(ids=ids, centres=centres, names=tuple(kept), shares=tuple(map(float, shares)))


def _distinct(names: Sequence[str], places: Places) -> tuple[list[str], Places]:
    """Topics of one name are one."""
    kept = list(dict.fromkeys(names))
    return kept, np.array([kept.index(name) for name in names], np.int64)[places]


def recognised(centres: Matrix, earlier: Matrix) -> dict[int, int]:
    """Which topic is which earlier one, the most alike first; each is recognised once."""
    likeness = centres @ earlier.T
    found: dict[int, int] = {}
    for flat in np.argsort(likeness, axis=None)[::-1]:
        mine, theirs = divmod(int(flat), len(earlier))
        if likeness[mine, theirs] < RECOGNISED:
            break
        if mine not in found and theirs not in found.values():
            found[mine] = theirs
    return found


def numbered(ids: Sequence[int | None], known: Topics | None = None, *, taken: Sequence[int] = ()) -> tuple[int, ...]:
    """Give those without an id the next free ones."""
    used = [*(known.ids if known else ()), *taken, *(i for i in ids if i is not None)]
    free = count(max(used, default=-1) + 1)
    return tuple(next(free) if i is None else i for i in ids)


def nearest_topic(vectors: Matrix, centres: Matrix) -> npt.NDArray[np.int64]:
    return np.asarray((vectors @ centres.T).argmax(axis=1), np.int64)


def named(texts: Sequence[str], places: npt.NDArray[np.int64], k: int) -> list[str]:
    """Name each of `k` groups by c-TF-IDF (Grootendorst 2022): words frequent in it and rare in the others."""
    counts = [Counter[str]() for _ in range(k)]
    for text, place in zip(texts, places, strict=True):
        counts[place].update({word for word in words(text) if word not in STOP_WORDS and len(word) > 1})
    overall = sum(counts, Counter[str]())
    average = max(1.0, overall.total() / k)
    return [_name(mine, overall, average) for mine in counts]


def _name(mine: Counter[str], overall: Counter[str], average: float) -> str:
    weighed = {word: n * math.log(1 + average / overall[word]) for word, n in mine.items()}
    best = sorted(weighed, key=lambda word: (-weighed[word], word))[:NAME_WORDS]
    return " · ".join(best) or "(no words)"


def new_topics(vectors: Matrix, texts: Sequence[str], known_texts: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Groups among novel texts: their name and their rows. Names set them apart from `known_texts`."""
    if len(vectors) < MIN_NEW:
        return []
    from sklearn.cluster import AgglomerativeClustering  # noqa: PLC0415 - only in workers

    clusters = AgglomerativeClustering(
        n_clusters=None, distance_threshold=SAME_TOPIC, metric="cosine", linkage="average"
    )
    labels = clusters.fit_predict(vectors)
    groups = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    groups = [rows for rows in groups if len(rows) >= MIN_NEW]
    found = []
    for rows in groups:
        mine = [texts[int(i)] for i in rows]
        places = np.repeat((0, 1), (len(mine), len(known_texts)))
        found.append((named([*mine, *known_texts], places, 2)[0], [int(i) for i in rows]))
    return found


def plane(reference: Matrix) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mean and the two main directions of the reference: `(vectors - mean) @ directions` is a map."""
    mean = reference.mean(axis=0)
    centred = reference - mean
    _, directions = np.linalg.eigh(centred.T @ centred)  # ascending; much cheaper than a full decomposition
    return mean, np.asarray(directions[:, :-3:-1])
