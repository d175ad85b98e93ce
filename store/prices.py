"""Price calls in SQL: one UPDATE a day of calls, from the prices in `data.prices`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
import pyarrow as pa

from store import rollup
from store.connection import Store, Transaction
from store.model import Window

# What a call is priced by: the model that answered, as the provider names it, else the one that was asked for.
MODEL = "coalesce(c.response_model, c.request_model, c.model)"

UNPRICED_DAYS_SQL = """
    SELECT DISTINCT date_trunc('day', event_time) AS day FROM data.calls WHERE cost_status IS NULL ORDER BY day
"""
MISSING_SQL = f"""
    SELECT DISTINCT c.provider, {MODEL} AS model, c.event_time::DATE AS day
    FROM data.calls AS c
    WHERE c.event_time >= $start AND c.event_time < $end AND c.cost_status IS NULL AND {MODEL} IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM data.prices AS p
            WHERE p.provider IS NOT DISTINCT FROM c.provider AND p.model = {MODEL} AND p.day = c.event_time::DATE
        )
    ORDER BY ALL
"""  # noqa: S608 - our names only
# Input tokens hold the cache reads, cache writes and audio; each is billed at its own price where there is one. A price
# without its token count gives NULL, and so no cost.
COST = """
    (
        (c.input_tokens - read - written - heard) * p.input_mtok
        + read * coalesce(p.cache_read_mtok, p.input_mtok)
        + written * coalesce(p.cache_write_mtok, p.input_mtok)
        + heard * coalesce(p.input_audio_mtok, p.input_mtok)
        + CASE
            WHEN coalesce(p.output_mtok, 0) = 0 THEN 0
            ELSE (c.output_tokens - spoken) * p.output_mtok + spoken * coalesce(p.output_audio_mtok, p.output_mtok)
        END
    ) / 1e6
"""
# The subsets can never be more than the whole, whatever a source says.
STAGE_SQL = f"""
    CREATE OR REPLACE TEMP TABLE newly_priced AS
    SELECT
        c.rowid AS call_row,
        date_trunc('hour', c.event_time) AS hour,
        least(coalesce(c.cache_read_tokens, 0), c.input_tokens) AS read,
        least(coalesce(c.cache_write_tokens, 0), c.input_tokens - read) AS written,
        least(coalesce(c.input_audio_tokens, 0), c.input_tokens - read - written) AS heard,
        least(coalesce(c.output_audio_tokens, 0), c.output_tokens) AS spoken,
        {COST} AS listed_usd,
        CASE
            WHEN listed_usd IS NOT NULL AND p.status = 'priced' THEN 'priced'
            WHEN c.reported_cost_usd IS NOT NULL THEN 'reported'
            WHEN listed_usd IS NOT NULL THEN p.status
            ELSE 'unpriced'
        END AS new_status,
        CASE new_status
            WHEN 'reported' THEN c.reported_cost_usd
            WHEN 'unpriced' THEN NULL
            ELSE listed_usd
        END AS new_cost_usd
    FROM data.calls AS c
    LEFT JOIN data.prices AS p
        ON p.provider IS NOT DISTINCT FROM c.provider AND p.model = {MODEL} AND p.day = c.event_time::DATE
        AND coalesce(c.input_tokens, 0) > p.tier_start
        AND (p.tier_end IS NULL OR coalesce(c.input_tokens, 0) <= p.tier_end)
        AND date_part('hour', c.event_time) * 60 + date_part('minute', c.event_time) >= p.from_minute
        AND date_part('hour', c.event_time) * 60 + date_part('minute', c.event_time) < p.to_minute
    WHERE c.event_time >= $start AND c.event_time < $end AND c.cost_status IS NULL
"""  # noqa: S608 - our names only
UPDATE_SQL = """
    UPDATE data.calls AS c SET cost_usd = p.new_cost_usd, cost_status = p.new_status
    FROM newly_priced AS p
    WHERE c.rowid = p.call_row AND c.event_time >= $start AND c.event_time < $end
"""
MARK_PRICED_SQL = """
    INSERT INTO data.dirty_hours
    SELECT DISTINCT hour FROM newly_priced WHERE hour NOT IN (SELECT hour FROM data.dirty_hours)
"""
COUNTS_SQL = "SELECT new_status, count(*) AS calls FROM newly_priced GROUP BY ALL"
OUTDATED_SQL = "SELECT DISTINCT provider, model, day FROM data.prices WHERE edition <> $edition ORDER BY ALL"
_COMPARED = "* EXCLUDE (source, edition, updated_at)"
CHANGED_SQL = f"""
    CREATE OR REPLACE TEMP TABLE changed_prices AS
    WITH old AS (SELECT {_COMPARED} FROM data.prices WHERE edition <> $edition),
    new AS (SELECT {_COMPARED} FROM staged)
    SELECT DISTINCT provider, model, day FROM ((FROM old EXCEPT FROM new) UNION ALL (FROM new EXCEPT FROM old))
"""  # noqa: S608 - our names only
RESET_CHANGED_SQL = f"""
    UPDATE data.calls AS c SET cost_usd = NULL, cost_status = NULL
    FROM changed_prices AS p
    WHERE p.provider IS NOT DISTINCT FROM c.provider AND p.model = {MODEL} AND p.day = c.event_time::DATE
"""  # noqa: S608 - our names only
# No edition is called "": these prices are looked up again.
SEEN_SQL = """
    WITH seen AS (
        SELECT
            provider, priced_model AS model, sum(calls)::BIGINT AS calls, sum(cost_usd) AS cost_usd,
            sum(unpriced_calls)::BIGINT AS unpriced_calls, max(event_time)::DATE AS day
        FROM ({rows})
        GROUP BY ALL
    )
    SELECT
        s.provider, s.model, s.calls, s.cost_usd, s.unpriced_calls, p.status, p.day, p.from_minute, p.to_minute,
        greatest(p.tier_start, 0) AS tier_start, p.input_mtok, p.cache_read_mtok, p.cache_write_mtok, p.output_mtok,
        p.source
    FROM seen AS s
    LEFT JOIN data.prices AS p
        ON p.provider IS NOT DISTINCT FROM s.provider AND p.model = s.model AND p.day = s.day
    ORDER BY s.cost_usd DESC NULLS LAST, s.calls DESC, s.model, p.from_minute, p.tier_start
"""

SCHEMA = pa.schema(
    [
        ("provider", pa.string()), ("model", pa.string()), ("day", pa.date32()),
        ("from_minute", pa.int32()), ("to_minute", pa.int32()), ("tier_start", pa.int64()), ("tier_end", pa.int64()),
        ("status", pa.string()), ("input_mtok", pa.float64()), ("cache_read_mtok", pa.float64()),
        ("cache_write_mtok", pa.float64()), ("input_audio_mtok", pa.float64()), ("output_mtok", pa.float64()),
        ("output_audio_mtok", pa.float64()), ("source", pa.string()), ("edition", pa.string()),
        ("updated_at", pa.timestamp("us")),
    ]
)  # fmt: skip
PRICES = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "input_audio_mtok", "output_mtok", "output_audio_mtok")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a price is looked up for."""

    provider: str | None
    model: str
    day: date


# Gives the rows of `SCHEMA` for each wanted price; at least one each, with status unpriced where there is no price.
Lookup = Callable[[Iterable[Wanted]], pa.Table]


def unpriced_days(store: Store) -> list[Window]:
    """The days that have calls without a cost status."""
    return [Window(start=day, end=day + timedelta(days=1)) for day in store.read(UNPRICED_DAYS_SQL)["day"]]


def price(tx: Transaction, window: Window, lookup: Lookup) -> dict[str, int]:
    """Price the calls of a window that have no cost status yet, and mark their hours; return calls per status."""
    within = {"start": window.start, "end": window.end}
    tx.insert("data.prices", lookup(_wanted(tx.read(MISSING_SQL, within))))
    tx.execute(STAGE_SQL, within)
    tx.execute(UPDATE_SQL, within)
    tx.execute(MARK_PRICED_SQL)
    return dict(tx.read(COUNTS_SQL).iter_rows())


def renew(tx: Transaction, edition: str, lookup: Lookup) -> int:
    """Look again at prices of another edition; calls whose price is another now lose their cost and wait for `price`.

    Returns how many calls that were.
    """
    outdated = tx.read(OUTDATED_SQL, {"edition": edition})
    if outdated.is_empty():
        return 0
    rows = lookup(_wanted(outdated))
    with tx.staged(rows):
        tx.execute(CHANGED_SQL, {"edition": edition})
        tx.execute("DELETE FROM data.prices WHERE edition <> $edition", {"edition": edition})
        tx.execute("INSERT INTO data.prices BY NAME SELECT * FROM staged")
    return _updated(tx, RESET_CHANGED_SQL)


def seen(store: Store, window: Window) -> pl.DataFrame:
    """The models of a window with what their calls cost and the prices in force on the last day they were called.

    One row per model, time of day and size of the prompt that has a price of its own: `provider`, `model`, `calls`,
    `cost_usd`, `unpriced_calls`, `status`, `day`, `from_minute`, `to_minute`, `tier_start`, `*_mtok`, `source`.
    """
    params: dict[str, Any] = {}
    rows = rollup.fresh(store, rollup.PRICED, window, params)
    return store.read(SEEN_SQL.format(rows=rows), params)


def _wanted(rows: pl.DataFrame) -> list[Wanted]:
    return [Wanted(*row) for row in rows.iter_rows()]


def _updated(tx: Transaction, sql: str, params: Mapping[str, Any] | None = None) -> int:
    return int(tx.one(sql, params) or 0)  # an UPDATE answers with its row count
