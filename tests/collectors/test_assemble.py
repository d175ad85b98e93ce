"""From spans to calls: one call is counted once, knows whose it is, and never claims what nobody said."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collectors.assemble import assemble
from collectors.spans.candidate import merged
from collectors.spans.record import http_status
from store.model import ContentState, LogRecord, Operation, Span, SpanKind, Status, TimeQuality
from tests.collectors.spans import MS, RESOURCE, START, chat, event, log, said, span

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ID = "chatcmpl-abcdefghijklmnop"


def calls(*spans: Span, logs: tuple[LogRecord, ...] = ()):
    return assemble(spans, logs, now=NOW).calls


def one(*spans: Span, logs: tuple[LogRecord, ...] = ()):
    [call] = calls(*spans, logs=logs)
    return call


def child(parent: Span, made: Span) -> Span:
    return replace(made, trace_id=parent.trace_id, parent_span_id=parent.span_id)


# --- what is a call ---------------------------------------------------------------------------------------------------


def test_a_parent_with_several_calls_beneath_is_no_call():
    outer = chat(at=0, ms=500, attributes={"gen_ai.usage.input_tokens": 30})
    inner = [child(outer, chat(at=n * 100, attributes={"gen_ai.usage.input_tokens": 10 + n})) for n in range(2)]
    assert [c.input_tokens for c in calls(outer, *inner)] == [10, 11]


def test_a_parent_with_one_call_beneath_is_that_call_seen_from_outside():
    outer = chat(ms=120, scope_name="framework", attributes={"gen_ai.input.messages": said("Why?"), "session.id": "s1"})
    between = child(outer, span("step"))
    inner = child(between, chat(ms=100, attributes={"gen_ai.usage.input_tokens": 7, "gen_ai.response.id": ID}))
    call = one(outer, between, inner)
    assert (call.input_tokens, call.input_text, call.session_id) == (7, "Why?", "s1")
    assert call.merged_from == [{"trace_id": outer.trace_id, "span_id": outer.span_id}]


def test_a_wrapper_of_another_response_is_dropped_but_not_merged():
    outer = chat(attributes={"gen_ai.response.id": "chatcmpl-outer-of-the-two", "gen_ai.input.messages": said("A")})
    inner = child(outer, chat(attributes={"gen_ai.response.id": ID}))
    call = one(outer, inner)
    assert (call.response_id, call.input_text, call.merged_from) == (ID, None, None)


def test_an_agent_span_with_totals_is_no_call():
    agent = span("invoke_agent", attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9})
    assert calls(agent) == []
    assert assemble([agent], [], now=NOW).kinds == {(agent.trace_id, agent.span_id): SpanKind.AGENT}


def test_tokens_alone_make_no_call():
    assert calls(span("", attributes={"gen_ai.usage.input_tokens": 9})) == []
    assert calls(span(attributes={"gen_ai.operation.name": "chat"})) == []


def test_a_call_that_the_clients_own_code_refused_never_was_one():
    refused = chat(status_code=2, events=(event("exception", exception__type="TypeError"),))
    assert calls(refused) == []
    assert calls(replace(refused, events=(), attributes={**refused.attributes, "error.type": "TypeError"})) == []
    assert len(calls(replace(refused, events=(event("exception", exception__type="APIError"),)))) == 1


def test_failed_attempts_under_one_roof_are_one_call():
    roof = span(ms=900, attributes={"ai.operationId": "ai.generateText"})
    failed = child(roof, chat(at=0, status_code=2))
    good = child(roof, chat(at=300, attributes={"gen_ai.usage.input_tokens": 5}))
    call = one(good, roof, failed)
    assert (call.attempts, call.status, call.input_tokens) == (2, Status.OK, 5)


def test_failed_attempts_of_the_application_itself_are_calls():
    roof = span(ms=900)
    failed, good = child(roof, chat(status_code=2)), child(roof, chat(at=300))
    assert [c.status for c in calls(roof, failed, good)] == [Status.ERROR, Status.OK]


def test_a_retry_with_another_question_is_another_call():
    roof = span(ms=900, attributes={"ai.operationId": "ai.generateText"})
    failed = child(roof, chat(status_code=2, attributes={"gen_ai.input.messages": said("A")}))
    good = child(roof, chat(at=300, attributes={"gen_ai.input.messages": said("B")}))
    assert len(calls(roof, failed, good)) == 2


# --- duplicates -------------------------------------------------------------------------------------------------------


def test_the_same_response_in_two_traces_is_one_call():
    sdk = chat(
        scope_name="com.anthropic.sdk.python", attributes={"gen_ai.response.id": ID, "gen_ai.usage.input_tokens": 14}
    )
    other = chat(scope_name="framework", attributes={
        "gen_ai.response.id": ID, "gen_ai.usage.input_tokens": 15, "gen_ai.output.messages": said("Yes.", "assistant"),
    })  # fmt: skip
    call = one(sdk, other)
    assert (call.input_tokens, call.output_text, call.call_id) == (14, "Yes.", f"resp:{ID}")


def test_a_made_up_response_id_joins_nothing():
    assert len(calls(*(chat(attributes={"gen_ai.response.id": "chatcmpl-123"}) for _ in range(2)))) == 2


def test_two_instrumentations_without_ids_are_joined_by_time_and_content():
    answer = {"gen_ai.output.messages": said("Yes.", "assistant"), "gen_ai.usage.input_tokens": 5}
    a, b = chat(at=0, ms=100, scope_name="a", attributes=answer), chat(at=2, ms=97, scope_name="b", attributes=answer)
    call = one(a, b)
    assert len(call.merged_from) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"at": 60}, {"scope_name": "a"}, {"resource": {"service.name": "other"}},
        {"attributes": {"gen_ai.request.model": "gpt-5"}}, {"attributes": {"gen_ai.usage.input_tokens": 6}},
        {"attributes": {"gen_ai.output.messages": said("No.", "assistant")}},
        {"attributes": {"gen_ai.operation.name": "embeddings"}},
    ],
    ids=["another time", "one instrumentation", "another service", "another model", "other counts", "another answer",
         "another operation"],
)  # fmt: skip
def test_calls_side_by_side_that_differ_stay_apart(more):
    told = {"gen_ai.output.messages": said("Yes.", "assistant"), "gen_ai.usage.input_tokens": 5}
    first = chat(scope_name="a", attributes=told)
    fields = {"at": 0, "scope_name": "b", **more}
    second = chat(**{**fields, "attributes": {**told, **more.get("attributes", {})}})
    assert len(calls(first, second)) == 2


def test_of_calls_side_by_side_each_finds_its_own_twin():
    made = [chat(at=n * 30, ms=100, scope_name=scope) for n in range(3) for scope in ("a", "b")]
    found = calls(*made)
    assert len(found) == 3
    assert {len(c.merged_from) for c in found} == {1}


def test_two_different_responses_are_never_one_call():
    a = chat(scope_name="a", attributes={"gen_ai.response.id": ID})
    b = chat(scope_name="b", attributes={"gen_ai.response.id": ID + "x"})
    assert len(calls(a, b)) == 2


def test_an_answer_from_a_gateways_cache_is_a_call_of_its_own():
    fields = {"gen_ai.response.id": ID, "hidden_params": '{"cache_hit": true}'}
    cached = chat(at=120_000, scope_name="litellm", attributes=fields)
    ids = {c.call_id for c in calls(chat(attributes={"gen_ai.response.id": ID}), cached)}
    assert len(ids) == 2


def test_a_later_telling_of_a_span_completes_it():
    early = replace(chat(), end_ns=0)
    late = replace(early, end_ns=START + 100 * MS, attributes={**early.attributes, "gen_ai.usage.input_tokens": 3})
    for order in ([early, late], [late, early]):
        call = one(*order)
        assert (call.input_tokens, call.latency_ms) == (3, 100)
    assert merged(late, late) is late


# --- events -----------------------------------------------------------------------------------------------------------


def test_the_details_event_completes_its_span_and_counts_nothing_twice():
    made = chat(attributes={"gen_ai.usage.input_tokens": 5})
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}]
    told = log(made, "gen_ai.client.inference.operation.details", **made.attributes, gen_ai__output__messages=answer)
    call = one(made, logs=(told, told))
    assert (call.output_text, call.input_tokens) == ("Hi", 5)


def test_a_details_event_without_its_span_is_a_call_all_the_same():
    made = chat()
    told = log(made, "gen_ai.client.inference.operation.details", **made.attributes)
    call = one(logs=(told,))
    assert (call.started_at, call.time_quality, call.span_id) == (None, TimeQuality.DERIVED, made.span_id)
    assert len(calls(made, logs=(told,))) == 1


def test_a_details_event_without_a_trace_joins_its_span_by_the_response():
    made = chat(attributes={"gen_ai.response.id": ID})
    told = log(made, "gen_ai.client.inference.operation.details", **made.attributes,
               gen_ai__input__messages=said("Why?"))  # fmt: skip
    call = one(made, logs=(replace(told, trace_id="", span_id=""),))
    assert (call.input_text, call.span_id) == ("Why?", made.span_id)
    assert calls(logs=(log(made, "gen_ai.choice"),)) == []
    assert calls(logs=(log(made, "gen_ai.client.inference.operation.details"),)) == []


def test_span_events_of_the_old_conventions_are_read():
    told = (
        event("gen_ai.content.prompt", gen_ai__prompt='[{"role": "user", "content": "Why?"}]'),
        event("gen_ai.content.completion", gen_ai__completion='[{"role": "assistant", "content": "So."}]'),
    )
    old = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.prompt_tokens": 3}
    call = one(span(attributes=old, events=told))
    assert (call.input_text, call.output_text, call.input_tokens) == ("Why?", "So.", 3)
    strands = (
        event("gen_ai.user.message", content='[{"text": "Why?"}]'),
        event("gen_ai.choice", message='[{"text": "So."}]', finish_reason="end_turn"),
    )
    call = one(chat(events=strands))
    assert (call.input_text, call.output_text, call.finish_reason) == ("Why?", "So.", "stop")


def test_an_evaluation_finds_its_call_by_span_or_by_response():
    made = chat(attributes={"gen_ai.response.id": ID})
    judged = log(made, "gen_ai.evaluation.result", gen_ai__evaluation__name="Relevance",
                 gen_ai__evaluation__score__value=0.87, gen_ai__evaluation__score__label="relevant",
                 gen_ai__evaluation__explanation="on topic")  # fmt: skip
    by_response = replace(
        judged, trace_id="", span_id="", attributes={**judged.attributes, "gen_ai.response.id": ID}, scope_name="me"
    )
    found = assemble([made], [judged, judged, by_response], now=NOW)
    assert [(e.call_id, e.value, e.label, e.evaluator) for e in found.evaluations] == [
        (f"resp:{ID}", 0.87, "relevant", "otlp"), (f"resp:{ID}", 0.87, "relevant", "otlp/me"),
    ]  # fmt: skip
    assert assemble([], [judged], now=NOW).waiting == [judged]
    merged_in = replace(made, span_id="f" * 16, scope_name="other")
    assert len(assemble([made, merged_in], [judged], now=NOW).evaluations) == 1


# --- streams in two records -------------------------------------------------------------------------------------------


def logfire(name: str, *, at: float, ms: float, **attributes: object) -> Span:
    told = {"request_data": '{"model":"gpt-4o"}', "logfire.msg_template": name, **attributes}
    return chat(at=at, ms=ms, scope_name="logfire.openai", name=name, attributes=told)


def test_a_stream_told_in_two_spans_is_one_call_from_request_to_last_piece():
    request = logfire("Chat Completion with …", at=0, ms=40)
    record = logfire("streaming response from …", at=122, ms=0, duration=0.08, **{"gen_ai.usage.input_tokens": 19})
    call = one(record, request)
    assert (call.latency_ms, call.input_tokens, call.stream) == (122, 19, True)


def test_a_stream_record_whose_request_was_lost_stands_alone():
    record = logfire("streaming response from …", at=122, ms=0, duration=0.08)
    assert one(record).latency_ms == pytest.approx(80)
    far = logfire("Chat Completion with …", at=-5000, ms=40)
    assert len(calls(record, far)) == 2


def test_each_stream_record_is_joined_once():
    requests = [logfire("Chat Completion with …", at=n * 10, ms=40) for n in range(2)]
    records = [logfire("streaming response from …", at=120 + n * 10, ms=0, duration=0.08) for n in range(2)]
    assert [c.latency_ms for c in calls(*requests, *records)] == [120, 120]


def test_pending_spans_are_no_calls():
    assert calls(logfire("…", at=0, ms=0, **{"logfire.span_type": "pending_span"})) == []


# --- whose ------------------------------------------------------------------------------------------------------------


def test_identity_is_inherited_from_the_nearest_ancestor_that_tells():
    root = span(attributes={"session.id": "far", "user.id": "u1", "gen_ai.agent.name": "outer"})
    near = child(root, span(attributes={"thread_id": "near", "traceloop.workflow.name": "w"}))
    call = one(root, near, child(near, chat()))
    assert (call.session_id, call.user_id, call.agent_name, call.workflow) == ("near", "u1", "outer", "w")


def test_what_one_span_of_a_trace_says_of_the_session_holds_for_all_of_it():
    made = chat()
    beside = child(made, replace(span(attributes={"session.id": "s1", "user.id": "u1"}), parent_span_id="e" * 16))
    beside = replace(beside, parent_span_id="e" * 16)
    assert one(made, beside).session_id == "s1"
    other = replace(beside, span_id="d" * 16, attributes={"session.id": "s2"})
    call = one(made, beside, other)
    assert (call.session_id, call.user_id) == (None, "u1")


@pytest.mark.parametrize(
    "attributes",
    [{"tenant": "acme"}, {"tenant.id": "acme"}, {"traceloop.association.properties.customer_id": "acme"},
     {"metadata": '{"org_id": "acme"}', "openinference.span.kind": "LLM", "llm.model_name": "m"},
     {"ai.telemetry.metadata.organization": "acme"}, {"metadata.user_api_key_team_id": "acme"},
     {"tenant": "", "team_id": "acme", "user.id": True}],
)  # fmt: skip
def test_the_tenant_is_looked_for_where_people_put_it(attributes):
    assert one(chat(attributes=attributes)).tenant == "acme"


def test_the_tenant_of_a_service_is_that_of_its_calls():
    assert one(chat(resource={**RESOURCE, "tenant": "acme"})).tenant == "acme"


def test_spans_that_name_each_other_as_parents_end_the_search():
    a, b = chat(), span()
    a = replace(a, parent_span_id=b.span_id)
    b = replace(b, trace_id=a.trace_id, parent_span_id=a.span_id)
    assert one(a, b).session_id is None


# --- retrieval --------------------------------------------------------------------------------------------------------


def retrieval(parent: Span, *texts: str, at: float = 0) -> Span:
    told = {f"retrieval.documents.{n}.document.content": text for n, text in enumerate(texts)}
    return child(parent, span(at=at, ms=10, attributes={"openinference.span.kind": "RETRIEVER", **told}))


def test_an_answer_gets_the_documents_its_prompt_shows():
    root = span(ms=900)
    found = retrieval(root, "Refunds take 14 days.", "Cards never expire.")
    answer = child(root, chat(at=50, attributes={"gen_ai.input.messages": said("Refunds take 14 days. When?")}))
    assert [c.retrieved for c in calls(root, found, answer)] == [[{"content": "Refunds take 14 days."}]]


def test_where_no_prompt_shows_them_the_next_answer_gets_them_once():
    root = span(ms=900)
    found = retrieval(root, "Refunds take 14 days.")
    first, second = child(root, chat(at=50)), child(root, chat(at=500))
    assert [c.retrieved for c in calls(root, found, first, second)] == [[{"content": "Refunds take 14 days."}], None]
    before = child(root, chat(at=-500))
    assert one(root, before, retrieval(root, "x", at=100)).retrieved is None


def test_a_retrieval_that_found_nothing_is_told_from_one_that_says_nothing():
    root = span(ms=900)
    told = {"openinference.span.kind": "RETRIEVER", "output.value": '{"documents": []}'}
    empty, silent = (
        child(root, span(ms=10, attributes=attributes))
        for attributes in (told, {"openinference.span.kind": "RETRIEVER"})
    )
    answer = child(root, chat(at=50))
    assert [c.retrieved for c in calls(root, empty, answer)] == [[]]
    assert [c.retrieved for c in calls(root, silent, answer)] == [None]
    assert [c.retrieved for c in calls(root, empty, retrieval(root, "A"), answer)] == [[{"content": "A"}]]


# --- what was said of calls -------------------------------------------------------------------------------------------


def outcomes(*spans: Span) -> list[tuple[str, str, float | None, str | None]]:
    made = assemble(spans, [], now=NOW)
    spoken = {c.call_id: c.output_text or "" for c in made.calls}
    return [(spoken[e.call_id], e.name, e.value, e.label) for e in made.evaluations]


def test_a_guardrails_outcome_stands_with_the_call_nearest_to_it():
    root = span(ms=900)
    first, last = (
        child(root, chat(at=at, attributes={"gen_ai.output.messages": said(text, "assistant")}))
        for at, text in ((100, "A"), (500, "B"))
    )
    told = {"guardrail_name": "pii", "guardrail_status": "guardrail_intervened"}
    before, after = (child(root, span(at=at, ms=10, attributes=told)) for at in (50, 700))
    assert outcomes(root, before, first, last, after) == [
        ("A", "pii", 1.0, "triggered"), ("B", "pii", 1.0, "triggered"),
    ]  # fmt: skip
    assert outcomes(root, before) == []


def test_an_evaluation_on_a_span_that_is_no_call_judges_the_call_beneath_it():
    judged = event("gen_ai.evaluation.result", gen_ai__evaluation__name="Fit", gen_ai__evaluation__score__value=0.5)
    root = span(ms=900, events=(judged,), attributes={"gen_ai.operation.name": "invoke_agent"})
    assert outcomes(root, child(root, chat(at=50))) == [("", "Fit", 0.5, None)]


# --- times, status, content -------------------------------------------------------------------------------------------


def test_unlikely_times_are_kept_and_marked_but_not_believed():
    backwards = one(replace(chat(), end_ns=START - 1))
    assert (backwards.latency_ms, backwards.problems) == (None, ["end_before_start"])
    ahead = NOW + timedelta(days=400)
    future = one(replace(chat(), start_ns=int(ahead.timestamp()) * 10**9, end_ns=0))
    assert (future.event_time, future.time_quality, future.problems) == (
        NOW,
        TimeQuality.INGESTED,
        ["clock_skew", "no_end"],
    )
    assert future.started_at == ahead
    unknown = one(replace(chat(), start_ns=0, end_ns=0))
    assert (unknown.event_time, unknown.latency_ms, unknown.problems) == (NOW, None, [])


def test_a_time_to_first_token_needs_a_stream():
    told = {"gen_ai.response.time_to_first_chunk": 0.05}
    assert one(chat(attributes=told)).ttft_ms == 50
    assert one(chat(attributes={**told, "gen_ai.request.stream": False})).ttft_ms is None
    assert one(chat(attributes={"gen_ai.response.time_to_first_chunk": -1.0})).ttft_ms is None


@pytest.mark.parametrize(
    ("more", "kind", "status"),
    [
        ({"attributes": {"error.type": "openai.RateLimitError"}}, "RateLimitError", 429),
        ({"status_code": 2, "status_message": "Error code: 500 - oh"}, None, 500),
        ({"status_code": 2, "attributes": {"error.type": "429"}}, "429", 429),
        ({"status_code": 2, "attributes": {"error.type": "_OTHER", "http.response.status_code": 503}}, "_OTHER", 503),
        ({"status_code": 2, "events": (event("exception", exception__type="<class 'a.Timeout'>"),)}, "Timeout", None),
    ],
)
def test_a_failure_names_its_type_and_its_status(more, kind, status):
    call = one(chat(**more))
    assert (call.status, call.error_type, call.http_status) == (Status.ERROR, kind, status)


def test_a_status_is_not_made_up():
    assert http_status(span(), "Timeout", "took 500 apples") is None


def test_missing_content_is_absent_and_cut_content_says_so():
    assert one(chat()).content_state == ContentState.ABSENT
    cut = one(chat(attributes={"gen_ai.input.messages": said("Why does this text end before its end?")[:-9]}))
    assert (cut.content_state, cut.problems) == (ContentState.TRUNCATED, ["truncated"])
    hidden = one(chat(attributes={"gen_ai.input.messages": said("__REDACTED__")}))
    assert hidden.content_state == ContentState.REDACTED
    long = one(chat(attributes={"gen_ai.output.messages": said("x" * (1 << 21), "assistant")}))
    assert (len(long.output_text), long.content_state) == (1 << 20, ContentState.TRUNCATED)


def test_what_has_no_column_is_kept_as_metadata():
    assert one(chat(attributes={"app.feature": "search", "gen_ai.new": 1, "empty": ""})).metadata == {
        "app.feature": "search"
    }


def test_unreadable_settings_are_unknown():
    call = one(chat(attributes={"gen_ai.request.temperature": float("nan"), "gen_ai.request.top_p": "Infinity",
                                "gen_ai.request.max_tokens": -1, "gen_ai.request.seed": "7",
                                "gen_ai.request.frequency_penalty": -0.5, "gen_ai.request.top_k": "many"}))  # fmt: skip
    assert (call.temperature, call.top_p, call.max_tokens, call.seed) == (None, None, None, 7)
    assert (call.frequency_penalty, call.top_k) == (-0.5, None)


def test_problems_are_counted():
    odd = chat(attributes={"gen_ai.usage.input_tokens": -1})
    assert assemble([odd, chat()], [], now=NOW).problems == {"negative_tokens": 1}


# --- the law ----------------------------------------------------------------------------------------------------------


@st.composite
def traffic(draw):
    """Trees of calls, wrappers and bare spans of two instrumentations, some with the same response."""
    made: list[Span] = []
    for number in range(draw(st.integers(1, 8))):
        attributes = draw(st.sampled_from([
            {}, {"gen_ai.response.id": ID}, {"gen_ai.usage.input_tokens": 5}, {"session.id": "s"},
            {"ai.operationId": "ai.generateText"}, {"gen_ai.input.messages": said("Why?")},
        ]))  # fmt: skip
        make = draw(st.sampled_from([chat, span]))
        new = make(at=draw(st.integers(0, 3)) * 10, ms=100, attributes=attributes,
                   scope_name=draw(st.sampled_from(["a", "b"])), status_code=draw(st.sampled_from([0, 2])))  # fmt: skip
        new = replace(new, trace_id=f"{number:032x}", span_id=f"{number + 1:016x}")
        made.append(child(draw(st.sampled_from(made)), new) if made and draw(st.booleans()) else new)
    return made


@given(made=traffic(), order=st.randoms())
def test_no_order_and_no_repetition_changes_the_calls(made, order):
    once = calls(*made)
    again = [*made, *made[: len(made) // 2]]
    order.shuffle(again)
    assert calls(*again) == once
    assert len({c.call_id for c in once}) == len(once)


def test_embeddings_are_their_own_operation():
    call = one(chat(attributes={"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 3}))
    assert call.operation == Operation.EMBEDDING
    assert list(assemble([chat()], [], now=NOW).kinds.values()) == [SpanKind.LLM]


def test_a_framework_that_took_longer_to_fail_than_the_sdk_beneath_it_tells_of_the_same_call():
    asked = {"gen_ai.input.messages": said("Why?")}
    outer = chat(ms=100, scope_name="framework", status_code=2, attributes=asked)
    inner = chat(at=20, ms=60, scope_name="sdk", status_code=2, attributes=asked)
    assert len(assemble([outer, inner], [], now=NOW).calls) == 1
    elsewhere = chat(at=20, ms=60, scope_name="sdk", status_code=2, attributes={"gen_ai.input.messages": said("Who?")})
    assert len(assemble([outer, elsewhere], [], now=NOW).calls) == 2
    later = chat(at=60, ms=60, scope_name="sdk", status_code=2, attributes=asked)
    assert len(assemble([outer, later], [], now=NOW).calls) == 2


def test_the_telling_that_knows_more_parts_of_the_counts_is_taken():
    counts = {"gen_ai.usage.output_tokens": 14, "gen_ai.usage.cache_read_input_tokens": 2000,
              "gen_ai.response.id": "msg_0123456789abcdef"}  # fmt: skip
    whole = {**counts, "gen_ai.usage.input_tokens": 2627, "gen_ai.usage.total_tokens": 2641}
    parts = {**counts, "gen_ai.usage.input_tokens": 15, "gen_ai.usage.cache_creation_input_tokens": 612}
    [call] = assemble(
        [chat(scope_name="a", attributes=whole), chat(scope_name="b", attributes=parts)], [], now=NOW
    ).calls
    assert (call.input_tokens, call.cache_write_tokens) == (2627, 612)
