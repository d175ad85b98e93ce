"""Conversations: which fields of a call its messages fill, once they are `{role, parts[]}` (see messages.py)."""

from collections.abc import Iterable
from typing import Any

from collectors.apis.messages import Message, Part
from store.model import ContentState

SYSTEM = ("system", "developer")


def text_of(found: Iterable[Part], kind: str = "text") -> str:
    return "\n".join(p["content"] for p in found if p.get("type") == kind and isinstance(p.get("content"), str))


def _plain(said: Message) -> bool:
    return len(said["parts"]) == 1 and said["parts"][0]["type"] == "text"


def input_fields(said: list[Message]) -> dict[str, Any]:
    """The fields of an LLMCall that its input fills; `input_text` is the last text a user said."""
    if not any(m["parts"] for m in said):
        return {}
    told = [m for m in said if m["role"] in SYSTEM]
    rest = [m for m in said if m["role"] not in SYSTEM]
    asked = (text for m in reversed(rest) if m["role"] == "user" and (text := text_of(m["parts"])))
    bare = len(rest) == 1 and rest[0]["role"] == "user" and len(told) <= 1 and all(map(_plain, said))
    return {
        "system_text": "\n".join(text_of(m["parts"]) for m in told) or None,
        "input_text": next(asked, None),
        "input_messages": None if bare else said,
        "content_state": ContentState.FULL,
    }


def output_fields(said: list[Message]) -> dict[str, Any]:
    """The fields of an LLMCall that its output fills; one message a choice, the first choice's text is the answer."""
    if not any(m["parts"] for m in said):
        return {}
    first = said[0]["parts"]
    calls = [{k: v for k, v in p.items() if k != "type"} for m in said for p in m["parts"] if p["type"] == "tool_call"]
    return {
        "output_text": text_of(first) or None,
        "reasoning_text": text_of(first, "reasoning") or None,
        "tool_calls": calls or None,
        "output_messages": None if len(said) == 1 and (not first or _plain(said[0])) else said,
        "content_state": ContentState.FULL,
    }


def modalities(*sides: list[Message]) -> list[str] | None:
    """Which kinds of content went in or came out, when it was more than text."""
    kinds = {str(p.get("modality") or "text") for side in sides for m in side for p in m["parts"]}
    return sorted(kinds) if kinds - {"text"} else None
