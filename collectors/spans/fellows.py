"""Spans that are alike, as tables."""

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

from collectors.spans.alike import Fellows
from collectors.spans.columns import Source
from collectors.spans.fellow_calls import call_table
from collectors.spans.fellow_spans import fellow_table, one_by_one
from collectors.spans.parts import parts
from store.calls import SCHEMA
from store.spans import SPAN_SCHEMA


def tables(source: Source, groups: Iterable[Fellows], *, now: datetime) -> tuple[pa.Table, pa.Table]:
    """Return the calls (`store.calls.SCHEMA`) and the spans (`store.spans.SPAN_SCHEMA`) of all groups."""
    calls, spans = [SCHEMA.empty_table()], [SPAN_SCHEMA.empty_table()]
    for part in (part for group in groups for part in parts(group)):
        made = call_table(part) if part.calls else SCHEMA.empty_table()
        calls.append(made)
        spans.append(one_by_one(source, part, made, now=now) if part.holes is None else fellow_table(part))
    return pa.concat_tables(calls), pa.concat_tables(spans)
