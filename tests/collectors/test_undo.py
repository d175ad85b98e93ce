"""Taking a file back leaves what others told, right: as if the file had never come."""

from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from msgspec.structs import replace

from collectors.ingest import ingest
from collectors.undo import undo
from leeway.workers import Inline
from store import evaluations
from store.connection import Store
from store.errors import StoreError
from store.journal import Frame, Journal
from store.spans import trace
from tests.collectors.spans import chat, said, span
from tests.collectors.test_load import NOW, calls, journal, send, traces  # noqa: F401 - a fixture

LATER = NOW + timedelta(minutes=1)
OWN = ("call_id", "session_id", "input_tokens", "model", "source", "trace_id", "span_id")


def filed(store: Store, tmp_path: Path, *frames: Frame):
    path = tmp_path / f"{len(frames)}.jsonl"
    path.write_bytes(b"\n".join(frame.body for frame in frames))
    return ingest(store, path, executor=Inline(), now=NOW)


def told(store: Store) -> list[dict[str, object]]:
    return [{name: call[name] for name in OWN} for call in calls(store)]


TRACE = "ab" * 16
PARENT = span("invoke_agent", trace_id=TRACE, span_id="bb" * 8, ms=500, attributes={"session.id": "s-1"})
CHILD = chat(trace_id=TRACE, parent_span_id="bb" * 8)


@pytest.mark.parametrize("file_first", [False, True])
def test_a_parent_from_a_file_leaves_the_call_without_its_session(store: Store, journal: Journal, tmp_path, file_first):  # noqa: F811
    if not file_first:
        send(store, journal, traces(CHILD))
        alone = told(store)
    report = filed(store, tmp_path, traces(PARENT))
    if file_first:
        send(store, journal, traces(CHILD))
    assert [call["session_id"] for call in calls(store)] == ["s-1"]
    call = calls(store)[0]
    evaluations.add_feedback(store, call_id=call["call_id"], name="thumb", value=1.0, now=NOW)
    undo(store, Inline(), report.source_id, actor="ana", now=LATER)
    assert [call["session_id"] for call in calls(store)] == [None]
    assert store.one("SELECT count(*) FROM evaluations") == 1
    assert store.one("SELECT count(*) FROM spans") == 1
    if not file_first:
        assert told(store) == alone
    kind = "SELECT kind FROM data.sources JOIN data.calls USING (source_id)"
    assert store.one(kind) == "journal"


def test_a_call_that_only_the_file_told_is_gone_with_its_scores(store: Store, journal: Journal, tmp_path):  # noqa: F811
    send(store, journal, traces(PARENT))
    report = filed(store, tmp_path, traces(CHILD))
    evaluations.add_feedback(store, call_id=calls(store)[0]["call_id"], name="thumb", value=1.0, now=NOW)
    undo(store, Inline(), report.source_id, actor="ana", now=LATER)
    assert calls(store) == []
    assert store.one("SELECT count(*) FROM evaluations") == 0
    assert store.one("SELECT count(*) FROM spans") == 1


@pytest.mark.parametrize("order", ["journal file", "file journal", "journal file journal"])
def test_a_span_that_the_file_told_again_is_as_the_others_told_it(store, journal, tmp_path, order):  # noqa: F811
    long = {**CHILD.attributes, "gen_ai.input.messages": said("why " * 40)}
    child = replace(CHILD, attributes=long)
    more = replace(child, attributes={**long, "user.id": "u-1"})
    for who in order.split():
        if who == "file":
            report = filed(store, tmp_path, traces(more))
        else:
            send(store, journal, traces(child))
    assert [call["user_id"] for call in calls(store)] == ["u-1"]
    undo(store, Inline(), report.source_id, actor="ana", now=LATER)
    assert [call["user_id"] for call in calls(store)] == [None]
    assert trace(store, TRACE) == [child]
    assert store.one("SELECT count(*) FROM data.span_tellings WHERE source_id = ?", [report.source_id]) == 0


def test_of_two_files_that_told_a_span_the_other_stays(store: Store, tmp_path):
    first = replace(CHILD, attributes={**CHILD.attributes, "user.id": "u-1"})
    second = replace(CHILD, attributes={**CHILD.attributes, "session.id": "s-9"})
    report = filed(store, tmp_path, traces(first))
    filed(store, tmp_path, traces(second), traces(PARENT))
    undo(store, Inline(), report.source_id, actor="ana", now=LATER)
    assert [(call["user_id"], call["session_id"]) for call in calls(store)] == [(None, "s-9")]


def test_what_is_no_file_cannot_be_taken_back(store: Store):
    with pytest.raises(StoreError, match="no file that could be taken back"):
        undo(store, Inline(), 7, actor="ana", now=NOW)


def test_the_file_can_be_read_again_afterwards(store: Store, journal: Journal, tmp_path):  # noqa: F811
    send(store, journal, traces(CHILD))
    report = filed(store, tmp_path, traces(PARENT))
    joined = told(store)
    undo(store, Inline(), report.source_id, actor="ana", now=LATER)
    filed(store, tmp_path, traces(PARENT))
    assert told(store) == joined
    assert orjson.dumps(joined, default=str)


def test_a_span_keeps_its_texts_when_what_made_its_call_another_is_taken_back(store, journal, tmp_path):  # noqa: F811
    long = {"gen_ai.input.messages": said("why " * 40)}
    child = replace(CHILD, attributes={**CHILD.attributes, **long})
    send(store, journal, traces(child))
    report = filed(store, tmp_path, traces(PARENT))
    undo(store, Inline(), report.source_id, actor="ana", now=LATER)
    assert trace(store, TRACE) == [child]
    alone = chat(attributes=long)
    send(store, journal, traces(alone), now=LATER)
    report = filed(store, tmp_path, traces(span(trace_id=alone.trace_id)), traces(chat()))
    undo(store, Inline(), report.source_id, actor="ana", now=LATER)
    assert trace(store, alone.trace_id) == [alone]
