"""Whom a number that moved concerns: how many people and tenants, in words, for a message."""

from analytics.campaigns import NOBODY, campaigns
from analytics.evaluator import evaluators
from analytics.examples import telling
from analytics.metric import metric
from store.connection import Store
from store.examples import concerned
from store.model import Filters, Window


def affected(store: Store, name: str, window: Window, filters: Filters) -> str:
    """Return `7 of 40 users, 2 of 12 tenants`: of a rate those with bad calls, else all whose calls it is made of.

    Of attempts to take over the model also how many are one campaign. Empty where calls name neither.
    """
    found = concerned(
        store, window, filters, telling(name), evaluator=metric(name).evaluator, names=tuple(evaluators())
    )
    rate = metric(name).kind == "rate"
    told = (_of(found[who], found[f"all_{who}"], who, rate=rate) for who in ("users", "tenants"))
    campaign = _campaign(store, window, filters) if metric(name).evaluator == "injection" else ""
    return ", ".join(part for part in (*told, campaign) if part)


def _campaign(store: Store, window: Window, filters: Filters) -> str:
    """`41 attempts nearly the same by 3 users (38 not declined)`: the largest campaign, if there is one."""
    for one in campaigns(store, window, filters):
        known = len({*one.users} - {NOBODY})
        who = f" by {known:,} user{'s' * (known > 1)}" if known else ""
        return f"{len(one.attempts):,} attempts nearly the same{who} ({one.complied:,} not declined)"
    return ""


def _of(some: int, everyone: int, who: str, *, rate: bool) -> str:
    if not some:
        return ""
    word = who if (everyone if rate else some) > 1 else who.removesuffix("s")
    return f"{some:,} of {everyone:,} {word}" if rate else f"{some:,} {word}"
