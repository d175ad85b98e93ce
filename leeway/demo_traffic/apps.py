"""The four applications of the demo: what each asks a model, and what comes back.

Each takes a Visit and gives an Exchange; times, faults and tokens are those of `engines`, incidents those of `story`.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace as changed

from leeway.demo_traffic import engines
from leeway.demo_traffic.arrivals import Profile
from leeway.demo_traffic.engines import Engine, Fault, timings, usage
from leeway.demo_traffic.story import Story, Trouble
from leeway.demo_traffic.texts import Shop, Texts, Topic, tokens
from store.model import ContentState, LLMCall, Status, TokensOrigin

ERROR_SHARE = 0.005
REFUSED_SHARE, EMPTY_SHARE, CUT_SHARE = 0.007, 0.003, 0.006
PROMPT_TOKENS = 120  # instructions that every prompt carries
CUT_AT = 0.6
TOOL_MS = 90
SOURCE = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who comes when."""

    at: datetime
    shop: Shop
    user_id: str
    session_id: str
    environment: str
    topic: Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    arguments: dict[str, Any]
    result: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request to an application: its model calls, and the tool that was run between them."""

    calls: tuple[LLMCall, ...]
    tool: Tool | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What all applications share."""

    texts: Texts
    profile: Profile
    story: Story
    rng: random.Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call to be made: what is known before the model answers."""

    visit: Visit
    engine: Engine
    app: str
    prompt: tuple[str, str]
    system_text: str
    input_text: str
    input_tokens: int
    stream: bool = False
    max_tokens: int = 800


def support(world: World, visit: Visit) -> Exchange:
    """A customer's question, answered out of the help centre."""
    rng, engine = world.rng, world.rng.choices((engines.MINI, engines.HAIKU, engines.FLASH), (45, 27, 28))[0]
    documents = _documents(world, visit)
    off_context = world.story.strikes(Trouble.UNGROUNDED_ANSWERS, visit.at, rng.random())
    version = "v4" if world.story.active(Trouble.UNGROUNDED_ANSWERS, visit.at) else "v3"
    ask = Ask(
        visit=visit,
        engine=engine,
        app="assist-api",
        prompt=("support-answer", version),
        system_text=f"You are the assistant of {visit.shop.name}. Answer from the documents only, in a friendly tone.",
        input_text=world.texts.question(visit.topic, visit.shop, rng),
        input_tokens=_prompt_tokens(world, "conversation", sum(tokens(found["content"]) for found in documents)),
        stream=True,
    )
    rude = engine is engines.FLASH and world.story.strikes(Trouble.TOXIC_ANSWERS, visit.at, rng.random())
    answer = _support_answer(world, visit, off_context=off_context, rude=rude)
    return Exchange(calls=(changed(_made(world, ask, answer), retrieved=documents),))


def _support_answer(world: World, visit: Visit, *, off_context: bool, rude: bool) -> str:
    if rude:
        return world.rng.choice(world.texts.rude)
    if off_context:
        return world.rng.choice(world.texts.invented)
    wanted = world.profile.tokens("conversation", "output", world.rng)
    return world.texts.answer(visit.topic, visit.shop, wanted)


def _documents(world: World, visit: Visit) -> list[dict[str, Any]]:
    """What the search in the help centre found: the right page, and one that is less so."""
    other = world.rng.choice(world.texts.topics)
    pages = [visit.topic] if other is visit.topic else [visit.topic, other]
    return [
        {
            "id": f"help/{visit.shop.tenant}/{page.name}",
            "score": round(world.rng.uniform(0.78, 0.93) - 0.3 * rank, 3),
            "content": page.text(visit.shop),
        }
        for rank, page in enumerate(pages)
    ]


def summarise(world: World, visit: Visit) -> Exchange:
    """A ticket, summed up for the staff."""
    ticket = world.rng.choice(world.texts.tickets)
    long = world.story.active(Trouble.LONG_ANSWERS, visit.at)
    ask = Ask(
        visit=visit,
        engine=engines.REASONER,
        app="ticket-desk",
        prompt=("summarise-ticket", "v5" if long else "v4"),
        system_text="Summarise the customer's ticket for the support staff.",
        input_text=ticket.text,
        input_tokens=_prompt_tokens(world, "conversation", tokens(ticket.text)),
    )
    return Exchange(calls=(_made(world, ask, ticket.padded_summary if long else ticket.summary),))


def extract(world: World, visit: Visit) -> Exchange:
    """An order by e-mail, turned into fields."""
    order = world.rng.choice(world.texts.orders)
    ask = Ask(
        visit=visit,
        engine=engines.LITE,
        app="order-intake",
        prompt=("extract-order", "v2"),
        system_text="Return product, quantity and city of the order as JSON.",
        input_text=order.text,
        input_tokens=_prompt_tokens(world, "code", tokens(order.text)),
        max_tokens=200,
    )
    fields = ", ".join(f'"{name}": {_quoted(value)}' for name, value in order.fields.items())
    return Exchange(calls=(_made(world, ask, "{" + fields + "}"),))


def _quoted(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def agent(world: World, visit: Visit) -> Exchange:
    """An agent that looks an order up before it answers: two model calls around one tool."""
    question, answer = world.texts.agent_turn(visit.shop, world.rng)
    tool = Tool(
        name=world.rng.choice(("lookup_order", "stock_level", "refund_status")),
        arguments={"shop": visit.shop.tenant, "reference": f"40-{1000 + world.rng.randrange(6)}"},
        result={"status": world.rng.choice(("packed", "shipped", "approved")), "pieces": 12},
    )
    ask = Ask(
        visit=visit,
        engine=engines.SONNET,
        app="shop-agent",
        prompt=("shop-agent", "v1"),
        system_text=f"You are the shop agent of {visit.shop.name}. Use the tools before you answer.",
        input_text=question,
        input_tokens=_prompt_tokens(world, "code", tokens(question)),
        stream=True,
    )
    first = _calling(_made(world, ask, "", troubled=False), tool, world.rng)
    if first.status is Status.ERROR:
        return Exchange(calls=(first,))
    later = replace(visit, at=_end(first) + timedelta(milliseconds=TOOL_MS))
    second = _made(world, replace(ask, visit=later, input_tokens=ask.input_tokens + 90), answer)
    return Exchange(calls=(first, changed(second, trace_id=first.trace_id)), tool=tool)


def _calling(call: LLMCall, tool: Tool, rng: random.Random) -> LLMCall:
    """`call` with a request to run `tool` instead of an answer."""
    if call.status is Status.ERROR:
        return call
    request = {"id": f"toolu_{_hex(rng, 20)}", "name": tool.name, "arguments": tool.arguments}
    return changed(
        call, output_text=None, tool_calls=[request], finish_reason="tool_call", output_tokens=rng.randint(38, 60)
    )


def _end(call: LLMCall) -> datetime:
    return call.ended_at or call.event_time


def _prompt_tokens(world: World, kind: str, shown: int) -> int:
    """A prompt's tokens as measured in the field, and at least what stands in the log."""
    return max(world.profile.tokens(kind, "input", world.rng), PROMPT_TOKENS + shown)


def _made(world: World, ask: Ask, answer: str, *, troubled: bool = True) -> LLMCall:
    """The call as it went; `troubled`: the answer may be refused, empty or cut."""
    rng = world.rng
    anthropic = ask.engine.provider == "anthropic"
    if anthropic and world.story.strikes(Trouble.SLOW_PROVIDER, ask.visit.at, rng.random()):
        return _failed(_begun(ask, rng), engines.RATE_LIMITED, rng)
    if rng.random() < ERROR_SHARE:
        return _failed(_begun(ask, rng), rng.choice(engines.BACKGROUND), rng)
    slow = anthropic and world.story.active(Trouble.SLOW_PROVIDER, ask.visit.at)
    said, finish = _mishap(world, answer, rng.random()) if troubled else (answer, "stop")
    return _answered(_begun(ask, rng), ask, said, finish, rng, slow=slow)


def _mishap(world: World, answer: str, dice: float) -> tuple[str, str]:
    """What is said in the end, and why it ended: now and then a model refuses, says nothing, or is cut short."""
    if dice < REFUSED_SHARE:
        return world.rng.choice(world.texts.voices["refusals"]), "stop"
    if dice < REFUSED_SHARE + EMPTY_SHARE:
        return "", "stop"
    if dice < REFUSED_SHARE + EMPTY_SHARE + CUT_SHARE:
        return answer[: int(len(answer) * CUT_AT)], "length"
    return answer, "stop"


def _begun(ask: Ask, rng: random.Random) -> LLMCall:
    visit = ask.visit
    return LLMCall(
        call_id=f"call_{_hex(rng, 24)}",
        source=SOURCE,
        event_time=visit.at,
        started_at=visit.at,
        provider=ask.engine.provider,
        request_model=ask.engine.model,
        model=ask.engine.model,
        stream=ask.stream,
        temperature=0.2,
        max_tokens=ask.max_tokens,
        system_text=ask.system_text,
        input_text=ask.input_text,
        content_state=ContentState.FULL,
        trace_id=_hex(rng, 32),
        span_id=_hex(rng, 16),
        session_id=visit.session_id,
        user_id=visit.user_id,
        tenant=visit.shop.tenant,
        service=ask.app,
        environment=visit.environment,
        prompt_name=ask.prompt[0],
        prompt_version=ask.prompt[1],
    )


def _answered(call: LLMCall, ask: Ask, said: str, finish: str, rng: random.Random, *, slow: bool) -> LLMCall:
    counts = usage(ask.engine, ask.input_tokens, tokens(said), rng)
    first_ms, last_ms = timings(ask.engine, ask.input_tokens, counts["output_tokens"], rng, slow=slow)
    return changed(
        call,
        **counts,
        ended_at=call.event_time + timedelta(milliseconds=last_ms),
        latency_ms=last_ms,
        ttft_ms=first_ms if ask.stream else None,
        status=Status.OK,
        http_status=200,
        response_model=ask.engine.model,
        response_id=ask.engine.id_prefix + _hex(rng, 24),
        tokens_origin=TokensOrigin.PROVIDER,
        finish_reason=finish,
        output_text=said,
    )


def _failed(call: LLMCall, fault: Fault, rng: random.Random) -> LLMCall:
    took = round(fault.latency_ms * rng.uniform(0.95, 1.2), 1)
    return changed(
        call,
        ended_at=call.event_time + timedelta(milliseconds=took),
        latency_ms=took,
        status=Status.ERROR,
        http_status=fault.status,
        error_type=fault.type,
        error_message=fault.message,
    )


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(digits * 4):0{digits}x}"
