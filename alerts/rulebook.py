"""Rules as they are kept in the store: saved one by one from the pages, or set as a whole from a file."""

from collections.abc import Sequence
from datetime import datetime

from alerts.rule import Rule
from alerts.rulefile import as_table
from store import rules
from store.connection import Store, Transaction


def set_rules(store: Store, wanted: Sequence[Rule], *, origin: str, by: str, now: datetime) -> None:
    """Make the stored rules of one `origin` (a file, the demo) what `wanted` says; the others stay."""
    keep = {rule.id for rule in wanted}
    with store.transaction() as tx:
        for rule in wanted:
            save_rule(tx, rule, origin=origin, by=by, now=now)
        for old in rules.stored_rules(tx):
            if old.origin == origin and old.rule_id not in keep:
                rules.delete_rule(tx, old.rule_id, by=by, now=now)


def save_rule(tx: Transaction, rule: Rule, *, origin: str, by: str, now: datetime, paused: bool | None = None) -> int:
    """Keep a rule and return its version."""
    return rules.put_rule(tx, as_table(rule), origin=origin, by=by, now=now, paused=paused)
