"""Addresses of our pages, with every filter and absolute times: a link shows the same thing tomorrow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from store.model import DIMENSIONS, Filters, Slice, Window

PARAMETERS = {"model": "model", "tenant": "tenant", "user_id": "user", "environment": "environment"}
QUICK = {
    "error_rate": "errors", "errors": "errors", "rate_limited_rate": "errors", "toxic_rate": "toxic",
    "ungrounded_rate": "ungrounded", "latency_p50": "slow", "latency_p95": "slow", "latency_p99": "slow",
    "ttft_p50": "slow", "ttft_p95": "slow",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a link is to show: a metric over a window, for the calls that `narrowed` lets through.

    `rule_id` "": no rule's.
    """

    rule_id: str
    metric: str
    window: Window
    narrowed: Filters
    incident_id: int | None


def links(base_url: str, seen: Seen) -> dict[str, str]:
    """`home`, `chart`, `calls` and, with an id, `incident`."""
    where = {"from": _utc(seen.window.start), "to": _utc(seen.window.end), **_parameters(seen.narrowed)}
    quick = {"quick": QUICK[seen.metric]} if seen.metric in QUICK else {}
    found = {
        "home": _url(base_url, "", {}),
        "chart": _url(base_url, "", {**where, **({"rule": seen.rule_id} if seen.rule_id else {})}),
        "calls": _url(base_url, "calls", {**where, **quick}),
    }
    if seen.incident_id is not None:
        found["incident"] = _url(base_url, "alerts", {"incident": str(seen.incident_id)})
    return found


def page_link(base_url: str, page: str) -> str:
    return _url(base_url, page, {})


def call_link(base_url: str, call_id: str) -> str:
    return _url(base_url, "trace", {"call": call_id})


def narrowed(filters: Filters, labels: Slice) -> dict[str, tuple[str, ...]]:
    """A rule's filters and the slice as one filter; what cannot be asked for, as an unknown value, is left out."""
    return {**filters, **{name: (value,) for name, value in labels if value is not None and name in DIMENSIONS}}


def _parameters(filters: Filters) -> dict[str, str]:
    found = {PARAMETERS[name]: ",".join(values) for name, values in filters.items() if name in PARAMETERS}
    if len(filters.get("prompt_name", ())) == 1:
        version = filters.get("prompt_version", ())
        found["prompt"] = filters["prompt_name"][0] + (f"@{version[0]}" if len(version) == 1 else "")
    return found


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _url(base_url: str, page: str, parameters: Mapping[str, str]) -> str:
    query = "?" + urlencode(parameters) if parameters else ""
    return f"{base_url.rstrip('/')}/{page}{query}"
