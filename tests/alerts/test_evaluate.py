"""Rules are evaluated once a window, whatever was missed, repeated, late or changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.delivery import attention
from alerts.engine import further
from alerts.notification import Notification, loads
from alerts.rules.rulefile import rule_from
from alerts.settings import AlertSettings
from store import alerts, incidents, rules, silences
from store.calls import append_calls, call_table
from store.connection import Store
from store.errors import StoreError
from store.model import LLMCall, Window

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
A, B = (("model", "a"),), (("model", "b"),)
KEY_A, KEY_B = '{"model":"a"}', '{"model":"b"}'


def messages(store: Store) -> list[Notification]:
    sql = "SELECT payload FROM data.outbox WHERE status <> 'suppressed' ORDER BY notification_id"
    return [loads(text) for text in store.read(sql)["payload"]]


def test_a_rule_fires_once_and_resolves_once(engine: Any) -> None:
    engine.world.drawn[()] = "..!!!!.."
    engine.rules(engine.rule(**{"for": "2m"}))

    engine.through(8)

    assert engine.states() == "iippffii"
    assert engine.told() == ["fired", "resolved"]


def test_each_slice_lives_its_own_life(engine: Any) -> None:
    engine.world.drawn = {A: ".!!!.", B: "....!"}
    engine.rules(engine.rule(group_by=["model"]))

    engine.through(5)

    assert engine.states(KEY_A) == "ifffi"
    assert engine.states(KEY_B) == "iiiif"
    assert engine.told() == ["fired", "resolved", "fired"]


def test_evaluating_again_changes_nothing(engine: Any) -> None:
    engine.world.drawn[()] = ".!!"
    engine.rules(engine.rule())
    engine.through(3)
    asked = engine.world.asked

    assert engine.at(2)["windows"] == 0
    assert engine.world.asked == asked
    assert engine.told() == ["fired"]


def test_windows_that_were_missed_are_taken_up_oldest_first(engine: Any) -> None:
    engine.world.drawn[()] = ".!!!....!!"
    engine.rules(engine.rule())
    engine.at(0)

    engine.at(9)

    assert engine.states() == "ifffiiiiff"
    assert engine.told() == ["fired", "resolved", "fired"]


def test_after_a_long_pause_only_the_newest_windows_are_taken_up(engine: Any) -> None:
    engine.world.drawn[()] = "." * 100
    engine.rules(engine.rule())
    engine.at(0)

    assert engine.at(90)["windows"] == 24


def test_a_new_rule_starts_with_the_newest_window(engine: Any) -> None:
    engine.world.drawn[()] = "!!!!"
    engine.rules(engine.rule())

    assert engine.at(3)["windows"] == 1
    assert engine.states() == "f"


def test_a_window_is_judged_only_when_its_calls_have_had_time_to_come(engine: Any) -> None:
    engine.settings = AlertSettings()
    engine.world.drawn[()] = "....."
    engine.rules(engine.rule())

    engine.at(3)

    assert engine.store.one("SELECT max(window_end) FROM data.alert_evaluations") == START + MINUTE


def test_two_evaluations_at_once_tell_once(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = ".!"
    engine.rules(engine.rule())
    engine.at(0)
    measure = engine.world.measure

    def overtaken(*question: Any) -> Any:
        engine.world.measure = measure
        engine.at(1)
        return measure(*question)

    engine.world.measure = overtaken
    assert engine.at(1).get("overtaken") == 1
    assert engine.told() == ["fired"]
    assert store.one("SELECT count(*) FROM data.incidents") == 1


def test_a_query_that_fails_is_health_and_never_resolves(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = ".!xxx!."
    engine.rules(engine.rule())
    engine.through(5)

    assert engine.states() == "iffff"
    progress = alerts.progress(store, "slow")
    assert progress is not None
    assert (progress.health, progress.note) == ("error", "stopped after 10 s")
    engine.through(7, first=5)
    assert engine.told() == ["fired", "resolved"]


def test_a_firing_slice_does_not_resolve_because_calls_stop(engine: Any) -> None:
    engine.world.drawn[()] = ".!????"
    engine.rules(engine.rule())

    engine.through(6)

    assert engine.states() == "ifffff"
    assert engine.told() == ["fired"]


def test_a_slice_that_vanishes_while_others_report_is_closed_with_its_reason(engine: Any, store: Store) -> None:
    engine.world.drawn = {A: "!!????", B: "......"}
    engine.rules(engine.rule(group_by=["model"]))

    engine.through(6)

    assert engine.states(KEY_A) == "fffi"
    assert engine.told() == ["fired", "closed"]
    assert "no calls of it come any more" in messages(store)[-1].why
    assert store.one("SELECT resolved_reason FROM data.incidents") == "missing_series"
    assert [one.slice for one in alerts.instances(store, "slow")] == [KEY_B]


def test_a_volume_rule_fires_when_its_slice_vanishes(engine: Any) -> None:
    engine.world.drawn = {A: "!!??", B: "!!!!"}
    engine.rules(engine.rule(metric="calls", comparison="<", threshold=5, group_by=["model"]))

    engine.through(4)

    assert engine.states(KEY_A) == "iiff"


def test_slices_beyond_the_cap_share_one_alert_that_names_the_worst(engine: Any, store: Store) -> None:
    engine.settings = AlertSettings(late_offset=timedelta(0), max_slices=2)
    engine.world.drawn = {(("model", name),): picture for name, picture in (("a", "....."), ("b", "....."))}
    engine.world.drawn |= {(("model", name),): picture for name, picture in (("c", ".!!!."), ("d", "..!!."))}
    engine.rules(engine.rule(group_by=["model"], min_samples=1))

    engine.through(5)

    assert engine.states(further.KEY) == "ifffi"
    assert engine.told() == ["fired", "resolved"]
    fired, resolved = messages(store)
    assert (fired.slice, fired.value, fired.n) == ({"further": "slices"}, 10.0, 100)
    assert "1 of 2 further slices: model c (10 ms)" in fired.why
    assert "none of 2 further slices" in resolved.why
    progress = alerts.progress(store, "slow")
    assert progress is not None
    assert progress.note == "2 slices beyond 2 share one alert"


def test_the_shared_alert_survives_silence_and_ends_when_no_slice_is_beyond_the_cap(engine: Any, store: Store) -> None:
    engine.settings = AlertSettings(late_offset=timedelta(0), max_slices=1)
    engine.world.drawn = {A: ".??....", B: "!??!???"}
    engine.rules(engine.rule(group_by=["model"], min_samples=1))

    engine.through(7)

    assert engine.states(further.KEY) == "ffffii"
    assert engine.told() == ["fired", "resolved"]
    assert [one.slice for one in alerts.instances(store, "slow")] == [KEY_A]


def test_a_changed_rule_closes_what_it_had_under_way(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "!!!!"
    engine.rules(engine.rule())
    engine.through(2)
    engine.rules(engine.rule(threshold=50))

    engine.through(4, first=2)

    assert engine.told() == ["fired", "closed"]
    assert store.one("SELECT resolved_reason FROM data.incidents") == "rule_updated"
    assert engine.states() == "ffii"


@pytest.mark.parametrize(
    "words",
    [
        {"title": "Answers take long"}, {"owner": "ana"}, {"runbook": "https://runbooks.example/slow"},
        {"severity": "critical"}, {"channels": ["mail"]}, {"mute": [{"days": "sun"}]}, {"notify_no_data": True},
    ],
)  # fmt: skip
def test_new_words_close_nothing(engine: Any, store: Store, words: dict[str, Any]) -> None:
    engine.world.drawn[()] = ".!!!."
    engine.rules(engine.rule())
    engine.through(2)
    engine.rules(engine.rule(**words))

    engine.through(5, first=2)

    assert engine.told() == ["fired", "resolved"]
    assert store.one("SELECT resolved_reason FROM data.incidents") == "recovered"
    assert engine.states() == "ifffi"


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 6}, {"for": "1m"}, {"keep_firing_for": "3m"}, {"filters": {"model": "a"}}, {"min_samples": 3},
        {"time_zone": "Asia/Tokyo"}, {"no_data": "ok"},
    ],
)  # fmt: skip
def test_another_question_begins_anew(engine: Any, store: Store, change: dict[str, Any]) -> None:
    engine.world.drawn[()] = ".!!!."
    engine.rules(engine.rule())
    engine.through(2)
    engine.rules(engine.rule(**change))

    engine.at(2)

    assert store.one("SELECT resolved_reason FROM data.incidents") == "rule_updated"


@pytest.mark.parametrize("what", ["rule_paused", "rule_deleted"])
def test_a_paused_or_deleted_rule_closes_what_it_had_under_way(engine: Any, store: Store, what: str) -> None:
    engine.world.drawn[()] = "!!!!"
    engine.rules(engine.rule())
    engine.through(2)
    with store.transaction() as tx:
        if what == "rule_deleted":
            rules.delete_rule(tx, "slow", by="test", now=START)
        else:
            stored = rules.stored_rule(tx, "slow")
            assert stored is not None
            rules.put_rule(tx, stored.definition, origin="file", by="test", now=START, paused=True)

    engine.through(4, first=2)

    assert store.one("SELECT resolved_reason FROM data.incidents") == what
    assert engine.states() == "ff"
    assert engine.told() == ["fired", "closed"]


def test_a_rule_that_cannot_be_read_is_an_error_beside_the_others(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "!"
    engine.rules(engine.rule(), engine.rule(id="odd", metric="latency_p96"))

    assert engine.at(0)["errors"] == 1
    progress = alerts.progress(store, "odd")
    assert progress is not None
    assert progress.note is not None
    assert "did you mean 'latency_p95'?" in progress.note
    assert engine.told() == ["fired"]


def test_old_news_is_history_and_tells_nobody(engine: Any, store: Store) -> None:
    engine.settings = AlertSettings(late_offset=timedelta(0), catch_up=2000)
    engine.world.drawn[()] = "." + "!" * 30 + "." * 600
    engine.rules(engine.rule())
    engine.at(0)

    engine.at(600)

    assert engine.told() == []
    assert engine.muted() == [("fired", "older than 6 h")]
    assert store.one("SELECT count(*) FROM data.incidents WHERE resolved_at IS NOT NULL") == 1


def test_what_began_long_ago_and_still_fires_is_told(engine: Any) -> None:
    engine.settings = AlertSettings(late_offset=timedelta(0), catch_up=2000)
    engine.world.drawn[()] = "." + "!" * 601
    engine.rules(engine.rule())
    engine.at(0)

    engine.at(600)

    assert engine.told() == ["fired"]


def test_the_past_can_be_run_through_as_if_live(engine: Any, store: Store) -> None:
    engine.extra = {"replayed_at": START + timedelta(days=30)}
    engine.world.drawn[()] = ("." * 30 + "!" * 30) * 10
    engine.rules(engine.rule(keep_firing_for="10m"))

    for minute in range(0, 600, 20):
        engine.at(minute)

    assert "fired" in engine.told()
    assert len({one.at for one in messages(store)}) == len(engine.told())


def test_a_silence_mutes_messages_and_not_states(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = ".!!!!!."
    engine.rules(engine.rule())
    silences.silence(store, rule_id="slow", slice_=None, starts_at=START, ends_at=START + 3 * MINUTE, comment="deploy",
                     by="ana", now=START)  # fmt: skip

    engine.through(7)

    assert engine.states() == "ifffffi"
    assert engine.muted() == [("fired", "silence 1 by ana: deploy")]
    assert engine.told() == ["fired", "resolved"]


def test_what_nobody_was_told_is_not_resolved_to_anybody(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = ".!!."
    engine.rules(engine.rule())
    silences.silence(store, rule_id=None, slice_=None, starts_at=START, ends_at=START + HOUR, comment="", by="ana",
                     now=START)  # fmt: skip

    engine.through(4)

    assert engine.told() == []


@pytest.mark.parametrize(("severity", "hours"), [("critical", 4), ("warning", 24)])
def test_what_goes_on_is_repeated_after_hours(engine: Any, severity: str, hours: int) -> None:
    engine.world.drawn[()] = "!" * (25 * 60)
    engine.rules(engine.rule(severity=severity, every="12m", window="12m"))
    for minute in range(0, 25 * 60, 24):
        engine.at(minute)

    assert engine.told() == ["fired"] + ["repeat"] * (24 // hours)


def test_an_acknowledged_incident_is_not_repeated(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "!" * (9 * 60)
    engine.rules(engine.rule(severity="critical"))
    engine.at(0)
    attention.acknowledge(store, {}, 1, by="ana", now=START)

    for minute in range(0, 9 * 60, 20):
        engine.at(minute)

    assert engine.told() == ["fired"]


@pytest.mark.parametrize("period", [1, 2, 3, 5, 8, 13, 30])
def test_a_flapping_alert_sends_at_most_four_messages_in_six_hours(engine: Any, period: int) -> None:
    engine.world.drawn[()] = (("!" * period + "." * period) * 360)[:360]
    engine.rules(engine.rule())
    for minute in range(0, 360, 20):
        engine.at(minute + 19)

    assert len(engine.told()) <= 4
    assert engine.told()[-1] == "flapping"


def test_a_flapping_alert_that_then_stays_up_is_told_again(engine: Any) -> None:
    engine.world.drawn[()] = "!.!.!.!.!." + "!" * 200
    engine.rules(engine.rule())
    engine.at(0)
    for minute in range(0, 200, 20):
        engine.at(minute + 9)

    assert engine.told() == ["fired", "resolved", "fired", "flapping", "fired"]


def _arrived(store: Store, at: datetime, ingested_at: datetime) -> None:
    call = LLMCall(call_id=f"c{at}", source="test", event_time=at)
    with store.transaction() as tx:
        append_calls(tx, call_table([call], source_id=None, ingested_at=ingested_at))


def test_late_calls_rewrite_history_and_tell_what_is_not_too_old(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "." * 20
    engine.rules(engine.rule())
    engine.through(10)
    engine.world.drawn[()] = "...!!!" + "." * 14
    _arrived(store, START + 2.5 * MINUTE, START + 9.5 * MINUTE)

    engine.at(10)

    assert engine.states() == "iiifffiiiii"
    assert engine.told() == ["fired", "resolved"]
    late = store.read("SELECT late FROM data.alert_evaluations ORDER BY window_end")["late"].to_list()
    assert late == [False] * 3 + [True] * 7 + [False]
    assert store.one("SELECT late FROM data.incidents") is True


def test_late_calls_of_long_ago_tell_nobody(engine: Any, store: Store) -> None:
    engine.settings = AlertSettings(late_offset=timedelta(0), reeval_windows=2000)
    engine.world.drawn[()] = "." * 700
    engine.rules(engine.rule())
    engine.through(5)
    for minute in range(0, 600, 20):
        engine.at(minute)
    engine.world.drawn[()] = "...!!!" + "." * 694
    _arrived(store, START + 2.5 * MINUTE, START + 599.5 * MINUTE)

    engine.at(600)

    assert engine.told() == []
    assert engine.muted() == [("fired", "older than 6 h")]


def test_late_calls_that_change_nothing_tell_nothing_again(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "..!!!..!!!!!"
    engine.rules(engine.rule())
    engine.through(10)
    _arrived(store, START + 1.5 * MINUTE, START + 9.5 * MINUTE)

    engine.through(12, first=10)

    assert engine.told() == ["fired", "resolved", "fired"]
    assert store.one("SELECT count(*) FROM data.incidents") == 2
    assert engine.states() == "iifffiifffff"


def test_late_calls_that_show_no_breach_close_its_incident(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "..!!!!!!!!"
    engine.rules(engine.rule())
    engine.through(8)
    engine.world.drawn[()] = "." * 20
    _arrived(store, START + 1.5 * MINUTE, START + 7.5 * MINUTE)

    engine.at(8)

    assert engine.told() == ["fired", "closed"]
    assert store.one("SELECT resolved_reason FROM data.incidents") == "late_data"


def test_late_calls_that_show_it_never_ended_open_its_incident_again(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "..!!!....."
    engine.rules(engine.rule())
    engine.through(8)
    engine.world.drawn[()] = "..!!!!!!!!!!"
    _arrived(store, START + 4.5 * MINUTE, START + 7.5 * MINUTE)

    engine.at(8)

    assert engine.told() == ["fired", "resolved", "fired"]
    assert store.read("SELECT incident_id, resolved_at FROM data.incidents").rows() == [(1, None)]


def test_uploading_last_month_sends_nothing(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "." * 20
    engine.rules(engine.rule())
    engine.through(3)
    _arrived(store, START - timedelta(days=30), START + 2.5 * MINUTE)

    assert engine.at(3)["windows"] == 1
    assert engine.told() == []


def test_a_message_and_its_state_are_written_together_or_not_at_all(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = ".!"
    engine.rules(engine.rule())
    engine.at(0)
    with store.transaction() as tx:
        tx.execute("ALTER TABLE data.outbox RENAME TO outbox_away")

    with pytest.raises(StoreError):
        engine.at(1)

    assert engine.states() == "i"
    assert store.one("SELECT count(*) FROM data.incidents") == 0
    with store.transaction() as tx:
        tx.execute("ALTER TABLE data.outbox_away RENAME TO outbox")
    engine.at(1)
    assert engine.told() == ["fired"]


def test_a_mute_timing_keeps_back_messages_and_they_come_when_it_is_over(engine: Any) -> None:
    engine.world.drawn[()] = ".!!!!!."
    engine.rules(engine.rule(mute=[{"days": ["mon"], "from": "13:00", "to": "13:03"}], time_zone="Europe/Berlin"))

    engine.through(7)

    assert engine.states() == "ifffffi"
    assert engine.muted() == [("fired", "mute timing mon 13:00 to 13:03 Europe/Berlin")]
    assert engine.told() == ["fired", "resolved"]


def test_silence_is_told_once_if_the_rule_says_so(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "..?????????..?????"
    engine.rules(engine.rule(notify_no_data=True, no_data_after="2m"))

    engine.through(18)

    assert engine.told() == ["no_data", "no_data"]
    assert {(one.rule_id, one.title, one.incident_id) for one in messages(store)} == {("slow", "Latency", None)}
    assert store.one("SELECT count(*) FROM data.incidents") == 0


def test_silence_of_what_fires_belongs_to_its_incident(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "!!?????"
    engine.rules(engine.rule(notify_no_data=True, no_data_after="2m"))

    engine.through(7)

    assert [(one.reason, one.incident_id) for one in messages(store)] == [("fired", 1), ("no_data", 1)]


def test_what_evaluations_saw_is_forgotten_after_a_while(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "." * 10
    engine.rules(engine.rule())
    engine.through(10)

    assert alerts.prune(store, before=START + 4 * MINUTE) == 4
    assert engine.states() == "iiiiii"


def test_rules_that_name_channels_tell_those(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "!"
    engine.rules(engine.rule(channels=["mail", "pager"]))

    engine.at(0)

    assert store.read("SELECT channel FROM data.outbox ORDER BY 1")["channel"].to_list() == ["mail", "pager"]


@given(picture=st.text(alphabet=".!?x", min_size=1, max_size=12), cuts=st.sets(st.integers(0, 11)))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_when_it_is_evaluated_changes_nothing(engine: Any, store: Store, picture: str, cuts: set[int]) -> None:
    """Every window one by one, or late in clumps: the same life."""
    engine.settings = AlertSettings(late_offset=timedelta(0), catch_up=100)
    engine.world.drawn[()] = picture
    lives = []
    for moments in (range(12), sorted({0, *cuts, 11})):
        with store.transaction() as tx:
            for table in ("alert_instances", "alert_progress", "alert_evaluations", "incidents", "outbox"):
                tx.execute(f"DELETE FROM data.{table}")  # noqa: S608 - our names
        engine.rules(engine.rule(**{"for": "2m", "keep_firing_for": "1m"}))
        for minute in moments:
            engine.at(minute)
        sql = "SELECT opened_at, fired_at, resolved_at, peak_value FROM data.incidents ORDER BY fired_at"
        lives.append((engine.states(), store.read(sql).rows(), engine.told()))

    assert lives[0] == lives[1]


def test_an_incident_keeps_its_peak_and_says_what_it_saw(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = ".!!."
    engine.rules(engine.rule(title="Slow answers"))
    engine.through(4)

    row = incidents.incidents(store, START, START + HOUR, now=START + HOUR).row(0, named=True)

    assert (row["title"], row["peak_value"], row["last_value"], row["threshold"]) == ("Slow answers", 10.0, 10.0, 5.0)
    assert row["duration_s"] == 120
    assert row["reason"] == "above the limit of 5 ms"
    assert incidents.timeline(store, 1)["what"].to_list() == ["breach began", "fired", "queued", "resolved", "queued"]


def test_what_was_evaluated_can_be_read_as_a_series(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = ".!!."
    engine.rules(engine.rule())
    engine.through(4)

    rows = alerts.evaluations(store, "slow", Window(start=START, end=START + HOUR))

    assert rows["value"].to_list() == [10.0, 10.0, 1.0]
    assert rows["breached"].to_list() == [True, True, False]


def test_the_first_rule_wins_nothing_by_being_stored_twice(engine: Any, store: Store) -> None:
    engine.rules(engine.rule())
    engine.rules(engine.rule())

    stored = rules.stored_rule(store, "slow")
    assert stored is not None
    assert stored.version == 1
    assert rule_from(stored.definition, where="store") == engine.rule()
    assert rules.rule_versions(store, "slow").height == 1
    assert replace(stored, paused=True).paused
