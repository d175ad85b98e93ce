"""What became of calls whose prompts mention something, and of those that mention none of it."""

# ruff: noqa: S608 - every name in the SQL of this module is a constant of ours

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from store.conditions import condition
from store.connection import Store
from store.model import Filters, Window
from store.relations import BOUND, EVALUATIONS_SQL, SCORABLE

NEWEST = 50_000  # calls that are looked at
PROMPT_CHARS = 8_000  # of a prompt that are searched
LENGTH = "length"
NONE = ""  # mentioned by a prompt that mentions nothing

_SCORES_SQL = EVALUATIONS_SQL.format(**BOUND)
# One pattern for all goes first: most prompts mention nothing. Shares of scores are Hájek's, their `n` is Kish's.
MENTIONS_SQL = f"""
    WITH picked AS (
        SELECT call_id, left(input_text, $chars) AS prompt, nullif(length(output_text), 0) AS letters
        FROM data.calls
        WHERE event_time >= $start AND event_time < $end AND {{where}} AND {SCORABLE} AND input_text <> ''
        ORDER BY event_time DESC LIMIT $newest
    ),
    told AS (
        SELECT call_id, letters, unnest(
            CASE WHEN regexp_matches(prompt, $any) THEN [{{mentioned}}] ELSE ['{NONE}'] END) AS mentioned
        FROM picked
    ),
    counted AS (SELECT mentioned, count(*) AS calls FROM told WHERE mentioned IS NOT NULL GROUP BY mentioned),
    measured AS (
        SELECT t.mentioned, s.name AS measure, s.flagged::DOUBLE AS value, s.weight
        FROM told AS t JOIN (SELECT call_id, name, flagged, weight FROM ({_SCORES_SQL}) WHERE measurable) AS s
            USING (call_id)
        UNION ALL
        SELECT mentioned, '{LENGTH}', ln(letters), 1 FROM told WHERE letters IS NOT NULL
    )
    SELECT c.mentioned, any_value(c.calls) AS calls, m.measure, sum(m.weight) ** 2 / sum(m.weight ** 2) AS n,
        sum(m.weight * m.value) / sum(m.weight) AS mean, var_samp(m.value) AS variance
    FROM counted AS c LEFT JOIN measured AS m USING (mentioned)
    GROUP BY c.mentioned, m.measure ORDER BY c.mentioned, m.measure
"""


def mentions(
    store: Store, window: Window, filters: Filters, *, patterns: Mapping[str, str], names: Sequence[str]
) -> pl.DataFrame:
    """Of the newest calls of a window, by what of `patterns` (name and RE2) the prompt mentions, and by measure.

    mentioned (`NONE`: nothing), calls, measure (an evaluator of `names` or `LENGTH`; None: nothing was measured), n,
    mean (a share, or of ln(characters)), variance. A call counts with all that it mentions.
    """
    params: dict[str, Any] = {"start": window.start, "end": window.end, "newest": NEWEST, "chars": PROMPT_CHARS}
    params |= {"names": list(names), "any": "|".join(f"(?:{pattern})" for pattern in patterns.values())}
    for number, (name, pattern) in enumerate(patterns.items()):
        params |= {f"name{number}": name, f"pattern{number}": pattern}
    each = (f"CASE WHEN regexp_matches(prompt, $pattern{i}) THEN $name{i} END" for i in range(len(patterns)))
    sql = MENTIONS_SQL.format(where=condition(filters, params), mentioned=", ".join(each))
    return store.read(sql, params)
