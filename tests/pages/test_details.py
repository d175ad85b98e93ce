"""What the pages say of one call, one incident, one file."""

from datetime import timedelta

from alerts.notification import Contributor, Example, Notification, dumps
from alerts.rules.rulebook import save_rule
from alerts.rules.rulefile import rule_from
from pages.parts import waterfall
from store import alerts, incidents, rules
from store.alerting import Health, Severity, State
from store.comparisons import append_comparisons
from store.model import Comparison, Span, Window
from tests.pages.conftest import make_calls, said, visit

HOSTILE = '<img src=x onerror=alert(1)> ![x](http://evil.example/p.png) [go](http://evil.example) =HYPERLINK("x")'
FIELDS = (
    "input_text", "output_text", "model", "tenant", "user_id", "prompt_name", "prompt_version", "error_type",
    "error_message", "session_id", "service", "finish_reason",
)  # fmt: skip


def fire(
    runtime, now, *, title: str = "Error rate", slice_: str = '{"model":"gpt-4o"}', value: float | None = 0.3
) -> int:
    """A rule whose alert fires, with what a firing leaves behind."""
    store, began = runtime.store, now - timedelta(hours=2)
    table = {"id": "errors", "title": title, "metric": "error_rate", "threshold": 0.05, "group_by": ["model"]}
    told = Notification(
        reason="fired", rule_id="errors", title=title, severity="critical", at=now,
        who=(Contributor(name="tenant north", share=0.7, text="1 % to 30 %"),),
        examples=(Example(call_id="call-0010", note="timeout"),),
    )  # fmt: skip
    number = incidents.next_incident_id(store)
    with store.transaction() as tx:
        save_rule(tx, rule_from(table, where="test"), origin="ui", by="test", now=now)
        incidents.open_incident(
            tx,
            incidents.Incident(
                incident_id=number, rule_id="errors", slice=slice_, severity=Severity.CRITICAL, title=title,
                opened_at=began, fired_at=began, peak_value=0.4, last_value=value, threshold=0.05, baseline=0.01,
                unit="share", reason="30 % is above 5 %", evidence=dumps(told),
            ),
        )  # fmt: skip
        life = {
            "rule_id": "errors",
            "slice": slice_,
            "state": State.FIRING,
            "health": Health.OK,
            "threshold": 0.05,
            "n": 90,
        }
        last = alerts.Instance(last_window_end=now, value=value, incident_id=number, **life)
        alerts.put_instances(tx, [last])
        points = [_seen(now - timedelta(minutes=30 * step), life) for step in range(8)]
        alerts.put_evaluations(tx, points)
        alerts.put_progress(
            tx,
            alerts.Progress(rule_id="errors", version=1, evaluated_until=now, evaluated_at=now, health=Health.NO_DATA),
        )
    return number


def _seen(at, life) -> alerts.Evaluated:
    return alerts.Evaluated(
        window_end=at, value=0.3, baseline=0.01, breached=True, active_at=None, fired_at=None, keep_firing_since=None,
        unknown_since=None, missing=0, **life,
    )  # fmt: skip


def test_the_strip_names_what_fires_whatever_the_filters_say(world, now):
    fire(world(make_calls(120, now=now)), now)
    test = visit("overview", model="acme-7b", range="7d")
    assert not test.exception
    text = said(test)
    assert "**Error rate**" in text
    assert "30.0 % against 5.00 %" in text
    assert "Cannot see: errors" in text


def test_an_alert_without_calls_to_tell_by_says_what_it_came_to_at_its_worst(world, now):
    fire(world(make_calls(120, now=now)), now, value=None)
    assert "unknown now, at worst 40.0 % against 5.00 %" in said(visit("overview"))


def test_an_incident_shows_who_and_examples_and_is_acknowledged_once(world, now):
    runtime = world(make_calls(120, now=now))
    number = fire(runtime, now)
    test = visit("alerts", incident=str(number))
    assert not test.exception
    assert "tenant north" in said(test)
    next(button for button in test.button if button.label == "Acknowledge").click().run()
    assert not test.exception
    assert incidents.firing(runtime.store)["acknowledged_by"].to_list() == ["dashboard"]
    assert "Acknowledged by dashboard" in said(test)


def test_an_incident_that_does_not_exist_is_said_not_to(world, now):
    world(make_calls(40, now=now))
    assert "no incident 99" in said(visit("alerts", incident="99"))


def test_a_silence_is_made_and_ended_on_the_page(world, now):
    runtime = world(make_calls(40, now=now))
    fire(runtime, now)
    test = visit("alerts")
    next(button for button in test.button if button.label == "Silence").click().run()
    assert "every rule until" in said(test)
    next(button for button in test.button if button.label == "End now").click().run()
    assert not test.exception
    assert "Nothing is silenced" in said(test)
    assert [rule.rule_id for rule in rules.stored_rules(runtime.store)] == ["errors"]


def test_a_trace_shows_texts_scores_and_its_neighbours(world, now):
    world(make_calls(60, now=now))
    test = visit("trace", call="call-0011", range="7d")
    text = said(test)
    assert "question 11" in text
    assert "answer 11" in text
    assert "How far to trust it" in text
    assert "worst piece: …" in text
    later = next(button for button in test.button if button.label in {"Later", "Earlier"} and not button.disabled)
    later.click().run()
    assert not test.exception
    assert "question 11" not in said(test)


def test_a_trace_that_is_not_stored_says_so(world, now):
    world(make_calls(20, now=now))
    assert "names no call that is stored here" in said(visit("trace", call="nowhere"))


def test_hostile_text_in_every_field_comes_to_life_on_no_page(world, now):
    runtime = world(make_calls(120, now=now, **dict.fromkeys(FIELDS, HOSTILE)))
    number = fire(runtime, now, title=HOSTILE, slice_='{"model":"<img src=x> ![x](http://evil.example/p.png)"}')
    for page in ("overview", "alerts", "calls", "cost", "quality", "trace"):
        test = visit(page, range="7d", call="call-0010", incident=str(number))
        assert not test.exception, page
        for kind in ("markdown", "caption", "error", "warning", "info", "success"):
            for element in test.get(kind):
                assert "http://evil" not in element.value, page
                assert "<img" not in element.value.replace("\\<img", ""), page
        for element in test.get("html"):
            assert "<img" not in element.proto.body, page
        for table in test.dataframe:
            assert not str(table.value.to_dict("list")).startswith("="), page


def test_spans_are_drawn_parents_first_and_none_is_lost():
    def span(name: str, parent: str | None, start: int) -> Span:
        return Span(trace_id="t", span_id=name, parent_span_id=parent, name=name, start_ns=start, end_ns=start + 5)

    spans = [span("b", "a", 20), span("a", None, 10), span("c", "a", 15), span("d", "c", 16), span("x", "gone", 5)]
    circle = [span("p", "q", 1), span("q", "p", 2)]
    rows = waterfall.ordered([*spans, *circle])
    assert [(one.span_id, depth) for one, depth in rows[:5]] == [("x", 0), ("a", 0), ("c", 1), ("d", 2), ("b", 1)]
    assert {one.span_id for one, _ in rows} == {"a", "b", "c", "d", "x", "p", "q"}


def test_drift_says_what_moved_since_when_and_who(world, now):
    runtime = world(make_calls(60, now=now))
    noon = now.replace(minute=0, second=0, microsecond=0)
    found = {
        "topics": [
            {"name": "tax · return", "before": 0, "now": 0.2, "change": 0.2, "new": True, "calls": ["call-0003"]}
        ],
        "novel": [{"call_id": "call-0003", "novelty": 1.6}],
        "who": [{"dimension": "tenant", "value": "north", "share_novel": 0.9, "share_all": 0.3}],
        "map": {"reference": [[0, 0]], "current": [[0.1, 0.1, "call-0001", False], [2, 2, "call-0003", True]]},
    }
    made = [
        Comparison(
            detector=name, subject="input_text", statistic=1.5, threshold=1.0, drifted=True, details=details,
            reference=Window(start=noon - timedelta(hours=90), end=noon - timedelta(hours=60)),
            current=Window(start=noon - timedelta(hours=49), end=noon), n_reference=200, n_current=200,
        )
        for name, details in (("drift", found), ("novelty", None))
    ]  # fmt: skip
    with runtime.store.transaction() as tx:
        append_comparisons(tx, made, now=now)
    test = visit("drift")
    assert not test.exception
    text = said(test)
    assert "New: **tax · return**" in text
    assert "tenant: north" in text
    assert "question 3" in text
    assert "not compared yet" in text  # the other subjects
