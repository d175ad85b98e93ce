"""What is told together, as laws: whatever comes in whatever order, all of it is told once, and never in a flood."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.delivery.grouping import Batch, Sent, batches
from alerts.notification import Notification
from alerts.settings import AlertSettings
from store.outbox import Waiting

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SETTINGS = AlertSettings()


def pending(number: int, after: float, rule: str = "slow", severity: str = "warning") -> tuple[Waiting, Notification]:
    at = NOW + after * SECOND
    told = Notification(
        reason="fired", rule_id=rule, title=rule, severity=severity, at=at, incident_id=number, since=at
    )
    row = Waiting(
        notification_id=number, channel="ops", incident_id=number, reason="fired", payload="", attempts=0,
        next_attempt_at=at, created_at=at,
    )  # fmt: skip
    return row, told


def lived(rows: list[tuple[Waiting, Notification]], *, until: int) -> list[tuple[datetime, Batch]]:
    """What is sent second after second, five at a time, when nothing fails."""
    sent: list[tuple[datetime, Batch]] = []
    gone: set[int] = set()
    for tick in range(0, until, 5):
        now = NOW + tick * SECOND
        free = [(row, told) for row, told in rows if row.created_at <= now and row.notification_id not in gone]
        recent: list[Sent] = [(one.told, at) for at, one in sent if at > now - SETTINGS.group_interval]
        for batch in batches(free, recent, SETTINGS, gathers=True, now=now):
            sent.append((now, batch))
            gone |= {row.notification_id for row in batch.rows}
    return sent


ARRIVALS = st.lists(st.tuples(st.integers(0, 600), st.sampled_from("abcdefgh")), min_size=1, max_size=60)


@settings(max_examples=40, deadline=None)
@given(ARRIVALS)
def test_everything_is_told_once_and_never_in_a_flood(arrivals: list[tuple[int, str]]) -> None:
    rows = [pending(number, after, rule) for number, (after, rule) in enumerate(sorted(arrivals), 1)]

    sent = lived(rows, until=1500)

    told = [row.notification_id for _, batch in sent for row in batch.rows]
    assert sorted(told) == [row.notification_id for row, _ in rows]
    named = [incident for _, batch in sent for incident in batch.told.incidents]
    assert sorted(named) == sorted(told)
    for at, _ in sent:
        near = sum(at <= other < at + SETTINGS.group_interval for other, _ in sent)
        assert near <= SETTINGS.burst


def test_something_critical_does_not_wait_behind_noise() -> None:
    noise = [pending(number, 10 * number, f"rule{number}") for number in range(1, 6)]
    grave = pending(6, 100, "grave", "critical")

    sent = lived([*noise, grave], until=200)

    assert [(at - NOW).seconds for at, batch in sent if 6 in batch.told.incidents] == [130]


def test_grave_things_one_after_the_other_share_a_digest_a_minute() -> None:
    rows = [pending(number, 5 * number, f"rule{number}", "critical") for number in range(1, 61)]

    sent = lived(rows, until=700)

    assert sorted(row.notification_id for _, batch in sent for row in batch.rows) == list(range(1, 61))
    assert len(sent) <= SETTINGS.burst + 8
