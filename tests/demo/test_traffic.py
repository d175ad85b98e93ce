"""Two days of made-up traffic: the same every time, plausible, and with the incidents that the manifest states."""

import itertools
import statistics
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from analytics.grounding import grounding
from leeway.demo import SEED, sample_folder
from leeway.demo_traffic.story import Incident, Trouble, as_json, planted
from leeway.demo_traffic.traffic import Traffic, traffic, write
from store.model import LLMCall, Status

NOW = datetime(2026, 3, 5, 9, 40, tzinfo=UTC)
STORY = planted(NOW)


@pytest.fixture(scope="module")
def samples() -> Path:
    return sample_folder()


@pytest.fixture(scope="module")
def made(samples: Path) -> Traffic:
    return traffic(samples, now=NOW, seed=SEED)


@pytest.fixture(scope="module")
def calls(made: Traffic) -> list[LLMCall]:
    return [*made.logged, *(call for exchange in made.traced for call in exchange.calls)]


def of_slice(calls: Iterable[LLMCall], incident: Incident) -> list[LLMCall]:
    return [call for call in calls if all(getattr(call, name) == value for name, value in incident.slice.items())]


def during(calls: Iterable[LLMCall], incident: Incident) -> list[LLMCall]:
    return [call for call in calls if incident.window.start <= call.event_time < incident.window.end]


def otherwise(calls: Iterable[LLMCall], incident: Incident) -> list[LLMCall]:
    return [call for call in calls if not incident.window.start <= call.event_time < incident.window.end]


def share(calls: list[LLMCall], wanted: set[int]) -> float:
    return len([call for call in calls if id(call) in wanted]) / len(calls)


def test_the_same_seed_and_moment_make_the_same_bytes(samples: Path, tmp_path: Path):
    written = []
    for name in ("one", "two"):
        out = tmp_path / name
        out.mkdir()
        files = write(traffic(samples, now=NOW, seed=7, visits=400), out)
        written.append([path.read_bytes() for path in (files.calls, files.traces, files.manifest)])
    assert written[0] == written[1]


def test_another_seed_makes_other_calls(samples: Path):
    one, two = (traffic(samples, now=NOW, seed=seed, visits=100) for seed in (1, 2))
    assert {call.call_id for call in one.logged}.isdisjoint(call.call_id for call in two.logged)


def test_the_traffic_is_that_of_two_days_up_to_now(calls: list[LLMCall]):
    times = [call.event_time for call in calls]
    assert 6_000 < len(calls) < 10_000
    assert NOW - timedelta(hours=48) <= min(times) < NOW - timedelta(hours=47)
    assert NOW - timedelta(minutes=30) < max(times) <= NOW + timedelta(minutes=1)


def test_nights_are_quiet_and_days_are_busy(calls: list[LLMCall]):
    by_hour = Counter(int((NOW - call.event_time) / timedelta(hours=1)) for call in calls)
    assert by_hour[2] > 3 * by_hour[12]


def test_ids_are_unique(calls: list[LLMCall]):
    assert len({call.call_id for call in calls}) == len(calls)
    answered = [call.response_id for call in calls if call.response_id]
    assert len(set(answered)) == len(answered)


def test_distinct_texts_stay_few_enough_to_be_scored_while_one_waits(calls: list[LLMCall]):
    assert 1_000 < len({call.input_text for call in calls}) < 3_000
    assert 800 < len({call.output_text for call in calls}) < 3_000


def test_subsets_of_tokens_lie_within_their_whole(calls: list[LLMCall]):
    for call in calls:
        assert (call.cache_read_tokens or 0) <= (call.input_tokens or 0)
        assert (call.reasoning_tokens or 0) <= (call.output_tokens or 0)


def test_failed_calls_have_no_tokens_and_no_answer(calls: list[LLMCall]):
    failed = [call for call in calls if call.status is Status.ERROR]
    assert failed
    assert all(call.output_tokens is None and call.output_text is None and call.error_type for call in failed)


def test_the_first_token_comes_before_the_last(calls: list[LLMCall]):
    streamed = [call for call in calls if call.ttft_ms is not None]
    assert streamed
    assert all(call.ttft_ms < call.latency_ms for call in streamed if call.ttft_ms and call.latency_ms)


def test_three_providers_answer_for_seven_shops(calls: list[LLMCall]):
    assert {call.provider for call in calls} == {"openai", "anthropic", "gcp.gemini"}
    assert len({call.tenant for call in calls}) == 7
    assert {call.environment for call in calls} == {"production", "staging"}


def test_a_few_answers_are_refused_empty_or_cut(calls: list[LLMCall]):
    answered = [call for call in calls if call.status is Status.OK and call.finish_reason != "tool_call"]
    assert 0 < share(answered, {id(call) for call in answered if call.output_text == ""}) < 0.01
    assert 0 < share(answered, {id(call) for call in answered if call.finish_reason == "length"}) < 0.015


def test_the_manifest_states_every_kind_of_trouble_once():
    told = as_json(STORY)
    assert [incident["kind"] for incident in told] == [kind.value for kind in Trouble]
    assert [incident["ongoing"] for incident in told] == [False, False, False, False, True]
    assert told[-1]["end"] == NOW.isoformat()


def test_incidents_never_overlap():
    windows = [incident.window for incident in STORY.incidents]
    assert all(one.end < two.start for one, two in itertools.pairwise(windows))


def test_one_version_of_a_prompt_triples_its_output(calls: list[LLMCall]):
    incident = STORY[Trouble.LONG_ANSWERS]
    long = [call.output_tokens for call in of_slice(calls, incident) if call.output_tokens]
    usual = [
        call.output_tokens for call in calls
        if call.prompt_name == "summarise-ticket" and call.prompt_version == "v4" and call.output_tokens
    ]  # fmt: skip
    assert len(long) > 100
    assert statistics.mean(long) == pytest.approx(3 * statistics.mean(usual), rel=0.2)
    assert not otherwise(of_slice(calls, incident), incident)


def test_a_provider_slows_down_and_turns_calls_away(calls: list[LLMCall]):
    incident = STORY[Trouble.SLOW_PROVIDER]
    asked = of_slice(calls, incident)
    limited = {id(call) for call in asked if call.http_status == 429}
    assert share(during(asked, incident), limited) == pytest.approx(incident.share, abs=0.06)
    assert share(otherwise(asked, incident), limited) < 0.005
    slow, usual = (
        statistics.median(call.latency_ms for call in part if call.status is Status.OK and call.latency_ms)
        for part in (during(asked, incident), otherwise(asked, incident))
    )
    assert slow > 3 * usual


def test_one_model_is_rude_for_a_while(calls: list[LLMCall]):
    incident = STORY[Trouble.TOXIC_ANSWERS]
    rude = {
        id(call) for call in calls if call.output_text and ("idiot" in call.output_text or "stupid" in call.output_text)
    }
    answers = [call for call in of_slice(calls, incident) if call.status is Status.OK]
    assert share(during(answers, incident), rude) > 0.3
    assert share(otherwise(answers, incident), rude) == 0
    assert len(rude) == len({id(call) for call in during(answers, incident)} & rude)


def test_one_shop_brings_a_topic_that_nobody_spoke_of(calls: list[LLMCall]):
    incident = STORY[Trouble.NEW_TOPIC]
    words = ("recall", "Voltra", "battery")
    about = {id(call) for call in calls if call.input_text and any(word in call.input_text for word in words)}
    assert 0.15 < share(during(calls, incident), about) < 0.3
    assert share(otherwise(calls, incident), about) == 0
    assert {call.tenant for call in calls if id(call) in about} == {"kestrel"}


def test_answers_of_the_new_prompt_leave_their_documents(calls: list[LLMCall]):
    def far(call: LLMCall) -> bool:
        documents = [str(found["content"]) for found in call.retrieved] if isinstance(call.retrieved, list) else []
        measured = grounding(call.output_text or "", documents)
        return measured is not None and measured.mean > 0.75

    incident = STORY[Trouble.UNGROUNDED_ANSWERS]
    support = [call for call in calls if call.prompt_name == "support-answer" and call.output_text]
    off = {id(call) for call in support if far(call)}
    assert share(of_slice(support, incident), off) == pytest.approx(incident.share, abs=0.1)
    toxic = STORY[Trouble.TOXIC_ANSWERS]
    before = [call for call in otherwise(otherwise(support, incident), toxic) if call.prompt_version == "v3"]
    assert share(before, off) < 0.02


def test_traces_hold_every_step_of_an_answer(made: Traffic, tmp_path: Path):
    lines = write(made, tmp_path).traces.read_bytes().splitlines()
    spans = [
        span
        for line in lines
        for resource in orjson.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    names = Counter(span["name"].split(" ")[0] for span in spans)
    assert names["chat"] == sum(len(exchange.calls) for exchange in made.traced)
    assert min(names["retrieval"], names["execute_tool"], names["invoke_agent"], names["POST"]) > 500
    known = {(span["traceId"], span["spanId"]) for span in spans}
    assert all((span["traceId"], span["parentSpanId"]) in known for span in spans if "parentSpanId" in span)
    assert all(int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) for span in spans)
