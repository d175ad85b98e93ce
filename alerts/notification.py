"""What is told: the same facts for every channel."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec

from alerts.messages.neutral import cut, neutral
from alerts.messages.wording import amount
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
LINK_NAMES = {  # in the order in which people want them
    "incident": "Incident", "calls": "Calls", "chart": "Chart", "runbook": "Runbook",
    "silence": "Acknowledge or silence", "page": "Open Leeway",
}  # fmt: skip
WORDS_OF = {
    "prompt_name": "prompt", "prompt_version": "version", "user_id": "user", "session_id": "session",
    "agent_name": "agent",
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
    """`text`: the beginning of what was said, where the user wants it in messages."""

    call_id: str
    note: str = ""
    link: str = ""
    text: str = ""


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
    reason: Reason = "fired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One thing to tell. `at` is the end of the window that says so, `since` the window end at which the breach began.

    Texts may hold what strangers wrote; a channel shows them through `alerts.messages.neutral` only. `links` are ours.
    `now_text`: the value and how far it has moved; `affected`: whom it concerns; `who` carries the change. `lines` are
    label and text of a report. `sent_at` and `delayed` are filled in when it is sent, `rescued_from` when another
    channel could not send it.
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
    affected: str = ""
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


def scope(labels: Mapping[str, str | None]) -> str:
    """A slice as words: `model gpt-4o, tenant acme`, `prompt support-answer v4`; empty for everything."""
    said = {name: "not named" if value is None else value for name, value in labels.items()}
    if {"prompt_name", "prompt_version"} <= said.keys():
        said = {"prompt": f"{said.pop('prompt_name')} {said.pop('prompt_version')}", **said}
    return ", ".join(f"{word_of(name)} {value}" for name, value in said.items())


def word_of(dimension: str) -> str:
    return WORDS_OF.get(dimension) or dimension.replace("_", " ")


def subject(notification: Notification) -> str:
    """`Cost — model gpt-x`: stays the same over an incident's life."""
    where = scope(notification.slice)
    return neutral(notification.title) + (f" — {cut(neutral(where), 100)}" if where else "")


def state(notification: Notification) -> str:
    """`FIRING · critical`; a report is neither grave nor harmless."""
    grave = f" · {notification.severity}" if notification.severity != "info" else ""
    return WORDS[notification.reason] + grave


def headline(notification: Notification) -> str:
    """`[FIRING · warning] Cost — model gpt-x`, whatever matters within the first 80 characters."""
    more = f" and {len(notification.others)} more" if notification.others and notification.reason != "digest" else ""
    return f"[{state(notification)}] {subject(notification)}{more}"


def preview(notification: Notification) -> str:
    """What a telephone shows of the message beside its subject: how bad it is, or how long it was."""
    if notification.over and notification.since is not None:
        peak = f", peak {notification.peak_text}" if notification.peak_text else ""
        return f"after {words(notification.at - notification.since)}{peak}"
    return notification.now_text or notification.why


def as_other(told: Notification) -> Other:
    return Other(
        rule_id=told.rule_id, title=told.title, severity=told.severity, slice=told.slice,
        incident_id=told.incident_id, since=told.since, reason=told.reason,
        now_text=amount(told.value, told.unit) if told.value is not None else "",
    )  # fmt: skip


def other(one: Other, beside: Notification) -> str:
    """`Cost — model gpt-x: $3`, without what stands in the message `beside` it already."""
    where = scope(one.slice)
    title = where if where and one.title == beside.title else one.title + (f" — {where}" if where else "")
    state = f"{WORDS[one.reason].lower()}: " if one.reason != beside.reason else ""
    return state + (f"{title}: {one.now_text}" if one.now_text else title)


def _others(notification: Notification, most: int = 10) -> Iterator[str]:
    for one in notification.others[:most]:
        yield other(one, notification)
    if len(notification.others) > most:
        yield f"{len(notification.others) - most} more"


def named_links(notification: Notification) -> list[tuple[str, str]]:
    """Label and URL of the places to go on to."""
    return [(said, notification.links[name]) for name, said in LINK_NAMES.items() if name in notification.links]


def facts(notification: Notification) -> list[tuple[str, str]]:
    """Label and text of everything known, in the order people ask. Texts are not neutralised."""
    over = notification.reason in ("resolved", "fired_and_resolved")
    why_now = "; ".join(part for part in (notification.why, notification.now_text) if part)
    told = [
        ("Now", "" if notification.over else notification.now_text),
        ("Since", _since(notification)),
        ("Why", "" if over else notification.why),
        ("Lasted", _lasted(notification)),
        ("Peak", notification.peak_text if notification.over else ""),
        ("Now", why_now if over else ""),
        ("Who", "; ".join([*filter(None, [notification.affected]), *_carriers(notification.who)])),
        *(("Also", text) for text in _others(notification)),
        *notification.lines,
        *((f"Text {n}", one.text) for n, one in enumerate(notification.examples, 1) if one.text),
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


def _carriers(who: Sequence[Contributor]) -> list[str]:
    """`82 % of the change from tenant acme (10 ms → 30 ms)`; who follows needs no more than the number."""
    said = ["".join((_share(one), one.name, f" ({one.text})" if one.text else "")) for one in who]
    return said[:1] + [one.replace(" of the change", "", 1) for one in said[1:]]


def _share(one: Contributor) -> str:
    return f"{100 * min(one.share, 1):.0f} % of the change from " if one.share is not None else ""
