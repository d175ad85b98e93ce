"""Drift of columns: tokens, latency, cost, which models, finish reasons and languages.

Numbers are compared as logarithms (in raw values a few slow calls hide everything): the whole of them by `level`, the
largest of them by `tail`; names by their `mix`. About fourteen tests are made at once, so each must leave mean + 3.2 to
4.0 standard deviations of its history, where a text must leave three, and what chance alone gives besides.

Stored per window and column: a row per test and one named `drift`; of all of them one with the subject `columns`, whose
details list {column, test, before, now} of those that drifted.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import polars as pl

from analytics.detector import Finding
from analytics.evaluators.language import language_of
from analytics.verdict import SUMMARY, Bout, line
from store.connection import Store
from store.embeddings import COLUMNS, call_columns
from store.model import Comparison, Json, Window

NUMBERS = ("latency_ms", "ttft_ms", "cost_usd", "input_tokens", "output_tokens")
LANGUAGE = "language"
NAMES = ("model", "finish_reason", "status", LANGUAGE)
TEXT = "input_text"  # its language is a column
NONE = "(none)"
# Of the history: the level of cost and latency follows the mix of models, which wanders; tails do not.
DEVIATIONS = {"level": 4.0, "tail": 3.2, "mix": 3.8}
BY_CHANCE = 2.5  # standard deviations of chance that must be left even where history would allow less
PROVISIONAL = 4.0  # and where there is no history
MIN_VALUES = 100  # of a column on either side
PERMUTATIONS = 200
LANGUAGE_CALLS, LANGUAGE_CHARS = 500, 4000  # of a side are looked at for their language: a millisecond each
TINY = 1e-9  # a cost or latency of nothing still has a logarithm
IQR_OF_NORMAL = 1.349

Values = npt.NDArray[np.float64]
History = Callable[[str, str], Sequence[float]]  # subject, test → statistics of the last windows, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSides:
    """Calls of the reference and of the window, in a random order that is always the same; with `side`'s columns."""

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


def side(store: Store, span: Window, *, limit: int) -> pl.DataFrame:
    """Columns of up to `limit` calls, and the beginning of some of their prompts for `with_language`."""
    calls = call_columns(store, span, (*NUMBERS, *(name for name in NAMES if name != LANGUAGE)), limit=limit)
    texts = call_columns(store, span, (TEXT,), limit=min(limit, LANGUAGE_CALLS))[TEXT].str.head(LANGUAGE_CHARS)
    return calls.with_columns(texts.extend_constant(None, calls.height - len(texts)))


def find(both: ColumnSides, size: int, evidently: bool) -> list[ColumnFinding]:
    """Every test of every column that has values on both sides, of `size` calls of the window. Runs in a worker."""
    before, now = both.reference, with_language(both.current.head(size))
    found = [one for name in NUMBERS for one in _number(name, before[name], now[name])]
    found += [one for name in NAMES for one in _names(name, before[name], now[name])]
    if evidently:
        from analytics.detectors.evidently import columns  # noqa: PLC0415 - beside ours; seconds to import

        names = [name for name in NAMES if name != LANGUAGE]
        found += [
            ColumnFinding(column=name, test="evidently_column", finding=finding)
            for name, finding in columns(before.head(size), now, NUMBERS, names, least=MIN_VALUES).items()
        ]
    return found


def with_language(side: pl.DataFrame) -> pl.DataFrame:
    """The language of prompts as a column: null without a text, `NONE` where it cannot be told. Runs in a worker."""
    if TEXT not in side.columns:
        return side
    known = find_spec("py3langid") is not None
    codes = [(language_of(text) or NONE) if text and known else None for text in side[TEXT]]
    return side.drop(TEXT).with_columns(pl.Series(LANGUAGE, codes, pl.String))


def _number(name: str, before: pl.Series, now: pl.Series) -> Iterator[ColumnFinding]:
    left, right = (side.drop_nulls().cast(pl.Float64).to_numpy() for side in (before, now))
    if min(len(left), len(right)) < MIN_VALUES:
        return
    logs = [np.log(np.maximum(side, TINY)) for side in (left, right)]
    for test, found, quantile in (("level", _level(*logs), 0.5), ("tail", _tail(*logs), 0.95)):
        yield ColumnFinding(
            column=name, test=test, finding=found,
            before=float(np.quantile(left, quantile)), now=float(np.quantile(right, quantile)),
        )  # fmt: skip


def _level(left: Values, right: Values) -> Finding:
    """Wasserstein distance of equally many values, in standard deviations of the reference; chance by permutation.

    It is the area between the two cumulative shares: so one sorting does for all permutations.
    """
    low, high = np.quantile(left, (0.25, 0.75))
    scale = max((high - low) / IQR_OF_NORMAL, 0.05)  # equal values: a twentieth is the least that counts
    n = min(len(left), len(right))
    pooled = np.concatenate((left[:n], right[:n]))
    order = pooled.argsort()
    gaps = np.diff(pooled[order]) / scale
    sides = np.where(order < n, 1.0, -1.0) / n
    return _finding(float(np.abs(sides.cumsum()[:-1]) @ gaps), np.abs(_walks(n)[:, :-1]) @ gaps)


@lru_cache(maxsize=4)
def _walks(n: int) -> Values:
    """Differences of cumulative shares of two sides of `n`, shuffled: one draw a row."""
    sides = np.repeat((1.0 / n, -1.0 / n), n)
    return np.random.default_rng(0).permuted(np.tile(sides, (PERMUTATIONS, 1)), axis=1).cumsum(axis=1)


def _tail(left: Values, right: Values) -> Finding:
    """How much weight the largest values have won, in standard deviations of chance; below 0 they have lost some.

    A linear rank test: of a value that a share u of all exceed, the score is log(u)², which looks at the largest few
    percent. It takes any number of values on either side.
    """
    pooled = np.concatenate((left, right))
    ranked = np.sort(pooled)
    middle = (np.searchsorted(ranked, pooled, "left") + np.searchsorted(ranked, pooled, "right")) / 2
    scores = np.log1p(-np.minimum(middle, len(pooled) - 0.5) / len(pooled)) ** 2
    error = float(scores.std()) * math.sqrt(1 / len(left) + 1 / len(right))
    moved = float(scores[len(left) :].mean() - scores[: len(left)].mean())
    z = moved / error if error else 0.0
    return Finding(statistic=z, threshold=PROVISIONAL, spread=1.0, p_value=0.5 * math.erfc(z / math.sqrt(2)))


def _names(name: str, before: pl.Series, now: pl.Series) -> Iterable[ColumnFinding]:
    """How far the share of the name that moved most lies off, in standard errors; a missing one is a name."""
    if name == LANGUAGE:
        before, now = before.drop_nulls(), now.drop_nulls()
    sides = [side.cast(pl.String).fill_null(NONE).to_list() for side in (before, now)]
    n, m = map(len, sides)
    if min(n, m) < MIN_VALUES:
        return ()
    kinds, codes = np.unique([*sides[0], *sides[1]], return_inverse=True)
    counts = np.bincount(codes, minlength=len(kinds))
    mine = np.bincount(codes[n:], minlength=len(kinds))
    share = counts / (n + m)
    error = np.sqrt(np.maximum(share * (1 - share), TINY) * (1 / n + 1 / m))

    def off(drawn: npt.NDArray[np.int64]) -> Values:
        return np.asarray(np.abs(drawn / m - (counts - drawn) / n) / error)

    grew = mine / m > (counts - mine) / n
    moved = int((off(mine) + TINY * grew).argmax())  # of two that changed places the one that came
    chance = off(np.random.default_rng(0).multivariate_hypergeometric(counts, m, size=PERMUTATIONS)).max(axis=1)
    shares = [{str(kinds[moved]): round(float(value), 4)} for value in ((counts - mine)[moved] / n, mine[moved] / m)]
    finding = _finding(float(off(mine).max()), chance)
    return (ColumnFinding(column=name, test="mix", finding=finding, before=shares[0], now=shares[1]),)


def _finding(statistic: float, chance: Values) -> Finding:
    return Finding(
        statistic=statistic,
        threshold=max(float(chance.mean() + PROVISIONAL * chance.std()), TINY),
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
        drawn = line(finding, history(found.column, found.test), needed=needed, deviations=DEVIATIONS[found.test])
        chance = (finding.threshold or 0.0) - (PROVISIONAL - BY_CHANCE) * finding.spread
        threshold, provisional = max(drawn.threshold or 0.0, chance), drawn.provisional
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
