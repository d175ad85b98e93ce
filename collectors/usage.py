"""The one place where tokens are added up.

Providers and instrumentations disagree on whether input tokens include cached ones and output tokens include
reasoning. A call keeps inclusive counts: the whole prompt, the whole answer, the subsets beside them.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from store.model import TokensOrigin

IMPLAUSIBLE = 10_000_000  # tokens: kept, but marked
RAW = ("input", "output", "cache_read", "cache_write", "reasoning", "total", "input_audio", "output_audio", "image")

# (how the scope's name begins, provider or None for any): input leaves out what was read from and written to the cache
EXCLUSIVE = (
    ("openlit", "anthropic"),
    ("openlit", "aws.bedrock"),
    ("opentelemetry.instrumentation.botocore", None),
    ("opentelemetry.instrumentation.bedrock", None),
    ("@traceloop/instrumentation-anthropic", None),
)
# whose total is the sum of the two counts they tell, and says nothing of what these leave out
OWN_TOTALS = ("opentelemetry.instrumentation.bedrock", "@traceloop/instrumentation-anthropic")


class Usage(Struct, frozen=True, kw_only=True):
    """Canonical counts. `problems`: codes of what was odd in the raw ones."""

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    image_tokens: int | None = None
    tokens_origin: TokensOrigin = TokensOrigin.NONE
    problems: list[str] = []


def normalised(raw: Mapping[str, Any], *, scope: str = "", provider: str | None = None) -> Usage:
    """Turn raw counts into canonical ones.

    `raw`: `input output cache_read cache_write reasoning total input_audio output_audio image` as the source gave them;
    `exclusive`: True where the source is known to leave cached tokens out of `input`; `exclusive_output` likewise for
    reasoning; `estimated`: the client counted, not the provider. `scope`: the instrumentation's name.
    """
    problems: list[str] = []
    counts = {name: count(raw[name], problems) for name in RAW if raw.get(name) is not None}
    if not counts.get("input") and not counts.get("output"):  # 0 and 0: nobody counted
        return Usage(problems=problems)
    counts["reasoning"] = _thought(counts, provider)
    return Usage(
        input_tokens=_input(counts, _exclusive(counts, raw, scope, provider), problems),
        cache_read_tokens=counts.get("cache_read"),
        cache_write_tokens=counts.get("cache_write"),
        output_tokens=_output(counts, raw),
        reasoning_tokens=counts.get("reasoning"),
        input_audio_tokens=counts.get("input_audio"),
        output_audio_tokens=counts.get("output_audio"),
        image_tokens=counts.get("image"),
        tokens_origin=TokensOrigin.ESTIMATED if raw.get("estimated") else TokensOrigin.PROVIDER,
        problems=[*problems, "estimated_tokens"] if raw.get("estimated") else problems,
    )


def as_told(raw: Mapping[str, NDArray[np.int64]], scope: str) -> NDArray[np.bool_]:
    """Say of each row of counts whether it is canonical as it came: `normalised` would change and find odd none."""
    told = np.logical_and.reduce([(counts >= 0) & (counts <= IMPLAUSIBLE) for counts in raw.values()])
    none = np.zeros(len(told), np.int64)
    asked, answered = raw.get("input", none), raw.get("output", none)
    told &= ((asked > 0) | (answered > 0)) & (raw.get("reasoning", none) <= answered)
    cached = raw.get("cache_read", none) + raw.get("cache_write", none)
    apart = any(scope.startswith(name) for name, _ in EXCLUSIVE)
    found: NDArray[np.bool_] = told & (cached <= (none if apart else asked))
    return found


def count(value: Any, problems: list[str]) -> int | None:
    """Return a token count: an int, an integral float, or either as text; None and a problem for all else."""
    if type(value) is int and 0 <= value <= IMPLAUSIBLE:
        return value
    number = _integral(value)
    if number is None:
        problems.append("bad_tokens")
        return None
    if number < 0:
        problems.append("negative_tokens")
        return None
    if number > IMPLAUSIBLE:
        problems.append("huge_tokens")
    return number if number < 1 << 63 else None


def _integral(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and number.is_integer() else None


def _exclusive(counts: Mapping[str, int | None], raw: Mapping[str, Any], scope: str, provider: str | None) -> bool:
    """Whether `input` leaves out cached tokens: by arithmetic, by the total, then by who measured."""
    cached = (counts.get("cache_read") or 0) + (counts.get("cache_write") or 0)
    asked = counts.get("input")
    if not cached or asked is None:
        return False
    if cached > asked or raw.get("exclusive"):
        return True
    told = counts.get("total") if not _google(provider) and not scope.startswith(OWN_TOTALS) else None
    summed = asked + (counts.get("output") or 0)
    if told in (summed, summed + cached):
        return told != summed
    return any(scope.startswith(name) and of in (None, provider) for name, of in EXCLUSIVE)


def _input(counts: Mapping[str, int | None], exclusive: bool, problems: list[str]) -> int | None:
    """Return the whole prompt.

    Some (litellm 2025) include what was read from the cache but not what was written to it: then the input holds the
    reads and is smaller than both together.
    """
    asked = counts.get("input")
    if asked is None or not exclusive:
        return asked
    read, written = counts.get("cache_read") or 0, counts.get("cache_write") or 0
    problems.append("cache_added")
    if written and read and read <= asked < read + written and _total_says_partial(counts, asked, written):
        return asked + written
    return asked + read + written


def _total_says_partial(counts: Mapping[str, int | None], asked: int, written: int) -> bool:
    total, answered = counts.get("total"), counts.get("output") or 0
    return total in (asked + answered, asked + written + answered)


def _google(provider: str | None) -> bool:
    return provider is not None and provider.startswith("gcp.")


def _thought(counts: Mapping[str, int | None], provider: str | None) -> int | None:
    """Return the reasoning tokens; Google's total holds them even where an instrumentation leaves them out."""
    asked, answered, total = counts.get("input"), counts.get("output"), counts.get("total")
    told = counts.get("reasoning")
    if told is not None or not _google(provider) or asked is None or answered is None or total is None:
        return told
    return max(0, total - asked - answered) or None


def _output(counts: Mapping[str, int | None], raw: Mapping[str, Any]) -> int | None:
    answered, thought = counts.get("output"), counts.get("reasoning") or 0
    if answered is None:
        return None
    beside = bool(thought) and counts.get("total") == (counts.get("input") or 0) + answered + thought
    if raw.get("exclusive_output") or thought > answered or beside:
        return answered + thought
    return answered
