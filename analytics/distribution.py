"""How the values of an evaluator spread: a mean that stands still may hide answers that became very bad."""

import polars as pl

from analytics.metric import NO_FILTERS
from store.connection import Store
from store.model import Filters, Window
from store.points import Question, Relation, points

BINS = 20


def distribution(store: Store, evaluator: str, window: Window, *, filters: Filters = NO_FILTERS) -> pl.DataFrame:
    """Return `low` (0, 0.05, … 0.95), `n` (calls with a value from there up) and `share` of all that have one.

    The last bin holds 1 too. Shares are null when nothing has a value.
    """
    counted = {f"b{i}": f"count(*) FILTER (least(floor(value * {BINS}), {BINS - 1}) = {i})" for i in range(BINS)}
    question = Question(window=window, filters=filters, names=[evaluator])
    row = points(store, Relation.EVALUATIONS, counted, question).row(0)
    total = sum(row)
    return pl.DataFrame(
        {
            "low": [i / BINS for i in range(BINS)],
            "n": [int(n) for n in row],
            "share": [n / total if total else None for n in row],
        },
        schema={"low": pl.Float64, "n": pl.Int64, "share": pl.Float64},
    )
