"""False alarms and power of the columns' verdict on calls made up from real token counts.

Five models of different price and speed; tokens are those of production calls (`traces/`), times and prices made up.
Each seed draws a reference, fourteen windows of history, windows without a change and one for each change. Days wander:
every window draws the mix of models and languages anew (Dirichlet; "iid" does not wander).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from analytics.column_drift import ColumnFinding, ColumnSides, find, judged
from analytics.verdict import Bout
from store.comparisons import Ground
from store.embeddings import COLUMNS
from store.model import Comparison, Window
from tests.eval.table import Figure, Scope, absent, share

FILE = "traces/azure_llm_2023_conv.csv"
WANDER = {"iid": None, "C=1000": 1000.0, "C=200": 200.0}
N, HISTORY, REFERENCE = 500, 14, 2000
QUIET = 10  # windows without a change, of each seed
SEED, DEVELOPMENT, SEEDS = 7, 1007, 40

MODELS = np.array(["large", "medium", "small", "tiny", "other"])
MIX = np.array([0.30, 0.30, 0.20, 0.15, 0.05])
MS_PER_TOKEN = np.array([40.0, 22.0, 14.0, 8.0, 30.0])
USD_PER_MTOK = np.array([10.0, 4.0, 1.0, 0.3, 5.0])
LANGUAGES, SPOKEN = np.array(["en", "de", "fr", "es"]), np.array([0.85, 0.06, 0.05, 0.04])

ANY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))

Change = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]


def _some(calls: pl.DataFrame, rng: np.random.Generator, part: float) -> pl.Series:
    return pl.Series(rng.random(calls.height) < part)


def _times(column: str, factor: float, part: float, calls: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """`part` of the calls have `factor` times as much of a column."""
    return calls.with_columns(pl.when(_some(calls, rng, part)).then(pl.col(column) * factor).otherwise(pl.col(column)))


def _named(column: str, value: str, part: float, calls: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """`part` of the calls have another name in a column."""
    return calls.with_columns(
        pl.when(_some(calls, rng, part)).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )


CHANGES: dict[str, Change] = {
    "latency of 5% of calls x5": partial(_times, "latency_ms", 5.0, 0.05),
    "latency of all calls +25%": partial(_times, "latency_ms", 1.25, 1.0),
    "first token of 10% of calls x3": partial(_times, "ttft_ms", 3.0, 0.10),
    "cost of all calls +30%": partial(_times, "cost_usd", 1.3, 1.0),
    "output tokens of all calls +25%": partial(_times, "output_tokens", 1.25, 1.0),
    "input tokens of 10% of calls x4": partial(_times, "input_tokens", 4.0, 0.10),
    "5% of calls by a new model": partial(_named, "model", "new", 0.05),
    "15% of calls move to one model": partial(_named, "model", "tiny", 0.15),
    "5% more cut by length": partial(_named, "finish_reason", "length", 0.05),
    "3% more fail": partial(_named, "status", "error", 0.03),
    "4% of prompts in a new language": partial(_named, "language", "pl", 0.04),
}


@dataclass(frozen=True)
class World:
    """Where calls come from. `tokens`: real pairs of input and output."""

    tokens: pl.DataFrame
    rng: np.random.Generator

    def calls(self, n: int, concentration: float | None = None) -> pl.DataFrame:
        rng = self.rng
        mix, spoken = (
            one if concentration is None else rng.dirichlet(concentration * one) for one in (MIX, SPOKEN)
        )  # fmt: skip
        place = rng.choice(len(MODELS), n, p=mix)
        tokens = self.tokens[rng.integers(0, self.tokens.height, n)]
        read, written = tokens["input_tokens"].to_numpy(), tokens["output_tokens"].to_numpy()
        first = rng.lognormal(6, 0.5, n) + 0.05 * read
        cost = (read + 4 * written) * USD_PER_MTOK[place] / 1e6
        return tokens.with_columns(
            model=MODELS[place],
            ttft_ms=first,
            latency_ms=first + written * MS_PER_TOKEN[place] * rng.lognormal(0, 0.35, n),
            cost_usd=cost,
            finish_reason=np.where(rng.random(n) < 0.03, "length", "stop"),
            status=np.where(rng.random(n) < 0.01, "error", "ok"),
            language=LANGUAGES[rng.choice(len(LANGUAGES), n, p=spoken)],
        )


def columns(scope: Scope) -> Iterator[Figure]:
    path = scope.folder / FILE
    if not path.exists():
        yield absent("columns", FILE)
        return
    tokens = pl.read_csv(path).select(input_tokens="ContextTokens", output_tokens="GeneratedTokens")
    with threadpool_limits(limits=1):
        for name, concentration in WANDER.items():
            yield from _table(tokens, name, concentration, N, SEED, scope.some(SEEDS))
        yield from _table(tokens, "iid", None, REFERENCE, SEED, scope.some(SEEDS))


def _table(
    tokens: pl.DataFrame, name: str, concentration: float | None, n: int, seed: int, seeds: int
) -> Iterator[Figure]:
    quiet: list[float] = []
    seen: dict[str, list[float]] = {change: [] for change in CHANGES}
    for number in range(seed, seed + seeds):
        world = World(tokens, np.random.default_rng(number))
        reference = world.calls(REFERENCE)
        past = [_find(reference, world.calls(n, concentration)) for _ in range(HISTORY)]
        quiet += [float(_drifted(reference, world.calls(n, concentration), past)) for _ in range(QUIET)]
        for change, planted in CHANGES.items():
            changed = planted(world.calls(n, concentration), world.rng)
            seen[change].append(float(_drifted(reference, changed, past)))
    data = f"{name}, {n:,} calls, {seeds} seeds"
    why = "cost and latency follow the mix of models: where that wanders far, so do they"
    yield share("columns: false alarms", data, quiet, target=0.05, at_most=True, seed=seed, why=why)
    for change, found in seen.items():
        yield share(f"columns: {change}", data, found, seed=seed)


def _find(reference: pl.DataFrame, current: pl.DataFrame) -> list[ColumnFinding]:
    return find(ColumnSides(reference=reference, current=current), current.height, False)


def _drifted(reference: pl.DataFrame, current: pl.DataFrame, past: Sequence[list[ColumnFinding]]) -> bool:
    def history(column: str, test: str) -> list[float]:
        return [one.finding.statistic for each in past for one in each if (one.column, one.test) == (column, test)]

    ground = Ground(subject=COLUMNS, basis="pinned", reference=ANY)
    bout = Bout(ground=ground, current=ANY, size=current.height)
    summary: Comparison = judged(bout, _find(reference, current), history, needed=HISTORY)[-1]
    return bool(summary.drifted)
