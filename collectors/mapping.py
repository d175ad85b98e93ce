"""Mappings: where a user's own log keeps what a call is made of.

A mapping is a dictionary, `{"input_tokens": "usage.in", "started_at": "ts", "request": "req"}`: a field of `LLMCall`,
or `request`, `response`, `messages`, `answer`, `error`, `latency_s`, to the dotted path where it stands.
"""

import collections.abc
from collections.abc import Iterator
from typing import Any

from collectors.complete import FIELDS, complete
from collectors.counts import known
from collectors.exchange import error_fields, exchange
from collectors.format import Format, Item, each
from collectors.messages import messages, parsed
from collectors.reading import Place, Record
from collectors.usage import RAW
from store.errors import FormatError

Mapping = collections.abc.Mapping[str, str]

SIDES = frozenset({"request", "response", "messages", "answer", "error", "latency_s", "ttft_s", "created", "cache_hit"})
COUNTS = {
    "input_tokens": "input", "output_tokens": "output", "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write", "reasoning_tokens": "reasoning", "total_tokens": "total",
}  # fmt: skip


def at(record: Any, path: str) -> Any:
    """What stands at a dotted path: keys, with their own dots too, list positions, JSON inside texts."""
    if isinstance(record, collections.abc.Mapping) and path in record:
        return record[path]
    here = parsed(record)
    head, _, rest = path.partition(".")
    if isinstance(here, list):
        return at(here[int(head)], rest) if head.lstrip("-").isdigit() and -len(here) <= int(head) < len(here) else None
    if not isinstance(here, collections.abc.Mapping):
        return here if not path else None
    for name in _heads(path):
        if name in here:
            return here[name] if name == path else at(here[name], path[len(name) + 1 :])
    return here if not path else None


def _heads(path: str) -> Iterator[str]:
    """The beginnings of a path, longest first: a key may have dots of its own."""
    keys = path.split(".")
    for length in range(len(keys), 0, -1):
        yield ".".join(keys[:length])


def checked(mapping: Mapping) -> Mapping:
    """Return the mapping. Raises FormatError when it names what a call does not have."""
    for name in mapping:
        if name not in FIELDS and name not in SIDES and name not in COUNTS:
            raise FormatError(f"mapping: a call has no {name!r}; choose one of {', '.join(sorted(FIELDS | SIDES))}")
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
    told |= known({name: value for name, value in found.items() if name in FIELDS and name not in COUNTS})
    told |= known({"asked": messages(found.get("messages")), "answered": messages(found.get("answer"), "assistant")})
    told |= error_fields(found.get("error"))
    for name in ("created", "cache_hit"):
        if name in found:
            told[name] = found[name]
    for name, field in (("latency_s", "latency_ms"), ("ttft_s", "ttft_ms")):
        if (value := found.get(name)) is not None:
            told[field] = float(value) * 1000
    counts = {COUNTS[name]: value for name, value in found.items() if name in COUNTS}
    if counts:
        told["usage"] = {**{k: v for k, v in told.get("usage", {}).items() if k in RAW}, **counts}
    return told
