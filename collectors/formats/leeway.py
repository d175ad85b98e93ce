"""Leeway's own JSON lines: what `leeway export calls` writes, one call a line, under the names of `LLMCall`.

Everything but a time is optional. Unknown names are kept in `metadata`; `cost_usd` alone is taken as the cost that was
reported, with a `cost_status` beside it (as in an export) it is worked out anew. `GAPS` says how what is left out
follows from what is told; `collectors/files/own_lines.py` fills whole columns by it.
"""

import math
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, get_args, get_type_hints

from collectors import moments
from collectors.apis.messages import parsed
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from collectors.identity import call_id, model_key
from collectors.usage import count
from store.errors import FormatError
from store.model import ContentState, Json, LLMCall, Operation, Status, TimeQuality, TokensOrigin

HINTS = get_type_hints(LLMCall)
BESIDE: dict[str, Any] = {"cost_usd": float | None, "cost_status": str | None, "ingested_at": str | None}
TIMES = frozenset({"event_time", "started_at"})
TELLING = frozenset({
    "call_id", "request_model", "response_model", "model", "input_tokens", "output_tokens", "latency_ms",
    "input_text", "output_text", "tokens_origin",
})  # fmt: skip
LARGEST = {"http_status": 1 << 31, "attempts": 1 << 31, "tools_offered": 1 << 31}
TEXTS = ("system_text", "input_text", "input_messages", "output_text", "output_messages")
ERROR_FROM = 400
DECIMAL_COMMA = re.compile(r"-?(?:0,\d+|\d+,(?!\d{3}$)\d+)")  # 1,234 may be a thousand


def detect(record: Record) -> bool:
    telling = len(TELLING & record.keys()) > 1 or "call_id" in record
    return telling and bool(TIMES & record.keys()) and "usageDetails" not in record


def parse(record: Record, place: Place) -> Iterator[Item]:
    problems = [str(p) for p in record.get("problems") or []] + list(place.problems)
    told = {name: read(name, value, problems) for name, value in record.items() if name in HINTS and value is not None}
    told = {name: value for name, value in told.items() if value is not None}
    told["problems"] = list(dict.fromkeys(problems))
    if rest := {name: value for name, value in record.items() if name not in HINTS and name not in BESIDE}:
        told["metadata"] = {**_as_mapping(told.get("metadata")), **rest}
    if (cost := record.get("cost_usd")) is not None and "reported_cost_usd" not in told:
        told["reported_cost_usd"] = _reported(record.get("cost_status"), _number("cost_usd", cost, problems))
    if "event_time" not in told and "started_at" not in told:
        raise FormatError("no event_time or started_at that could be read")
    yield LLMCall(**filled(told, place))


def _as_mapping(metadata: Json) -> dict[str, Any]:
    return metadata if isinstance(metadata, dict) else {} if metadata is None else {"metadata": metadata}


class Gap(NamedTuple):
    """How a field that was left out follows from others."""

    of: tuple[str, ...]
    fill: Callable[..., Any]


def _status(error: str | None, http: int | None, *answer: Any) -> Status:
    if error is not None or (http or 0) >= ERROR_FROM:
        return Status.ERROR
    return Status.UNKNOWN if http is None and answer.count(None) == len(answer) else Status.OK


def _origin(*counts: int | None) -> TokensOrigin:
    return TokensOrigin.NONE if counts.count(None) == len(counts) else TokensOrigin.PROVIDER


def _state(*texts: Any) -> ContentState:
    return ContentState.ABSENT if texts.count(None) == len(texts) else ContentState.FULL


def _reported(status: str | None, cost: float | None) -> float | None:
    return cost if status in (None, "reported") else None


GAPS: dict[str, Gap] = {
    "source": Gap((), lambda: "leeway"),
    "event_time": Gap(("started_at",), lambda start: start),
    "operation": Gap((), lambda: Operation.CHAT),
    "time_quality": Gap((), lambda: TimeQuality.EXACT),
    "model": Gap(("response_model", "request_model"), model_key),
    "latency_ms": Gap(("started_at", "ended_at"), moments.milliseconds),
    "status": Gap(("error_type", "http_status", "output_text", "output_tokens", "finish_reason"), _status),
    "tokens_origin": Gap(("input_tokens", "output_tokens"), _origin),
    "content_state": Gap(TEXTS, _state),
    "reported_cost_usd": Gap(("cost_status", "cost_usd"), _reported),
    "problems": Gap((), list),
}


def filled(told: dict[str, Any], place: Place) -> dict[str, Any]:
    """Add what follows from what was told."""
    gaps = {name: gap.fill(*map(told.get, gap.of)) for name, gap in GAPS.items() if told.get(name) is None}
    return {**told, **gaps, "call_id": told.get("call_id") or _identity(told, place)}


def _identity(told: dict[str, Any], place: Place) -> str:
    record_id = told.get("source_record_id")
    return call_id(
        response_id=told.get("response_id"), trace_id=told.get("trace_id"), span_id=told.get("span_id"),
        source=told.get("source") or "leeway", source_record_id=record_id, place=place.key,
    )  # fmt: skip


def read(name: str, value: Any, problems: list[str]) -> Any:
    """A field's value from what a person or tool may have written for it; None when it is not that."""
    return READER_OF[name](name, value, problems)


def _enum(name: str, value: Any, problems: list[str]) -> Any:
    try:
        return HINTS[name](str(value).lower())
    except ValueError:
        problems.append(f"unknown_{name}")
        return None


def _time(name: str, value: Any, problems: list[str]) -> datetime | None:
    found = moments.moment(value)
    if found is None:
        problems.append(f"bad_{name}")
    elif moments.quality(value) == TimeQuality.DERIVED:
        problems.append("time_without_zone")
    return found


def _bool(name: str, value: Any, problems: list[str]) -> bool | None:
    said = {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower())
    if said is None:
        problems.append(f"bad_{name}")
    return said


def _count(name: str, value: Any, problems: list[str]) -> int | None:
    if name == "seed" and isinstance(value, int) and -(1 << 63) <= value < 0:
        return value
    found = count(value, problems)
    return found if found is None or found < LARGEST.get(name, 1 << 63) else None


def _number(name: str, value: Any, problems: list[str]) -> float | None:
    if value is None:
        return None
    if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value.strip()):
        value = value.replace(",", ".")
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        found = math.nan
    if math.isfinite(found) and (found >= 0 or not name.endswith(("_ms", "_usd"))):
        return found
    problems.append(f"bad_{name}")
    return None


def _text(_name: str, value: Any, _problems: list[str]) -> str | None:
    return value if isinstance(value, str) else str(value) if not isinstance(value, dict | list) else None


def _texts(_name: str, value: Any, _problems: list[str]) -> list[str] | None:
    value = parsed(value)
    return [str(item) for item in value if item is not None] if isinstance(value, list) else [str(value)]


def _json(_name: str, value: Any, _problems: list[str]) -> Any:
    return parsed(value)


Read = Callable[[str, Any, list[str]], Any]
READERS: tuple[tuple[type, Read], ...] = (
    (StrEnum, _enum), (datetime, _time), (bool, _bool), (int, _count), (float, _number), (str, _text),
)  # fmt: skip


def _reader_of(hint: Any) -> Read:
    if hint == Json:
        return _json
    parts = [part for part in (hint, *get_args(hint)) if isinstance(part, type)]
    return next((reader for kind, reader in READERS if any(issubclass(part, kind) for part in parts)), _texts)


READER_OF = {name: _reader_of(hint) for name, hint in HINTS.items()}

FORMAT = Format(
    name="leeway",
    help="Leeway's own JSON lines: what `leeway export calls` writes, any field left out",
    detect=detect,
    reader=each(parse),
    real=True,
    order=90,
)
