"""What people say to alerts: be silent, I look after it, what happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.delivery import attention
from store import incidents, silences
from store.audit import recent_changes
from store.connection import Store

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _silenced(store: Store, start: datetime, end: datetime, **what: Any) -> int:
    given = {"rule_id": None, "slice_": None, "comment": "deploy", "by": "ana", "now": START}
    return silences.silence(store, starts_at=start, ends_at=end, **{**given, **what})


def test_a_silence_is_pending_then_active_then_expired(store: Store) -> None:
    _silenced(store, START + HOUR, START + 2 * HOUR)

    seen = [silences.silences(store, now=START + n * HOUR / 2)["status"].item() for n in (0, 2, 3, 4)]

    assert seen == ["pending", "active", "active", "expired"]


def test_a_silence_can_be_ended_early(store: Store) -> None:
    number = _silenced(store, START, START + 2 * HOUR)

    silences.end_silence(store, number, by="bo", now=START + HOUR)

    assert silences.silences(store, now=START + HOUR)["status"].item() == "expired"
    assert sorted(recent_changes(store)["action"]) == ["silence.add", "silence.end"]


def test_a_silence_covers_its_rule_and_slice_and_no_other(store: Store) -> None:
    _silenced(store, START, START + HOUR, rule_id="slow", slice_='{"model":"a"}')
    [one] = silences.silences_between(store, START, START + HOUR)

    assert one.covers("slow", '{"model":"a"}', START)
    assert not one.covers("slow", '{"model":"b"}', START)
    assert not one.covers("cost", '{"model":"a"}', START)
    assert not one.covers("slow", '{"model":"a"}', START + HOUR)


def test_open_incidents_come_critical_first_with_where_they_stand(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "!!"
    engine.rules(engine.rule(), engine.rule(id="worse", severity="critical"))
    engine.through(2)

    rows = incidents.firing(store).select("rule_id", "state", "value", "why").rows()

    assert rows == [
        ("worse", "firing", 10.0, "above the limit of 5 ms"),
        ("slow", "firing", 10.0, "above the limit of 5 ms"),
    ]


def test_who_acknowledged_stands_in_the_incident_and_its_timeline(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "!!"
    engine.rules(engine.rule())
    engine.at(0)

    assert attention.acknowledge(store, {}, 1, by="ana", now=START + HOUR)
    assert not attention.acknowledge(store, {}, 1, by="bo", now=START + 2 * HOUR)

    row = incidents.incident(store, 1, now=START + HOUR).row(0, named=True)
    assert (row["acknowledged_by"], row["acknowledged_at"]) == ("ana", START + HOUR)
    assert incidents.timeline(store, 1)["what"].to_list() == ["breach began", "fired", "queued", "acknowledged"]
