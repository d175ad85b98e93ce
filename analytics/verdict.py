"""From what detectors measured to what is said: each vote against its own history, and the sum of the votes."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analytics.detector import Finding, detectors
from store.comparisons import Ground
from store.model import Comparison, Json, Window

SUMMARY = "drift"

# As `make eval` measures it (docs/measured.md).
MEASURED = (
    "How far to trust it, measured on 100 draws of real requests, windows of 500 calls: of ordinary windows 0.2 % are "
    "called drifted where days are alike, 2 % where they wander, 5 % where they wander strongly; a new topic of 10 % "
    "of the calls is seen in 99, 97 and 95 %, and then named first in 100, 99 and 95 %."
)

History = Callable[[str], Sequence[float]]  # detector → statistics of the last windows of the same size, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Bout:
    """Two windows compared at `size` calls a side."""

    ground: Ground
    current: Window
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a vote becomes "drifted". Provisional: chance alone draws it, as there is too little history."""

    threshold: float | None
    provisional: bool


def line(finding: Finding, past: Sequence[float], *, needed: int, deviations: float) -> Line:
    """Mean + deviations of the past windows.

    A spread of so few windows is itself half chance: it is put together with that which chance gives, each weighing as
    much (a moderated variance, as in Smyth 2004).
    """
    if len(past) < needed:
        return Line(threshold=finding.threshold, provisional=True)
    weight = len(past) / (2 * len(past) - 1)
    spread = math.sqrt((1 - weight) * statistics.variance(past) + weight * finding.spread**2)
    return Line(threshold=statistics.fmean(past) + deviations * spread, provisional=False)


def judge(
    bout: Bout, findings: Mapping[str, Finding], history: History, *, needed: int, deviations: float, details: Json
) -> list[Comparison]:
    """A row per detector, and the summary last."""
    rows = []
    for name, finding in findings.items():
        drawn = Line(threshold=finding.threshold, provisional=False)
        if detectors()[name].votes:
            drawn = line(finding, history(name), needed=needed, deviations=deviations)
        rows.append(_row(bout, name, finding, drawn))
    votes = [row for row in rows if detectors()[row.detector].votes]
    return [*rows, _summary(bout, votes, findings, details)]


def _row(bout: Bout, name: str, finding: Finding, drawn: Line) -> Comparison:
    over = drawn.threshold is not None and finding.statistic > drawn.threshold
    note = "provisional: p = 0.01 until enough windows of this size are known" if drawn.provisional else None
    return Comparison(
        detector=name,
        subject=bout.ground.subject,
        statistic=finding.statistic,
        threshold=drawn.threshold,
        drifted=over if finding.flagged is None else finding.flagged,
        provisional=drawn.provisional,
        reference=bout.ground.reference,
        basis=bout.ground.basis,
        current=bout.current,
        n_reference=bout.size,
        n_current=bout.size,
        note=note,
    )


def _summary(bout: Bout, votes: Sequence[Comparison], findings: Mapping[str, Finding], details: Json) -> Comparison:
    ratios = [vote.statistic / vote.threshold for vote in votes if vote.statistic is not None and vote.threshold]
    p_values: Json = {name: found.p_value for name, found in findings.items() if found.p_value is not None}
    return Comparison(
        detector=SUMMARY,
        subject=bout.ground.subject,
        statistic=max(ratios, default=None),
        threshold=1.0,
        drifted=any(vote.drifted for vote in votes),
        provisional=any(vote.provisional for vote in votes),
        reference=bout.ground.reference,
        basis=bout.ground.basis,
        current=bout.current,
        n_reference=bout.size,
        n_current=bout.size,
        details={**details, "p_values": p_values} if isinstance(details, dict) else details,
    )


def too_few(bout: Bout, needed: int) -> Comparison:
    """No verdict: `bout.size` calls are not enough."""
    return Comparison(
        detector=SUMMARY,
        subject=bout.ground.subject,
        statistic=None,
        threshold=None,
        drifted=None,
        reference=bout.ground.reference,
        basis=bout.ground.basis,
        current=bout.current,
        n_reference=bout.size,
        n_current=bout.size,
        note=f"too few: {bout.size} of {needed} calls; looked at together with the next window",
    )
