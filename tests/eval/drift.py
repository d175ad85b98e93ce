"""False alarms and power of the drift verdict on real requests.

Each repeat holds one domain back, draws a reference from the other nine, fourteen windows of history, one window
without the new domain and, for each share, one with it. Days wander: every window draws its mix of intents anew around
the overall one (Dirichlet; "iid" does not wander).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.detector import Finding, Matrix, Sides, run
from analytics.encoder import encode
from analytics.explanation import cluster, explain
from analytics.reference import spread
from analytics.verdict import line
from tests.eval.table import Figure, records

VOTES = ("mean_distance", "novelty")
WANDER = {"iid": None, "C=1000": 1000.0, "C=200": 200.0}
TARGETS = {"iid": 0.90, "C=1000": 0.90, "C=200": 0.55}
SHARES = (0.1, 0.2)
N, HISTORY, REFERENCE = 500, 14, 2000
REPEATS = 20
SEED = 7

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class World:
    """The requests of one repeat: which may stand in a window, which are the new topic's, and the reference."""

    vectors: Matrix
    texts: list[str]
    intents: npt.NDArray[np.str_]
    pool: Indices
    fresh: Indices
    reference: Indices


def drift(folder: Path) -> Iterator[Figure]:
    rows = records(folder, "topic_clinc150")
    if rows is None:
        yield Figure(what="drift", data="topic_clinc150", value=None)
        return
    vectors = encode([row["text"] for row in rows])
    for name, concentration in WANDER.items():
        seen = [_repeat(rows, vectors, repeat, concentration) for repeat in range(REPEATS)]
        yield from _figures(name, seen)


def _figures(name: str, seen: Sequence[dict[str, float | None]]) -> Iterator[Figure]:
    data = f"clinc150 {name}, {N} calls"
    common = {"data": data, "seed": SEED}
    false = fmean(one["false"] or 0.0 for one in seen)
    yield Figure(what="drift false alarms", value=false, n=len(seen), target=0.05, at_most=True, **common)  # type: ignore[arg-type]
    for share in SHARES:
        power = fmean(one[f"power {share}"] or 0.0 for one in seen)
        target = TARGETS[name] if share == SHARES[0] else None
        yield Figure(what=f"drift seen, new domain {share:.0%}", value=power, n=len(seen), target=target, **common)  # type: ignore[arg-type]
    for what, target in (("named first", 0.95), ("novel prompts right", 0.80)):
        told = [one[what] for one in seen if one[what] is not None]
        value = fmean(value for value in told if value is not None) if told else None
        yield Figure(what=f"drift {what}, 10%", value=value, n=len(told), target=target, **common)  # type: ignore[arg-type]


def _repeat(
    rows: list[dict[str, Any]], vectors: Matrix, repeat: int, concentration: float | None
) -> dict[str, float | None]:
    rng = np.random.default_rng((SEED, repeat))
    world = _world(rows, vectors, repeat, rng)
    past = [_findings(world, _window(world, rng, concentration, 0)) for _ in range(HISTORY)]
    found: dict[str, float | None] = {"named first": None, "novel prompts right": None}
    found["false"] = float(_drifted(_findings(world, _window(world, rng, concentration, 0)), past))
    for share in SHARES:
        window = _window(world, rng, concentration, int(share * N))
        drifted = _drifted(_findings(world, window), past)
        found[f"power {share}"] = float(drifted)
        if drifted and share == SHARES[0]:
            found.update(_explained(world, window))
    return found


def _world(rows: list[dict[str, Any]], vectors: Matrix, repeat: int, rng: np.random.Generator) -> World:
    domains = np.array([row["domain"] for row in rows])
    held_out = sorted(set(domains))[repeat % len(set(domains))]
    known = rng.permutation(np.flatnonzero(domains != held_out))
    return World(
        vectors=vectors,
        texts=[row["text"] for row in rows],
        intents=np.array([row["intent"] for row in rows]),
        pool=known[REFERENCE:],
        fresh=np.flatnonzero(domains == held_out),
        reference=known[:REFERENCE],
    )


def _window(world: World, rng: np.random.Generator, concentration: float | None, new: int) -> Indices:
    chances = np.full(len(world.pool), 1 / len(world.pool))
    if concentration is not None:
        _, place, counts = np.unique(world.intents[world.pool], return_inverse=True, return_counts=True)
        mix = rng.dirichlet(concentration * counts / counts.sum())
        chances = (mix / counts)[place]
    enough = min(int((chances > 0).sum()), N - new)
    old = rng.choice(world.pool, enough, replace=False, p=chances / chances.sum())
    return np.concatenate((old, rng.choice(world.fresh, new, replace=False)))


def _findings(world: World, window: Indices) -> dict[str, Finding]:
    reference = world.vectors[world.reference]
    sampled = reference[spread(len(reference), len(window))]
    return run(VOTES, Sides(reference=reference, sampled=sampled, current=world.vectors[window]), 0)


def _drifted(findings: dict[str, Finding], past: Sequence[dict[str, Finding]]) -> bool:
    def over(name: str) -> bool:
        drawn = line(findings[name], [one[name].statistic for one in past], needed=HISTORY, deviations=3.0)
        return findings[name].statistic > (drawn.threshold or 0.0)

    return any(over(name) for name in VOTES)


def _explained(world: World, window: Indices) -> dict[str, float | None]:
    """Whether the first topic is new and mostly the planted one, and how many of the novel prompts are from it."""
    reference = world.vectors[world.reference]
    planted = set(world.fresh.tolist())
    rows = [
        {
            "call_id": int(i),
            "text": world.texts[i],
            "tenant": None,
            "model": None,
            "prompt_name": None,
            "prompt_version": None,
        }
        for i in window
    ]
    clusters = cluster(reference, [world.texts[i] for i in world.reference], 0)
    told: dict[str, Any] = explain(reference=reference, clusters=clusters, current=world.vectors[window], rows=rows)
    first = told["topics"][0]
    right = fmean(call in planted for call in first["calls"]) if first["calls"] else 0.0
    novel = [call["call_id"] in planted for call in told["novel"]]
    return {"named first": float(first["new"] and right > 0.5), "novel prompts right": fmean(novel) if novel else 0.0}
