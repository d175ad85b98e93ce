"""What is told: the same facts for every channel."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec

from alerts.messages.neutral import cut, neutral
from store.duration import words

Reason = Literal[
    "fired", "resolved", "fired_and_resolved", "repeat", "worse", "flapping", "closed", "acknowledged", "digest",
    "no_data", "report", "test",
]  # fmt: skip
WORDS = {
    "fired": "FIRING", "repeat": "STILL FIRING", "worse": "WORSE", "resolved": "RESOLVED",
    "fired_and_resolved": "FIRED AND RESOLVED", "flapping": "FLAPPING", "closed": "CLOSED",
    "acknowledged": "ACKNOWLEDGED", "no_data": "NO DATA", "digest": "DIGEST", "report": "REPORT", "test": "TEST",
}  # fmt: skip
OVER = ("resolved", "fired_and_resolved", "closed")
LINK_NAMES = {
    "chart": "Chart", "calls": "Calls", "incident": "Incident", "runbook": "Runbook",
    "silence": "Acknowledge or silence",
}  # fmt: skip
UP = ("fired", "repeat", "worse", "flapping")  # tells of something that fires


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributor:
    """A slice that stands for `share` (0 to 1) of the change; `text` says what it was and is."""

    name: str
    share: float | None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    call_id: str
    note: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """What a message tells beside its own: another alert that fired or ended with it."""

    rule_id: str
    title: str
    severity: str
    slice: dict[str, str | None]
    incident_id: int | None
    since: datetime | None
    now_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One thing to tell. `at` is the end of the window that says so, `since` the window end at which the breach began.

    Texts may hold what strangers wrote; a channel shows them through `alerts.messages.neutral` only. `links` are ours.
    `lines` are label and text of a report. `sent_at` and `delayed` are filled in when it is sent, `rescued_from` when
    another channel could not send it.
    """

    reason: Reason
    rule_id: str
    title: str
    severity: str
    at: datetime
    metric: str = ""
    unit: str = ""
    slice: dict[str, str | None] = field(default_factory=dict)
    incident_id: int | None = None
    since: datetime | None = None
    fired_at: datetime | None = None
    value: float | None = None
    baseline: float | None = None
    threshold: float | None = None
    peak: float | None = None
    n: int = 0
    now_text: str = ""
    why: str = ""
    peak_text: str = ""
    who: tuple[Contributor, ...] = ()
    examples: tuple[Example, ...] = ()
    sparkline: str = ""
    links: dict[str, str] = field(default_factory=dict)
    runbook: str | None = None
    owner: str | None = None
    others: tuple[Other, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    sent_at: datetime | None = None
    delayed: str | None = None
    rescued_from: str | None = None

    @property
    def over(self) -> bool:
        return self.reason in OVER

    @property
    def incidents(self) -> tuple[int, ...]:
        """Every incident that this message tells of."""
        found = (self.incident_id, *(one.incident_id for one in self.others))
        return tuple(dict.fromkeys(one for one in found if one is not None))

    @property
    def thread(self) -> str:
        """What belongs together: an incident's messages, else the rule's."""
        return f"incident-{self.incident_id}" if self.incident_id is not None else f"rule-{self.rule_id}"

    def key(self, channel: str) -> str:
        """The same for every attempt to send this message on this channel: a receiver can drop what it knows."""
        told = f"{self.thread}|{self.rule_id}|{self.reason}|{self.at.isoformat()}|{channel}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def dumps(notification: Notification) -> str:
    return msgspec.json.encode(notification).decode()


def loads(text: str) -> Notification:
    return msgspec.json.decode(text, type=Notification)


def scope(labels: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {value if value is not None else 'unknown'}" for name, value in labels.items())


def subject(notification: Notification) -> str:
    """`Cost — model gpt-x`: stays the same over an incident's life."""
    where = scope(notification.slice)
    return neutral(notification.title) + (f" — {cut(neutral(where), 100)}" if where else "")


def headline(notification: Notification) -> str:
    """`[FIRING · warning] Cost — model gpt-x`, whatever matters within the first 80 characters."""
    more = f" and {len(notification.others)} more" if notification.others and notification.reason != "digest" else ""
    return f"[{WORDS[notification.reason]} · {notification.severity}] {subject(notification)}{more}"


def as_other(told: Notification) -> Other:
    return Other(
        rule_id=told.rule_id, title=told.title, severity=told.severity, slice=told.slice,
        incident_id=told.incident_id, since=told.since, now_text=told.now_text,
    )  # fmt: skip


def other(one: Other) -> str:
    """`Cost — model gpt-x: $3 over 1 h` in one line."""
    where = scope(one.slice)
    named = one.title + (f" — {where}" if where else "")
    return f"{named}: {one.now_text}" if one.now_text else named


def named_links(notification: Notification) -> list[tuple[str, str]]:
    """Label and URL of the places to go on to."""
    return [(LINK_NAMES[name], url) for name, url in notification.links.items() if name in LINK_NAMES]


def facts(notification: Notification) -> list[tuple[str, str]]:
    """Label and text of everything known, in the order people ask. Texts are not neutralised."""
    told = [
        ("Now", notification.now_text),
        ("Since", _since(notification)),
        ("Lasted", _lasted(notification)),
        ("Peak", notification.peak_text if notification.over else ""),
        ("Why", notification.why),
        ("Who", "; ".join(_contributor(one) for one in notification.who)),
        ("Also", _listed([other(one) for one in notification.others])),
        *notification.lines,
        ("Trend", notification.sparkline),
        ("Owner", notification.owner or ""),
        ("Delayed", notification.delayed or ""),
        ("Sent for", notification.rescued_from or ""),
    ]
    return [(label, text) for label, text in told if text]


def _since(notification: Notification) -> str:
    if notification.since is None or notification.over:
        return ""
    lasted = notification.at - notification.since
    return moment(notification.since) + (f" ({words(lasted)})" if lasted else "")


def _lasted(notification: Notification) -> str:
    if notification.since is None or not notification.over:
        return ""
    span = f"{moment(notification.since)} to {moment(notification.at)}"
    return f"{words(notification.at - notification.since)} ({span})"


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")


def _contributor(one: Contributor) -> str:
    share = f"{min(one.share, 1):.0%} of the change from " if one.share is not None else ""
    return f"{share}{one.name}" + (f" ({one.text})" if one.text else "")


def _listed(others: Sequence[str], most: int = 10) -> str:
    more = f" and {len(others) - most} more" if len(others) > most else ""
    return "; ".join(others[:most]) + more
