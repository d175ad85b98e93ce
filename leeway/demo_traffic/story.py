"""What goes wrong in the demo, when, and what must be found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from store.model import Window


class Trouble(StrEnum):
    LONG_ANSWERS = "long_answers"
    SLOW_PROVIDER = "slow_provider"
    TOXIC_ANSWERS = "toxic_answers"
    NEW_TOPIC = "new_topic"
    UNGROUNDED_ANSWERS = "ungrounded_answers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """`metrics`: what moves. `slice`: for whom. `share`: of how many of the slice's calls it is true."""

    kind: Trouble
    window: Window
    metrics: tuple[str, ...]
    slice: Mapping[str, str]
    share: float
    title: str
    ongoing: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    incidents: tuple[Incident, ...]

    def strikes(self, kind: Trouble, at: datetime, dice: float) -> bool:
        """Whether `kind` happens to a call at `at` that drew `dice` (0–1)."""
        incident = self[kind]
        return self.active(kind, at) and dice < incident.share

    def active(self, kind: Trouble, at: datetime) -> bool:
        window = self[kind].window
        return window.start <= at < window.end

    def __getitem__(self, kind: Trouble) -> Incident:
        return next(incident for incident in self.incidents if incident.kind is kind)


def planted(now: datetime) -> Story:
    """The five incidents of the two days that end at `now`."""

    def window(start_h: float, end_h: float) -> Window:
        return Window(start=now - timedelta(hours=start_h), end=now - timedelta(hours=end_h))

    return Story((
        Incident(
            kind=Trouble.LONG_ANSWERS,
            window=window(30, 26),
            metrics=("output_tokens_per_call", "cost_per_call"),
            slice={"prompt_name": "summarise-ticket", "prompt_version": "v5"},
            share=1.0,
            title="Version 5 of the summary prompt triples the length of summaries; rolled back after four hours",
        ),
        Incident(
            kind=Trouble.SLOW_PROVIDER,
            window=window(25, 23),
            metrics=("latency_p95", "rate_limited_rate"),
            slice={"provider": "anthropic"},
            share=0.25,
            title="Anthropic answers slowly for two hours and refuses a quarter of the calls with 429",
        ),
        Incident(
            kind=Trouble.TOXIC_ANSWERS,
            window=window(21, 19),
            metrics=("toxic_rate", "ungrounded_rate"),
            slice={"model": "gemini-2.5-flash"},
            share=0.8,
            title="Most answers of one model insult the customer",
        ),
        Incident(
            kind=Trouble.NEW_TOPIC,
            window=window(9, 5),
            metrics=("input_drift",),
            slice={"tenant": "kestrel"},
            share=0.25,
            title="Customers of one shop ask about a battery recall that nobody asked about before",
        ),
        Incident(
            kind=Trouble.UNGROUNDED_ANSWERS,
            window=window(2.5, 0),
            metrics=("ungrounded_rate", "output_drift"),
            slice={"prompt_name": "support-answer", "prompt_version": "v4"},
            share=0.5,
            title="Version 4 of the support prompt leaves the documents it was given; still going on",
            ongoing=True,
        ),
    ))  # fmt: skip


def as_json(story: Story) -> list[dict[str, Any]]:
    """The manifest: what was planted, in times of UTC."""
    return [
        {
            "kind": incident.kind.value,
            "title": incident.title,
            "start": incident.window.start.isoformat(),
            "end": incident.window.end.isoformat(),
            "ongoing": incident.ongoing,
            "slice": dict(incident.slice),
            "metrics": list(incident.metrics),
            "share": incident.share,
        }
        for incident in story.incidents
    ]
