"""Drift of columns: tokens, latency, cost, which models and finish reasons.

Numbers are compared as logarithms (in raw values a few slow calls hide everything): the whole of them by `level`, the
slowest and dearest twentieth by `tail`; names by their `mix`. Many columns are looked at at once, so each must leave
four standard deviations of its history, where a text must leave three, and four of what chance alone gives.

Stored per window and column: a row per test and one named `drift`; of all of them one with the subject `columns`, whose
details list {column, test, before, now} of those that drifted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from analytics.detector import Finding
from analytics.verdict import SUMMARY, Bout, line
from store.connection import Store
from store.embeddings import COLUMNS, call_columns
from store.model import Comparison, Json, Window

NUMBERS = ("latency_ms", "ttft_ms", "cost_usd", "input_tokens", "output_tokens")
NAMES = ("model", "finish_reason", "status")
NONE = "(none)"
DEVIATIONS = 4.0
MIN_VALUES = 100  # of a column on either side
PERMUTATIONS = 200
TINY = 1e-9  # a cost or latency of nothing still has a logarithm
IQR_OF_NORMAL = 1.349

Values = npt.NDArray[np.float64]
Statistic = Callable[[Values, Values], Values]  # two sides, one draw a row → one number a draw
History = Callable[[str, str], Sequence[float]]  # subject, test → statistics of the last windows, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSides:
    """Calls of the reference and of the window, in a random order that is always the same."""

    reference: pl.DataFrame
    current: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFinding:
    """`before`, `now`: in words of the column, a median, a p95, or the share of the name that moved most."""

    column: str
    test: str
    finding: Finding
    before: Json = None
    now: Json = None


def sides(store: Store, reference: Window, current: Window, *, limit: int) -> ColumnSides:
    columns = (*NUMBERS, *NAMES)
    before, now = (call_columns(store, span, columns, limit=limit) for span in (reference, current))
    return ColumnSides(reference=before, current=now)


def find(both: ColumnSides, size: int, evidently: bool) -> list[ColumnFinding]:
    """Every test of every column that has values on both sides, at `size` calls a side. Runs in a worker."""
    before, now = both.reference.head(size), both.current.head(size)
    rng = np.random.default_rng(0)
    found = [one for name in NUMBERS for one in _number(name, before[name], now[name], rng)]
    found += [_names(name, before[name], now[name], rng) for name in NAMES]
    if evidently:
        from analytics.detectors.evidently import columns  # noqa: PLC0415 - beside ours; seconds to import

        found += [
            ColumnFinding(column=name, test="evidently_column", finding=finding)
            for name, finding in columns(before, now, NUMBERS, NAMES, least=MIN_VALUES).items()
        ]
    return found


def _number(name: str, before: pl.Series, now: pl.Series, rng: np.random.Generator) -> Iterable[ColumnFinding]:
    left, right = (side.drop_nulls().cast(pl.Float64).to_numpy() for side in (before, now))
    n = min(len(left), len(right))
    if n < MIN_VALUES:
        return
    logs = np.log(np.maximum(np.stack((left[:n], right[:n])), TINY))
    low, high = np.quantile(logs[0], (0.25, 0.75))
    scale = max((high - low) / IQR_OF_NORMAL, 0.05)  # equal values: a twentieth is the least that counts
    for test, statistic, quantile in (("level", _level(scale), 0.5), ("tail", _tail, 0.95)):
        finding = _permuted(logs, statistic, rng)
        yield ColumnFinding(
            column=name, test=test, finding=finding,
            before=float(np.quantile(left, quantile)), now=float(np.quantile(right, quantile)),
        )  # fmt: skip


def _level(scale: float) -> Statistic:
    """Wasserstein distance in standard deviations of the reference."""
    return lambda left, right: np.abs(np.sort(left) - np.sort(right)).mean(axis=-1) / scale


def _tail(left: Values, right: Values) -> Values:
    """How many times (as a logarithm) the 95th percentile has grown or shrunk."""
    return np.asarray(np.abs(np.quantile(left, 0.95, axis=-1) - np.quantile(right, 0.95, axis=-1)))


def _names(name: str, before: pl.Series, now: pl.Series, rng: np.random.Generator) -> ColumnFinding:
    """Total variation distance of the shares of names; a missing one is a name."""
    left, right = (side.cast(pl.String).fill_null(NONE).to_list() for side in (before, now))
    n = min(len(left), len(right))
    kinds, codes = np.unique([*left[:n], *right[:n]], return_inverse=True)
    counts = np.stack([np.bincount(side, minlength=len(kinds)) for side in codes.reshape(2, n)])
    drawn = rng.multivariate_hypergeometric(counts.sum(axis=0), n, size=PERMUTATIONS)
    chance = np.abs(2 * drawn - counts.sum(axis=0)).sum(axis=1) / (2 * n)
    moved = int(np.abs(counts[1] - counts[0]).argmax())
    shares = [{str(kinds[moved]): round(float(side[moved] / n), 4)} for side in counts]
    statistic = float(np.abs(counts[0] - counts[1]).sum() / (2 * n))
    return ColumnFinding(
        column=name, test="mix", finding=_finding(statistic, chance), before=shares[0], now=shares[1]
    )  # fmt: skip


def _permuted(pair: Values, statistic: Statistic, rng: np.random.Generator) -> Finding:
    pooled = rng.permuted(np.tile(pair.ravel(), (PERMUTATIONS, 1)), axis=1)
    n = pair.shape[1]
    return _finding(float(statistic(pair[0], pair[1])), statistic(pooled[:, :n], pooled[:, n:]))


def _finding(statistic: float, chance: Values) -> Finding:
    return Finding(
        statistic=statistic,
        threshold=max(float(chance.mean() + DEVIATIONS * chance.std()), TINY),
        spread=float(chance.std()),
        p_value=float((1 + (chance >= statistic).sum()) / (1 + len(chance))),
    )


def judged(bout: Bout, findings: Sequence[ColumnFinding], history: History, *, needed: int) -> list[Comparison]:
    """A row per test, a verdict per column, and the verdict on all of them last."""
    rows = [_row(bout, found, history, needed=needed) for found in findings]
    votes = [row for row in rows if not row.detector.startswith("evidently")]
    by_column: dict[str, list[Comparison]] = {}
    for vote in votes:
        by_column.setdefault(vote.subject, []).append(vote)
    moved: list[Json] = [
        {"column": found.column, "test": found.test, "before": found.before, "now": found.now}
        for found, row in zip(findings, rows, strict=True)
        if row in votes and row.drifted
    ]
    verdicts = [_summed(bout, column, mine, None) for column, mine in by_column.items()]
    return [*rows, *verdicts, _summed(bout, COLUMNS, votes, {"columns": moved})]


def _row(bout: Bout, found: ColumnFinding, history: History, *, needed: int) -> Comparison:
    finding = found.finding
    threshold, provisional = finding.threshold, False
    if finding.flagged is None:
        drawn = line(finding, history(found.column, found.test), needed=needed, deviations=DEVIATIONS)
        threshold, provisional = max(drawn.threshold or 0.0, finding.threshold or 0.0), drawn.provisional
    over = threshold is not None and finding.statistic > threshold
    return replace(
        _blank(bout, found.column, found.test),
        statistic=finding.statistic,
        threshold=threshold,
        drifted=over if finding.flagged is None else finding.flagged,
        provisional=provisional,
        details={"before": found.before, "now": found.now, "p_value": finding.p_value},
    )


def _summed(bout: Bout, subject: str, votes: Sequence[Comparison], details: Mapping[str, Json] | None) -> Comparison:
    ratios = [vote.statistic / vote.threshold for vote in votes if vote.statistic is not None and vote.threshold]
    return replace(
        _blank(bout, subject, SUMMARY),
        statistic=max(ratios, default=None),
        threshold=1.0,
        drifted=any(vote.drifted for vote in votes) if votes else None,
        provisional=any(vote.provisional for vote in votes),
        details=dict(details) if details else None,
    )


def _blank(bout: Bout, subject: str, detector: str) -> Comparison:
    return Comparison(
        detector=detector,
        subject=subject,
        statistic=None,
        threshold=None,
        drifted=None,
        reference=bout.ground.reference,
        current=bout.current,
        n_reference=bout.size,
        n_current=bout.size,
        basis=bout.ground.basis,
    )
