"""What of the store a new batch touches: traces it belongs to, calls it may be the same as, calls it replaces."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from store.connection import Store, Transaction
from store.spans import MARGIN

# What is asked for comes by the ten thousand: staged as a table it is there at once, bound it is copied one by one.
TRACES_SQL = """
    SELECT DISTINCT trace_id FROM data.spans
    WHERE event_time BETWEEN $low AND $high AND trace_id IN (FROM asked)
    UNION
    SELECT DISTINCT trace_id FROM data.span_logs
    WHERE event_time BETWEEN $low AND $high AND trace_id IN (FROM asked)
"""
RESPONSES_SQL = """
    SELECT trace_id, merged_from FROM data.calls
    WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%' AND trace_id IS NOT NULL
    AND (response_id IN (FROM asked) OR (trace_id, span_id) IN (SELECT unnest($spans), unnest($ids)))
"""
RELATIVES_SQL = """
    SELECT DISTINCT trace_id, merged_from FROM (
        SELECT trace_id, merged_from, unnest(json_extract_string(merged_from, '$[*].trace_id')) AS other
        FROM data.calls
        WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%' AND merged_from IS NOT NULL
    ) WHERE trace_id IN (FROM asked) OR other IN (FROM asked)
"""
JUDGED_SQL = """
    SELECT DISTINCT trace_id FROM data.span_logs
    WHERE event_name = 'gen_ai.evaluation.result' AND event_time BETWEEN $low AND $high
    AND json_extract_string(attributes, '$."gen_ai.response.id"') IN (FROM asked)
"""
SOURCES_SQL = """
    SELECT DISTINCT source FROM data.calls WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%'
"""
# Two spans that share 80 % of the longer start within a fifth of it from one another; buckets of ten seconds and
# their neighbours hold all pairs of calls up to fifty seconds long. Streams told in two records meet at their ends, and
# a framework's span may end as its stream begins: a second between two is near enough.
OVERLAPPING_SQL = """
    WITH fresh AS (
        SELECT trace_id, source, service, started_at, ended_at, response_id,
            unnest([-1, 0, 1]) + epoch_us(coalesce(started_at, ended_at)) // 10000000 AS bucket
        FROM {staged}
    ), known AS (
        SELECT trace_id, merged_from, source, service, started_at, ended_at, response_id,
            epoch_us(coalesce(started_at, ended_at)) // 10000000 AS bucket
        FROM data.calls WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%'
    )
    SELECT DISTINCT known.trace_id, known.merged_from FROM known
    JOIN fresh ON known.bucket = fresh.bucket AND known.service IS NOT DISTINCT FROM fresh.service
    WHERE known.trace_id <> fresh.trace_id AND (known.response_id IS NULL OR fresh.response_id IS NULL)
    AND CASE WHEN known.source = fresh.source THEN known.source IN (SELECT unnest($split))
        ELSE known.started_at < fresh.ended_at + INTERVAL 1 SECOND
        AND fresh.started_at < known.ended_at + INTERVAL 1 SECOND END
"""
# A request told without its end may last an hour, and an answer without its begin have taken one: what lies in between
# in the same conversation may be the other half. A request that failed may have been sent again a little later.
HALVES_SQL = """
    SELECT trace_id, source, service, session_id, coalesce(started_at, ended_at - INTERVAL 1 HOUR) AS began,
        coalesce(ended_at + to_seconds(if(status = 'error', 30, 0)), started_at + INTERVAL 1 HOUR) AS ended{more}
    FROM {calls} WHERE source IN (SELECT unnest($split)) AND session_id IS NOT NULL
"""
OTHER_HALVES_SQL = """
    WITH fresh AS ({fresh}), known AS ({known})
    SELECT DISTINCT known.trace_id, known.merged_from FROM known
    JOIN fresh ON known.source = fresh.source AND known.session_id = fresh.session_id
        AND known.service IS NOT DISTINCT FROM fresh.service
    WHERE known.trace_id <> fresh.trace_id AND known.began <= fresh.ended AND fresh.began <= known.ended
"""
TIMED = ["trace_id", "source", "service", "session_id", "status", "started_at", "ended_at", "response_id"]
MARK_DIRTY_SQL = """
    INSERT INTO data.dirty_hours
    SELECT DISTINCT date_trunc('hour', event_time) AS hour FROM data.calls
    WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%' AND trace_id IN (SELECT unnest($traces))
    AND hour NOT IN (SELECT hour FROM data.dirty_hours)
"""
COUNT_SQL = """
    SELECT count(*) FROM data.calls
    WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%' AND trace_id IN (SELECT unnest($traces))
"""
CALLS_SQL = """
    SELECT * EXCLUDE (source_id, ingested_at) FROM data.calls
    WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%' AND trace_id IN (SELECT unnest($traces))
"""
FORGET_SQL = """
    DELETE FROM data.calls
    WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%' AND trace_id IN (SELECT unnest($traces))
"""
# What traces say of their own calls is worked out anew with them.
FORGET_OUTCOMES_SQL = """
    DELETE FROM data.evaluations
    WHERE event_time BETWEEN $low AND $high AND evaluator LIKE 'trace/%' AND call_id IN (
        SELECT call_id FROM data.calls
        WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%' AND trace_id IN (SELECT unnest($traces))
    )
"""
JUDGED_FOR = timedelta(days=7)  # a person may take so long to judge a call


def known_traces(store: Store, traces: pa.Array, *, low: datetime, high: datetime) -> set[str]:
    """Return those of `traces` of which something is stored, and the traces whose calls were merged with theirs."""
    window = {"low": low, "high": high}
    with _asking(store, traces) as tx:
        return set(tx.read(TRACES_SQL, window)["trace_id"]) | _traces(tx.read(RELATIVES_SQL, window))


@contextmanager
def _asking(store: Store, words: pa.Array) -> Iterator[Transaction]:
    """Lend a transaction in which `words` are the rows of `asked`."""
    with store.transaction() as tx, tx.staged(pa.table({"word": words}), "asked"):
        yield tx


def same_response(
    store: Store, calls: pa.Table, judged: Sequence[tuple[str, str, str]], *, low: datetime, high: datetime
) -> set[str]:
    """Return traces of stored calls with a response id of `calls`, or meant by `judged` (trace, span, response id)."""
    mine = pc.drop_null(calls["response_id"])
    responses = pa.chunked_array([*mine.chunks, pa.array([r for _, _, r in judged if r], pa.string())])
    if not len(responses) and not judged:
        return set()
    spans, ids = [t for t, _, _ in judged], [s for _, s, _ in judged]
    window = {"low": low - JUDGED_FOR if judged else low, "high": high}
    with _asking(store, responses) as tx:
        found = _traces(tx.read(RESPONSES_SQL, {"spans": spans, "ids": ids, **window}))
    with _asking(store, mine) as tx:
        return found | set(tx.read(JUDGED_SQL, {"low": low, "high": high + JUDGED_FOR})["trace_id"])


def overlapping(store: Store, calls: pa.Table, split: Sequence[str], *, low: datetime, high: datetime) -> set[str]:
    """Return traces of stored calls that ran beside `calls` and were told by another instrumentation.

    `split`: sources that tell one call in two records, so that their own calls may be each other's other half.
    """
    mine = set(pc.unique(calls["source"]).to_pylist())
    known = set(store.read(SOURCES_SQL, {"low": low, "high": high})["source"].to_list())
    if not known or not mine or (len(mine | known) == 1 and not split):
        return set()
    window = {"low": low, "high": high, "split": list(split)}
    with store.transaction() as tx, tx.staged(calls.select(TIMED), "fresh_calls") as staged:
        found = _traces(tx.read(OVERLAPPING_SQL.format(staged=staged), window))
        return found | (_traces(tx.read(_other_halves(staged), window)) if split else set())


def _other_halves(staged: str) -> str:
    known = HALVES_SQL.format(calls="data.calls", more=", merged_from") + " AND event_time BETWEEN $low AND $high"
    return OTHER_HALVES_SQL.format(fresh=HALVES_SQL.format(calls=staged, more=""), known=known)


def _traces(frame: pl.DataFrame) -> set[str]:
    """Return the traces of calls, those merged into them too."""
    merged = frame.select(pl.col("merged_from").str.json_decode(MERGED).explode().struct.field("trace_id"))
    return {t for t in (*frame["trace_id"].to_list(), *merged["trace_id"].to_list()) if t}


MERGED = pl.List(pl.Struct({"trace_id": pl.String, "span_id": pl.String}))


def calls_of(store: Store, traces: Sequence[str], *, low: datetime, high: datetime) -> pa.Table:
    """Return the calls assembled from these traces."""
    frame = store.read(CALLS_SQL, {"traces": list(traces), "low": low - MARGIN, "high": high + MARGIN})
    return frame.with_columns(pl.col(pl.Datetime).dt.replace_time_zone(None)).to_arrow()


def forget_calls(tx: Transaction, traces: Sequence[str], *, low: datetime, high: datetime) -> int:
    """Delete the calls assembled from these traces, so that a better assembly can take their place; return how many."""
    params = {"traces": list(traces), "low": low - MARGIN, "high": high + MARGIN}
    count = int(tx.one(COUNT_SQL, params))
    if count:
        tx.execute(MARK_DIRTY_SQL, params)
        tx.execute(FORGET_OUTCOMES_SQL, params)
        tx.execute(FORGET_SQL, params)
    return count
