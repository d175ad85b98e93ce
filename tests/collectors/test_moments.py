"""Times, ids and words: every client's spelling, one meaning."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import folding
from collectors.identity import call_id, digest, model_key
from collectors.moments import from_ticks, milliseconds, moment, quality
from store.model import Operation, TimeQuality

AT = datetime(2026, 3, 1, 10, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    [
        1772359200.25, 1772359200250, 1772359200250000, 1772359200250000000, "1772359200.25", "1772359200250",
        "2026-03-01T10:00:00.25Z", "2026-03-01 10:00:00.250000+00:00", "2026-03-01T10:00:00.250000000Z",
        "2026-03-01T12:00:00.250+02:00", '"2026-03-01T10:00:00.250Z"', "2026-03-01T10:00:00.250",
        AT, AT.replace(tzinfo=None), AT.astimezone(timezone(timedelta(hours=5))),
    ],
)  # fmt: skip
def test_a_moment_in_any_notation_is_the_same_moment(told: object):
    assert moment(told) == AT


@pytest.mark.parametrize(
    "told", [None, "", True, "soon", float("nan"), 0, -5, [], 1e300, "9" * 30, "0001-01-01T00:00:00+05:00"]
)
def test_what_is_no_moment_is_unknown(told: object):
    assert moment(told) is None


@given(st.datetimes(datetime(1974, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_any_moment_since_1974_is_told_apart_by_its_magnitude(naive: datetime):
    told = naive.replace(tzinfo=UTC)
    ns = (told - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    assert moment(ns) == told
    assert abs(moment(ns / 1e9) - told) < timedelta(microseconds=2)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("2026-03-01T10:00:00", TimeQuality.DERIVED), ("2026-03-01T10:00:00Z", TimeQuality.SECOND),
        ("2026-03-01T10:00:00.1Z", TimeQuality.EXACT), (1772359200, TimeQuality.SECOND),
        ("1772359200", TimeQuality.SECOND),
        (1772359200.5, TimeQuality.EXACT), (1772359200250, TimeQuality.EXACT), ("soon", TimeQuality.EXACT),
    ],
)  # fmt: skip
def test_a_time_says_how_exact_it_is(told: object, found: TimeQuality):
    assert quality(told) == found


def test_dotnet_ticks_count_from_the_year_one():
    assert from_ticks(639_079_560_002_500_000) == datetime(2026, 3, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    assert from_ticks("x") is from_ticks(0) is from_ticks(10**30) is None


def test_a_duration_that_runs_backwards_is_unknown():
    assert milliseconds(AT, AT + timedelta(seconds=1)) == 1000.0
    assert milliseconds(AT, AT - timedelta(seconds=1)) is milliseconds(None, AT) is milliseconds(AT, None) is None


def test_a_call_is_named_by_the_first_that_is_unique():
    told = {"response_id": "chatcmpl-0123456789abcdef", "trace_id": "t", "span_id": "s", "source": "x",
            "source_record_id": "r", "place": "p"}  # fmt: skip
    assert call_id(**told) == "resp:chatcmpl-0123456789abcdef"
    assert call_id(**told, cached_at=AT) == "resp:chatcmpl-0123456789abcdef@20260301T1000"
    assert call_id(**{**told, "response_id": "chatcmpl-123"}) == "span:t:s"
    assert call_id(**{**told, "response_id": None, "span_id": None}) == "src:x:r"
    assert call_id(place="p") == "hash:p"


def test_parts_of_a_digest_do_not_run_together():
    assert digest(b"ab", b"c") != digest(b"a", b"bc")


@pytest.mark.parametrize(
    ("model", "key"),
    [("openai/gpt-4o", "gpt-4o"), ("models/gemini-2.5-pro", "gemini-2.5-pro"), ("gpt-4o", "gpt-4o"), ("a/", "a/"),
     ("arn:aws:bedrock:eu:1:inference-profile/eu.claude", "eu.claude"), ("", None), (None, None)],
)  # fmt: skip
def test_a_model_is_known_by_its_last_name(model: str | None, key: str | None):
    assert model_key(model) == model_key(None, model) == key


def test_words_are_folded():
    said = ("endTurn", "MAX_TOKENS", "tool_use", "FinishReason.STOP", "odd", None)
    assert [folding.finish_reason(w) for w in said] == [
        "stop", "length", "tool_call", "stop", "other", None,
    ]  # fmt: skip
    assert [folding.provider(w) for w in ("Gemini", "openai.chat", "azure", "OpenAI", "_OTHER", 3)] == [
        "gcp.gemini", "openai", "azure.ai.openai", "openai", None, None,
    ]  # fmt: skip
    assert [folding.maker(m) for m in ("x/gpt-4o", "claude-3", "my-own", None)] == ["openai", "anthropic", None, None]
    assert {folding.maker(m) for m in ("us.anthropic.claude-sonnet-4", "amazon.nova-pro-v1:0")} == {"aws.bedrock"}
    assert folding.error_type("<class 'openai.RateLimitError'>") == folding.error_type("openai.RateLimitError")
    assert folding.error_type("") is None
    assert [folding.operation(p) for p in ("/v1/embeddings", "/v1/completions", "ChatCompletions_Create", "x")] == [
        Operation.EMBEDDING, Operation.COMPLETION, Operation.CHAT, None,
    ]  # fmt: skip
