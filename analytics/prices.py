"""What calls cost: own prices first, then the list's; every call ends priced, guessed, reported or unpriced."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from importlib.metadata import version
from typing import Any

import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from analytics import price_list
from store import prices
from store.connection import Store
from store.model import CostStatus, Window


class PriceOverride(BaseModel):
    """Your own price, in USD per million tokens, for models that match a glob, from a day on.

    Cache reads and writes cost what input costs unless said otherwise. Without `provider` any provider matches.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    model: str
    provider: str | None = None
    input_mtok: float = Field(ge=0)
    output_mtok: float = Field(ge=0)
    cache_read_mtok: float | None = Field(default=None, ge=0)
    cache_write_mtok: float | None = Field(default=None, ge=0)
    since: date | None = Field(default=None, alias="from")


class PriceSettings(BaseModel):
    """Of several overrides that match, the one with the latest `from` wins, then the one that stands first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    overrides: tuple[PriceOverride, ...] = ()

    @property
    def edition(self) -> str:
        """Changes whenever a price may have changed."""
        said = version("genai-prices") + self.model_dump_json()
        return hashlib.sha256(said.encode()).hexdigest()[:12]


def price_calls(store: Store, settings: PriceSettings, *, now: datetime) -> dict[str, int]:
    """Give every call that has none a cost status; return how many got which.

    When the price list or the overrides have changed, the calls whose price did change are priced again. One
    transaction a day of calls: doing it again, or being stopped in between, does no harm.
    """

    def lookup(wanted: Iterable[prices.Wanted]) -> pa.Table:
        moment = now.astimezone(UTC).replace(tzinfo=None)
        found = ({**row, "edition": settings.edition, "updated_at": moment} for row in _rows(settings, wanted))
        return pa.Table.from_pylist(list(found), schema=prices.SCHEMA)

    with store.transaction() as tx:
        prices.renew(tx, settings.edition, lookup)
    counts = {status.value: 0 for status in CostStatus}
    for day in prices.unpriced_days(store):
        with store.transaction() as tx:
            for status, calls in prices.price(tx, day, lookup).items():
                counts[status] += calls
    return counts


def in_force(store: Store, window: Window) -> pl.DataFrame:
    """The price table of the models that were called in a window, with its date; see `store.prices.seen`."""
    return prices.seen(store, window)


def _rows(settings: PriceSettings, wanted: Iterable[prices.Wanted]) -> Iterator[dict[str, Any]]:
    for one in wanted:
        key = {"provider": one.provider, "model": one.model, "day": one.day}
        if own := _override(settings, one):
            yield {**key, **_own_row(own)}
        elif listed := price_list.entry(one.provider, one.model):
            shared = {**key, "status": listed.status.value, "source": listed.source}
            yield from ({**shared, **row} for row in price_list.rows(listed, one.day))
        else:
            yield {**key, **_WHOLE_DAY, "status": CostStatus.UNPRICED.value, "source": "in no price list"}


_WHOLE_DAY = {"from_minute": 0, "to_minute": price_list.DAY_MINUTES, "tier_start": -1, "tier_end": None}


def _own_row(own: PriceOverride) -> dict[str, Any]:
    given = own.model_dump(include={"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"})
    source = f"own price: {own.model}" + (f" from {own.since}" if own.since else "")
    return {**_WHOLE_DAY, **given, "status": CostStatus.PRICED.value, "source": source}


def _override(settings: PriceSettings, wanted: prices.Wanted) -> PriceOverride | None:
    matching = [own for own in settings.overrides if _matches(own, wanted)]
    return max(matching, key=lambda own: own.since or date.min, default=None)


def _matches(own: PriceOverride, wanted: prices.Wanted) -> bool:
    named = fnmatchcase(wanted.model.lower(), own.model.lower())
    provided = own.provider is None or own.provider.lower() == (wanted.provider or "").lower()
    return named and provided and (own.since is None or own.since <= wanted.day)
