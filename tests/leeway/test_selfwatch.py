"""What Leeway sees of itself: each sign when it is well and when it is not, and the heartbeat that stops with them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import disk_usage
from typing import Any

import pytest

from alerts.meta import Sign
from alerts.rule import Rule
from alerts.rules import rulebook
from leeway.config import load
from leeway.runtime import Runtime
from leeway.selfwatch import alive, signs
from store import outbox, rules
from store.calls import append_calls, call_table
from store.model import LLMCall
from tests.alerts.conftest import receiver  # noqa: F401 - a fixture

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runtime(tmp_path: Path, clock: Clock) -> Iterator[Runtime]:
    settings = load(environ={}, store__path=tmp_path / "leeway.duckdb", channels={"ops": {"type": "slack", "webhook_url_env": "X"}})  # noqa: E501 # fmt: skip
    opened = Runtime(settings, clock=clock)
    yield opened
    opened.close()


def seen(runtime: Runtime, name: str) -> Sign:
    return next(sign for sign in signs(runtime, runtime.now()) if sign.name == f"leeway-{name}")


def arrive(runtime: Runtime, *minutes: int) -> None:
    for minute in minutes:
        at = runtime.now() - minute * MINUTE
        call = LLMCall(call_id=f"c{minute}", source="test", event_time=at)
        with runtime.store.transaction() as tx:
            append_calls(tx, call_table([call], source_id=None, ingested_at=at))


def test_a_new_installation_has_nothing_to_complain_of(runtime: Runtime) -> None:
    found = signs(runtime, runtime.now())
    low = disk_usage(runtime.settings.store.path.parent)

    assert {sign.name: sign.breached for sign in found} == {
        "leeway-ingest": None, "leeway-evaluation": False, "leeway-channels": False,
        "leeway-disk": low.free / low.total < 0.1, "leeway-store": False,
    }  # fmt: skip
    assert alive(found)


@pytest.mark.parametrize(("silent", "breached"), [(20, False), (29, False), (31, True), (200, True)])
def test_data_that_stays_away_longer_than_ever_is_missed(runtime: Runtime, silent: int, breached: bool) -> None:
    arrive(runtime, *range(silent, silent + 100, 5))

    assert seen(runtime, "ingest").breached is breached


def test_who_sends_once_in_ten_hours_is_not_missed_after_one(runtime: Runtime) -> None:
    arrive(runtime, *range(60, 9000, 600))

    sign = seen(runtime, "ingest")
    assert sign.breached is False
    assert sign.why == "nothing for 1 h; the longest pause of the last week was 10 h"


def test_rules_that_are_not_evaluated_are_noticed(runtime: Runtime, clock: Clock) -> None:
    rulebook.set_rules(runtime.store, [Rule(id="slow", threshold=1)], origin="file", by="test", now=clock.now)
    runtime.analyze(["rules"])
    assert seen(runtime, "evaluation").breached is False

    clock.now += HOUR
    sign = seen(runtime, "evaluation")
    assert (sign.breached, sign.why) == (
        True,
        "not evaluated for 3 times as long as they say: the job does not run, slow",
    )
    assert not alive(signs(runtime, clock.now))
    runtime.analyze(["rules"])
    assert seen(runtime, "evaluation").breached is False


def test_a_rule_that_cannot_be_read_is_not_late(runtime: Runtime, clock: Clock) -> None:
    odd = {"id": "odd", "threshold": 1, "window": "soon"}
    with runtime.store.transaction() as tx:
        rules.put_rule(tx, odd, origin="file", by="test", now=clock.now)
    runtime.analyze(["rules"])
    clock.now += HOUR
    runtime.analyze(["rules"])

    assert seen(runtime, "evaluation").breached is False


def test_a_channel_that_refuses_is_noticed(runtime: Runtime, clock: Clock) -> None:
    message = outbox.Queued(channel="ops", incident_id=None, reason="test", payload="{}")
    with runtime.store.transaction() as tx:
        queued = outbox.queue(tx, message, now=clock.now)
        attempt = outbox.Attempt(
            notification_id=queued, channel="ops", attempt=1, attempted_at=clock.now, duration_ms=1.0, ok=False,
            status_code=404, error="Slack answered 404",
        )  # fmt: skip
        outbox.note_attempt(tx, attempt)
        outbox.mark(tx, queued, "dead", error="Slack answered 404")

    sign = seen(runtime, "channels")
    assert (sign.breached, sign.why) == (True, "ops is dead: Slack answered 404")


def test_a_fault_of_the_database_is_told_when_it_is_open_again(runtime: Runtime, clock: Clock) -> None:
    runtime.store.failed_at = clock.now - 5 * MINUTE
    assert seen(runtime, "store").breached is True
    assert not alive(signs(runtime, clock.now))

    clock.now += HOUR
    assert seen(runtime, "store").breached is False


def test_the_job_tells_and_the_heartbeat_beats_only_while_all_is_well(
    tmp_path: Path,
    clock: Clock,
    receiver: Any,  # noqa: F811
) -> None:
    alerts = {"heartbeat_url": receiver.url, "heartbeat_allow": [receiver.host]}
    runtime = Runtime(load(environ={}, store__path=tmp_path / "beat.duckdb", alerts=alerts), clock=clock)
    try:
        assert [run.counts for run in runtime.analyze(["self", "heartbeat"])][1] == {"beats": 1}
        runtime.store.failed_at = clock.now
        clock.now += MINUTE
        counts = [run.counts for run in runtime.analyze(["self", "heartbeat"])]
    finally:
        runtime.close()

    assert counts[0]["fired"] >= 1
    assert counts[1] == {"beats": 0}
    assert [one["method"] for one in receiver.got] == ["GET"]


def test_without_a_url_there_is_no_heartbeat(runtime: Runtime) -> None:
    assert "self" in runtime.jobs
    assert "heartbeat" not in runtime.jobs
