"""How the models of the demo behave: how fast they are, how they fail, how they count."""

import random
from dataclasses import dataclass
from typing import Any

SLOWDOWN = 4.0
CACHE_BLOCK = 128
TIMEOUT_MS = 30_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """`first_token_ms`: median with a short prompt. `id_prefix`: what the provider's response ids begin with.

    Models answer under the name they were asked by: one name in every chart.
    """

    provider: str
    model: str
    id_prefix: str
    first_token_ms: float
    tokens_per_s: float
    caching: bool = False
    reasoning: bool = False


MINI = Engine(
    provider="openai",
    model="gpt-4.1-mini",
    id_prefix="chatcmpl-",
    first_token_ms=380,
    tokens_per_s=95,
    caching=True,
)
REASONER = Engine(
    provider="openai",
    model="gpt-5.1",
    id_prefix="chatcmpl-",
    first_token_ms=650,
    tokens_per_s=90,
    reasoning=True,
)
HAIKU = Engine(
    provider="anthropic",
    model="claude-haiku-4-5",
    id_prefix="msg_01",
    first_token_ms=420,
    tokens_per_s=120,
)
SONNET = Engine(
    provider="anthropic",
    model="claude-sonnet-4-5",
    id_prefix="msg_01",
    first_token_ms=750,
    tokens_per_s=70,
    caching=True,
)
FLASH = Engine(
    provider="gcp.gemini",
    model="gemini-2.5-flash",
    id_prefix="resp-",
    first_token_ms=350,
    tokens_per_s=170,
)
LITE = Engine(
    provider="gcp.gemini",
    model="gemini-2.5-flash-lite",
    id_prefix="resp-",
    first_token_ms=240,
    tokens_per_s=240,
)
ENGINES = (MINI, REASONER, HAIKU, SONNET, FLASH, LITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    status: int | None
    type: str
    message: str
    latency_ms: float


RATE_LIMITED = Fault(
    status=429,
    type="RateLimitError",
    message="Error code: 429 - rate limit of your organisation exceeded, please try again later",
    latency_ms=260,
)
BACKGROUND = (
    Fault(status=500, type="InternalServerError", message="Error code: 500 - internal server error", latency_ms=900),
    Fault(status=503, type="APIStatusError", message="Error code: 503 - the model is overloaded", latency_ms=700),
    Fault(status=None, type="APITimeoutError", message="Request timed out.", latency_ms=TIMEOUT_MS),
    RATE_LIMITED,
)


def timings(
    engine: Engine, input_tokens: int, output_tokens: int, rng: random.Random, *, slow: bool
) -> tuple[float, float]:
    """Milliseconds until the first and until the last token."""
    factor = SLOWDOWN if slow else 1.0
    first = (engine.first_token_ms + input_tokens * 0.06) * rng.lognormvariate(0, 0.22) * factor
    rest = output_tokens / engine.tokens_per_s * 1000 * rng.lognormvariate(0, 0.14) * factor
    return round(first, 1), round(first + rest, 1)


def usage(engine: Engine, input_tokens: int, text_tokens: int, rng: random.Random) -> dict[str, Any]:
    """Token counts as Leeway keeps them: whole prompt and whole output, with their subsets."""
    cached = int(input_tokens * rng.uniform(0.4, 0.7)) // CACHE_BLOCK * CACHE_BLOCK if engine.caching else 0
    reasoning = rng.choice([32, 48, 64]) if engine.reasoning else 0
    found = {"input_tokens": input_tokens, "output_tokens": text_tokens + reasoning}
    if engine.caching:
        found["cache_read_tokens"] = cached if cached and rng.random() < 0.65 else 0  # noqa: PLR2004 - a hit rate
    if engine.reasoning:
        found["reasoning_tokens"] = reasoning
    return found
