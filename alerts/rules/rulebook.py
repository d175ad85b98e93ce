"""Rules as they are kept in the store: saved one by one from the pages, or set as a whole from a file."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from alerts.rule import Rule
from alerts.rules.defaults import ORIGIN
from alerts.rules.rulefile import as_table, as_toml, rule_from, rules_from_text
from store import rules
from store.connection import Store, Transaction
from store.errors import ConfigError


def set_rules(store: Store, wanted: Sequence[Rule], *, origin: str, by: str, now: datetime) -> None:
    """Make the stored rules of one `origin` (a file, the demo) what `wanted` says; the others stay."""
    keep = {rule.id for rule in wanted}
    with store.transaction() as tx:
        for rule in wanted:
            save_rule(tx, rule, origin=origin, by=by, now=now)
        for old in rules.stored_rules(tx):
            if old.origin == origin and old.rule_id not in keep:
                rules.delete_rule(tx, old.rule_id, by=by, now=now)


def begin(store: Store, wanted: Iterable[Rule], *, now: datetime) -> bool:
    """Keep the rules of a first start, unless there ever was one: what somebody deleted does not come back."""
    if rules.ever_ruled(store):
        return False
    set_rules(store, list(wanted), origin=ORIGIN, by="first start", now=now)
    return True


def restore(store: Store, rule_id: str, version: int, *, by: str, now: datetime) -> int:
    """Make an earlier version of a rule the newest and return its number. Raises ConfigError when there is none."""
    with store.transaction() as tx:
        table = rules.rule_version(tx, rule_id, version)
        if table is None:
            raise ConfigError(f"rule {rule_id!r} has no version {version}")
        stored = rules.stored_rule(tx, rule_id)
        rule = rule_from(table, where=f"version {version}")
        return save_rule(tx, rule, origin=stored.origin if stored else "ui", by=by, now=now)


def written(store: Store) -> str:
    """Every stored rule as the text of an `alerts.toml`. What can no longer be read is left out."""
    readable = []
    for stored in rules.stored_rules(store):
        with suppress(ConfigError):
            readable.append(rule_from(stored.definition, where=stored.rule_id))
    return as_toml(readable)


def read(store: Store, text: str, *, metrics: Iterable[str], by: str, now: datetime) -> list[str]:
    """Keep the rules of an `alerts.toml` beside those there are; return their ids. Raises ConfigError, keeping none."""
    wanted = rules_from_text(text, where="alerts.toml", metrics=metrics)
    with store.transaction() as tx:
        for rule in wanted:
            stored = rules.stored_rule(tx, rule.id)
            save_rule(tx, rule, origin=stored.origin if stored else "ui", by=by, now=now)
    return [rule.id for rule in wanted]


def save_rule(tx: Transaction, rule: Rule, *, origin: str, by: str, now: datetime, paused: bool | None = None) -> int:
    """Keep a rule and return its version."""
    return rules.put_rule(tx, as_table(rule), origin=origin, by=by, now=now, paused=paused)
