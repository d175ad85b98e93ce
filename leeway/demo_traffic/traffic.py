"""Two days of exchanges: who comes, to which application, and in which file it is logged."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from leeway.demo_traffic.apps import Exchange, Visit, World, agent, extract, summarise, support
from leeway.demo_traffic.arrivals import Profile, arrivals
from leeway.demo_traffic.otlp_lines import as_lines
from leeway.demo_traffic.story import Story, Trouble, as_json, planted
from leeway.demo_traffic.texts import Texts, read_texts
from store.model import LLMCall

VISITS = 7_800
APPS = (support, summarise, extract, agent)
APP_WEIGHTS = (54, 19, 15, 12)
TRACED_SUPPORT = 0.4  # the share of support answers that comes as traces; the agent's always do
STAGING = 0.07
USERS_PER_SHOP = 45
SESSION = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Traffic:
    logged: tuple[LLMCall, ...]
    traced: tuple[Exchange, ...]
    story: Story


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a demo, and what was planted in them."""

    calls: Path
    traces: Path
    manifest: Path
    story: Story


def traffic(folder: Path, *, now: datetime, seed: int, visits: int = VISITS) -> Traffic:
    """Make the two days that end at `now`; the same seed makes the same days. `folder` holds the sample texts."""
    rng = random.Random(seed)  # noqa: S311 - traffic, not secrets
    world = World(read_texts(folder), Profile(folder), planted(now), rng)
    logged: list[LLMCall] = []
    traced: list[Exchange] = []
    for visit in _visits(world, arrivals(now, visits, world.profile, rng)):
        app = support if visit.topic is world.texts.recall else rng.choices(APPS, APP_WEIGHTS)[0]
        exchange = app(world, visit)
        if app is agent or (app is support and rng.random() < TRACED_SUPPORT):
            traced.append(exchange)
        else:
            logged.extend(exchange.calls)
    return Traffic(tuple(logged), tuple(traced), world.story)


def write(made: Traffic, out: Path) -> Written:
    """Write calls in Leeway's own JSONL, traces in OTLP JSON lines, and the manifest."""
    written = Written(out / "demo_calls.jsonl", out / "demo_traces.otlp.jsonl", out / "demo_manifest.json", made.story)
    written.calls.write_bytes(b"".join(orjson.dumps(_record(call)) + b"\n" for call in made.logged))
    written.traces.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in as_lines(made.traced)))
    written.manifest.write_bytes(orjson.dumps(as_json(made.story), option=orjson.OPT_INDENT_2) + b"\n")
    return written


def _record(call: LLMCall) -> dict[str, Any]:
    """A call as one of Leeway's own JSONL lines: what is unknown is left out."""
    values = {name: getattr(call, name) for name in call.__struct_fields__}
    return {name: value for name, value in values.items() if value is not None and value != []}


def _visits(world: World, moments: list[datetime]) -> Iterator[Visit]:
    seen: dict[str, tuple[datetime, str]] = {}
    for at in moments:
        shop, topic = _whom(world, at)
        user = f"{shop.tenant}-{world.rng.randrange(USERS_PER_SHOP):02d}"
        last, session = seen.get(user, (at - 2 * SESSION, ""))
        if at - last > SESSION:
            session = f"{user}-{world.rng.getrandbits(32):08x}"
        seen[user] = at, session
        environment = "staging" if world.rng.random() < STAGING else "production"
        yield Visit(at=at, shop=shop, user_id=user, session_id=session, environment=environment, topic=topic)


def _whom(world: World, at: datetime) -> tuple[Any, Any]:
    texts: Texts = world.texts
    if world.story.strikes(Trouble.NEW_TOPIC, at, world.rng.random()):
        return next(shop for shop in texts.shops if shop.tenant == "kestrel"), texts.recall
    shop = world.rng.choices(texts.shops, [shop.weight for shop in texts.shops])[0]
    return shop, world.rng.choices(texts.topics, [topic.weight for topic in texts.topics])[0]
