"""Who a call is: its id, the same wherever the call is met, and the short name of its model."""

import re
from datetime import datetime
from hashlib import blake2b

import polars as pl

# Ids that a provider or gateway makes unique in the world, told by their form. Made-up ones ("chatcmpl-123") are not.
UNIQUE_RESPONSE = re.compile(
    r"(?:chatcmpl-|cmpl-|msg_|resp_|req_|gen-|batch_req_|embd-)[\w-]{12,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def call_id(
    *,
    response_id: str | None = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    source: str | None = None,
    source_record_id: str | None = None,
    place: str = "",
    cached_at: datetime | None = None,
) -> str:
    """The first that applies: a unique response id, the span, the source's own record id, the place in its file, or "".

    `cached_at`: a gateway answered from its cache, so the response id comes again at another time. The provider is no
    part of the id: a proxy and the SDK behind it name the same call's provider differently.
    """
    if response_id and UNIQUE_RESPONSE.fullmatch(response_id):
        return f"resp:{response_id}" + (f"@{cached_at:%Y%m%dT%H%M}" if cached_at else "")
    if trace_id and span_id:
        return f"span:{trace_id}:{span_id}"
    if source and source_record_id:
        return f"src:{source}:{source_record_id}"
    return f"hash:{place}" if place else ""


def call_ids(responses: pl.Series, traces: pl.Series, spans: pl.Series) -> pl.Series:
    """Return the ids of many calls, each as `call_id` has it."""
    unique = responses.str.contains(f"^(?:{UNIQUE_RESPONSE.pattern})$").fill_null(value=False)
    return ("span:" + traces + ":" + spans).zip_with(~unique, "resp:" + responses)


def digest(*parts: bytes) -> str:
    """128 bits over the parts, each with its length, in hex."""
    made = blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.hexdigest()


def model_key(response_model: str | None, request_model: str | None = None) -> str | None:
    """The model without what stands before it: `openai/gpt-4o`, `models/gemini-2.5-pro`, an ARN."""
    name = response_model or request_model
    return name.rsplit("/", 1)[-1] or name if name else None
