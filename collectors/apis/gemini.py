"""Gemini's contents as messages: it names a part's kind by its key, in camelCase or in snake_case."""

from collections.abc import Mapping
from typing import Any

from collectors.apis.messages import Message, message


def gemini_messages(contents: Any) -> list[Message]:
    """Each content as a message; a bare text is what the user said."""
    contents = contents if isinstance(contents, list) else [contents]
    return [
        message({"role": c.get("role") or "user", "parts": [_part(p) for p in c.get("parts") or []]})
        if isinstance(c, dict)
        else message({"role": "user", "content": c})
        for c in contents
    ]


def _part(part: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(part) == 1 and "text" in part:  # what most are
        return {"type": "text", "content": part["text"] or ""}
    for key in ("functionCall", "function_call"):
        if isinstance(part.get(key), dict):
            return {"type": "tool_use", **part[key]}
    for key in ("functionResponse", "function_response"):
        if isinstance(part.get(key), dict):
            return {"type": "tool_result", **part[key]}
    for key in ("inlineData", "inline_data", "fileData", "file_data"):
        if isinstance(part.get(key), dict):
            return _media(part[key])
    return {"type": "reasoning" if part.get("thought") else "text", "text": part.get("text") or ""}


def _media(blob: Mapping[str, Any]) -> Mapping[str, Any]:
    mime = str(blob.get("mimeType") or blob.get("mime_type") or "")
    source = blob.get("data") or blob.get("fileUri") or blob.get("file_uri")
    return {"type": "blob", "modality": mime.partition("/")[0] or "file", "mime_type": mime or None, "data": source}
