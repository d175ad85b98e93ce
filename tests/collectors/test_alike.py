"""Spans alike are read once: the calls are those that reading each of them gives."""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from collectors.assemble import assemble
from collectors.batch import batch_of
from collectors.spans.alike import FEW, apart
from collectors.spans.candidate import told_once
from collectors.spans.columns import made
from store.calls import bare_table
from store.model import LogRecord, Span
from store.spans import spans_of
from tests.collectors.spans import START, chat, event, log, said

NOW = datetime.fromtimestamp(START / 1e9 + 3600, tz=UTC)
OWN: dict[str, list[Any]] = {
    "gen_ai.response.id": [*(f"chatcmpl-{n:024}" for n in range(60)), "r-1", "", 7],
    "gen_ai.conversation.id": ["s1", "s2", "None", "", 5, True],
    "user.id": ["u1", "u2", None, [1]],
    "tenant": ["acme", 3],
    "gen_ai.usage.input_tokens": [12, 900, 0, -1, "7", 2.5, 1 << 40],
    "gen_ai.usage.output_tokens": [5, 80, 0, True, None],
    "gen_ai.usage.cache_read.input_tokens": [0, 4, 5000],
    "gen_ai.usage.reasoning.output_tokens": [0, 3, 500],
    "gen_ai.usage.total_tokens": [17, 905],
    "gen_ai.response.time_to_first_chunk": [0.2, 1.5, -1.0, "0.3", float("nan")],
    "gen_ai.request.stream": [True, False],
    "gen_ai.request.temperature": [0.2, 1, True],
    "gen_ai.response.finish_reasons": [["stop"], ["length"], "stop"],
    "gen_ai.system_instructions": ['[{"type":"text","content":"Be kind."}]'],
    "gen_ai.input.messages": [
        said("Why?"), said("How?"), said("[REDACTED]"), said(""), said("x", "system"), "[]", '[{"role":"user","par',
        '[{"role":"user","parts":[{"type":"text","content":"a"}]},{"role":"tool","parts":[]}]', "plain", 3, None,
    ],
    "gen_ai.output.messages": [
        said("So.", "assistant"), said("Caf\\u00e9 \\ud83d\\ude00", "assistant"), said("y", "model"),
        '[{"role":"assistant","parts":[{"type":"tool_call","id":"1","name":"f","arguments":"{}"}]}]', None,
        '[{"role":"assistant","parts":[{"type":"text","content":"So"}],"finish_reason":"length"}]',
    ],
    "request.no": [1, True, 1.0, "a", "", ["a"], '{"cut', None],
    "server.port": [443, 80],
    "error.type": ["RateLimitError"],
}  # fmt: skip


def escaping(value: Any) -> str:
    """Write JSON as PHP does."""
    return json.dumps(value).replace("/", "\\/").replace("a", "\\u0061")


@st.composite
def many(draw: st.DrawFn) -> list[Span]:
    """A dozen or more spans of one or two shapes, most of which say the same, some something odd."""
    made: list[Span] = []
    for _ in range(draw(st.integers(1, 2))):
        names = draw(st.lists(st.sampled_from(sorted(OWN)), max_size=9, unique=True))
        scope = draw(st.sampled_from(["some.instrumentation", "other.instrumentation", "openlit.anthropic"]))
        for _ in range(draw(st.integers(FEW, 2 * FEW))):
            values = {name: draw(st.sampled_from([*OWN[name][:1] * 6, *OWN[name]])) for name in names}
            if "gen_ai.response.id" in values and draw(st.booleans()):
                values["gen_ai.response.id"] = draw(st.sampled_from(OWN["gen_ai.response.id"]))
            ms = draw(st.sampled_from([100, 250, 0, -5, 2**40]))
            made.append(chat(at=len(made) * 7, ms=ms, attributes=values, scope_name=scope))
    made[0] = draw(st.sampled_from([made[0], chat(scope_name=made[0].scope_name, trace_id=made[1].trace_id)]))
    return made


def same_as_one_by_one(spans: list[Span], logs: list[LogRecord] | None = None) -> None:
    made, one_by_one = batch_of(spans, logs or [], [], now=NOW), assemble(spans, logs or [], now=NOW)
    found, expected = made.calls.to_pylist(), bare_table(one_by_one.calls).to_pylist()
    assert sorted(found, key=str) == sorted(expected, key=str)
    kinds = {(row["trace_id"], row["span_id"]): row["kind"] for row in made.spans.to_pylist()}
    assert kinds == one_by_one.kinds
    assert sorted(spans_of(made.spans, made.calls), key=id_of) == sorted(
        map(as_stored, told_once(spans).values()), key=id_of
    )


def id_of(span: Span) -> tuple[str, str]:
    return span.trace_id, span.span_id


def as_stored(span: Span) -> Span:
    return replace(span, attributes=orjson.loads(orjson.dumps(span.attributes)))


@settings(max_examples=80, deadline=None)
@given(many())
def test_spans_read_together_give_the_calls_of_each_read_alone(spans: list[Span]):
    same_as_one_by_one(spans)


def fellows(**more: Any) -> list[Span]:
    return [chat(at=n * 200, attributes={"gen_ai.response.id": f"chatcmpl-{n:024}"}, **more) for n in range(FEW)]


def test_most_calls_that_differ_in_their_own_values_alone_are_read_together():
    groups, rest = apart(made(fellows()), [], now=NOW)
    assert [len(group.of) for group in groups] == [FEW]
    assert rest.tolist() == []


@pytest.mark.parametrize(
    "text",
    [
        "Why?",
        "a\nb",
        'a "b" \\ c',
        "Café 😀",
        "",
        "[REDACTED]",
        "user",
        "content",
        "x" * 70,
        '"}]}]',
        "[{",
        "\x7f\u2028",
    ],
)
@pytest.mark.parametrize(
    "dumps", [json.dumps, partial(json.dumps, ensure_ascii=False, separators=(",", ":")), escaping]
)
def test_texts_are_taken_out_however_they_are_written_and_put_back_as_they_were(text, dumps):
    def told(number: int) -> str:
        said = text if number in (0, 3) else f"{number} {text}"
        return dumps([{"role": "user", "parts": [{"type": "text", "content": said}]}])

    answers = [dumps([{"role": "assistant", "finish_reason": "stop", "parts": [{"content": f"{n}", "type": "text"}]}])
               for n in range(FEW)]  # fmt: skip
    asked = [{"gen_ai.input.messages": told(n), "gen_ai.output.messages": answers[n]} for n in range(FEW)]
    same_as_one_by_one([chat(at=n * 200, attributes=of) for n, of in enumerate(asked)])


def test_each_ended_as_its_own_messages_say():
    ends = ["stop", "length"] * FEW
    told = [f'[{{"role":"assistant","parts":[{{"type":"text","content":"{n}"}}],"finish_reason":"{end}"}}]'
            for n, end in enumerate(ends)]  # fmt: skip
    spans = [chat(at=n * 200, attributes={"gen_ai.output.messages": said}) for n, said in enumerate(told)]
    assert batch_of(spans, [], [], now=NOW).calls["finish_reason"].to_pylist().count("length") == FEW
    same_as_one_by_one(spans)


def test_one_that_may_be_told_twice_is_not_read_with_the_others():
    made = fellows()
    same_as_one_by_one([*made, chat(at=3000, attributes=dict(made[0].attributes))])
    other = chat(at=3, scope_name="openinference.x", attributes={"openinference.span.kind": "LLM"})
    same_as_one_by_one([*made, other])
    seen_in_json = {
        "openinference.span.kind": "LLM", "llm.model_name": "gpt-4o",
        "output.value": f'{{"id": "chatcmpl-{3:024}"}}', "output.mime_type": "application/json",
    }  # fmt: skip
    elsewhere = chat(at=603, scope_name="openinference.y", resource={"service.name": "b"}, attributes=seen_in_json)
    same_as_one_by_one([*made, elsewhere])


def test_one_with_events_a_log_record_or_fellows_in_its_trace_is_not_read_with_the_others():
    made = fellows()
    told = log(made[1], "gen_ai.user.message", body={"content": "Hi"})
    same_as_one_by_one([*made, chat(events=(event("gen_ai.choice"),))], [told])
    same_as_one_by_one([*made, chat(at=5, trace_id=made[2].trace_id, parent_span_id=made[2].span_id)])


def test_an_evaluation_finds_its_call_among_those_read_together():
    made = fellows()
    judged = log(
        made[0], "gen_ai.evaluation.result", gen_ai__evaluation__name="tone", gen_ai__evaluation__score__value=1.0,
        gen_ai__response__id=f"chatcmpl-{4:024}",
    )  # fmt: skip
    found = batch_of(made, [LogRecord(**{n: getattr(judged, n) for n in judged.__struct_fields__} | {
        "trace_id": "f" * 32, "span_id": "e" * 16})], [], now=NOW)  # fmt: skip
    assert found.evaluations["call_id"].to_pylist() == [f"resp:chatcmpl-{4:024}"]
