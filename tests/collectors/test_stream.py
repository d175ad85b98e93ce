"""A streamed answer reads like the answer it stands for, whichever API sent it."""

import json

import pytest

from collectors.apis.exchange import exchange
from collectors.apis.stream import assembled

CHAT = [
    {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "No"}}]},
    {"id": "c", "choices": [{"index": 0, "delta": {"content": "on."}, "finish_reason": "stop"}]},
    {"id": "c", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
]
COMPLETION = [
    {"object": "text_completion", "choices": [{"index": 0, "text": "No"}]},
    {"object": "text_completion", "choices": [{"index": 0, "text": "on.", "finish_reason": "stop"}],
     "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
]  # fmt: skip
RESPONSES = [
    {"type": "response.output_text.delta", "delta": "No"},
    {"type": "response.completed", "response": {
        "object": "response", "status": "completed", "usage": {"input_tokens": 9, "output_tokens": 3},
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Noon."}]}]}},
]  # fmt: skip
CONVERSE = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "No"}}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "on."}}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 9, "outputTokens": 3}, "metrics": {"latencyMs": 80}}},
]
GEMINI = [
    {"candidates": [{"content": {"parts": [{"text": "No"}]}}]},
    {"candidates": [{"content": {"parts": [{"text": "on."}]}, "finishReason": "STOP"}]},
    {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3}},
]
LLAMA = [
    {"generation": "No", "prompt_token_count": 9, "generation_token_count": 1},
    {"generation": "on.", "prompt_token_count": None, "generation_token_count": 3, "stop_reason": "stop"},
]
EVENTS = "".join(f"event: x\ndata: {json.dumps(chunk)}\n\n" for chunk in CHAT) + "data: [DONE]\n\n"


@pytest.mark.parametrize(
    "body",
    [CHAT, COMPLETION, RESPONSES, CONVERSE, GEMINI, LLAMA, EVENTS],
    ids=["chat", "completion", "responses", "converse", "gemini", "llama", "events"],
)
def test_chunks_read_like_the_answer_they_stand_for(body):
    told = exchange(None, body)
    assert [part["content"] for message in told["answered"] for part in message["parts"]] == ["Noon."]
    assert (told["usage"]["input"], told["usage"]["output"]) == (9, 3)
    assert len(told["finish_reasons"]) == 1


def test_arguments_of_a_tool_come_in_pieces():
    tool = [
        {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t", "name": "track"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"number"'}}}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": ": 77}"}}}},
        {"messageStop": {"stopReason": "tool_use"}},
    ]
    (call,) = exchange(None, tool)["answered"][0]["parts"]
    assert (call["name"], call["arguments"]) == ("track", {"number": 77})


@pytest.mark.parametrize("body", [None, {}, [], "data: none", "no events", [{"colour": "blue"}], [1, "a"]])
def test_what_is_no_stream_stays_as_it_is(body):
    assert assembled(body) == body
