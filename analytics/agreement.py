"""How far an evaluator and people agree, and people with one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from typing import Any

from analytics.interval import Z_95_ONE_SIDED, Interval, wilson
from store.reviews import ODD

ENOUGH = 30  # labels, before an agreement is worth saying

Label = Mapping[str, Any]  # as of store.reviews.labels


@dataclass(frozen=True, slots=True)
class Share:
    """`right` of `n`."""

    right: int
    n: int

    @property
    def value(self) -> float | None:
        return self.right / self.n if self.n else None

    @property
    def interval(self) -> Interval:
        return wilson(self.value or 0.0, self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Over calls picked by chance or labelled unasked: odd cases say nothing of the rest.

    `flagged`: of those flagged, how many people flag too (the precision); `passed`: of those not flagged, how many
    people would not flag either. `odd`: labels that were left out.
    """

    both: Share
    flagged: Share
    passed: Share
    odd: int


def agreement(labels: Sequence[Label]) -> Agreement:
    fair = _fair(labels)

    def share(of: Sequence[Label]) -> Share:
        return Share(sum(one["said"] == one["flagged"] for one in of), len(of))

    return Agreement(
        both=share(fair),
        flagged=share([one for one in fair if one["flagged"]]),
        passed=share([one for one in fair if not one["flagged"]]),
        odd=len({one["call_id"] for one in labels}) - len(fair),
    )


def _fair(labels: Sequence[Label]) -> list[Label]:
    """The last word on each call that was not chosen for being odd."""
    fair = {one["call_id"] for one in labels if one["how"] not in ODD}
    return [one for call_id, one in {one["call_id"]: one for one in labels}.items() if call_id in fair]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A threshold from which on flags are surely as precise as wanted, or (None) how many labels more are needed."""

    threshold: float | None
    precision: Share
    needed: int = 0


def proposal(labels: Sequence[Label], wanted: float, *, low: bool) -> Proposal:
    """The mildest threshold whose flags are right in at least `wanted` of cases, with 95 % confidence (Wilson).

    Only labels of flagged calls can say it, and only for thresholds as strict as theirs or stricter: nobody has looked
    at a fair sample of what lies below. `low`: values below the threshold are flagged.
    """
    strictness = [
        (1 - one["value"] if low else one["value"], bool(one["said"]))
        for one in _fair(labels)
        if one["flagged"] and one["value"] is not None
    ]
    best = Share(0, 0)
    for threshold in sorted({value for value, _ in strictness}):
        said = [right for value, right in strictness if value >= threshold]
        share = Share(sum(said), len(said))
        if wilson(share.value or 0.0, share.n, Z_95_ONE_SIDED).low >= wanted:
            return Proposal(threshold=1 - threshold if low else threshold, precision=share)
        best = max(best, share, key=lambda one: (wilson(one.value or 0.0, one.n, Z_95_ONE_SIDED).low, one.n))
    return Proposal(threshold=None, precision=best, needed=_needed(best, wanted))


def _needed(best: Share, wanted: float) -> int:
    """How many labels of flagged calls more it takes if flags stay as right as they were found to be.

    Where they were not right often enough: if those above a stricter threshold were all right.
    """
    share = best.value if best.value is not None and best.value > wanted else 1.0
    n = ceil(Z_95_ONE_SIDED**2 * wanted / (1 - wanted))
    while wilson(share, n, Z_95_ONE_SIDED).low < wanted:
        n += 1
    return max(1, n - (best.n if share < 1 or best.value == 1 else 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two reviewers over the calls that both have labelled. `kappa` None: both always said the same one thing."""

    reviewers: tuple[str, str]
    n: int
    agreed: float
    kappa: float | None


def pairs(labels: Sequence[Label]) -> list[Pair]:
    """Cohen's kappa of every two reviewers that have calls in common."""
    said: dict[str, dict[str, bool]] = {}
    for one in labels:
        said.setdefault(one["reviewer"], {})[one["call_id"]] = one["said"]
    found = (_pair(a, b, said) for a, b in combinations(sorted(said), 2))
    return [pair for pair in found if pair.n]


def _pair(a: str, b: str, said: Mapping[str, Mapping[str, bool]]) -> Pair:
    both = [(said[a][call], said[b][call]) for call in said[a].keys() & said[b].keys()]
    n = len(both)
    if not n:
        return Pair(reviewers=(a, b), n=0, agreed=0.0, kappa=None)
    agreed = sum(x == y for x, y in both) / n
    yes_a, yes_b = (sum(pair[i] for pair in both) / n for i in (0, 1))
    by_chance = yes_a * yes_b + (1 - yes_a) * (1 - yes_b)
    kappa = None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)
    return Pair(reviewers=(a, b), n=n, agreed=agreed, kappa=kappa)
