"""What was not there before: models, prompts, releases that calls name for the first time, and prices that changed."""

import polars as pl

from store.conditions import condition
from store.connection import Store
from store.model import Filters, Window

# `share`: of the calls since the first one that named it.
NEW_VALUES_SQL = """
    WITH seen AS (SELECT * FROM data.calls WHERE event_time >= $before AND event_time < $end AND {where}),
    named AS (
        UNPIVOT (
            SELECT event_time, provider, response_model, coalesce(request_model, model) AS model,
                prompt_name || coalesce(' ' || prompt_version, '') AS prompt,
                coalesce(service || ' ', '') || service_version AS release, environment
            FROM seen
        ) ON provider, response_model, model, prompt, release, environment INTO NAME dimension VALUE value
    )
    SELECT dimension, value, min(event_time) AS first_at, count(*) AS n,
        count(*) / (SELECT count(*) FROM seen AS s WHERE s.event_time >= first_at) AS share
    FROM named GROUP BY dimension, value HAVING first_at >= $start
    ORDER BY n DESC, dimension, value LIMIT $limit
"""
CHANGED_PRICES_SQL = """
    WITH used AS (
        SELECT DISTINCT provider, coalesce(response_model, request_model, model) AS model FROM data.calls
        WHERE event_time >= $start AND event_time < $end AND {where}
    ),
    by_day AS (
        SELECT p.provider, p.model, p.day, max(p.input_mtok) AS input_mtok, max(p.output_mtok) AS output_mtok
        FROM data.prices AS p JOIN used AS u ON u.provider IS NOT DISTINCT FROM p.provider AND u.model = p.model
        WHERE p.status = 'priced' AND p.day >= $before::DATE AND p.day <= $end::DATE
        GROUP BY ALL
    )
    SELECT model, day, input_mtok, output_mtok, old_input_mtok, old_output_mtok
    FROM (
        SELECT *, lag(input_mtok) OVER days AS old_input_mtok, lag(output_mtok) OVER days AS old_output_mtok
        FROM by_day WINDOW days AS (PARTITION BY provider, model ORDER BY day)
    )
    WHERE day >= $start::DATE AND (input_mtok <> old_input_mtok OR output_mtok <> old_output_mtok)
    ORDER BY model, day LIMIT $limit
"""


def new_values(store: Store, window: Window, known: Window, filters: Filters, *, limit: int) -> pl.DataFrame:
    """What calls name in `window` and none named in `known` before it: dimension, value, first_at, n, share."""
    return _read(store, NEW_VALUES_SQL, window, known, filters, limit)


def changed_prices(store: Store, window: Window, known: Window, filters: Filters, *, limit: int) -> pl.DataFrame:
    """List prices of used models that changed on a day of `window`: model, day, the new prices and the old ones."""
    return _read(store, CHANGED_PRICES_SQL, window, known, filters, limit)


def _read(store: Store, sql: str, window: Window, known: Window, filters: Filters, limit: int) -> pl.DataFrame:
    params = {"before": known.start, "start": window.start, "end": window.end, "limit": limit}
    where = condition(filters, params)
    return store.read(sql.format(where=where), params)
