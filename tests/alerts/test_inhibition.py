"""What need not be told because its cause is told already."""

from pathlib import Path
from typing import Any

import pytest

from alerts.delivery.inhibition import Inhibition, Standing, inhibited, inhibition_from, inhibitions_from_file
from store.errors import ConfigError


def up(
    number: int, rule: str = "slow", severity: str = "warning", metric: str = "latency_p95", **labels: str
) -> Standing:
    return Standing(
        incident_id=number, rule_id=rule, metric=metric, severity=severity, title=rule.title(), labels=labels
    )


def declared(**table: Any) -> Inhibition:
    return inhibition_from(table, where="alerts.toml")


DOWN = declared(source={"rule": "provider-down"}, target={"severity": "warning"}, equal=["provider"])


@pytest.mark.parametrize(
    ("source", "silent"),
    [
        (up(1, severity="critical", provider="openai"), True),
        (up(1, rule="other", severity="critical", provider="openai"), True),
        (up(1, severity="critical", provider="anthropic"), False),
        (up(1, rule="other", metric="cost_usd", severity="critical", provider="openai"), False),
        (up(1, severity="warning", provider="openai"), False),
        (up(2, severity="critical", provider="openai"), False),
    ],
)
def test_a_critical_alert_stands_for_a_warning_of_the_same_thing(source: Standing, silent: bool) -> None:
    found = inhibited(up(2, provider="openai"), [source], [])

    assert found == (f"inhibited by incident 1: {source.title}" if silent else None)


@pytest.mark.parametrize(
    ("target", "silent"),
    [
        (up(2, provider="openai"), True),
        (up(2, rule="anything", provider="openai", model="x"), True),
        (up(2, provider="anthropic"), False),
        (up(2), False),
        (up(2, severity="critical", provider="openai"), False),
    ],
)
def test_a_declared_inhibition_looks_at_rule_severity_and_equal_values(target: Standing, silent: bool) -> None:
    source = up(1, rule="provider-down", metric="errors", provider="openai")

    assert (inhibited(target, [source], [DOWN]) is not None) is silent


def test_a_missing_value_equals_a_missing_value() -> None:
    assert inhibited(up(2), [up(1, rule="provider-down", metric="errors")], [DOWN])


def test_what_stands_on_both_sides_is_not_inhibited_by_its_like() -> None:
    all_of_all = declared(source={"severity": "warning"}, target={"severity": "warning"})

    assert inhibited(up(2), [up(1)], [all_of_all]) is None


def test_values_of_a_slice_can_be_named() -> None:
    one = declared(
        source={"slice": {"environment": "staging"}}, target={"slice": {"environment": ["production", "qa"]}}
    )

    assert inhibited(up(2, environment="qa"), [up(1, metric="x", environment="staging")], [one])
    assert not inhibited(up(2, environment="dev"), [up(1, metric="x", environment="staging")], [one])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            {"source": {}, "target": {}, "equal": ["provder"]},
            "no dimension is named 'provder'; did you mean 'provider'?",
        ),
        ({"source": {}}, "'target' is missing"),
        ({"source": {"rul": "x"}, "target": {}}, "no setting is named 'source.rul'"),
        ({"source": {"severity": "loud"}, "target": {}}, "source.severity"),
    ],
)
def test_a_wrong_one_is_refused_with_its_reason(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        inhibition_from(table, where="alerts.toml")
    assert str(refused.value).startswith("alerts.toml: inhibit: ")
    assert said in str(refused.value)


def test_they_stand_in_the_rules_file_beside_the_rules(tmp_path: Path) -> None:
    file = tmp_path / "alerts.toml"
    file.write_text('[[inhibit]]\nsource = { rule = "a" }\ntarget = { rule = ["b", "c"] }\nequal = "model"\n')

    assert inhibitions_from_file(file) == [declared(source={"rule": "a"}, target={"rule": ["b", "c"]}, equal=["model"])]


@pytest.mark.parametrize(("text", "said"), [("[[inhibit", "not TOML"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "alerts.toml"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ConfigError, match=said):
        inhibitions_from_file(file)
