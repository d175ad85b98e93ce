"""Vectors of texts: one per distinct text and encoder; calls find theirs by the text's md5."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from store.calls import COLUMNS as CALL_COLUMNS
from store.connection import Store
from store.errors import StoreError
from store.model import Window

DIMENSIONS = 384
COLUMNS = "columns"  # the subject without a text: numbers and names of calls

# One of the documents that a call retrieved, the same one whenever it is asked: so texts are as independent as calls.
_DOCUMENT = """
    (SELECT coalesce(d ->> 'content', d ->> 'text', d ->> 'page_content', d ->> 'document.content', d ->> 'body',
        CASE json_type(d) WHEN 'VARCHAR' THEN d ->> '$' END)
     FROM (SELECT j -> (hash(call_id) % greatest(json_array_length(j), 1))::INT AS d
           FROM (SELECT TRY_CAST(retrieved AS JSON) AS j)))
"""
SUBJECTS = {"input_text": "input_text", "output_text": "output_text", "retrieved": _DOCUMENT}

# What drift looks at: up to $per_window calls of each window, the same ones whenever it is asked. {subject} is ours.
_SAMPLED = """
    SELECT call_id, event_time, md5(text) AS text_hash, text, tenant, model, prompt_name, prompt_version, bucket
    FROM (
        SELECT *, {subject} AS text, time_bucket(to_seconds($window_s), event_time) AS bucket FROM data.calls
        WHERE {where} AND operation IN ('chat', 'completion')
    )
    WHERE text <> ''
    QUALIFY row_number() OVER (PARTITION BY bucket ORDER BY hash(call_id)) <= $per_window
"""
UNEMBEDDED_SQL = f"""
    WITH sampled AS ({_SAMPLED.replace("{where}", "ingested_at >= $since")})
    SELECT text_hash, any_value(text) AS text FROM sampled
    WHERE text_hash NOT IN (SELECT text_hash FROM data.embeddings WHERE encoder = $encoder)
    GROUP BY text_hash ORDER BY max(event_time) DESC LIMIT $limit
"""  # noqa: S608 - put together from the constants above
EMBEDDED_SQL = f"""
    WITH sampled AS ({_SAMPLED.replace("{where}", "event_time >= $start AND event_time < $end")})
    SELECT s.call_id, s.event_time, s.text_hash, s.text, s.tenant, s.model, s.prompt_name, s.prompt_version, e.vector
    FROM sampled AS s JOIN data.embeddings AS e ON e.text_hash = s.text_hash AND e.encoder = $encoder
    ORDER BY s.event_time, s.call_id
"""  # noqa: S608
COVERAGE_SQL = f"""
    WITH sampled AS ({_SAMPLED.replace("{where}", "event_time >= $start AND event_time < $end")})
    SELECT bucket AS window_start, count(*) AS calls,
           count(*) FILTER (text_hash IN (SELECT text_hash FROM data.embeddings WHERE encoder = $encoder)) AS embedded
    FROM sampled GROUP BY bucket ORDER BY bucket
"""  # noqa: S608
CALLS_SQL = """
    SELECT time_bucket(to_seconds($window_s), event_time) AS window_start, count(*) AS calls, count(*) AS embedded
    FROM data.calls WHERE event_time >= $start AND event_time < $end AND operation IN ('chat', 'completion')
    GROUP BY ALL ORDER BY window_start
"""
OTHERS_SQL = """
    SELECT DISTINCT encoder FROM data.embeddings WHERE encoder <> $encoder AND text_hash IN (
        SELECT md5({subject}) FROM data.calls WHERE event_time >= $start AND event_time < $end)
    ORDER BY encoder
"""
TEXTS_SQL = """
    SELECT call_id, {subject} AS text FROM data.calls
    WHERE event_time >= $start AND event_time < $end AND call_id IN (SELECT unnest($call_ids::VARCHAR[]))
"""
VECTORS_SQL = """
    SELECT text_hash, any_value(vector) AS vector FROM data.embeddings
    WHERE encoder = $encoder AND text_hash IN (SELECT unnest($hashes::VARCHAR[])) GROUP BY text_hash
"""

# What the report beside the verdict looks at; {columns} are names of ours.
COLUMNS_SQL = """
    SELECT {columns} FROM data.calls
    WHERE event_time >= $start AND event_time < $end AND operation IN ('chat', 'completion')
    ORDER BY hash(call_id) LIMIT $limit
"""

Matrix = npt.NDArray[np.float32]


def _named(sql: str, subject: str) -> str:
    if subject not in SUBJECTS:
        raise StoreError(f"no vectors are kept of {subject!r}, only of {', '.join(SUBJECTS)}")
    return sql.replace("{subject}", SUBJECTS[subject])


def unembedded(
    store: Store, encoder: str, subject: str, *, since: datetime, window: timedelta, per_window: int, limit: int
) -> pl.DataFrame:
    """Distinct texts (text_hash, text) without a vector, newest first; of calls that came in after `since`."""
    given = {
        "encoder": encoder,
        "since": since,
        "window_s": window.total_seconds(),
        "per_window": per_window,
        "limit": limit,
    }
    return store.read(_named(UNEMBEDDED_SQL, subject), given, timeout_s=60)


def append_vectors(store: Store, encoder: str, hashes: Sequence[str], vectors: Matrix, *, now: datetime) -> None:
    """Keep one vector per hash; the caller has made sure that none of them is there yet."""
    flat = pa.array(vectors.astype(np.float32).ravel())
    moment = pa.scalar(now.replace(tzinfo=None), pa.timestamp("us"))
    rows = pa.table(
        {
            "encoder": pa.repeat(encoder, len(hashes)),
            "text_hash": pa.array(hashes, pa.string()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, DIMENSIONS),
            "created_at": pa.repeat(moment, len(hashes)),
        }
    )
    with store.transaction() as tx:
        tx.insert("data.embeddings", rows)


def coverage(
    store: Store, encoder: str, subject: str, span: Window, *, window: timedelta, per_window: int
) -> pl.DataFrame:
    """Per window of `span` that has calls: window_start, sampled calls, and how many of those have a vector.

    Columns need no vector: each call counts.
    """
    if subject == COLUMNS:
        return store.read(CALLS_SQL, {**_span(span), "window_s": window.total_seconds()}, timeout_s=60)
    given = {**_span(span), "encoder": encoder, "window_s": window.total_seconds(), "per_window": per_window}
    return store.read(_named(COVERAGE_SQL, subject), given, timeout_s=60)


def embedded(
    store: Store, encoder: str, subject: str, span: Window, *, window: timedelta, per_window: int
) -> tuple[pl.DataFrame, Matrix]:
    """Sampled calls of `span` that have a vector (call_id, event_time, text_hash, text, who), and their vectors."""
    given = {**_span(span), "encoder": encoder, "window_s": window.total_seconds(), "per_window": per_window}
    rows = store.read(_named(EMBEDDED_SQL, subject), given, timeout_s=60)
    return rows.drop("vector"), _matrix(rows)


def other_encoders(store: Store, encoder: str, subject: str, span: Window) -> list[str]:
    """Encoders other than `encoder` that texts of `span` have vectors of."""
    if subject == COLUMNS:
        return []
    rows = store.read(_named(OTHERS_SQL, subject), {**_span(span), "encoder": encoder}, timeout_s=60)
    return rows["encoder"].to_list()


def texts(store: Store, subject: str, span: Window, call_ids: Sequence[str]) -> dict[str, str]:
    """The text that drift looked at, by call; calls that are no more are left out."""
    rows = store.read(_named(TEXTS_SQL, subject), {**_span(span), "call_ids": list(call_ids)})
    return {call_id: text for call_id, text in rows.iter_rows() if text}


def call_columns(store: Store, span: Window, columns: Sequence[str], *, limit: int) -> pl.DataFrame:
    """Up to `limit` calls of `span`, the same ones whenever asked; only `columns`."""
    unknown = set(columns) - {*CALL_COLUMNS, "cost_usd"}
    if unknown:
        raise StoreError(f"no such column of calls: {', '.join(sorted(unknown))}")
    return store.read(COLUMNS_SQL.format(columns=", ".join(columns)), {**_span(span), "limit": limit}, timeout_s=60)


def vectors_of(store: Store, encoder: str, hashes: Sequence[str]) -> Matrix:
    """Vectors in the order of `hashes` (which may repeat); hashes without one are left out."""
    rows = store.read(VECTORS_SQL, {"encoder": encoder, "hashes": list(set(hashes))}, timeout_s=60)
    place = {text_hash: i for i, text_hash in enumerate(rows["text_hash"])}
    return _matrix(rows)[[place[text_hash] for text_hash in hashes if text_hash in place]]


def _matrix(rows: pl.DataFrame) -> Matrix:
    if not rows.height:
        return np.empty((0, DIMENSIONS), np.float32)
    return rows["vector"].to_numpy().reshape(-1, DIMENSIONS).astype(np.float32)


def _span(span: Window) -> dict[str, datetime]:
    return {"start": span.start, "end": span.end}
