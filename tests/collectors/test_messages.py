"""Messages: whatever an API calls them, they become `{role, parts[]}`."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.apis.messages import cut_off, message, messages, parsed, part
from collectors.spans.content import content_fields

TEXT = {"type": "text", "content": "Hi"}


@pytest.mark.parametrize(
    "raw",
    [
        "Hi", '[{"role": "user", "content": "Hi"}]', [{"role": "human", "content": [{"type": "text", "text": "Hi"}]}],
        [{"role": "user", "content": '[{"type": "text", "text": "Hi"}]'}], {"messages": [["Hi"]]},
        {"role": "user", "parts": [TEXT]}, [[{"type": "human", "content": "Hi"}]], {"prompt": "Hi"},
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}, [{"text": "Hi"}],
        [{"type": "input_text", "text": "Hi"}],
        {"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Hi"}},
    ],
)  # fmt: skip
def test_a_users_text_is_read_from_every_shape(raw):
    assert messages(raw) == [{"role": "user", "parts": [TEXT]}]


@pytest.mark.parametrize("raw", [None, "", [], {}, "[]"])
def test_nothing_is_no_message(raw):
    assert messages(raw) == []


CALL = {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}


@pytest.mark.parametrize(
    "item",
    [
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        {"type": "tool-call", "toolCallId": "c1", "toolName": "f", "args": {"a": 1}},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}},
    ],
)
def test_tool_calls_of_every_api_are_one(item):
    assert part(item) == CALL
    assert message(
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}}]}
    )["parts"] == [CALL]


@pytest.mark.parametrize(
    "item",
    [
        {"role": "tool", "tool_call_id": "c1", "content": "18"},
        {"type": "function_call_output", "call_id": "c1", "output": "18"},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": "18"}}]},
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "output": "18"}]},
        {"type": "tool_result", "tool_use_id": "c1", "content": "18"},
    ],
)  # fmt: skip
def test_tools_answers_of_every_api_are_one(item):
    assert message(item)["parts"] == [{"type": "tool_call_response", "id": "c1", "response": "18"}]


def test_arguments_that_are_no_json_stay_text():
    assert part({"type": "tool_use", "name": "f", "input": "{'a': 1}"})["arguments"] == "{'a': 1}"


def test_reasoning_and_refusals_are_read():
    assert message({"role": "assistant", "content": "So.", "reasoning_content": "Hm."})["parts"][0] == {
        "type": "reasoning", "content": "Hm.",
    }  # fmt: skip
    assert part({"type": "reasoning", "summary": [{"text": "a"}, {"text": "b"}]})["content"] == "a\nb"
    assert part({"type": "thinking", "thinking": "x"})["content"] == "x"
    assert message({"role": "assistant", "content": None, "refusal": "No."})["parts"] == [
        {"type": "text", "content": "No."}
    ]


PIXEL = base64.b64encode(b"\x89PNG" * 40).decode()


@pytest.mark.parametrize(
    "item",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL},
        {"image": {"source": {"bytes": PIXEL}, "format": "png"}},
    ],
)
def test_images_are_kept_by_size_and_hash_only(item):
    found = part(item)
    assert (found["type"], found["modality"], found["bytes"]) == ("media", "image", 160)
    assert PIXEL not in str(found)


def test_media_elsewhere_is_kept_as_where_it_is():
    assert part({"type": "image_url", "image_url": {"url": "https://x/y.png"}})["uri"] == "https://x/y.png"
    assert part({"type": "file", "file": {"file_id": "f1"}})["uri"] == "f1"
    assert (
        part({"type": "image", "image": "not base64, and too long to be the name of anything whatsoever ä"})["bytes"]
        > 60
    )


def test_what_is_not_known_is_kept_without_what_may_be_a_file():
    assert part({"type": "new", "a": 1, "data": "x" * 5000}) == {"type": "new", "a": 1}
    assert part(7) == {"type": "text", "content": "7"}


def test_text_that_ends_too_early_is_told():
    assert cut_off('[{"role": "us')
    assert not cut_off('[{"a": 1}]')
    assert parsed("[broken") == "[broken"


def test_roles_are_folded_and_system_parts_found():
    assert [m["role"] for m in messages({"system": "Be brief.", "messages": [{"role": "ai", "content": "x"}]})] == [
        "system", "assistant",
    ]  # fmt: skip


def test_several_choices_stay_apart_and_pieces_of_one_answer_are_joined():
    said = [{"role": "assistant", "parts": [{"type": "text", "content": t}], "finish_reason": "stop"} for t in "ab"]
    assert content_fields(None, [], said)["output_text"] == "a"
    pieces = [{"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}]},
              {"role": "assistant", "parts": [{"type": "text", "content": "So."}]}]  # fmt: skip
    found = content_fields("Be brief.", messages("Why?"), pieces)
    assert (found["system_text"], found["output_text"], found["reasoning_text"]) == ("Be brief.", "So.", "Hm.")


def test_a_plain_exchange_needs_no_message_lists():
    found = content_fields("Be brief.", messages("Why?"), messages("So.", "assistant"))
    assert (found.get("input_messages"), found.get("output_messages")) == (None, None)
    assert (found["system_text"], found["input_text"], found["output_text"]) == ("Be brief.", "Why?", "So.")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["user", "text", "tool_use"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "parts", "type", "text", "messages", "tool_calls", "function", "kwargs", "image"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(anything)
def test_no_shape_breaks_the_reader(raw):
    for read in messages(raw):
        assert isinstance(read["role"], str)
        assert all(isinstance(p, dict) for p in read["parts"])


def test_how_python_shows_a_stream_is_no_text():
    assert messages("<anthropic.Stream object at 0x7fa02c1d8650>", "assistant") == []
    assert messages('{"messages": "<generator object f at 0x7f304b6102b0>"}') == []
    assert messages("<p>0x7f</p>")[0]["parts"] == [{"type": "text", "content": "<p>0x7f</p>"}]
