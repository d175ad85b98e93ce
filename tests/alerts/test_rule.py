"""Rules as people write them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rule import Rule
from alerts.rules.rulebook import save_rule, set_rules
from alerts.rules.rulefile import as_toml, rule_from, rules_from_file, rules_from_text
from store import rules
from store.audit import recent_changes
from store.connection import Store
from store.duration import parsed, short, words
from store.errors import ConfigError
from store.model import DIMENSIONS

SLOW = '[[rule]]\nid = "slow"\nmetric = "latency_p95"\nthreshold = 2000\n'
METRICS = ("latency_p50", "latency_p95", "calls")
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("1h30m", 5400), ("7d", 604800), ("0s", 0)]
)
def test_durations_read_as_written(text: str, seconds: int) -> None:
    assert parsed(text) == timedelta(seconds=seconds)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=90)).map(lambda d: timedelta(seconds=d // timedelta(seconds=1))))  # noqa: E501 # fmt: skip
def test_durations_come_back_as_they_were(length: timedelta) -> None:
    assert parsed(short(length)) == length


@pytest.mark.parametrize("text", ["", " ", "1", "h", "1 hour", "-5m", "5m1h", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parsed(text)


def test_durations_in_words() -> None:
    assert words(timedelta(seconds=5400)) == "1 h 30 min"
    assert words(timedelta(days=2, hours=3, minutes=4)) == "2 d 3 h"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SLOW.replace("threshold", "treshold"), "'slow': no setting is named 'treshold'; did you mean 'threshold'?"),
        (SLOW.replace("latency_p95", "latency_p99"), "no metric is named 'latency_p99'; did you mean 'latency_p95'?"),
        (SLOW + 'filters = { modell = ["x"] }\n', "no dimension is named 'modell'; did you mean 'model'?"),
        (SLOW + 'group_by = "prompt"\n', "no dimension is named 'prompt'"),
        (SLOW + 'window = "1 hour"\n', "window: '1 hour' is no duration"),
        (SLOW + 'window = "0s"\n', "must be longer than nothing"),
        (SLOW + 'severity = "page"\n', "severity"),
        (SLOW + "recover_threshold = 3000\n", "must not lie above"),
        (SLOW + 'comparison = "<"\nrecover_threshold = 1000\n', "must not lie below"),
        (SLOW + 'kind = "rate"\n', "a share between 0 and 1"),
        (SLOW + 'kind = "rate"\ncomparison = "<"\n', "compares with > or >="),
        ('[[rule]]\nid = "x"\nmetric = "calls"\n', "'threshold' is missing"),
        ('[[rule]]\nmetric = "calls"\nthreshold = 1\n', "'id' is missing"),
        ('[[rule]]\nid = "No Spaces"\nthreshold = 1\n', "id"),
        (SLOW + "threshold = nan\n", "not TOML"),
        (SLOW.replace("2000", "nan"), "threshold"),
        (SLOW + 'runbook = "javascript:alert(1)"\n', "runbook"),
        (SLOW + SLOW, "two rules have the id 'slow'"),
        ("[[rules]]\n", "no table is named 'rules'; did you mean 'rule'?"),
        ("nonsense", "not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_was_probably_meant(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        rules_from_text(text, where="alerts.toml", metrics=METRICS)
    assert said in str(refused.value)
    assert str(refused.value).startswith("alerts.toml: ")


def test_a_file_of_rules_is_read(tmp_path: Path) -> None:
    file = tmp_path / "alerts.toml"
    file.write_text(SLOW + 'for = "10m"\nfilters = { model = "gpt-x" }\n')

    [rule] = rules_from_file(file, METRICS)

    assert (rule.hold, rule.filters) == (timedelta(minutes=10), {"model": ("gpt-x",)})


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        rules_from_file(tmp_path / "alerts.toml")


RULES = st.builds(
    Rule,
    id=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True),
    title=st.none() | st.text(max_size=40),
    metric=st.sampled_from(METRICS),
    comparison=st.sampled_from([">", ">=", "<", "<="]),
    threshold=st.floats(allow_nan=False, allow_infinity=False),
    window=st.integers(1, 100000).map(lambda s: timedelta(seconds=s)),
    hold=st.integers(0, 100000).map(lambda s: timedelta(seconds=s)),
    filters=st.dictionaries(
        st.sampled_from(DIMENSIONS), st.lists(st.text(max_size=9), max_size=3).map(tuple), max_size=3
    ),
    group_by=st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True).map(tuple),
    severity=st.sampled_from(["warning", "critical"]),
    min_samples=st.none() | st.integers(0, 1000),
    owner=st.none() | st.text(max_size=30),
)  # fmt: skip


@given(RULES)
def test_rules_written_to_a_file_come_back_as_they_were(rule: Rule) -> None:
    assert rules_from_text(as_toml([rule]), where="alerts.toml") == [rule]


def test_stored_rules_are_versioned_and_audited(store: Store) -> None:
    first, second = rule_from_table(threshold=5), rule_from_table(threshold=6)
    set_rules(store, [first], origin="file", by="settings", now=NOW)
    with store.transaction() as tx:
        assert save_rule(tx, second, origin="ui", by="ana", now=NOW) == 2
        assert save_rule(tx, second, origin="ui", by="ana", now=NOW) == 2
        assert save_rule(tx, second, origin="ui", by="ana", now=NOW, paused=True) == 2

    assert rules.rule_versions(store, "slow")["version"].to_list() == [2, 1]
    assert recent_changes(store)["action"].to_list().count("rule.pause") == 1


def test_a_file_replaces_its_own_rules_and_no_others(store: Store) -> None:
    with store.transaction() as tx:
        save_rule(tx, rule_from_table(id="mine"), origin="ui", by="ana", now=NOW)
    set_rules(store, [rule_from_table(), rule_from_table(id="old")], origin="file", by="settings", now=NOW)

    set_rules(store, [rule_from_table()], origin="file", by="settings", now=NOW)

    assert [one.rule_id for one in rules.stored_rules(store)] == ["mine", "slow"]


def test_a_rule_made_anew_goes_on_counting_versions(store: Store) -> None:
    set_rules(store, [rule_from_table()], origin="file", by="settings", now=NOW)
    set_rules(store, [], origin="file", by="settings", now=NOW)
    set_rules(store, [rule_from_table()], origin="file", by="settings", now=NOW)

    [stored] = rules.stored_rules(store)
    assert stored.version == 2


def rule_from_table(**changes: Any) -> Rule:
    return rule_from({"id": "slow", "metric": "latency_p95", "threshold": 5, **changes}, where="test")
