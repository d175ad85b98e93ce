"""What a window holds that the reference did not: topics, novel texts, who sent them, and a map. Runs in a worker."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.detector import Matrix
from analytics.detectors import novelty
from analytics.topics import Topics, nearest_topic, new_topics, numbered, plane, recognised, topics_of
from store.model import Json

NOVEL_SHOWN = 20
CALLS_PER_TOPIC = 5
WHO_SHOWN = 6
MAP_POINTS = 300
DIMENSIONS = ("tenant", "model", "prompt_name", "prompt_version")

Indices = npt.NDArray[np.int64]
Rows = Sequence[Mapping[str, Any]]  # of each current call: call_id, event_time, text and the DIMENSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A topic of novel texts: where it was seen in the window before, id and moment are carried over."""

    id: int
    name: str
    rows: Indices
    centre: Matrix
    first_seen: str | None = None


def cluster(
    vectors: Matrix, texts: Sequence[str], seed: int, before: Mapping[str, Any] | None = None
) -> dict[str, Json]:
    """Topics of the reference, as they are stored with it; `before`: those of the one before it."""
    made = topics_of(vectors, texts, seed, _stored(before) if before else None)
    return {
        "ids": list(made.ids),
        "centres": [_rounded(centre) for centre in made.centres],
        "names": list(made.names),
        "shares": [round(share, 4) for share in made.shares],
    }


def _stored(clusters: Mapping[str, Any]) -> Topics:
    return Topics(
        ids=tuple(clusters["ids"]),
        centres=np.array(clusters["centres"], np.float32),
        names=tuple(clusters["names"]),
        shares=tuple(clusters["shares"]),
    )


def explain(
    *,
    reference: Matrix,
    unusual: float,
    clusters: Mapping[str, Any],
    current: Matrix,
    rows: Rows,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Json]:
    """Return topics, novel, who and map, as `analytics.drift` lists them.

    `unusual` as of `novelty.limit`, `clusters` as of `cluster`; `rows` in the order of time; `earlier`: new topics of
    the window before.
    """
    known = _stored(clusters)
    unlike = novelty.nearest(current, reference) / unusual
    novel = np.flatnonzero(unlike > 1)
    fresh = _carried(_new_topics(reference, current, rows, novel), known, earlier)
    return {
        "topics": _topics(known, current, rows, fresh),
        "novel": [
            {
                "call_id": rows[i]["call_id"],
                "novelty": round(float(unlike[i]), 2),
                "topic": next((topic.name for topic in fresh if i in topic.rows), None),
            }
            for i in _examples(unlike, novel, fresh)
        ],
        "who": _who(rows, novel),
        "map": _map(reference, current, rows, frozenset(novel.tolist())),
    }


def _new_topics(reference: Matrix, current: Matrix, rows: Rows, novel: Indices) -> list[tuple[str, Indices, Matrix]]:
    """Name, rows and centre of what novel texts have in common; first what the window has most more of."""
    texts = [row["text"] for row in rows]
    usual = [texts[i] for i in np.setdiff1d(np.arange(len(rows)), novel)]
    found = new_topics(current[novel], [texts[i] for i in novel], usual)
    topics = [(name, novel[members], _centre(current[novel[members]])) for name, members in found]
    return sorted(topics, key=lambda topic: _surplus(topic[2], topic[1], current, reference), reverse=True)


def _surplus(centre: Matrix, mine: Indices, current: Matrix, reference: Matrix) -> float:
    """How many more texts of the window lie as near this centre as its own do than the reference would lead to expect.

    Size alone would put a habit of the reference first that has a few odd texts today.
    """
    near = float((current[mine] @ centre).min())
    expected = float((reference @ centre >= near).mean()) * len(current)
    return float((current @ centre >= near).sum()) - expected


def _centre(vectors: Matrix) -> Matrix:
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def _carried(
    found: Sequence[tuple[str, Indices, Matrix]], known: Topics, earlier: Sequence[Mapping[str, Any]]
) -> list[Fresh]:
    """The new topics, each by the id and name it had in the window before."""
    if not found:
        return []
    before = [np.array(topic["centre"], np.float32) for topic in earlier]
    same = recognised(np.stack([centre for _, _, centre in found]), np.stack(before)) if before else {}
    past = [earlier[same[i]] if i in same else None for i in range(len(found))]
    ids = numbered([one["id"] if one else None for one in past], known, taken=[one["id"] for one in earlier])
    return [
        Fresh(
            id=number, name=one["name"] if one else name, rows=mine, centre=centre,
            first_seen=one["first_seen"] if one else None,
        )
        for number, one, (name, mine, centre) in zip(ids, past, found, strict=True)
    ]  # fmt: skip


def _examples(unlike: npt.NDArray[np.float64], novel: Indices, fresh: Sequence[Fresh]) -> list[int]:
    """Novel rows to show: those that have company come first, as a lone odd text is no topic; then the oddest."""
    company = {int(i): place for place, topic in enumerate(fresh) for i in topic.rows}
    return sorted(map(int, novel), key=lambda i: (company.get(i, len(fresh)), -unlike[i]))[:NOVEL_SHOWN]


def _topics(known: Topics, current: Matrix, rows: Rows, fresh: Sequence[Fresh]) -> Json:
    """New topics, in their order; then the known ones with their shares before and now, the largest change first."""
    places = nearest_topic(current, known.centres)
    for topic in fresh:
        places[topic.rows] = -1
    moved = [
        _topic(known.ids[place], name, share, np.flatnonzero(places == place), rows)
        for place, (name, share) in enumerate(zip(known.names, known.shares, strict=True))
    ]
    new = [
        {
            **_topic(topic.id, topic.name, 0.0, topic.rows, rows),
            "new": True,
            "first_seen": topic.first_seen or began(topic.rows, rows),
            "centre": _rounded(topic.centre),
        }
        for topic in fresh
    ]
    return [*new, *sorted(moved, key=lambda topic: -abs(topic["change"]))]


def _topic(number: int, name: str, share_before: float, mine: Indices, rows: Rows) -> dict[str, Any]:
    now = len(mine) / len(rows)
    return {
        "id": number,
        "name": name,
        "before": round(share_before, 4),
        "now": round(now, 4),
        "change": round(now - share_before, 4),
        "new": False,
        "calls": [rows[i]["call_id"] for i in mine[:CALLS_PER_TOPIC]],
    }


def began(mine: Indices, rows: Rows) -> str | None:
    """When these rows became frequent: the first of them after the change point of their cumulative sum (Page 1954)."""
    if not len(mine) or "event_time" not in rows[0]:
        return None
    hits = np.zeros(len(rows))
    hits[mine] = 1
    drift = np.cumsum(hits - hits.mean())
    change = int(drift.argmin()) + 1 if drift.min() < 0 else 0
    first = mine[mine >= change]
    moment: datetime = rows[int(first[0] if len(first) else mine[0])]["event_time"]
    return moment.isoformat(timespec="seconds")


def _rounded(vector: Matrix) -> list[Json]:
    return [round(float(x), 4) for x in vector]


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
