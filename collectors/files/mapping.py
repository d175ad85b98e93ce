"""Mappings: where a user's own log keeps what a call is made of.

A mapping is a dictionary, `{"input_tokens": "usage.in", "started_at": "ts", "request": "req"}`: a field of `LLMCall`,
or `request`, `response`, `messages`, `answer`, `error`, `latency_s`, to the dotted path where it stands.
"""

import collections.abc
from collections.abc import Iterable, Iterator
from typing import Any

from collectors.apis.exchange import error_fields, exchange
from collectors.apis.messages import messages
from collectors.apis.named import at
from collectors.complete import FIELDS, KINDS, complete
from collectors.files.reading import Place, Record
from collectors.folding import operation
from collectors.format import Format, Item, each
from collectors.formats.leeway import read
from collectors.usage import RAW
from store.errors import FormatError

Mapping = collections.abc.Mapping[str, str]

SIDES = frozenset({"request", "response", "messages", "answer", "error", "latency_s", "ttft_s", "created", "cache_hit"})
COUNTS = {
    "input_tokens": "input", "output_tokens": "output", "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write", "reasoning_tokens": "reasoning", "total_tokens": "total",
}  # fmt: skip


ALONGSIDE = ("created", "cache_hit")
DIRECT = FIELDS - COUNTS.keys()
SECONDS = {"latency_s": "latency_ms", "ttft_s": "ttft_ms"}


STATUSES = {
    "ok": "ok", "success": "ok", "succeeded": "ok", "completed": "ok", "200": "ok", "true": "ok",
    "error": "error", "failure": "error", "failed": "error", "false": "error",
}  # fmt: skip
TIMES = frozenset({"started_at", "ended_at"})  # `complete` reads them in any notation
NAMES = tuple(sorted(FIELDS - {"call_id", "source", "problems", "merged_from", "raw_ref"} | SIDES | {"total_tokens"}))


def pairs(said: Iterable[str]) -> dict[str, str]:
    """A mapping from `field=path` texts. Raises FormatError where one is none."""
    split = [text.partition("=") for text in said]
    for name, _, path in split:
        if not name.strip() or not path.strip():
            raise FormatError(f"mapping {name!r}: write field=path, as in output_text=reply.text")
    return {name.strip(): path.strip() for name, _, path in split}


def checked(mapping: Mapping) -> Mapping:
    """Return the mapping. Raises FormatError when it names what a call does not have."""
    for name in mapping:
        if name not in FIELDS and name not in SIDES and name not in COUNTS:
            raise FormatError(f"mapping: a call has no {name!r}; choose one of {', '.join(NAMES)}")
    return mapping


def mapped(mapping: Mapping) -> Format:
    """The format that a mapping describes."""
    checked(mapping)

    def parse(record: Record, place: Place) -> Iterator[Item]:
        found = {name: value for name, path in mapping.items() if (value := at(record, path)) is not None}
        if not found:
            raise FormatError("nothing stands where the mapping looks")
        yield complete(fields(found), source="mapping", place=place)

    return Format(name="mapping", help="Any records, by a mapping of dotted paths", detect=bool, reader=each(parse))


def fields(found: Record) -> dict[str, Any]:
    """The fields of a call from values under the names of a mapping."""
    told = exchange(found.get("request"), found.get("response"))
    problems: list[str] = []
    for name, value in found.items():
        if value is None or value == "":
            continue
        if name in DIRECT:
            if (made := _told(name, value, problems)) is not None:
                told[name] = made
        elif name in SECONDS and (seconds := read(SECONDS[name], value, problems)) is not None:
            told[SECONDS[name]] = seconds * 1000
        elif name in ALONGSIDE:
            told[name] = value
    told |= _content(found)
    if counts := {COUNTS[name]: found[name] for name in COUNTS.keys() & found.keys()}:
        told["usage"] = {**{k: v for k, v in told.get("usage", {}).items() if k in RAW}, **counts}
    told["problems"] = problems
    return told


def _content(found: Record) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if said := messages(found.get("messages")):
        told["asked"] = said
    if said := messages(found.get("answer"), "assistant"):
        told["answered"] = said
    return {**told, **error_fields(found.get("error"))}


def _told(name: str, value: Any, problems: list[str]) -> Any:
    """A field's value as the call keeps it; None, and a problem, when it is not that."""
    if name in TIMES or type(value) in KINDS.get(name, ()):
        return value
    if name == "operation":
        return operation(value)
    return read(name, STATUSES.get(str(value).lower(), value) if name == "status" else value, problems)
