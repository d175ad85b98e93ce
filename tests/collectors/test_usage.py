"""Tokens: the only sums there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.usage import count, normalised
from store.model import TokensOrigin


@pytest.mark.parametrize(
    ("raw", "scope", "provider", "expected"),
    [
        ({"input": 2627, "cache_read": 2100, "cache_write": 512}, "any", "anthropic", 2627),
        ({"input": 15, "cache_read": 2100, "cache_write": 512}, "any", "anthropic", 2627),
        ({"input": 3000, "cache_read": 100}, "openlit.instrumentation.anthropic", "anthropic", 3100),
        ({"input": 3000, "cache_read": 100}, "openlit.instrumentation.openai", "openai", 3000),
        ({"input": 900, "cache_read": 100, "output": 5, "total": 1005}, "any", None, 1000),
        ({"input": 900, "cache_read": 100, "output": 5, "total": 905}, "openlit", "anthropic", 900),
        ({"input": 20, "cache_read": 5, "output": 14, "total": 34}, "@traceloop/instrumentation-anthropic", None, 25),
        ({"input": 912, "cache_read": 900, "cache_write": 100, "output": 4, "total": 916}, "litellm", None, 1012),
        ({"input": 900, "cache_read": 100, "exclusive": True}, "any", None, 1000),
    ],
    ids=["inclusive", "more cached than asked", "known exclusive", "known for one provider only", "total: exclusive",
         "total: inclusive", "a total of its own counts", "writes alone left out", "told by its dialect"],
)  # fmt: skip
def test_input_tokens_are_the_whole_prompt(raw, scope, provider, expected):
    assert normalised(raw, scope=scope, provider=provider).input_tokens == expected


def test_output_tokens_include_reasoning():
    assert normalised({"input": 1, "output": 200, "reasoning": 192}).output_tokens == 200
    assert normalised({"input": 1, "output": 8, "reasoning": 192}).output_tokens == 200
    assert normalised({"input": 1, "output": 300, "reasoning": 100, "exclusive_output": True}).output_tokens == 400
    assert normalised({"input": 1, "reasoning": 100}).output_tokens is None


def test_zero_and_zero_means_that_nobody_counted():
    found = normalised({"input": 0, "output": 0})
    assert found.input_tokens is None
    assert found.output_tokens is None
    assert found.tokens_origin == TokensOrigin.NONE


def test_an_estimate_is_marked():
    found = normalised({"input": 13, "output": 10, "estimated": True})
    assert found.tokens_origin == TokensOrigin.ESTIMATED
    assert "estimated_tokens" in found.problems


def test_cached_tokens_without_an_input_do_not_make_one():
    assert normalised({"output": 5, "cache_read": 9}).input_tokens is None


@pytest.mark.parametrize(
    ("value", "tokens", "problem"),
    [
        (12, 12, None), ("12", 12, None), ("7.0", 7, None), (12.0, 12, None), (2**53 + 1, 2**53 + 1, "huge_tokens"),
        (-1, None, "negative_tokens"), (7.5, None, "bad_tokens"), (True, None, "bad_tokens"),
        (float("nan"), None, "bad_tokens"), ("many", None, "bad_tokens"), ([], None, "bad_tokens"),
        (1 << 70, None, "huge_tokens"),
    ],
)  # fmt: skip
def test_odd_counts_are_unknown_and_say_so(value, tokens, problem):
    problems: list[str] = []
    assert count(value, problems) == tokens
    assert problems == ([problem] if problem else [])


tokens = st.integers(0, 10**6)


@given(fresh=tokens, read=tokens, written=tokens, answered=tokens, exclusive=st.booleans())
def test_the_input_never_loses_what_was_cached(fresh, read, written, answered, exclusive):
    whole = fresh + read + written
    raw = {"input": fresh if exclusive else whole, "cache_read": read, "cache_write": written, "output": answered,
           "total": whole + answered}  # fmt: skip
    found = normalised({**raw, "exclusive": exclusive})
    if found.input_tokens is not None:
        assert found.input_tokens == whole


def test_googles_total_holds_the_thoughts_that_nobody_names():
    told = {"input": 20, "output": 5, "total": 45, "cache_read": 20}
    found = normalised(told, provider="gcp.gemini")
    assert (found.input_tokens, found.output_tokens, found.reasoning_tokens) == (20, 25, 20)
    other = normalised(told, provider="openai")
    assert (other.output_tokens, other.reasoning_tokens) == (5, None)


def test_a_total_tells_that_thoughts_stand_beside_the_answer():
    found = normalised({"input": 20, "output": 30, "reasoning": 20, "total": 70})
    assert found.output_tokens == 50
    assert normalised({"input": 20, "output": 30, "reasoning": 20, "total": 50}).output_tokens == 30
