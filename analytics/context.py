"""Find what a call was given to answer from: retrieved documents, else what the prompt quotes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

TEXT_KEYS = ("content", "text", "page_content", "document", "document.content", "body", "snippet")
MIN_CHARS = 40
MAX_CHARS = 200_000

_NAMES = "context|documents?|passages?|sources?|search_results|knowledge|excerpt|article|reference"
TAGGED = re.compile(rf"<({_NAMES})\b[^<>]{{0,200}}>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
FENCED = re.compile(r"(?:```|\"\"\"|~~~)[^\n]{0,40}\n(.*?)(?:```|\"\"\"|~~~)", re.DOTALL)
# A heading line such as `Context:`; the quote ends at the next heading such as `Question:` or at the end.
HEADED = re.compile(
    rf"^[#*\s]{{0,8}}(?:(?:the|following|retrieved|relevant|provided|given)\s+){{0,3}}(?:{_NAMES})[*\s]{{0,4}}:(.*?)"
    r"(?=^[#*\s]{0,8}(?:question|query|user|task|instructions?|answer|request|summary)[*\s]{0,4}:|\Z)",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)


def context_of(call: Mapping[str, Any]) -> list[str]:
    """Documents that stand behind the answer; empty when nothing of the kind was recorded.

    `call` holds `retrieved` and `input_messages` as JSON text, `system_text` and `input_text` as they are.
    """
    documents = list(_texts(_parsed(call.get("retrieved"))))
    if not documents:
        prompts = (*_spoken(_parsed(call.get("input_messages"))), call.get("system_text"), call.get("input_text"))
        documents = [quote for prompt in prompts if prompt for quote in _quotes(prompt[:MAX_CHARS])]
    return list(dict.fromkeys(document for document in documents if len(document) >= MIN_CHARS))


def _parsed(value: Any) -> Any:
    if not isinstance(value, str | bytes):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _texts(value: Any) -> Iterator[str]:
    """Texts of a document, of a list of them, or of the names that documents come under."""
    if isinstance(value, str):
        yield value[:MAX_CHARS]
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        found = next((value[key] for key in TEXT_KEYS if value.get(key)), None)
        yield from _texts(found if found is not None else value.get("documents"))


def _spoken(messages: Any) -> Iterator[str]:
    """What stands in the prompt beside the model's own words; a tool's answer is context in itself."""
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict) or message.get("role") == "assistant":
            continue
        text = "\n".join(_parts(message))
        if text:
            yield f"<context>{text}</context>" if message.get("role") == "tool" else text


def _parts(message: Mapping[str, Any]) -> Iterator[str]:
    for part in message.get("parts") or [message]:
        content = part.get("content") or part.get("text") or part.get("response") if isinstance(part, dict) else part
        if isinstance(content, str):
            yield content


def _quotes(prompt: str) -> list[str]:
    tagged = [match[2].strip() for match in TAGGED.finditer(prompt)]
    if tagged:
        return tagged
    headed = [match[1].strip() for match in HEADED.finditer(prompt)]
    return headed or [match[1].strip() for match in FENCED.finditer(prompt)]
