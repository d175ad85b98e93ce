"""What was said in a call: the text fields of a call, from its messages."""

from collections.abc import Iterable, Iterator
from typing import Any

from collectors.messages import Message, Part, text
from store.model import ContentState

SYSTEM_ROLES = ("system", "developer")
REDACTED = ("__REDACTED__", "[REDACTED]", "REDACTED", "redacted-by-litellm", "<redacted>")
MAX_TEXT = 1 << 20  # characters of one text field; what is longer is cut and says so
FINISH = {
    "stop": "stop", "end_turn": "stop", "stop_sequence": "stop", "eos": "stop", "completed": "stop", "complete": "stop",
    "length": "length", "max_tokens": "length", "max_output_tokens": "length", "incomplete": "length",
    "tool_call": "tool_call", "tool_calls": "tool_call", "tool_use": "tool_call", "function_call": "tool_call",
    "tool-calls": "tool_call", "content_filter": "content_filter", "safety": "content_filter",
    "content-filter": "content_filter", "refusal": "content_filter", "guardrail_intervened": "content_filter",
    "error": "error",
}  # fmt: skip


def finish_reason(raw: Any) -> str | None:
    """Fold the providers' words into stop, length, tool_call, content_filter, error, other."""
    if not raw:
        return None
    word = str(raw).rpartition(".")[2].lower()
    return FINISH.get(word, "other")


def conversation(system: Any, asked: list[Message], answered: list[Message]) -> dict[str, Any]:
    """Return the text fields of a call, `input_messages` and `output_messages` only where they say more than the texts.

    `system`: text, parts or None; system messages among those asked are joined to it.
    """
    spoken = [m for m in asked if m["role"] not in SYSTEM_ROLES]
    system_text = _system(system, asked)
    input_text = next((_text(m["parts"]) for m in reversed(spoken) if m["role"] == "user" and _text(m["parts"])), None)
    found: dict[str, Any] = {
        "system_text": system_text,
        "input_text": input_text,
        "input_messages": asked if asked and not _plain(spoken, "user") else None,
        **_answer(answered),
    }
    everything = [part for m in [*asked, *answered] for part in m["parts"]]
    found["modalities"] = sorted({p.get("modality") or "file" for p in everything if p["type"] == "media"}) or None
    return _limited(found)


def _answer(answered: list[Message]) -> dict[str, Any]:
    if not answered:
        return {}
    first = answered[0]["parts"]
    said = [p for m in answered for p in m["parts"]] if _one_choice(answered) else first
    return {
        "output_text": _text(said),
        "output_messages": None if _plain(answered, "assistant") else answered,
        "reasoning_text": "\n".join(p["content"] for p in said if p["type"] == "reasoning" and p["content"]) or None,
        "tool_calls": [{k: p.get(k) for k in ("id", "name", "arguments")} for p in said if p["type"] == "tool_call"]
        or None,
    }


def _one_choice(answered: list[Message]) -> bool:
    """Several messages are several choices only when each of them says how it ended."""
    return sum(1 for m in answered if m.get("finish_reason") or any(p["type"] == "text" for p in m["parts"])) <= 1


def _plain(spoken: list[Message], role: str) -> bool:
    return len(spoken) == 1 and spoken[0]["role"] == role and [p["type"] for p in spoken[0]["parts"]] == ["text"]


def _system(system: Any, asked: list[Message]) -> str | None:
    told = [_text(_parts(system))] if system else []
    told += [_text(m["parts"]) for m in asked if m["role"] in SYSTEM_ROLES]
    return "\n".join(dict.fromkeys(t for t in told if t)) or None


def _parts(system: Any) -> list[Part]:
    return [text(system)] if isinstance(system, str) else system


def _text(parts: Iterable[Part]) -> str | None:
    said = [p["content"] for p in parts if p["type"] == "text" and p.get("content")]
    return "\n".join(said) or None


def _limited(found: dict[str, Any]) -> dict[str, Any]:
    """Cut over-long texts; say how much of the content there is."""
    texts = ("system_text", "input_text", "output_text", "reasoning_text")
    state = ContentState.FULL if any(v for k, v in found.items() if k != "modalities") else ContentState.ABSENT
    if any(found.get(name) in REDACTED for name in texts):
        state = ContentState.REDACTED
    for name in texts:
        if found.get(name) and len(found[name]) > MAX_TEXT:
            found[name] = found[name][:MAX_TEXT]
            state = ContentState.TRUNCATED
    found["content_state"] = state
    return found


def said(messages: Iterable[Message]) -> Iterator[str]:
    """Every text in messages, tools' answers too."""
    for m in messages:
        for p in m["parts"]:
            found = p.get("content") if p["type"] in ("text", "reasoning") else p.get("response")
            if isinstance(found, str):
                yield found
