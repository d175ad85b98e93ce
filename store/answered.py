"""Questions and what was answered, newest first."""

from typing import Any

import numpy as np
import polars as pl

from store.conditions import condition
from store.connection import Store
from store.embeddings import DIMENSIONS, Matrix
from store.model import Filters, Window
from store.relations import SCORABLE

# A prompt without a vector has NULL: it can still be the same text as another.
ANSWERED_SQL = """
    WITH picked AS (
        SELECT call_id, event_time, model, input_text, left(output_text, $chars) AS output_text
        FROM data.calls
        WHERE event_time >= $start AND event_time < $end AND {where} AND {scorable}
            AND input_text <> '' AND output_text <> ''
        ORDER BY event_time DESC LIMIT $newest
    )
    SELECT p.*, e.vector FROM picked AS p LEFT JOIN (
        SELECT text_hash, any_value(vector) AS vector FROM data.embeddings
        WHERE encoder = $encoder AND text_hash IN (SELECT md5(input_text) FROM picked) GROUP BY text_hash
    ) AS e ON e.text_hash = md5(p.input_text) ORDER BY p.event_time
"""


def answered(
    store: Store, window: Window, filters: Filters, *, encoder: str, newest: int, chars: int
) -> tuple[pl.DataFrame, Matrix]:
    """The `newest` calls (call_id, event_time, model, input_text, output_text), oldest first, and vectors of prompts.

    A row of zeros where a prompt has no vector. `chars`: of an answer that are read.
    """
    params: dict[str, Any] = {"start": window.start, "end": window.end, "encoder": encoder, "newest": newest}
    sql = ANSWERED_SQL.format(where=condition(filters, params), scorable=SCORABLE)
    rows = store.read(sql, params | {"chars": chars})
    vectors = np.zeros((rows.height, DIMENSIONS), np.float32)
    for place, vector in enumerate(rows["vector"]):
        if vector is not None:
            vectors[place] = vector
    return rows.drop("vector"), vectors
