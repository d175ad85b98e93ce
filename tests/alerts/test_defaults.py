"""What a rule over each metric begins with, the rules of a first start, and rules as files and versions."""

from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.condition import kinds
from alerts.rule import Rule
from alerts.rules import rulebook
from alerts.rules.defaults import STARTERS, starters, suggested
from alerts.rules.rulefile import as_table, as_toml, rule_from, rules_from_text
from analytics.metric import metrics
from store import rules
from store.audit import recent_changes
from store.connection import Store
from store.errors import ConfigError

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize("name", list(metrics()))
def test_every_metric_has_a_rule_that_makes_sense(name: str) -> None:
    rule = rule_from({"id": "r", **suggested(name, metrics()[name])}, where="test", metrics=metrics())

    assert rule.rising is (metrics()[name].worse != "down")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("error_rate", "rate"), ("toxic_rate", "rate"), ("cost_usd", "seasonal"), ("latency_p95", "seasonal"),
        ("input_drift", "drift"), ("calls", "no_data"), ("cache_hit_rate", "seasonal"),
    ],
)  # fmt: skip
def test_the_kind_fits_the_metric(name: str, kind: str) -> None:
    assert suggested(name, metrics()[name])["kind"] == kind


def test_a_new_installation_begins_with_rules_and_what_is_deleted_stays_away(store: Store) -> None:
    assert rulebook.begin(store, starters(metrics()), now=NOW)
    first = [one.rule_id for one in rules.stored_rules(store)]
    with store.transaction() as tx:
        for rule_id in first:
            rules.delete_rule(tx, rule_id, by="ana", now=NOW)

    assert len(first) == len(STARTERS)
    assert not rulebook.begin(store, starters(metrics()), now=NOW)
    assert not rules.stored_rules(store)


@pytest.mark.parametrize("kind", list(kinds()))
def test_rules_of_every_kind_go_out_as_a_file_and_come_back(store: Store, kind: str) -> None:
    table = {"id": "r", "kind": kind, "metric": "error_rate", **({} if kind == "no_data" else {"threshold": 0.5})}
    rule = rule_from({**table, "mute": [{"days": ["sat", "sun"]}], "steps": [0.5, 1.0]}, where="test")
    with store.transaction() as tx:
        rulebook.save_rule(tx, rule, origin="ui", by="ana", now=NOW)

    text = rulebook.written(store)

    assert rules_from_text(text, where="test") == [rule]
    assert rulebook.read(store, text, metrics=metrics(), by="ana", now=NOW) == ["r"]
    assert rules.rule_versions(store, "r").height == 1


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "seasonal", "window": "1h"}, {"kind": "cusum", "window": "1h"},
        {"kind": "budget", "every": "5m", "threshold": 5},
        {"kind": "burn_rate", "metric": "calls"}, {"kind": "drift", "window": "1h", "every": "5m"},
        {"kind": "budget", "metric": "calls", "threshold": 5},
    ],
)  # fmt: skip
def test_what_is_a_default_of_rules_and_not_of_the_kind_is_kept(table: dict[str, Any]) -> None:
    rule = rule_from({"id": "r", **table}, where="test")

    assert rule_from(as_table(rule), where="test") == rule
    assert rules_from_text(as_toml([rule]), where="test") == [rule]


def test_a_file_with_an_error_changes_nothing(store: Store) -> None:
    text = '[[rule]]\nid = "a"\nthreshold = 1\n[[rule]]\nid = "b"\nthreshhold = 1\n'

    with pytest.raises(ConfigError, match="did you mean 'threshold'"):
        rulebook.read(store, text, metrics=metrics(), by="ana", now=NOW)
    assert not rules.stored_rules(store)


def test_an_earlier_version_can_be_made_the_newest_and_the_audit_says_who(store: Store) -> None:
    for threshold in (1.0, 2.0):
        with store.transaction() as tx:
            rulebook.save_rule(tx, Rule(id="r", threshold=threshold), origin="file", by="ana", now=NOW)

    assert rulebook.restore(store, "r", 1, by="bob", now=NOW) == 3

    stored = rules.stored_rule(store, "r")
    assert stored is not None
    assert (stored.definition["threshold"], stored.origin) == (1.0, "file")
    assert sorted(recent_changes(store)["actor"].to_list()) == ["ana", "ana", "bob"]
    with pytest.raises(ConfigError, match="no version 9"):
        rulebook.restore(store, "r", 9, by="bob", now=NOW)
