"""What customers and assistants say: `sample_logs/demo_texts.toml`, read and put together."""

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

TOKENS_PER_WORD = 1.33
TICKETS, ORDERS, ANSWERS_OFF_CONTEXT, RUDE_ANSWERS = 260, 180, 90, 60
QUESTIONS_PER_SHOP_AND_TOPIC, AGENT_TURNS_PER_SHOP = 12, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    tenant: str
    name: str
    weight: int
    products: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    name: str
    about: str
    weight: int
    questions: list[str]
    document: list[str]

    def text(self, shop: Shop) -> str:
        return " ".join(self.document).format(shop=shop.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A customer's message and its summaries by the two prompt versions."""

    text: str
    summary: str
    padded_summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    text: str
    fields: Mapping[str, str | int]


def tokens(text: str) -> int:
    """About as many tokens as a model would count."""
    return max(1, round(len(text.split()) * TOKENS_PER_WORD))


class Texts:
    """The raw texts, and pools of what is made of them.

    Pools are bounded so that a text comes up again and again, as in a real shop; each is the same on every run.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.shops = [Shop(**shop) for shop in raw["shops"]]
        self.topics = [Topic(**topic) for topic in raw["topics"]]
        self.recall = Topic(**raw["recall"])
        self.voices: Mapping[str, list[str]] = raw["voices"]
        self._raw = raw

    @cached_property
    def tickets(self) -> list[Ticket]:
        return [self._ticket(random.Random(f"ticket {number}")) for number in range(TICKETS)]  # noqa: S311

    @cached_property
    def orders(self) -> list[Order]:
        return [self._order(random.Random(f"order {number}")) for number in range(ORDERS)]  # noqa: S311

    @cached_property
    def invented(self) -> list[str]:
        return [
            " ".join(random.Random(f"invented {number}").sample(self.voices["invented"], 4))  # noqa: S311
            for number in range(ANSWERS_OFF_CONTEXT)
        ]

    @cached_property
    def rude(self) -> list[str]:
        return [
            " ".join(random.Random(f"rude {number}").sample(self.voices["insults"], 3))  # noqa: S311
            for number in range(RUDE_ANSWERS)
        ]

    def question(self, topic: Topic, shop: Shop, rng: random.Random) -> str:
        """A customer's question; a few favourites of each topic come up more often than the rest."""
        number = min(rng.randrange(QUESTIONS_PER_SHOP_AND_TOPIC), rng.randrange(QUESTIONS_PER_SHOP_AND_TOPIC))
        return self._question(topic, shop, random.Random(f"{topic.name} {shop.tenant} {number}"))  # noqa: S311

    def _question(self, topic: Topic, shop: Shop, rng: random.Random) -> str:
        asked = rng.choice(topic.questions).format(product=rng.choice(shop.products), shop=shop.name)
        before, after = rng.choice(self.voices["greetings"]), rng.choice(self.voices["goodbyes"])
        return before + asked + after.format(order=1000 + rng.randrange(100))

    def answer(self, topic: Topic, shop: Shop, wanted_tokens: int) -> str:
        """An answer out of the topic's document in the shop's voice, about as long as is wanted."""
        voice = self.shops.index(shop) % len(self.voices["openings"])
        opening = self.voices["openings"][voice].format(about=topic.about)
        sentences = [sentence.format(shop=shop.name) for sentence in topic.document]
        kept = next((n for n in (3, 5) if tokens(" ".join(sentences[:n])) >= wanted_tokens), len(sentences))
        return opening + " ".join(sentences[:kept]) + self.voices["closings"][voice]

    def agent_turn(self, shop: Shop, rng: random.Random) -> tuple[str, str]:
        """What a customer asks the agent, and what it answers in the end."""
        fixed = random.Random(f"agent {shop.tenant} {rng.randrange(AGENT_TURNS_PER_SHOP)}")  # noqa: S311
        which = fixed.randrange(len(self._raw["agent"]["questions"]))
        filled = {"product": fixed.choice(shop.products), "order": 1000 + fixed.randrange(100), "count": 12}
        question, answer = (self._raw["agent"][kind][which].format(**filled) for kind in ("questions", "answers"))
        return question, answer

    def _ticket(self, rng: random.Random) -> Ticket:
        raw, shop, topic = self._raw["tickets"], rng.choice(self.shops), rng.choice(self.topics)
        filled = {"shop": shop.name, "about": topic.about, "product": rng.choice(shop.products)}
        first, second = (words.format(**filled) for words in rng.sample(topic.questions, 2))
        opening, wish = rng.choice(raw["openings"]).format(**filled), rng.choice(raw["wishes"])
        summary = f"The customer of {shop.name} writes about {topic.about}: {first} {wish}"
        padding = [words.format(**filled) for words in rng.sample(raw["padding"], 4)]
        return Ticket(
            text=f"{opening} {first} {second} {wish}",
            summary=summary,
            padded_summary=" ".join([summary, *padding, f"{opening} {second}"]),
        )

    def _order(self, rng: random.Random) -> Order:
        raw = self._raw["orders"]
        product, city = rng.choice(rng.choice(self.shops).products), rng.choice(raw["cities"])
        count = rng.choice([2, 3, 4, 5, 8, 10, 12, 20])
        text = rng.choice(raw["lines"]).format(product=product, city=city, count=count)
        return Order(text=text, fields={"product": product, "quantity": count, "city": city})


def read_texts(folder: Path) -> Texts:
    return Texts(tomllib.loads((folder / "demo_texts.toml").read_text(encoding="utf-8")))
