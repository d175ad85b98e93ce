"""Chat messages of every API, turned into the GenAI conventions' `{role, parts[]}`.

Parts: `text{content}`, `reasoning{content}`, `tool_call{id, name, arguments}`, `tool_call_response{id, response}` and
`media{modality, mime, bytes, sha256 | uri}`: the bytes of an image never reach a text column.
"""

import base64
import binascii
import hashlib
import json
import re
from typing import Any

import msgspec

Part = dict[str, Any]
Message = dict[str, Any]

ROLES = {
    "human": "user", "ai": "assistant", "model": "assistant", "AIMessageChunk": "assistant",
    "HumanMessage": "user", "AIMessage": "assistant", "SystemMessage": "system", "ToolMessage": "tool",
    "function": "tool", "developer": "developer",
}  # fmt: skip
USUAL = ("user", "assistant", "system")
OPENING = ("", "[")  # of what is nothing, or may be parts written as JSON
MODALITIES = ("image", "audio", "video", "document", "file")
MAX_DEPTH = 20
JSON = json.JSONDecoder()
OBJECT = re.compile(r"<[^<>]+ at 0x[0-9a-f]+>")  # how Python shows what cannot be shown: a stream, a generator


def parsed(value: Any) -> Any:
    """JSON in a string becomes what it says; anything else, broken JSON too, stays what it is."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    return value


def cut_off(value: Any) -> bool:
    """Whether text that begins as JSON ends before it should (an attribute length limit did that)."""
    if not isinstance(value, str) or value[:2] not in ("[{", '{"') or value.rstrip()[-1:] in ("]", "}"):
        return False
    try:
        JSON.raw_decode(value)
    except (ValueError, RecursionError):
        return True
    return False  # JSON, and something else behind it


def messages(raw: Any, role: str = "user", depth: int = 0) -> list[Message]:
    """Read a list of messages from whatever a client wrote: JSON text, lists, one message, `{messages: …}`."""
    value = parsed(raw)
    if (not value and value != 0) or depth > MAX_DEPTH:
        return []
    if isinstance(value, list):
        return _of_list(value, role, depth)
    if isinstance(value, dict):
        return _of_dict(value, role, depth)
    said = str(value)
    return [] if OBJECT.fullmatch(said) else [{"role": role, "parts": [text(said)]}]


def _of_list(value: list[Any], role: str, depth: int) -> list[Message]:
    if all(isinstance(item, dict) and "role" in item for item in value):
        return [message(item, role) for item in value]
    if all(isinstance(item, dict) and "role" not in item and _is_part(item) for item in value):
        return [{"role": role, "parts": parts(value)}]
    return [message for item in value for message in messages(item, role, depth + 1)]


def _kind(item: dict[str, Any]) -> str | None:
    kind = item.get("type")
    return kind if isinstance(kind, str) else None


def _is_part(item: dict[str, Any]) -> bool:
    kind = _kind(item)
    return (kind in PART_TYPES and "kwargs" not in item) or (kind is None and set(item) <= BEDROCK_KEYS)


def _of_dict(value: dict[str, Any], role: str, depth: int) -> list[Message]:
    if "role" in value or "parts" in value:
        return [message(value, role)]
    for key in ("messages", "input", "contents", "prompt", "choices", "output", "generations", "kwargs", "message"):
        if value.get(key) and _wraps(value, key):
            return _system(value, depth) + _ended(messages(value[key], role, depth + 1), value.get("finish_reason"))
    return [message(value, role)]


def _ended(said: list[Message], reason: Any) -> list[Message]:
    """A choice says beside its message how it ended."""
    return [{"finish_reason": reason, **m} for m in said] if reason and len(said) == 1 else said


def _wraps(value: dict[str, Any], key: str) -> bool:
    return (
        "type" not in value
        or key in ("kwargs", "message", "generations")
        or value["type"] in ("constructor", "messages")
    )


def _system(value: dict[str, Any], depth: int) -> list[Message]:
    told = value.get("system") or value.get("instructions")
    return messages(told, "system", depth + 1) if isinstance(told, str | list) else []


def message(value: dict[str, Any], role: str = "user") -> Message:
    """Read one message: content as text or parts, tool calls beside it, a tool's answer, reasoning."""
    if len(value) == 2 and value.get("role") in USUAL:  # noqa: PLR2004 - who said what: the shape of most
        said = value.get("content")
        if type(said) is str and said[:1] not in OPENING:
            return {"role": value["role"], "parts": [{"type": "text", "content": said}]}
    if "parts" in value and "role" in value and value["role"] != "tool":  # the conventions' own form, the most frequent
        kept = {"role": _role(value, role), "parts": parts(value["parts"])}
        return {**kept, "finish_reason": value["finish_reason"]} if value.get("finish_reason") else kept
    kind = value.get("type")
    if kind in ("function_call", "function_call_output", "reasoning", "tool_use", "tool_result"):
        return {"role": "tool" if kind in ("function_call_output", "tool_result") else role, "parts": parts([value])}
    said = _role(value, role)
    found = parts(value.get("parts", value.get("content", value.get("text"))))
    reasoning = value.get("reasoning_content") or value.get("reasoning")
    if isinstance(reasoning, str):
        found.insert(0, {"type": "reasoning", "content": reasoning})
    if said == "tool" and not any(p["type"] == "tool_call_response" for p in found):
        found = [_response(value, found)]
    found += [tool_call(call) for call in _calls(value)]
    if isinstance(value.get("refusal"), str):
        found.append(text(value["refusal"]))
    kept = {"role": said, "parts": found}
    if finish := value.get("finish_reason") or value.get("stop_reason"):
        kept["finish_reason"] = finish
    return kept


def _role(value: dict[str, Any], role: str) -> str:
    if value.get("role") in USUAL:
        return str(value["role"])
    said = value.get("role") or value.get("type") or role
    lc_class = value.get("id")
    if isinstance(lc_class, list) and lc_class:
        said = lc_class[-1]
    said = str(said)
    if "." in said:  # MessageRole.USER
        said = said.rsplit(".", 1)[-1].lower()
    return ROLES.get(said, role if said in ("message", "constructor") else said)


def _calls(value: dict[str, Any]) -> list[Any]:
    extra = value.get("additional_kwargs")
    raw = value.get("tool_calls") or (extra.get("tool_calls") if isinstance(extra, dict) else None)
    calls = parsed(raw)
    return [c for c in calls if isinstance(c, dict)] if isinstance(calls, list) else []


def _response(value: dict[str, Any], found: list[Part]) -> Part:
    answer: Any = "".join(p.get("content") or "" for p in found if p["type"] == "text") or value.get("content")
    return {"type": "tool_call_response", "id": value.get("tool_call_id") or value.get("id"), "response": answer}


def tool_call(call: dict[str, Any]) -> Part:
    """Read a call of a tool; arguments stay JSON where they are JSON, text where not."""
    inner = call.get("function")
    function: dict[str, Any] = inner if isinstance(inner, dict) else call
    arguments = next((function[k] for k in ("arguments", "args", "input") if k in function), None)
    return {
        "type": "tool_call",
        "id": call.get("call_id") or call.get("id") or call.get("toolCallId") or call.get("toolUseId"),
        "name": function.get("name") or call.get("toolName"),
        "arguments": parsed(arguments),
    }


def text(content: str) -> Part:
    return {"type": "text", "content": content}


def parts(content: Any) -> list[Part]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        inner = parsed(content)
        is_parts = isinstance(inner, list) and inner and all(isinstance(p, dict) and _is_part(p) for p in inner)
        return parts(inner) if is_parts else [text(content)]
    if isinstance(content, list):
        return [part(item) for item in content if item is not None]
    return [part(content)] if isinstance(content, dict) else [text(str(content))]


def part(item: Any) -> Part:
    """Read one part of a message."""
    if not isinstance(item, dict):
        return text(str(item))
    kind = _kind(item)
    if kind == "text" and isinstance(item.get("content"), str):
        return {"type": "text", "content": item["content"]}
    if kind is None:
        return _bedrock_part(item)
    reader = PART_TYPES.get(kind)
    return reader(item) if reader else {k: v for k, v in item.items() if not isinstance(v, str) or len(v) < 4096}  # noqa: PLR2004 - what is not known may be a file


def _bedrock_part(item: dict[str, Any]) -> Part:
    if isinstance(item.get("toolUse"), dict):
        return tool_call(item["toolUse"])
    if isinstance(item.get("toolResult"), dict):
        result = item["toolResult"]
        return {"type": "tool_call_response", "id": result.get("toolUseId"), "response": result.get("content")}
    if isinstance(item.get("image"), dict):
        return media({"type": "image", "source": item["image"].get("source") or {}})
    return _text_part(item)


def _text_part(item: dict[str, Any]) -> Part:
    said = item.get("content", item.get("text"))
    return text(said if isinstance(said, str) else "" if said is None else msgspec.json.encode(said).decode())


def _reasoning(item: dict[str, Any]) -> Part:
    said = item.get("content") or item.get("text") or item.get("thinking") or item.get("summary")
    if isinstance(said, list):
        said = "\n".join(str(s.get("text") or "") for s in said if isinstance(s, dict))
    return {"type": "reasoning", "content": said or ""}


def _tool_result(item: dict[str, Any]) -> Part:
    which = next((item[k] for k in ("id", "tool_use_id", "call_id", "toolCallId") if item.get(k)), None)
    answer = next((item[k] for k in ("response", "result", "content", "output") if k in item), None)
    return {"type": "tool_call_response", "id": which, "response": answer}


def media(item: dict[str, Any]) -> Part:
    """Keep what an image, a sound or a file is, not its bytes."""
    kind = str(item.get("type"))
    modality = item.get("modality") or next((m for m in MODALITIES if m in kind), "file")
    source = next(
        (item[k] for k in (kind, "image_url", "source", "url", "uri", "data", "content") if item.get(k)), None
    )
    if isinstance(source, dict):
        item = {**item, **source}
        source = next((source[k] for k in ("url", "data", "file_data", "bytes", "file_id") if source.get(k)), None)
    mime = next((item[k] for k in ("mime_type", "media_type", "mimeType", "mediaType") if item.get(k)), None)
    found: Part = {"type": "media", "modality": modality, "mime": mime}
    return {**found, **_kept(source if isinstance(source, str) else "", mime)}


def _kept(source: str, mime: str | None) -> Part:
    if source.startswith("data:"):
        head, _, source = source.partition(",")
        mime = head[5:].split(";")[0] or mime
    elif source[:8].lower().startswith(("http://", "https://", "gs://", "s3://")) or len(source) < 64:  # noqa: PLR2004
        return {"uri": source}
    try:
        raw = base64.b64decode(source)
    except (binascii.Error, ValueError):
        raw = source.encode("utf-8", "replace")
    return {"mime": mime, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


BEDROCK_KEYS = {"text", "toolUse", "toolResult", "image", "document", "reasoningContent", "cachePoint"}
PART_TYPES = {
    "text": _text_part, "input_text": _text_part, "output_text": _text_part, "refusal": _text_part,
    "reasoning": _reasoning, "thinking": _reasoning, "redacted_thinking": _reasoning,
    "tool_call": tool_call, "tool_use": tool_call, "tool-call": tool_call, "function_call": tool_call,
    "tool_call_response": _tool_result, "tool_result": _tool_result, "tool-result": _tool_result,
    "function_call_output": _tool_result,
    "image": media, "image_url": media, "input_image": media, "input_audio": media, "audio": media, "file": media,
    "input_file": media, "blob": media, "uri": media, "document": media, "video": media, "media": media,
}  # fmt: skip
