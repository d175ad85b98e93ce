"""Of a batch, only the traces that more is known of are assembled again; the calls are the same as if all were."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.batch import Batch, batch_of
from collectors.load import keep
from collectors.touched import joined, parted
from leeway.workers import Inline
from store.connection import Store
from store.model import Span
from store.spans import Stored, of_traces
from tests.collectors.spans import START, chat

NOW = datetime.fromtimestamp(START / 1e9 + 3600, tz=UTC)
ID = "chatcmpl-{:024}"


def made(*spans: Span) -> Batch:
    return batch_of(spans, [], [], now=NOW)


def stored(store: Store, *spans: Span) -> Stored:
    keep(store, Inline(), made(*spans), now=NOW, source_id=None)
    day = timedelta(days=1)
    return of_traces(store, [span.trace_id for span in spans], low=NOW - day, high=NOW + day)


def answered(number: int, **more: Any) -> Span:
    return chat(attributes={"gen_ai.response.id": ID.format(number)}, **more)


def test_a_late_span_has_its_own_trace_assembled_again_and_no_other(store: Store):
    early = chat()
    late = chat(trace_id=early.trace_id, parent_span_id=early.span_id)
    part, rest = parted(made(late, chat(), chat()), stored(store, early))
    assert part.traces.to_pylist() == [early.trace_id]
    assert rest is not None
    assert (rest.calls.num_rows, rest.spans.num_rows) == (2, 2)
    whole = joined(part, rest)
    assert whole is not None
    assert whole.calls.num_rows == part.calls.num_rows + 2


def test_a_response_that_is_known_is_a_trace_touched(store: Store):
    again = answered(1)
    part, rest = parted(made(again, answered(2)), stored(store, answered(1)))
    assert part.traces.to_pylist() == [again.trace_id]
    assert rest is not None
    assert rest.calls["response_id"].to_pylist() == [ID.format(2)]


@pytest.mark.parametrize("scopes", [("other.instrumentation", "some.instrumentation"), ("logfire.openai",) * 2])
def test_where_a_call_may_be_told_twice_all_is_assembled_again(store: Store, scopes: tuple[str, str]):
    early = chat(scope_name=scopes[0])
    assert parted(made(chat(scope_name=scopes[1]), chat()), stored(store, early))[1] is None


def test_what_turns_out_to_be_one_call_is_not_put_side_by_side():
    assert joined(made(answered(1)), made(answered(1))) is None
