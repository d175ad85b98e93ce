"""Replay: bodies that lie in the journal are read again; nothing is doubled, and what changes is told first."""

import dataclasses
from typing import Any

import pytest

from collectors.dialects.genai import DETAILS
from collectors.replay import replay
from leeway.workers import Inline
from store.connection import Store
from store.errors import FormatError
from store.journal import Frame, Journal, JournalSettings, Position, Signal
from store.spans import trace
from tests.collectors.spans import chat, log, said
from tests.collectors.test_load import NOW, calls, journal, records, send, traces  # noqa: F401 - a fixture

ALWAYS = (0, 1 << 62)


def again(store: Store, journal: Journal, **options: Any):  # noqa: F811
    return replay(store, journal.retained(*ALWAYS), Inline(), now=NOW, **options)


def corrupted(store: Store) -> list[dict[str, Any]]:
    """Calls as a reader with a fault would have told them."""
    good = calls(store)
    with store.transaction() as tx:
        tx.execute("UPDATE data.calls SET input_tokens = 1, model = 'wrong'")
    return good


def test_what_was_read_right_stays_as_it_is(store: Store, journal: Journal):  # noqa: F811
    send(store, journal, traces(chat()), traces(chat(trace_id="cd" * 16)))
    good = calls(store)
    done = again(store, journal, apply=True)
    assert (done.frames, done.same, done.new + done.changed + done.gone) == (2, 2, 0)
    assert [c["call_id"] for c in calls(store)] == [c["call_id"] for c in good]
    assert store.one("SELECT count(*) FROM spans") == 2


def test_what_would_change_is_told_before_it_is_changed(store: Store, journal: Journal):  # noqa: F811
    send(store, journal, traces(chat()))
    good = corrupted(store)
    shown = again(store, journal)
    assert (shown.changed, shown.fields["model"], shown.applied) == (1, 1, False)
    assert calls(store)[0]["model"] == "wrong"
    assert again(store, journal, apply=True).changed == 1
    assert [(c["call_id"], c["model"], c["input_tokens"]) for c in calls(store)] == [
        (c["call_id"], c["model"], c["input_tokens"]) for c in good
    ]
    assert again(store, journal).same == 1


def test_nothing_that_an_earlier_reader_made_of_a_span_is_left(store: Store, journal: Journal):  # noqa: F811
    made = chat(attributes={"plan": "pro"})
    send(store, journal, traces(made))
    with store.transaction() as tx:
        wrong = '{"gen_ai.operation.name": "chat", "gen_ai.request.model": "wrong", "made": "up", "a": 1, "b": 2}'
        tx.execute("UPDATE data.spans SET attributes = ?", [wrong])
    again(store, journal, apply=True)
    assert [(c["model"], c["metadata"]) for c in calls(store)] == [("gpt-4o", '{"plan":"pro"}')]
    assert trace(store, made.trace_id) == [made]
    more = chat(attributes={"user.id": "u-1"}, trace_id=made.trace_id, span_id=made.span_id)
    send(store, journal, traces(more))
    assert again(store, journal, apply=True).changed == 0
    assert [c["user_id"] for c in calls(store)] == ["u-1"]


def test_log_records_that_an_earlier_reader_misread_are_replaced(store: Store, journal: Journal):  # noqa: F811
    made = chat()
    event = log(made, DETAILS, gen_ai__operation__name="chat", gen_ai__output__messages=said("Noon.", "assistant"))
    send(store, journal, traces(made), records(event))
    with store.transaction() as tx:
        tx.execute("UPDATE data.span_logs SET attributes = replace(attributes::VARCHAR, 'Noon', 'Midnight')")
    again(store, journal, apply=True)
    assert [c["output_text"] for c in calls(store)] == ["Noon."]
    assert store.one("SELECT count(*) FROM data.span_logs") == 1
    assert again(store, journal, apply=True).changed == 0
    assert store.one("SELECT count(*) FROM data.span_logs") == 1


def test_calls_that_were_not_seen_and_such_that_are_none_are_told(store: Store, journal: Journal):  # noqa: F811
    send(store, journal, traces(chat()))
    with store.transaction() as tx:
        tx.execute("UPDATE data.calls SET call_id = 'never was'")
    done = again(store, journal, apply=True)
    assert (done.new, done.gone) == (1, 1)
    assert len(calls(store)) == 1


def test_only_what_one_dialect_told_is_read_again(store: Store, journal: Journal):  # noqa: F811
    send(store, journal, traces(chat()))
    corrupted(store)
    assert again(store, journal, dialect="openinference").changed == 0
    assert sum(dataclasses.asdict(again(store, journal, dialect="genai"))[n] for n in ("changed", "same")) == 1
    with pytest.raises(FormatError, match="no dialect is named"):
        again(store, journal, dialect="nonsense")


def test_a_body_that_cannot_be_read_is_not_rejected_a_second_time(store: Store, journal: Journal):  # noqa: F811
    send(store, journal, Frame(signal=Signal.TRACES, encoding=0, received_at_ns=1, source="x", body=b"\xff\xff"))
    assert again(store, journal, apply=True).unreadable == 1
    assert store.one("SELECT count(*) FROM rejects") == 1


def test_only_what_was_loaded_and_came_in_between_is_read(tmp_path):
    opened = Journal(JournalSettings(folder=tmp_path, segment_bytes=1), Position(0, 0))
    for at in (10, 20, 30):
        opened.append(dataclasses.replace(traces(chat()), received_at_ns=at)).result()
    assert list(opened.retained(*ALWAYS)) == []
    opened.committed = opened.durable
    assert [frame.received_at_ns for _, frame in opened.retained(15, 30)] == [20]
    opened.close()
