"""Counts: what each API calls its tokens, under one set of names. Nothing is added up here (collectors/usage.py does).

Names as `usage.normalised` takes them; `exclusive` and `exclusive_output` say what an API leaves out of its sums.
"""

from collections.abc import Mapping
from typing import Any

Counts = dict[str, Any]


EMPTY = frozenset({str, list, dict, type(None)})  # types of which an empty one says nothing; 0 and False do


def known(fields: Counts) -> Counts:
    """Without what is unknown or empty."""
    return {key: value for key, value in fields.items() if value or value.__class__ not in EMPTY}


def as_object(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def either(place: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        if (value := place.get(name)) is not None:
            return value
    return None


def openai_usage(usage: Any) -> Counts:
    """Chat, Responses and embeddings; the input includes what was cached."""
    if not isinstance(usage, dict):
        return {}
    told_in = either(usage, "prompt_tokens_details", "input_tokens_details") or {}
    told_out = either(usage, "completion_tokens_details", "output_tokens_details") or {}
    cached = {**usage, **told_in}
    return known({
        "input": either(usage, "prompt_tokens", "input_tokens"),
        "output": either(usage, "completion_tokens", "output_tokens"),
        "total": usage.get("total_tokens"),
        "cache_read": either(cached, "cached_tokens", "cache_read_input_tokens"),
        "cache_write": either(cached, "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"),
        "reasoning": told_out.get("reasoning_tokens"),
        "input_audio": told_in.get("audio_tokens"),
        "output_audio": told_out.get("audio_tokens"),
        "image": told_in.get("image_tokens"),
    })  # fmt: skip


def anthropic_usage(usage: Any) -> Counts:
    """The input leaves out both what was read from the cache and what was written to it."""
    if not isinstance(usage, dict):
        return {}
    return known({
        "input": usage.get("input_tokens"), "output": usage.get("output_tokens"),
        "cache_read": usage.get("cache_read_input_tokens"), "cache_write": usage.get("cache_creation_input_tokens"),
        "reasoning": (usage.get("output_tokens_details") or {}).get("thinking_tokens"), "exclusive": True,
    })  # fmt: skip


def usage_of(told: Any) -> Counts:
    """OpenAI's or Anthropic's counts: only the latter name what was written to or read from the cache so."""
    if not isinstance(told, Mapping):
        return {}
    is_anthropic = "cache_creation_input_tokens" in told or "cache_read_input_tokens" in told
    return anthropic_usage(told) if is_anthropic else openai_usage(told)


def gemini_usage(usage: Any) -> Counts:
    """Candidates leave out thoughts; the prompt includes what was cached."""
    if not isinstance(usage, dict):
        return {}
    return known({
        "input": either(usage, "promptTokenCount", "prompt_token_count"),
        "output": either(usage, "candidatesTokenCount", "candidates_token_count"),
        "reasoning": either(usage, "thoughtsTokenCount", "thoughts_token_count"),
        "cache_read": either(usage, "cachedContentTokenCount", "cached_content_token_count"),
        "total": either(usage, "totalTokenCount", "total_token_count"),
        "exclusive_output": True,
    })  # fmt: skip


def bedrock_usage(usage: Any) -> Counts:
    """The input leaves out cached tokens, as the provider behind Bedrock counts."""
    if not isinstance(usage, dict):
        return {}
    return known({
        "input": usage.get("inputTokens"), "output": usage.get("outputTokens"),
        "cache_read": either(usage, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        "cache_write": either(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount"), "exclusive": True,
    })  # fmt: skip
