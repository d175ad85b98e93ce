"""What a model costs by the bundled `genai-prices` list: dated, tiered, by the hour where providers do so. Offline."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices, TimeOfDateConstraint

from store.model import CostStatus
from store.prices import PRICES

DAY_MINUTES = 24 * 60
MOST_TOKENS = 12  # of a model name; nobody names a deployment in more words and means one of them
DATE = re.compile(r"[-_@]?(20\d{2}-?\d{2}-?\d{2}|\d{4})$")


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the list. `status` is guessed when its name only looks like the one that was asked for."""

    model: ModelInfo
    provider: str
    status: CostStatus

    @property
    def source(self) -> str:
        return f"genai-prices {version('genai-prices')}: {self.provider}/{self.model.id}"


@lru_cache(maxsize=4096)
def entry(provider: str | None, model: str) -> Entry | None:
    """The list's entry for a model of a provider (in OpenTelemetry's or anybody's words), None when there is none."""
    # A list of its own: the package's remembers every name it was ever asked for, and logs can name any number.
    listed = DataSnapshot(providers=get_snapshot().providers, from_auto_update=False)
    if found := _listed(listed, provider, model):
        return Entry(*found, CostStatus.PRICED)
    for hint, name in _alike(provider, model):
        if found := _listed(listed, hint, name):
            return Entry(*found, CostStatus.GUESSED)
    return None


def _listed(prices: DataSnapshot, provider: str | None, model: str) -> tuple[ModelInfo, str] | None:
    spelled = provider.lower().replace("_", "-") if provider else None
    try:
        where, found = prices.find_provider_model(model, None, spelled, None)
    except LookupError:
        return None
    return found, where.id


def _alike(provider: str | None, model: str) -> Iterator[tuple[str | None, str]]:
    """Other ways to read a name, the nearest first: without gateway, region, date, or the words around it."""
    *prefix, tail = model.split("/")
    bare = re.sub(r"^(?:[a-z]+\.)+(?=[a-z])", "", re.sub(r"[:@].*$", "", tail.lower()))
    if prefix:
        yield prefix[-1], tail
    for name in (model, tail, bare, DATE.sub("", bare), *_runs(bare)):
        yield provider, name
        yield None, name


def _runs(name: str) -> Iterator[str]:
    """Runs of at least two words of a name, the longest first: `acme-gpt-4o-eu` has `gpt-4o` in it."""
    words = re.split(r"[-_]", name)[:MOST_TOKENS]
    for length in range(len(words) - 1, 1, -1):
        for start in range(len(words) - length + 1):
            if words[start][:1].isalpha():
                yield "-".join(words[start : start + length])


def rows(listed: Entry, day: date) -> Iterator[dict[str, Any]]:
    """The prices of a day in USD per million tokens: a row per time of day and size of the prompt."""
    starts = sorted({0, *_changes(listed.model)})
    for start, end in zip(starts, [*starts[1:], DAY_MINUTES], strict=True):
        moment = datetime.combine(day, time(), UTC) + timedelta(minutes=start)
        for tier in _tiers(listed.model.get_prices(moment)):
            yield {"from_minute": start, "to_minute": end, **tier}


def _changes(model: ModelInfo) -> Iterator[int]:
    """Minutes of the day at which the price of a model may change."""
    for price in model.prices if isinstance(model.prices, list) else ():
        if isinstance(price.constraint, TimeOfDateConstraint):
            yield _minute(price.constraint.start_time)
            yield _minute(price.constraint.end_time)


def _minute(moment: time) -> int:
    utc = datetime.combine(date(2000, 1, 2), moment, moment.tzinfo or UTC).astimezone(UTC)
    return utc.hour * 60 + utc.minute


def _tiers(price: ModelPrice) -> Iterator[dict[str, Any]]:
    values = {name: price.__dict__.get(name) for name in PRICES}
    tiered = [value for value in values.values() if isinstance(value, TieredPrices)]
    starts = [-1, *sorted({tier.start for value in tiered for tier in value.tiers})]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        yield {"tier_start": start, "tier_end": end, **{name: _at(value, start) for name, value in values.items()}}


def _at(value: Any, tokens: int) -> float | None:
    """The price of a prompt with just over `tokens` tokens: the tier that is reached holds for the whole call."""
    if isinstance(value, TieredPrices):
        reached = [tier.price for tier in value.tiers if tier.start <= tokens]
        return float(reached[-1] if reached else value.base)
    return None if value is None else float(value)
