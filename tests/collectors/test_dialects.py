"""Dialects: what each instrumentation says, beyond what the captures show."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from collectors.assemble import assemble
from collectors.dialect import dialects, read
from collectors.dialects.langfuse import usage
from store.model import LLMCall, Operation, Span, SpanKind, Status
from tests.collectors.spans import chat, event, said, span

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def call(made: Span) -> LLMCall:
    [found] = assemble([made], [], now=NOW).calls
    return found


def told(**attributes: Any) -> Span:
    return span(attributes={k.replace("__", "."): v for k, v in attributes.items()})


@pytest.mark.parametrize("dialect", dialects(), ids=lambda d: d.name)
def test_a_dialect_leaves_alone_what_is_not_its_own(dialect):
    assert dialect.score(span(attributes={"http.method": "POST"})) == 0


def test_the_more_specific_dialects_speak_first():
    priorities = [d.priority for d in dialects()]
    assert priorities == sorted(priorities, reverse=True)


def test_langsmith_tells_prompt_templates_from_calls():
    common = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 9}
    prompt = span(attributes={**common, "langsmith.span.kind": "prompt"})
    assert assemble([prompt], [], now=NOW).calls == []
    human = {"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Why?"}}
    ai = {"lc": 1, "id": ["langchain", "AIMessage"], "kwargs": {"content": "So."}}
    asked = json.dumps({"messages": [[human]]})
    answered = json.dumps({"generations": [[{"text": "So.", "message": ai}]]})
    llm = {**common, "langsmith.span.kind": "llm", "langsmith.metadata.session_id": "s1", "gen_ai.prompt": asked,
           "gen_ai.completion": answered, "langsmith.metadata.ls_provider": "openai"}  # fmt: skip
    found = call(span(attributes=llm))
    assert (found.input_text, found.output_text, found.session_id, found.status) == ("Why?", "So.", "s1", Status.OK)
    failed = call(span(attributes=llm, events=(event("exception", exception__type="openai.RateLimitError"),)))
    assert (failed.status, failed.error_type) == (Status.ERROR, "RateLimitError")


def test_langsmith_retrievers_give_documents():
    made = told(langsmith__span__kind="retriever", gen_ai__operation__name="embeddings",
                gen_ai__completion='{"documents": [{"page_content": "A"}]}')  # fmt: skip
    found = read(made, ())
    assert (found["kind"], found["call"]) == (SpanKind.RETRIEVAL, False)
    assert found["documents"] == [{"page_content": "A"}]


def test_vllm_requests_are_calls():
    made = told(gen_ai__latency__e2e=1.5, gen_ai__latency__time_to_first_token=0.2, gen_ai__response__model="llama",
                gen_ai__usage__prompt_tokens=10, gen_ai__usage__completion_tokens=4)  # fmt: skip
    found = call(made)
    assert (found.provider, found.model, found.ttft_ms, found.input_tokens) == ("vllm", "llama", 200, 10)


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 1}, {"input": 9, "output": 1}),
        ({"input_tokens": 9, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 4}},
         {"input": 9, "output": 1, "cache_read": 4}),
        ({"input_tokens": 9, "output_tokens": 1}, {"input": 9, "output": 1}),
        ({"input_tokens": 9, "cache_read_input_tokens": 40, "output_tokens": 1},
         {"input": 9, "output": 1, "cache_read": 40, "exclusive": True}),
        ({"input": 92, "output": 8, "total": 1700, "input_cache_read": 1408, "output_reasoning": 192},
         {"input": 92, "output": 8, "total": 1700, "cache_read": 1408, "reasoning": 192, "exclusive": True,
          "exclusive_output": True}),
        ("text", None),
    ],
)  # fmt: skip
def test_langfuse_usage_has_four_shapes(details, expected):
    assert usage(details) == expected


def test_langfuse_streams_know_their_first_token_and_retrievers_their_documents():
    made = told(langfuse__observation__type="generation", langfuse__observation__model__name="gpt-4o",
                langfuse__observation__model__parameters='{"max_tokens": "Infinity", "temperature": 1}',
                langfuse__observation__metadata__plan='"pro"', langfuse__observation__prompt__name="support",
                langfuse__observation__cost_details='{"total": 0.5}',
                langfuse__observation__completion_start_time='"2026-11-18T11:06:40.050000Z"')  # fmt: skip
    found = call(made)
    assert (found.max_tokens, found.temperature, found.prompt_name, found.reported_cost_usd) == (
        None,
        1,
        "support",
        0.5,
    )
    assert found.ttft_ms == pytest.approx(50)
    assert found.metadata == {"plan": "pro"}
    docs = read(
        told(langfuse__observation__type="retriever", langfuse__observation__output='[{"page_content": "A"}]'), ()
    )
    assert docs["documents"] == [{"page_content": "A"}]


def test_openllmetry_reads_function_calls_and_its_own_kinds():
    found = call(span(attributes={
        "llm.request.type": "completion", "gen_ai.request.model": "m", "gen_ai.prompt.0.content": "Once",
        "gen_ai.completion.0.function_call.name": "f", "gen_ai.completion.0.function_call.arguments": '{"a": 1}',
    }))  # fmt: skip
    assert found.operation == Operation.COMPLETION
    assert found.tool_calls == [{"id": None, "name": "f", "arguments": {"a": 1}}]
    for word, kind in (("workflow", SpanKind.CHAIN), ("agent", SpanKind.AGENT), ("tool", SpanKind.TOOL)):
        assert read(told(traceloop__span__kind=word), ())["kind"] == kind
    assert read(told(llm__request__type="?", gen_ai__completion__0="text"), ()).get("call") is None


def test_openlit_estimates_are_marked_and_a_cost_of_nothing_is_unknown():
    attributes = {"gen_ai.request.stream": True, "gen_ai.usage.input_tokens": 13, "gen_ai.usage.output_tokens": 10,
                  "gen_ai.usage.cost": 0}  # fmt: skip
    found = call(chat(scope_name="openlit.instrumentation.openai", attributes=attributes))
    assert (found.tokens_origin, found.reported_cost_usd) == ("estimated", None)
    counted = {**attributes, "gen_ai.usage.cache_read.input_tokens": 0, "gen_ai.usage.cost": 0.1}
    found = call(chat(scope_name="openlit.instrumentation.openai", attributes=counted))
    assert (found.tokens_origin, found.reported_cost_usd) == ("provider", 0.1)
    assert assemble([span("POST", scope_name="openlit.x", attributes={})], [], now=NOW).calls == []


def test_litellm_details_are_python_text():
    attributes = {"metadata.usage_object": "{'prompt_tokens': 9, 'completion_tokens': 2, 'other': None}",
                  "gen_ai.completion.0.function_call.name": "f", "gen_ai.completion.0.function_call.arguments": "{}",
                  "gen_ai.cost.total_cost": 0.0, "hidden_params": "not json"}  # fmt: skip
    found = call(chat(scope_name="litellm", attributes=attributes))
    assert (found.input_tokens, found.reported_cost_usd) == (9, None)
    assert found.tool_calls == [{"id": None, "name": "f", "arguments": {}}]
    broken = call(chat(scope_name="litellm", attributes={"metadata.usage_object": "{'a': open('x')}"}))
    assert broken.input_tokens is None


def test_logfire_2025_has_whole_requests_and_responses():
    attributes = {
        "logfire.msg_template": "Chat Completion with …",
        "request_data": '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Why?"}]}',
        "response_data": '{"message": {"role": "assistant", "content": "So."}, "usage": {"prompt_tokens": 5}}',
    }
    found = call(span(attributes=attributes))
    assert (found.request_model, found.input_text, found.output_text, found.input_tokens) == (
        "gpt-4o",
        "Why?",
        "So.",
        5,
    )
    stream = {**attributes, "response_data": '{"combined_chunk_content": "So.", "chunk_count": 3}'}
    assert call(span(attributes=stream)).output_text == "So."
    whole = {**attributes, "response_data": '{"choices": [{"message": {"content": "So."}}], "id": "chatcmpl-1"}'}
    assert call(span(attributes=whole)).output_text == "So."
    assert call(span(attributes={**attributes, "logfire.level_num": 17})).status == Status.ERROR
    assert assemble([span(attributes={**attributes, "request_data": "x"})], [], now=NOW).calls == []


def test_pydantic_ai_2025_puts_content_in_one_attribute():
    events = (
        '[{"event.name": "gen_ai.user.message", "content": "Why?", "role": "user"},'
        ' {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "So."}}, 7]'
    )
    found = call(chat(scope_name="pydantic-ai", attributes={"events": events}))
    assert (found.input_text, found.output_text) == ("Why?", "So.")
    agent = span(
        "agent run", scope_name="pydantic-ai", attributes={"gen_ai.usage.input_tokens": 9, "agent_name": "geo"}
    )
    assert assemble([agent], [], now=NOW).calls == []
    plain = '[{"event.name": "gen_ai.choice", "message": "So."}]'
    assert call(chat(scope_name="pydantic-ai", attributes={"events": plain})).output_text == "So."


def test_mlflow_reads_what_is_no_api_object_as_it_is():
    found = call(told(mlflow__spanType='"LLM"', mlflow__spanInputs='"Why?"', mlflow__spanOutputs='"So."', model='"m"'))
    assert (found.input_text, found.output_text, found.request_model) == ("Why?", "So.", "m")
    docs = read(told(mlflow__spanType='"RETRIEVER"', mlflow__spanOutputs='[{"page_content": "A"}]'), ())
    assert docs["documents"] == [{"page_content": "A"}]


def test_vercel_4_passes_anthropics_own_count_on():
    found = call(span(attributes={
        "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "claude",
        "ai.model.provider": "anthropic.messages",
        "ai.usage.promptTokens": 5, "ai.usage.completionTokens": 1, "ai.response.reasoning": "Hm.",
        "ai.response.providerMetadata": '{"anthropic": {"cacheReadInputTokens": 100}, "other": 1}',
    }))  # fmt: skip
    assert (found.input_tokens, found.cache_read_tokens, found.reasoning_text) == (105, 100, "Hm.")


def test_openinference_reads_images_costs_and_embedded_texts():
    image = "llm.input_messages.0.message.contents.0.message_content"
    found = call(span(attributes={
        "openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.cost.total": 0.01,
        f"{image}.type": "image", f"{image}.image.image.url": "data:image/png;base64,aGk=",
        "llm.input_messages.0.message.role": "user", "llm.input_messages.10.message.content": "last",
        "llm.input_messages.2.message.content": "first",
        "output.value": '{"stop_reason": "end_turn", "llm_output": {"id": "x"}, "content": "Hi", "role": "assistant"}',
    }))  # fmt: skip
    assert (found.reported_cost_usd, found.input_text, found.finish_reason) == (0.01, "last", "stop")
    assert "image" in found.modalities
    embedded = call(span(attributes={
        "openinference.span.kind": "EMBEDDING", "embedding.model_name": "e",
        "embedding.embeddings.0.embedding.text": "a",
    }))  # fmt: skip
    assert (embedded.operation, embedded.input_text) == (Operation.EMBEDDING, "a")
    ranked = {"openinference.span.kind": "RERANKER", "reranker.output_documents.0.document.content": "A",
              "reranker.output_documents.0.document.metadata": '{"k": 1}', "reranker.model_name": "r"}  # fmt: skip
    assert read(span(attributes=ranked), ())["documents"] == [{"content": "A", "metadata": {"k": 1}}]
    nothing = span(attributes={"openinference.span.kind": "LLM"}, status_code=2)
    assert assemble([nothing], [], now=NOW).calls == []


def test_the_conventions_own_documents_and_tools_are_read():
    found = read(told(gen_ai__operation__name="retrieval", gen_ai__retrieval__documents='[{"id": "1"}]'), ())
    assert (found["kind"], found["documents"]) == (SpanKind.RETRIEVAL, [{"id": "1"}])
    assert call(chat(attributes={"gen_ai.tool.definitions": "[{}, {}]"})).tools_offered == 2
    assert call(chat(attributes={"gen_ai.response.finish_reasons": '["stop"]'})).finish_reasons == ["stop"]


def test_a_providers_spellings_are_folded_and_a_frameworks_name_is_none():
    for spelt, name in (("OpenAI", "openai"), ("openai.chat", "openai"), ("az.ai.openai", "azure.ai.openai")):
        assert call(chat(attributes={"gen_ai.provider.name": spelt})).provider == name
    unknown = chat(attributes={"gen_ai.provider.name": "langchain", "gen_ai.request.model": "my-own"})
    assert call(unknown).provider is None


def test_flattened_lists_survive_a_value_where_a_branch_begins():
    made = chat(attributes={"llm.request.type": "chat", "gen_ai.prompt.0": "x", "gen_ai.prompt.0.content": "Why?",
                            "gen_ai.prompt.0.role": "user"})  # fmt: skip
    assert call(made).input_text == "Why?"
    assert call(replace(made, attributes={**made.attributes, "gen_ai.prompt.1": "x"})).input_text == "Why?"


def test_what_a_vector_store_found_goes_to_the_answer_that_used_it():
    found = [event("db.query.result", db__query__result__id="7", db__query__result__document="Orders ship on Monday.",
                   db__query__result__distance=0.2, db__query__result__metadata='{"k": 1}')]  # fmt: skip
    told = {"db.system": "chroma", "db.operation": "query"}
    search = span("chroma.query", ms=10, attributes=told, events=tuple(found))
    asked = chat(at=20, trace_id=search.trace_id, attributes={"gen_ai.input.messages": said("When?")})
    [answer] = assemble([search, asked], [], now=NOW).calls
    assert answer.retrieved == [{"id": "7", "content": "Orders ship on Monday.", "score": 0.2, "metadata": {"k": 1}}]
    assert read(replace(search, attributes={**told, "db.system": "postgresql"}), ()).get("kind") is None
    assert read(span("chroma.add", attributes={"db.system": "chroma"}), ()).get("kind") is None


def test_operations_on_pictures_sound_and_rules_are_calls_of_their_kind():
    for name, operation in (("image", Operation.IMAGE), ("speech", Operation.AUDIO), ("moderation", Operation.OTHER)):
        assert call(chat(attributes={"gen_ai.operation.name": name})).operation == operation


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"guardrail_name": "pii", "guardrail_status": "success"}, ("pii", 0.0, "passed", None)),
        ({"guardrail_name": "pii", "guardrail_status": "guardrail_intervened",
          "guardrail_violation_categories": '["EMAIL"]'}, ("pii", 1.0, "triggered", '["EMAIL"]')),
        ({"guardrail_name": "pii", "guardrail_status": "guardrail_failed_to_respond"}, None),
        ({"rail.name": "self check input", "rail.stop": True}, ("self check input", 1.0, "triggered", None)),
        ({"validator_name": "toxic", "output.value": "pass"}, ("toxic", 0.0, "passed", None)),
        ({"openinference.span.kind": "GUARDRAIL", "output.value": '{"valid": false, "reason": "rude"}'},
         ("check", 1.0, "triggered", "rude")),
        ({"openinference.span.kind": "GUARDRAIL"}, None),
        ({"openinference.span.kind": "EVALUATOR", "output.value": '[{"name": "fit", "score": 0.5, "label": "fair"}]'},
         ("fit", 0.5, "fair", None)),
        ({"langfuse.observation.type": "guardrail", "langfuse.observation.output": '{"blocked": true}'},
         ("check", 1.0, "triggered", None)),
        ({"langfuse.observation.type": "evaluator", "langfuse.observation.output": '{"value": true, "comment": "ok"}'},
         ("check", 1.0, None, "ok")),
        ({"mlflow.spanType": '"GUARDRAIL"', "mlflow.spanOutputs": '{"passed": true}'}, ("check", 0.0, "passed", None)),
        ({"mlflow.spanType": '"EVALUATOR"', "mlflow.spanOutputs": '{"score": 3}'}, ("check", 3.0, None, None)),
        ({"annotations.0.annotation.name": "tone", "annotations.0.annotation.label": "kind"},
         ("tone", None, "kind", None)),
    ],
)  # fmt: skip
def test_outcomes_are_read_whoever_tells_them(told, outcome):
    [found] = read(span(name="check", attributes=told), ()).get("outcomes") or [None]
    assert (found and (found["name"], found["value"], found["label"], found["explanation"])) == outcome


def test_the_scores_of_an_evaluated_case_are_read():
    cases = {"scores": '{"accuracy": {"value": 0.9, "reason": "close"}}', "assertions": '{"polite": {"value": true}}',
             "labels": '{"tone": {"value": "warm"}}'}  # fmt: skip
    found = read(span(scope_name="pydantic-evals", attributes=cases), ())["outcomes"]
    assert [(o["name"], o["value"], o["label"]) for o in found] == [
        ("accuracy", 0.9, None), ("tone", None, "warm"), ("polite", 1.0, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "told", "found"),
    [
        ("opentelemetry.instrumentation.pinecone", {"db.system": "pinecone", "db.operation": "query"}, []),
        ("opentelemetry.instrumentation.qdrant", {"db.system": "qdrant", "db.operation": "query"}, None),
        ("openlit", {"db.system.name": "qdrant", "db.operation.name": "search", "db.response.returned_rows": 0}, []),
        ("openlit", {"db.system.name": "qdrant", "db.operation.name": "search", "db.response.returned_rows": 3}, None),
    ],
)  # fmt: skip
def test_a_search_says_that_it_found_nothing_only_where_it_tells_what_it_finds(scope, told, found):
    assert read(span(scope_name=scope, attributes=told), ()).get("documents") == found
