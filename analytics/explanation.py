"""What a window holds that the reference did not: topics, novel texts, who sent them, and a map. Runs in a worker."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.detector import Matrix
from analytics.detectors.novelty import novelty
from analytics.topics import Topics, nearest_topic, new_topics, plane, topics_of
from store.model import Json

NOVEL_SHOWN = 20
CALLS_PER_TOPIC = 5
WHO_SHOWN = 6
MAP_POINTS = 300
DIMENSIONS = ("tenant", "model", "prompt_name", "prompt_version")

Indices = npt.NDArray[np.int64]
Rows = Sequence[Mapping[str, Any]]  # of each current call: call_id, text and the DIMENSIONS


def cluster(vectors: Matrix, texts: Sequence[str], seed: int) -> dict[str, Json]:
    """Topics of the reference, as they are stored with it."""
    made = topics_of(vectors, texts, seed)
    centres = [[round(float(x), 4) for x in centre] for centre in made.centres]
    return {"centres": centres, "names": list(made.names), "shares": [round(share, 4) for share in made.shares]}


def explain(
    *,
    reference: Matrix,
    clusters: Mapping[str, Any],
    current: Matrix,
    rows: Rows,
) -> dict[str, Json]:
    """Return topics, novel, who and map, as `analytics.drift` lists them. `clusters` as of `cluster`."""
    known = Topics(
        centres=np.array(clusters["centres"], np.float32),
        names=tuple(clusters["names"]),
        shares=tuple(clusters["shares"]),
    )
    unlike = novelty(current, reference)
    novel = np.flatnonzero(unlike > 1)
    fresh = _new_topics(current, rows, novel)
    return {
        "topics": _topics(known, current, rows, fresh),
        "novel": [
            {"call_id": rows[i]["call_id"], "novelty": round(float(unlike[i]), 2)}
            for i in _examples(unlike, novel, fresh)
        ],
        "who": _who(rows, novel),
        "map": _map(reference, current, rows, frozenset(novel.tolist())),
    }


def _new_topics(current: Matrix, rows: Rows, novel: Indices) -> list[tuple[str, Indices]]:
    """Name and rows of what novel texts have in common, largest first."""
    texts = [row["text"] for row in rows]
    usual = [texts[i] for i in np.setdiff1d(np.arange(len(rows)), novel)]
    found = new_topics(current[novel], [texts[i] for i in novel], usual)
    return [(name, novel[members]) for name, members in found]


def _examples(unlike: npt.NDArray[np.float64], novel: Indices, fresh: Sequence[tuple[str, Indices]]) -> list[int]:
    """Novel rows to show: those that have company come first, as a lone odd text is no topic; then the oddest."""
    company = {int(i): place for place, (_, mine) in enumerate(fresh) for i in mine}
    return sorted(map(int, novel), key=lambda i: (company.get(i, len(fresh)), -unlike[i]))[:NOVEL_SHOWN]


def _topics(known: Topics, current: Matrix, rows: Rows, fresh: Sequence[tuple[str, Indices]]) -> Json:
    """New topics, largest first; then the known ones with their shares before and now, the largest change first."""
    places = nearest_topic(current, known.centres)
    for _, mine in fresh:
        places[mine] = -1
    moved = [
        _topic(name, share, np.flatnonzero(places == number), rows, new=False)
        for number, (name, share) in enumerate(zip(known.names, known.shares, strict=True))
    ]
    new = [_topic(name, 0.0, mine, rows, new=True) for name, mine in fresh]
    return [*new, *sorted(moved, key=lambda topic: -abs(topic["change"]))]


def _topic(name: str, share_before: float, mine: Indices, rows: Rows, *, new: bool) -> dict[str, Any]:
    now = len(mine) / len(rows)
    return {
        "name": name,
        "before": round(share_before, 4),
        "now": round(now, 4),
        "change": round(now - share_before, 4),
        "new": new,
        "calls": [rows[i]["call_id"] for i in mine[:CALLS_PER_TOPIC]],
    }


def _who(rows: Rows, novel: Indices) -> Json:
    """Slices that hold more of the novel texts than of all texts, the greatest surplus first."""
    found: list[dict[str, Any]] = []
    for dimension in DIMENSIONS:
        everywhere = Counter(row[dimension] for row in rows)
        mine = Counter(rows[i][dimension] for i in novel)
        for value, n in mine.items():
            share_novel, share_all = n / len(novel), everywhere[value] / len(rows)
            if value is not None and share_novel > share_all:
                shares = {"share_novel": round(share_novel, 4), "share_all": round(share_all, 4)}
                found.append({"dimension": dimension, "value": value, **shares})
    return sorted(found, key=lambda who: who["share_all"] - who["share_novel"])[:WHO_SHOWN]


def _map(reference: Matrix, current: Matrix, rows: Rows, novel: frozenset[int]) -> Json:
    mean, directions = plane(reference)
    before = (reference[:: max(1, len(reference) // MAP_POINTS)] - mean) @ directions
    chosen = range(0, len(rows), max(1, len(rows) // MAP_POINTS))
    now = (current - mean) @ directions
    return {
        "reference": [[round(float(x), 3), round(float(y), 3)] for x, y in before],
        "current": [
            [round(float(now[i, 0]), 3), round(float(now[i, 1]), 3), rows[i]["call_id"], i in novel] for i in chosen
        ],
    }
