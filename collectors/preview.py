"""Preview: what the first records of a file are, and what each would become, before anything of it is kept."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from collectors.batch import assembled_safely
from collectors.files.decode import Made, found_in
from collectors.files.job import Job
from collectors.files.mapping import Mapping as Paths
from collectors.files.reading import Reading, Record
from collectors.files.sorting import Sorter
from store.errors import FormatError
from store.model import LLMCall, Reject

RECORDS = 20
DEPTH = 4
LONGEST = 80  # characters of an example


@dataclass(slots=True, kw_only=True)
class Preview:
    """`format`: what reads the file, None when nothing recognises it; `paths`: where values stand, with an example."""

    format: str | None = None
    calls: list[LLMCall] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    error: str | None = None


def preview(path: Path, name: str, log_format: str, mapping: Paths | None, now: datetime) -> Preview:
    """Read the first records of a file. Runs in a worker: whatever the file holds, the owner stays up."""
    job = Job(path=path, name=name, parts=path, read_at=now, log_format=log_format, mapping=mapping)
    seen, made, sorter = Preview(), Made(), Sorter(job)
    try:
        with path.open("rb") as stream:
            for found in itertools.islice(found_in(stream, job, Reading(file=name, read_at=now)), RECORDS):
                if isinstance(found, Reject):
                    made.add(found)
                    continue
                seen.paths = {**dict(_paths(found[0])), **seen.paths}
                for item in sorter.read(*found):
                    made.add(item)
        for item in sorter.rest():
            made.add(item)
    except FormatError as error:
        seen.error = str(error)
    told, refused = assembled_safely(made.spans, made.logs, now=now)
    seen.calls, seen.rejects = [*made.calls, *told.calls], [*made.rejects, *refused]
    seen.format = max(sorter.met, key=lambda known: sorter.met[known], default=None)
    return seen


def _paths(record: Record, before: str = "", depth: int = DEPTH) -> Iterator[tuple[str, str]]:
    """Every dotted path of a record at which a value stands, lists by their first item."""
    for name, value in record.items():
        here = f"{before}{name}"
        if isinstance(value, list) and value and isinstance(value[0], Mapping) and depth > 1:
            yield here, f"{len(value)} items"
            yield from _paths(dict(value[0]), f"{here}.0.", depth - 1)
        elif isinstance(value, Mapping) and depth > 1:
            yield here, f"{len(value)} fields"
            yield from _paths(dict(value), f"{here}.", depth - 1)
        elif value is not None:
            yield here, str(value)[:LONGEST]


def told(call: LLMCall) -> dict[str, Any]:
    """The fields of a call that are known."""
    return {name: value for name in call.__struct_fields__ if (value := getattr(call, name)) not in (None, [], {})}
