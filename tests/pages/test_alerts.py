"""What people do on the Alerts page: answer, try a rule, change it, take it back, make it quieter."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from alerts.rules.rulebook import save_rule
from alerts.rules.rulefile import rule_from
from pages.parts import rulefields, rulehistory
from store import incidents, rules, silences
from tests.pages.conftest import TIMEOUT_S, make_calls, said, visit
from tests.pages.test_details import fire


def press(test, label: str):
    return next(button for button in test.button if button.label == label).click().run()


def widget(test, kind: str, label: str):
    return next(one for one in getattr(test, kind) if one.label == label)


def editor() -> None:
    """The rule editor, open: a test runs whole scripts, and a dialog lives only as long as its button is pressed."""
    from pages.parts import ruleform  # noqa: PLC0415 - the body runs as a script of its own

    ruleform._dialog(None)


def edited() -> AppTest:
    return AppTest.from_function(editor, default_timeout=TIMEOUT_S).run()


def test_an_incident_is_snoozed_silenced_where_it_is_and_noted(world, now):
    runtime = world(make_calls(120, now=now))
    number = fire(runtime, now)
    test = press(visit("alerts", incident=str(number)), "Snooze until worse")
    assert incidents.incident(runtime.store, number, now=now)["snoozed_by"].to_list() == ["dashboard"]
    press(test, "4 hours")
    [quiet] = silences.silences(runtime.store, now=runtime.now()).to_dicts()
    assert (quiet["rule_id"], quiet["slice"], quiet["ends_at"] - quiet["starts_at"]) == (
        "errors", '{"model":"gpt-4o"}', timedelta(hours=4),
    )  # fmt: skip
    widget(test, "text_area", "What did you find?").input("The vendor had an outage.")
    press(test, "Keep it")
    assert "The vendor had an outage." in said(test)
    with runtime.store.transaction() as tx:
        incidents.close_incident(tx, number, at=now, reason="recovered")
    press(visit("alerts", incident=str(number)), "Real")
    assert incidents.judgement(runtime.store, number) == "real"
    assert not test.exception


def test_a_rule_is_written_tried_and_kept(world, now):
    runtime = world(make_calls(300, now=now))
    test = edited()
    widget(test, "text_input", "Name").input("Errors in the south").run()
    widget(test, "multiselect", "Only calls with").select("tenant: south").run()
    widget(test, "text_input", "Owner").input("the south team").run()
    press(test, "Preview on the last 28 days")
    assert not test.exception
    assert "have fired" in said(test)
    press(test, "Save")
    [kept] = [rule.definition for rule in rules.stored_rules(runtime.store) if rule.rule_id == "errors-in-the-south"]
    assert (kept["filters"], kept["owner"], kept["kind"]) == ({"tenant": ["south"]}, "the south team", "rate")


def test_a_rule_that_makes_no_sense_says_why_and_cannot_be_saved(world, now):
    world(make_calls(60, now=now))
    test = edited()
    widget(test, "text_input", "Runbook").input("not an address").run()
    assert "runbook" in said(test)
    assert [button for button in test.button if button.label == "Save"] == []


def test_each_kind_of_rule_can_be_edited(world, now):
    world(make_calls(60, now=now))
    test = edited()
    for kind in ("change", "burn_rate", "budget", "seasonal", "drift", "no_data"):
        widget(test, "selectbox", "Kind").select(kind).run()
        assert not test.exception, kind


def test_an_earlier_version_of_a_rule_is_restored(world, now):
    runtime = world(make_calls(60, now=now))
    for threshold in (0.05, 0.2):
        table = {"id": "errors", "metric": "error_rate", "threshold": threshold}
        with runtime.store.transaction() as tx:
            save_rule(tx, rule_from(table, where="test"), origin="ui", by="kim", now=now)
    rulehistory._restore("errors", 1)
    stored = rules.stored_rule(runtime.store, "errors")
    assert (stored.version, stored.definition["threshold"]) == (3, 0.05)


def test_the_noise_tab_says_what_speaks_against_a_rule(world, now):
    runtime = world(make_calls(60, now=now))
    for _ in range(3):
        number = fire(runtime, now)
        with runtime.store.transaction() as tx:
            incidents.close_incident(tx, number, at=now - timedelta(minutes=119), reason="recovered")
    test = visit("alerts", section="Noise")
    assert not test.exception
    assert "3 of 3 were over by themselves within 10 minutes" in said(test)


@pytest.mark.parametrize(
    ("row", "timing"),
    [
        ({"days": "sat, Sun", "from": "", "to": ""}, {"days": ["sat", "sun"]}),
        ({"days": None, "from": "22:00", "to": "06:00"}, {"from": "22:00", "to": "06:00"}),
        ({"days": "", "from": None, "to": ""}, {}),
    ],
)
def test_quiet_hours_are_read_as_they_are_typed(row, timing):
    assert rulefields._timing(row) == timing
