"""Readers that wait for a later record hold so many and no more."""

from datetime import UTC, datetime

import pytest

from collectors import held
from collectors.files.reading import Place
from collectors.format import format_named
from collectors.held import Held

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_of_one_too_many_the_oldest_leaves():
    waiting: Held[str] = Held(2)
    assert [list(waiting.put(key, key)) for key in "abac"] == [[], [], [], ["b"]]
    assert (waiting.pop("a"), waiting.pop("b"), list(waiting.values())) == ("a", None, ["c"])


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("llamaindex", {"class": "LLMChatStartEvent", "timestamp": "2026-03-01T10:00:00"}),
        ("langchain_callbacks", {"event": "on_llm_start", "time": 1772359200, "prompts": ["Hi"]}),
        ("langsmith", {"run_type": "llm", "start_time": "2026-03-01T10:00:00"}),
        ("opik", {"start_time": "2026-03-01T10:00:00Z", "type": "llm"}),
        ("langfuse", {"startTime": "2026-03-01T10:00:00Z"}),
        ("stream_chunks", {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "Hi"}}]}),
    ],
)
def test_what_never_ends_comes_out_all_the_same(name: str, start: dict, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held.Held.__init__, "__defaults__", (2,))
    reader = format_named(name).reader()
    place = Place(file="f", line=1, byte_offset=0, raw=b"", read_at=NOW)
    items = []
    for number in range(5):
        told = {**start, **dict.fromkeys(("id", "span_id", "run_id"), f"id-{number}"), "trace_id": f"t-{number}"}
        event = {"type": "generation-create", "timestamp": "2026-03-01T10:00:00Z", "body": told}
        record = {"opik": {"spans": [told]}, "langfuse": {"batch": [event]}}.get(name, told)
        items += reader.read(record, place)
    assert (len(items), len([*items, *reader.rest()])) == (3, 5)
