"""The loader: acknowledged is stored, once, whatever order it comes in and whatever is broken beside it."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.structs import replace as changed

from collectors import batch, load
from collectors.batch import batch_of, empty
from collectors.load import BATCH_BYTES, Loaded, filling
from collectors.spans.frames import rejected
from leeway.workers import Inline
from store import spans as stored_spans
from store.calls import append_calls, call_table
from store.connection import ROW_GROUP, Store
from store.errors import LeewayError, StoreError
from store.journal import JSON, Frame, Journal, JournalSettings, Position, Signal
from store.model import LLMCall, LogRecord, Span
from tests.collectors.spans import START, chat, log, said, span

NOW = datetime.fromtimestamp(START / 1e9 + 3600, tz=UTC)
ID = "chatcmpl-abcdefghijklmnop"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(JournalSettings(folder=tmp_path / "journal"), Position(0, 0))
    yield opened
    opened.close()


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int | float):
        return {"intValue": value} if isinstance(value, int) else {"doubleValue": value}
    return {"stringValue": str(value)}


def pairs(attributes: Any) -> list[dict[str, Any]]:
    return [{"key": k, "value": any_value(v)} for k, v in attributes.items()]


def traces(*made: Span) -> Frame:
    """A request that sends these spans as OTLP/JSON."""
    resources = [{
        "resource": {"attributes": pairs(s.resource)},
        "scopeSpans": [{"scope": {"name": s.scope_name}, "spans": [{
            "traceId": s.trace_id, "spanId": s.span_id, "parentSpanId": s.parent_span_id or "", "name": s.name,
            "startTimeUnixNano": str(s.start_ns), "endTimeUnixNano": str(s.end_ns),
            "status": {"code": s.status_code}, "attributes": pairs(s.attributes),
        }]}],
    } for s in made]  # fmt: skip
    return request(Signal.TRACES, {"resourceSpans": resources})


def records(*made: LogRecord) -> Frame:
    told = [{"traceId": r.trace_id, "spanId": r.span_id, "eventName": r.event_name, "timeUnixNano": str(r.time_ns),
             "attributes": pairs(r.attributes)} for r in made]  # fmt: skip
    return request(Signal.LOGS, {"resourceLogs": [{"scopeLogs": [{"logRecords": told}]}]})


def request(signal: Signal, body: Any) -> Frame:
    return Frame(signal=signal, encoding=JSON, received_at_ns=1, source="/v1/x", body=orjson.dumps(body))


def send(store: Store, journal: Journal, *frames: Frame, executor: Executor | None = None, now: datetime = NOW):
    """Acknowledge and load; one Loaded for the lot."""
    for frame in frames:
        journal.append(frame).result()
    done = load.load(store, journal, executor or Inline(), now=now)
    assert journal.committed == journal.durable
    return done


def calls(store: Store) -> list[dict[str, Any]]:
    return store.read("SELECT * FROM calls ORDER BY event_time, call_id").to_dicts()


def test_what_was_sent_is_stored_and_counted(store: Store, journal: Journal):
    done = send(store, journal, traces(chat(), span()), records(log(chat(), "gen_ai.choice")))
    assert (done.frames, done.spans, done.calls, done.merged, done.rejects) == (2, 2, 1, 0, 0)
    assert store.one("SELECT count(*) FROM spans") == 2
    assert store.one("SELECT count(*) FROM data.span_logs") == 1
    source = store.read("SELECT * FROM data.sources").row(0, named=True)
    assert (source["kind"], source["calls"], source["spans"], source["status"]) == ("journal", 1, 2, "done")
    assert source["bytes"] > 0
    assert store.one("SELECT count(*) FROM data.dirty_hours") == 1


def test_log_records_of_other_things_are_counted(store: Store, journal: Journal):
    send(store, journal, records(log(chat(), "gen_ai.choice"), log(chat(), "http.request"), log(chat(), "")))
    assert store.one("SELECT count(*) FROM data.span_logs") == 1
    assert store.one("SELECT ignored FROM data.sources") == 2


def test_nothing_left_is_told_so(store: Store, journal: Journal):
    assert load.load(store, journal, Inline(), now=NOW).frames == 0


def test_the_position_moves_with_the_data(store: Store, journal: Journal):
    send(store, journal, traces(chat()))
    position = store.read("SELECT segment, byte_offset FROM data.journal_position").row(0)
    assert Position(*position) == journal.committed


def test_a_batch_that_is_read_again_changes_nothing(store: Store, journal: Journal):
    frame = traces(chat(attributes={"gen_ai.response.id": ID}), chat())
    send(store, journal, frame)
    before = calls(store)
    done = send(store, journal, replace(frame, source="again"), now=NOW + timedelta(minutes=5))
    assert (done.spans, done.calls, done.merged) == (0, 0, 2)
    ignored = ("ingested_at", "source_id")
    kept = [{k: v for k, v in row.items() if k not in ignored} for row in calls(store)]
    assert kept == [{k: v for k, v in row.items() if k not in ignored} for row in before]
    assert store.one("SELECT count(*) FROM spans") == 2


def test_a_late_parent_gives_its_calls_their_session(store: Store, journal: Journal):
    root = span(ms=500, attributes={"session.id": "s1"})
    made = changed(chat(at=100), trace_id=root.trace_id, parent_span_id=root.span_id)
    send(store, journal, traces(made))
    assert calls(store)[0]["session_id"] is None
    done = send(store, journal, traces(root))
    assert (done.calls, done.merged) == (0, 1)
    assert [c["session_id"] for c in calls(store)] == ["s1"]


def test_a_late_event_gives_its_call_the_text(store: Store, journal: Journal):
    made = chat()
    details = log(made, "gen_ai.client.inference.operation.details", **made.attributes,
                  gen_ai__input__messages=said("Why?"))  # fmt: skip
    send(store, journal, traces(made))
    send(store, journal, records(details))
    assert [c["input_text"] for c in calls(store)] == ["Why?"]
    send(store, journal, records(details))
    assert store.one("SELECT count(*) FROM data.span_logs") == 1


def test_a_call_without_its_span_is_replaced_when_the_span_comes(store: Store, journal: Journal):
    made = chat()
    send(store, journal, records(log(made, "gen_ai.client.inference.operation.details", **made.attributes)))
    assert calls(store)[0]["started_at"] is None
    send(store, journal, traces(made))
    assert [c["latency_ms"] for c in calls(store)] == [100]


def test_a_twin_in_another_trace_joins_by_its_response(store: Store, journal: Journal):
    a = chat(scope_name="a", attributes={"gen_ai.response.id": ID})
    b = chat(scope_name="b", attributes={"gen_ai.response.id": ID, "gen_ai.usage.input_tokens": 5})
    send(store, journal, traces(a))
    send(store, journal, traces(b))
    assert [(c["call_id"], c["input_tokens"]) for c in calls(store)] == [(f"resp:{ID}", 5)]
    send(store, journal, traces(a))  # the twin alone again: the other's trace is fetched too
    assert [(c["call_id"], c["input_tokens"]) for c in calls(store)] == [(f"resp:{ID}", 5)]


def test_a_twin_in_another_trace_joins_by_time(store: Store, journal: Journal):
    send(store, journal, traces(chat(scope_name="a")))
    send(store, journal, traces(chat(at=1, ms=99, scope_name="b", attributes={"gen_ai.usage.input_tokens": 5})))
    assert [c["input_tokens"] for c in calls(store)] == [5]


def test_a_span_told_again_with_more_replaces_the_first(store: Store, journal: Journal):
    made = chat()
    send(store, journal, traces(made))
    fuller = changed(made, attributes={**made.attributes, "gen_ai.usage.input_tokens": 5})
    send(store, journal, traces(fuller))
    assert [c["input_tokens"] for c in calls(store)] == [5]
    assert store.one("SELECT count(*) FROM spans") == 1
    assert "input_tokens" in store.one("SELECT attributes FROM spans")


@pytest.mark.parametrize("late", ["call", "evaluation"])
def test_an_evaluation_finds_its_call_whichever_comes_first(store: Store, journal: Journal, late: str):
    made = chat(attributes={"gen_ai.response.id": ID})
    judged = log(made, "gen_ai.evaluation.result", gen_ai__evaluation__name="Relevance",
                 gen_ai__evaluation__score__value=0.5, gen_ai__response__id=ID)  # fmt: skip
    frames = [traces(made), records(changed(judged, trace_id="", span_id=""))]
    for frame in frames if late == "evaluation" else reversed(frames):
        send(store, journal, frame)
    send(store, journal, frames[1])
    assert store.read("SELECT call_id, value FROM evaluations").rows() == [(f"resp:{ID}", 0.5)]
    assert store.one("SELECT count(*) FROM data.evaluations") == 1


def test_times_that_cannot_be_are_found_again_all_the_same(store: Store, journal: Journal):
    odd = [changed(chat(), start_ns=0, end_ns=0), changed(chat(), start_ns=2**62, end_ns=2**62 + 1)]
    send(store, journal, traces(*odd))
    send(store, journal, traces(*odd), now=NOW + timedelta(days=2))
    assert len(calls(store)) == 2
    assert store.one("SELECT count(*) FROM spans") == 2


def test_a_request_that_cannot_be_read_is_kept_and_the_others_are_loaded(store: Store, journal: Journal):
    broken = replace(traces(chat()), body=b"{broken")
    no_ids = request(Signal.TRACES, {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}]}]}]})
    done = send(store, journal, traces(chat()), broken, no_ids)
    assert (done.calls, done.rejects) == (1, 2)
    rejects = store.read("SELECT reason, raw FROM rejects ORDER BY reason DESC").rows()
    assert "not JSON" in rejects[0][0]
    assert rejects[0][1] == b"{broken"
    assert "1 records without valid ids" in rejects[1][0]


def test_a_trace_that_breaks_assembly_is_rejected_alone(monkeypatch: pytest.MonkeyPatch):
    guilty = chat()
    assemble = batch.assemble

    def failing(spans: Sequence[Span], logs: Sequence[LogRecord], *, now: datetime) -> Any:
        if any(s.trace_id == guilty.trace_id for s in spans):
            raise KeyError("surprise")
        return assemble(spans, logs, now=now)

    monkeypatch.setattr(batch, "assemble", failing)
    made = batch_of([chat(), guilty, chat(), chat()], [], [], now=NOW)
    assert (made.calls.num_rows, made.spans.num_rows, made.rejects.num_rows) == (3, 4, 1)
    assert guilty.trace_id in made.rejects["place"][0].as_py()


class Fragile(Executor):
    """Workers that die of one particular request."""

    def __init__(self, poison: bytes) -> None:
        self.poison = poison

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is batch.read_frames and any(self.poison in frame.body for frame in args[0]):
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("killed"))
            return future
        return Inline().submit(fn, *args, **kwargs)


def test_a_request_that_kills_its_worker_is_rejected_and_blocks_nothing(store: Store, journal: Journal):
    good = [traces(chat()) for _ in range(4)]
    poison = traces(chat(attributes={"poison": "p0ison"}))
    done = send(store, journal, *good[:3], poison, good[3], executor=Fragile(b"p0ison"))
    assert (done.calls, done.rejects) == (4, 1)
    assert "killed" in store.one("SELECT reason FROM rejects")


class Flaky(Fragile):
    """Workers that die once of anything."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        poison, self.poison = self.poison, b"nothing like it"
        self_now = Fragile(poison)
        return self_now.submit(fn, *args, **kwargs)


def test_a_worker_that_dies_of_something_else_costs_no_request(store: Store, journal: Journal):
    done = send(store, journal, traces(chat()), executor=Flaky(b"trace"))
    assert (done.calls, done.rejects) == (1, 0)


class Closed(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is batch.read_frames and not self.deferred:
            raise RuntimeError("these workers are closed")
        if fn is batch.reassemble:
            raise RuntimeError("these workers are closed")
        return Inline().submit(fn, *args, **kwargs)

    def __init__(self, *, deferred: bool) -> None:
        self.deferred = deferred


def test_closing_the_workers_loses_and_rejects_nothing(store: Store, journal: Journal):
    made = chat()
    send(store, journal, traces(made))
    before = journal.committed
    journal.append(traces(changed(made, end_ns=made.end_ns + 1))).result()
    for deferred in (False, True):
        with pytest.raises(LeewayError, match="stays in the journal"):
            load.load(store, journal, Closed(deferred=deferred), now=NOW)
        assert journal.committed == before
    assert store.one("SELECT count(*) FROM rejects") == 0
    assert load.load(store, journal, Inline(), now=NOW).merged == 1


def test_a_fault_of_the_store_is_not_blamed_on_the_data(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    def failing(*_: Any, **__: Any) -> None:
        raise StoreError("IO Error: no space left")

    monkeypatch.setattr(load, "append_calls", failing)
    journal.append(traces(chat())).result()
    with pytest.raises(StoreError, match="no space"):
        load.load(store, journal, Inline(), now=NOW)
    assert store.one("SELECT count(*) FROM rejects") == 0


def test_a_request_that_no_column_can_hold_is_rejected_alone(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    append = load.append_calls

    def failing(tx: Any, rows: Any) -> Any:
        if "bad" in rows["user_id"].to_pylist():
            raise StoreError("Conversion Error: out of range")
        return append(tx, rows)

    monkeypatch.setattr(load, "append_calls", failing)
    done = send(store, journal, traces(chat()), traces(chat(attributes={"user.id": "bad"})), traces(chat()))
    assert (done.calls, done.rejects) == (2, 1)


def test_other_log_records_are_not_kept(store: Store, journal: Journal):
    send(store, journal, records(log(chat(), "app.started"), log(chat(), "")))
    assert store.one("SELECT count(*) FROM data.span_logs") == 0


def test_a_trace_can_be_looked_at(store: Store, journal: Journal):
    root = span(attributes={"a": 1})
    made = changed(chat(at=10), trace_id=root.trace_id, parent_span_id=root.span_id)
    send(store, journal, traces(made, root, chat()))
    at = datetime.fromtimestamp(START / 1e9, tz=UTC)
    found = stored_spans.trace(store, root.trace_id, around=at)
    assert found == [root, made]
    assert stored_spans.trace(store, root.trace_id) == found
    assert stored_spans.trace(store, root.trace_id, around=at - timedelta(days=3)) == []


def test_rejects_alone_are_a_batch():
    made = empty([rejected(traces(chat()), "why")])
    assert made.rejects.num_rows == 1
    assert len(made.traces) == 0


@pytest.mark.parametrize("seed", range(4))
def test_any_split_gives_the_same_calls(store: Store, journal: Journal, seed: int):
    dice = random.Random(seed)
    root = span(ms=900, attributes={"session.id": "s", "ai.operationId": "ai.generateText"})
    beneath = [changed(chat(at=n * 200), trace_id=root.trace_id, parent_span_id=root.span_id) for n in range(3)]
    twins = [chat(at=n, ms=100, scope_name=scope) for n in (1000, 2000) for scope in ("a", "b")]
    same = [chat(scope_name=scope, attributes={"gen_ai.response.id": ID}) for scope in ("a", "b", "c")]
    made = [root, *beneath, *twins, *same]
    expected = sorted(batch_of(made, [], [], now=NOW).calls["call_id"].to_pylist())
    dice.shuffle(made)
    for part in (made[:4], made[4:5], made[5:], made[::3]):
        send(store, journal, traces(*part))
    assert sorted(c["call_id"] for c in calls(store)) == expected
    assert {c["session_id"] for c in calls(store) if c["trace_id"] == root.trace_id} == {"s"}


TOLD = {"gen_ai.input.messages": said("why " * 40), "gen_ai.output.messages": said("so " * 60, "assistant")}


def texts_kept_twice(store: Store) -> int:
    return int(store.one("SELECT count(*) FROM spans WHERE attributes LIKE '%why why%'"))


def test_texts_are_kept_once_and_a_trace_shows_them(store: Store, journal: Journal):
    made = chat(attributes=TOLD)
    send(store, journal, traces(made))
    assert texts_kept_twice(store) == 0
    assert stored_spans.trace(store, made.trace_id) == [made]
    assert calls(store)[0]["input_text"] == "why " * 40


def test_texts_are_kept_whatever_becomes_of_the_call(store: Store, journal: Journal):
    """A late parent, the same span again, and a wrapper that tells the call a second time."""
    root = span("invoke_agent", ms=500, attributes={"session.id": "s1"})
    made = changed(chat(at=10, attributes=TOLD), trace_id=root.trace_id, parent_span_id=root.span_id)
    again = changed(made, attributes={**made.attributes, "gen_ai.usage.input_tokens": 5})
    outer = changed(chat(at=5, ms=300, attributes=TOLD), trace_id=root.trace_id, span_id="c" * 16, scope_name="outer")
    for late in (made, root, again, outer):
        send(store, journal, traces(late))
    shown = {s.span_id: s for s in stored_spans.trace(store, root.trace_id)}
    assert shown == {s.span_id: s for s in (root, again, outer)}
    assert calls(store)[0]["session_id"] == "s1"


def test_a_span_keeps_its_texts_when_its_call_is_known_from_a_file(store: Store, journal: Journal):
    told = {**TOLD, "gen_ai.response.id": ID}
    with store.transaction() as tx:
        known = LLMCall(call_id=f"resp:{ID}", source="file", event_time=datetime.fromtimestamp(START / 1e9, tz=UTC))
        append_calls(tx, call_table([known], source_id=None, ingested_at=NOW))
    made = chat(attributes=told)
    send(store, journal, traces(made))
    assert len(calls(store)) == 1
    assert stored_spans.trace(store, made.trace_id) == [made]


def test_batches_all_but_fill_row_groups():
    for size in (300, 2500, 1200):
        rows = filling(Loaded(frames=1, bytes=size * 1000, spans=1000)) / size
        assert 0.95 < rows / ROW_GROUP % 1 < 1
    for unknown in (Loaded(frames=1, bytes=1000), Loaded(frames=1, bytes=10 << 20, spans=1)):
        assert filling(unknown) == BATCH_BYTES
