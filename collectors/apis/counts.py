"""Counts: what each API calls its tokens, under one set of names. Nothing is added up here (collectors/usage.py does).

Names as `usage.normalised` takes them; `exclusive` and `exclusive_output` say what an API leaves out of its sums.
"""

from collections.abc import Mapping
from typing import Any

from collectors.apis.named import EMPTY, Named

Counts = dict[str, Any]


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


def _in_details(*names: str) -> tuple[str, ...]:
    """Where chat and Responses put the parts of a sum, or beside it."""
    return tuple(f"{place}{n}" for n in names for place in ("prompt_tokens_details.", "input_tokens_details.", ""))


OPENAI = Named({
    "input": ("prompt_tokens", "input_tokens"),
    "output": ("completion_tokens", "output_tokens"),
    "total": "total_tokens",
    "cache_read": _in_details("cached_tokens", "cache_read_input_tokens"),
    "cache_write": _in_details("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"),
    "reasoning": ("completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens"),
    "input_audio": ("prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens"),
    "output_audio": ("completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens"),
    "image": ("prompt_tokens_details.image_tokens", "input_tokens_details.image_tokens"),
})  # fmt: skip
ANTHROPIC = Named({
    "input": "input_tokens", "output": "output_tokens",
    "cache_read": "cache_read_input_tokens", "cache_write": "cache_creation_input_tokens",
    "reasoning": "output_tokens_details.thinking_tokens",
})  # fmt: skip
GEMINI = Named({
    "input": ("promptTokenCount", "prompt_token_count"),
    "output": ("candidatesTokenCount", "candidates_token_count"),
    "reasoning": ("thoughtsTokenCount", "thoughts_token_count"),
    "cache_read": ("cachedContentTokenCount", "cached_content_token_count"),
    "total": ("totalTokenCount", "total_token_count"),
})  # fmt: skip
BEDROCK = Named({
    "input": "inputTokens", "output": "outputTokens",
    "cache_read": ("cacheReadInputTokens", "cacheReadInputTokenCount"),
    "cache_write": ("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
})  # fmt: skip


def openai_usage(usage: Any) -> Counts:
    """Chat, Responses and embeddings; the input includes what was cached."""
    return OPENAI(usage) if isinstance(usage, dict) else {}


def anthropic_usage(usage: Any) -> Counts:
    """The input leaves out both what was read from the cache and what was written to it."""
    return {**ANTHROPIC(usage), "exclusive": True} if isinstance(usage, dict) else {}


def completed(summed: Counts, raw: Counts) -> Counts:
    """What an instrumentation summed up, and what only the API's own counts tell.

    What those leave out is left out of the sums too only where both are the same number.
    """
    found = {**raw, **summed}
    for count, left_out in (("input", "exclusive"), ("output", "exclusive_output")):
        if found.get(count) != raw.get(count):
            found.pop(left_out, None)
    return found


def usage_of(told: Any) -> Counts:
    """OpenAI's or Anthropic's counts: only the latter name what was written to or read from the cache so."""
    if not isinstance(told, Mapping):
        return {}
    is_anthropic = "cache_creation_input_tokens" in told or "cache_read_input_tokens" in told
    return anthropic_usage(told) if is_anthropic else openai_usage(told)


def gemini_usage(usage: Any) -> Counts:
    """Candidates leave out thoughts; the prompt includes what was cached."""
    return {**GEMINI(usage), "exclusive_output": True} if isinstance(usage, dict) else {}


def bedrock_usage(usage: Any) -> Counts:
    """The input leaves out cached tokens, as the provider behind Bedrock counts."""
    return {**BEDROCK(usage), "exclusive": True} if isinstance(usage, dict) else {}
