"""The page of the demo's messages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.notification import Contributor, Example, Notification, dumps
from leeway import rendered, runtime
from leeway.config import load
from store import alerts, outbox
from store.alerting import Health, State

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STEP = timedelta(minutes=15)


def _told(**changes: object) -> Notification:
    given = {
        "reason": "fired", "rule_id": rendered.FULL, "title": "A provider turns us away", "severity": "critical",
        "at": NOW, "since": NOW - STEP, "incident_id": 1, "unit": "share", "slice": {"provider": "x"},
        "now_text": "12 % over 1 h", "who": (Contributor(name="model " + "y" * 120, share=0.9),),
        "examples": (Example(call_id="c1", link="https://l/trace?call=c1"),), "links": {"chart": "https://l/?a=1"},
    }  # fmt: skip
    return Notification(**{**given, **changes})  # type: ignore[arg-type]


def _evaluated(at: datetime, value: float) -> alerts.Evaluated:
    return alerts.Evaluated(
        rule_id=rendered.FULL, slice='{"provider":"x"}', window_end=at, value=value, baseline=None, threshold=0.05,
        n=100, breached=value > 0.05, state=State.INACTIVE, health=Health.OK, active_at=None, fired_at=None,
        keep_firing_since=None, unknown_since=None, missing=0,
    )  # fmt: skip


def test_it_shows_every_message_and_one_incident_in_every_form(tmp_path: Path):
    with runtime.opened(load(environ={}, store__path=tmp_path / "r.duckdb")) as one:
        with one.store.transaction() as tx:
            alerts.put_evaluations(tx, [_evaluated(NOW + n * STEP, 0.1) for n in range(-3, 3)])
            for told in (_told(), _told(reason="resolved", at=NOW + STEP)):
                row = outbox.Queued(channel="slack", incident_id=1, reason=told.reason, payload=dumps(told))
                outbox.queue(tx, row, now=NOW)
        page = rendered.page(one, tmp_path)

    assert page.count("[FIRING · critical] A provider turns us away — provider x") == 4
    assert "[RESOLVED · critical]" in page
    assert "Examples: [c1]\n[Chart]" in page
    assert '"event_action": "resolve"' in page
    assert f"](messages/{rendered.FULL}-1.png)" in page
    assert (tmp_path / f"{rendered.FULL}-1.png").read_bytes().startswith(b"\x89PNG")
    assert "[REPORT] Daily report" in page
