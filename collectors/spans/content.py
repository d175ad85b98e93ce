"""What a span's reading says of the conversation, as the text fields of a call; how much of it there is."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from collectors.apis.conversation import input_fields, modalities, output_fields
from collectors.apis.messages import Message, Part, text
from store.model import ContentState

REDACTED = frozenset({"__REDACTED__", "[REDACTED]", "REDACTED", "redacted-by-litellm", "<redacted>", "<REDACTED>"})
TEXTS = ("system_text", "input_text", "output_text", "reasoning_text")
MAX_TEXT = 1 << 20  # characters of one text field; what is longer is cut and says so


def content_fields(system: str | list[Part] | None, asked: list[Message], answered: list[Message]) -> dict[str, Any]:
    """Return the text fields of a call. `system`: instructions told apart from the messages."""
    told = [text(system)] if isinstance(system, str) else system
    if told and not any(m["role"] == "system" and m["parts"] == told for m in asked):
        asked = [{"role": "system", "parts": told}, *asked]
    answered = _one_choice(answered)
    if _is_plain(asked, answered):
        return _limited(_plain_fields(asked, answered))
    found = {**input_fields(asked), **output_fields(answered), "modalities": modalities(asked, answered)}
    return _limited(found)


class _Part(Struct):
    type: Literal["text"]
    content: str


class _Message(Struct):
    role: Literal["user", "assistant"]
    parts: list[_Part]


_CONVERSATION = msgspec.json.Decoder(list[_Message])


def one_text(told: str) -> str | None:
    """Return what messages in JSON say, if that is a single plain text; None if it is anything else."""
    try:
        [message] = _CONVERSATION.decode(told)
        [part] = message.parts
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError):
        return None
    return part.content


def _is_plain(asked: list[Message], answered: list[Message]) -> bool:
    """Whether it is one question, maybe under instructions, and one answer, all plain text: what most calls are."""
    if len(answered) != 1 or len(asked) not in (1, 2) or asked[-1]["role"] != "user":
        return False
    if len(asked) > 1 and asked[0]["role"] != "system":
        return False
    return all(len(m["parts"]) == 1 and m["parts"][0]["type"] == "text" for m in (*asked, *answered))


def _plain_fields(asked: list[Message], answered: list[Message]) -> dict[str, Any]:
    return {
        "system_text": (asked[0]["parts"][0]["content"] or None) if len(asked) > 1 else None,
        "input_text": asked[-1]["parts"][0]["content"] or None,
        "output_text": answered[0]["parts"][0]["content"] or None,
        "content_state": ContentState.FULL,
    }


def _one_choice(answered: list[Message]) -> list[Message]:
    """Join the pieces of one answer (reasoning, text, tool calls apart); several choices each say how they ended."""
    if len(answered) < 2:  # noqa: PLR2004 - one is one
        return answered
    spoken = [m for m in answered if any(p["type"] == "text" for p in m["parts"])]
    if len(spoken) > 1 or sum(1 for m in answered if m.get("finish_reason")) > 1:
        return answered
    return [{"role": "assistant", "parts": [p for m in answered for p in m["parts"]]}]


def _limited(found: dict[str, Any]) -> dict[str, Any]:
    for name in TEXTS:
        said = found.get(name)
        if said and len(said) > MAX_TEXT:
            found[name] = said[:MAX_TEXT]
            found["content_state"] = ContentState.TRUNCATED
        elif said in REDACTED:
            found["content_state"] = ContentState.REDACTED
    return found


def said(messages: Iterable[Message]) -> Iterator[str]:
    """Yield every text in messages, tools' answers too."""
    for m in messages:
        for p in m["parts"]:
            found = p.get("content") if p["type"] in ("text", "reasoning") else p.get("response")
            if isinstance(found, str):
                yield found
