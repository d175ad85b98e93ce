"""Streams: the chunks of a streamed answer, put together to the answer they stand for.

OpenAI chat and completions, its Responses events, Anthropic messages, Gemini, Bedrock's ConverseStream, and the texts
of Titan, Llama and others; as a list, or as server-sent events in one text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from collectors.apis.counts import as_object, either
from collectors.apis.messages import parsed

Chunk = Mapping[str, Any]
Whole = dict[str, Any]
ENDS = ("response.completed", "response.incomplete", "response.failed", "response.done")
TEXTS = ("outputText", "generation", "completion")


def assembled(body: Any) -> Any:
    """The answer behind a list of chunks or a text of events; anything else as it is."""
    if isinstance(body, str) and body[:64].lstrip().startswith(("data:", "event:")):
        body = list(_events(body)) or body
    if not isinstance(body, list):
        return body
    chunks = [chunk for chunk in body if isinstance(chunk, dict)]
    return next((put_together(chunks) for is_like, put_together in KINDS if any(map(is_like, chunks))), body)


def _events(text: str) -> Iterable[Any]:
    for line in text.split("\n"):
        if line.startswith("data:") and isinstance(event := parsed(line[5:].strip()), dict):
            yield event


def _chat(chunks: Sequence[Chunk]) -> Whole:
    whole: Whole = {key: value for chunk in chunks for key, value in chunk.items() if value is not None}
    choices: dict[int, Whole] = {}
    for choice in (as_object(c) for chunk in chunks for c in chunk.get("choices") or ()):
        kept = choices.setdefault(choice.get("index") or 0, {"message": {"role": "assistant"}})
        _add(kept["message"], as_object(choice.get("delta")) or {"content": choice.get("text")})
        if choice.get("finish_reason"):
            kept["finish_reason"] = choice["finish_reason"]
    for choice in choices.values():
        if called := choice["message"].get("tool_calls"):
            choice["message"]["tool_calls"] = list(called.values())
    return {**whole, "object": "chat.completion", "choices": [choice for _, choice in sorted(choices.items())]}


def _add(said: Whole, delta: Chunk) -> None:
    for key, value in delta.items():
        if key == "tool_calls":
            for call in value or ():
                _add_call(said.setdefault(key, {}), as_object(call))
        elif isinstance(value, str) and key != "role":
            said[key] = said.get(key, "") + value


def _add_call(calls: dict[int, Whole], delta: Chunk) -> None:
    """Arguments come in pieces; the index says to which call each belongs."""
    call = calls.setdefault(delta.get("index") or 0, {"function": {"name": "", "arguments": ""}})
    function = as_object(delta.get("function"))
    call["id"] = delta.get("id") or call.get("id")
    for key in ("name", "arguments"):
        call["function"][key] += function.get(key) or ""


def _responses(chunks: Sequence[Chunk]) -> Whole:
    """The last event holds the whole response."""
    ends = [
        chunk["response"] for chunk in chunks if chunk.get("type") in ENDS and isinstance(chunk.get("response"), dict)
    ]
    return ends[-1] if ends else {}


def _anthropic(chunks: Sequence[Chunk]) -> Whole:
    whole: Whole = {"type": "message", "content": []}
    blocks: dict[int, Whole] = {}
    for chunk in chunks:
        delta, block = as_object(chunk.get("delta")), blocks.setdefault(chunk.get("index") or 0, {"type": "text"})
        match chunk.get("type"):
            case "message_start":
                whole |= as_object(chunk.get("message"))
            case "content_block_start":
                block |= as_object(chunk.get("content_block"))
            case "content_block_delta":
                _add_block(block, delta)
            case "message_delta":
                whole["stop_reason"] = delta.get("stop_reason")
                whole["usage"] = {**as_object(whole.get("usage")), **as_object(chunk.get("usage"))}
    return {**whole, "content": [_block(block) for _, block in sorted(blocks.items()) if len(block) > 1]}


def _block(block: Whole) -> Whole:
    return {**block, "input": parsed(block["input"])} if isinstance(block.get("input"), str) else block


def _add_block(block: Whole, delta: Chunk) -> None:
    for key, value in delta.items():
        if key == "partial_json":
            before = block.get("input")
            block["input"] = (before if isinstance(before, str) else "") + str(value)
        elif key != "type" and isinstance(value, str):
            block[key] = block.get(key, "") + value


def _gemini(chunks: Sequence[Chunk]) -> Whole:
    whole = {name: value for chunk in chunks for name, value in chunk.items()}
    first = [as_object((chunk.get("candidates") or [{}])[0]) for chunk in chunks]
    last: Whole = {name: value for candidate in first for name, value in candidate.items()}
    said = [part for c in first for part in as_object(c.get("content")).get("parts") or []]
    return {**whole, "candidates": [{**last, "content": {"role": "model", "parts": _joined(said)}}]}


def _joined(parts: Iterable[Chunk]) -> list[Whole]:
    """A stream cuts one text into many parts."""
    joined: list[Whole] = []
    for part in parts:
        last = joined[-1] if joined else {}
        if "text" in part and "text" in last and part.get("thought") == last.get("thought"):
            last["text"] += part["text"]
        else:
            joined.append(dict(part))
    return joined


def _converse(chunks: Sequence[Chunk]) -> Whole:
    blocks: dict[int, Whole] = {}
    whole: Whole = {}
    for chunk in chunks:
        started, delta = as_object(chunk.get("contentBlockStart")), as_object(chunk.get("contentBlockDelta"))
        block = blocks.setdefault(either(started, "contentBlockIndex") or either(delta, "contentBlockIndex") or 0, {})
        block |= as_object(started.get("start"))
        told = as_object(delta.get("delta"))
        if "text" in told:
            block["text"] = block.get("text", "") + told["text"]
        if "toolUse" in told:
            tool = block.setdefault("toolUse", {})
            tool["input"] = tool.get("input", "") + as_object(told["toolUse"]).get("input", "")
        whole |= {**as_object(chunk.get("messageStop")), **as_object(chunk.get("metadata"))}
    said = [block for _, block in sorted(blocks.items()) if block]
    return {"stopReason": None, **whole, "output": {"message": {"role": "assistant", "content": said}}}


def _texts(chunks: Sequence[Chunk]) -> Whole:
    whole: Whole = {key: value for chunk in chunks for key, value in chunk.items() if value is not None}
    said = {key: "".join(str(chunk.get(key) or "") for chunk in chunks) for key in TEXTS if key in whole}
    return {**whole, **said}


KINDS: tuple[tuple[Callable[[Chunk], bool], Callable[[Sequence[Chunk]], Whole]], ...] = (
    (lambda c: isinstance(c.get("choices"), list), _chat),
    (lambda c: c.get("type") in ENDS, _responses),
    (lambda c: c.get("type") in ("message_start", "content_block_delta", "message_delta"), _anthropic),
    (lambda c: "candidates" in c or "usageMetadata" in c or "usage_metadata" in c, _gemini),
    (lambda c: "contentBlockDelta" in c or "messageStop" in c, _converse),
    (lambda c: any(key in c for key in TEXTS), _texts),
)
