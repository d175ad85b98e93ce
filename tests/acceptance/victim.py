"""Evaluates and delivers, minute after minute, until it is done or killed: `victim.py DATABASE URL HOST SLICES`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.channel import configured
from alerts.deliver import deliver
from alerts.evaluate import evaluate
from alerts.rules.rulebook import set_rules
from alerts.rules.rulefile import rule_from
from alerts.settings import AlertSettings
from store.connection import Store, StoreSettings
from store.model import Filters, Sample, Window

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SLICES = int(sys.argv[4])
RULE = {
    "id": "slow", "metric": "latency_p95", "threshold": 5, "window": "1m", "every": "1m", "group_by": "model",
}  # fmt: skip


@dataclass(frozen=True)
class Info:
    title: str = "Latency"
    unit: str = "ms"
    worse: str = "up"
    kind: str = "level"
    evaluator: str | None = None


def measure(_name: str, window: Window, _filters: Filters, _by: Sequence[str]) -> list[Sample]:
    """Slice i is up in minutes 2i and 2i + 1 and calm in the next two: always something happens, and nothing flaps."""
    up = (window.end - START) // MINUTE // 2
    return [
        Sample(slice=(("model", str(index)),), value=10.0 if index == up else 1.0, n=100)
        for index in range(max(0, up - 1), min(up, SLICES - 1) + 1)
    ]


def main(path: Path, url_file: Path, host: str) -> None:
    settings = AlertSettings(late_offset=timedelta(0), group_wait=timedelta(0), group_interval=timedelta(0))
    channel = {"type": "webhook", "url_file": str(url_file), "allow": [host], "min_interval_s": 0}
    channels = configured({"hook": channel})
    with Store(StoreSettings(path=path)) as store:
        set_rules(store, [rule_from(RULE, where="test")], origin="file", by="test", now=START)
        done = store.one("SELECT max(evaluated_until) FROM data.alert_progress") or START
        for minute in range((done - START) // MINUTE, 2 * SLICES + 4):
            now = START + minute * MINUTE
            evaluate(
                store, measure=measure, metrics={"latency_p95": Info()}, settings=settings, channels=["hook"], now=now
            )
            deliver(store, channels, settings, clock=lambda now=now: now)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
