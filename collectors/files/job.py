"""Jobs: what is to be read of which file, and what came of it. All of it travels to workers and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from collectors.files.reading import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to read. `parts`: the folder for the results; `mapping`: see collectors/files/mapping.py."""

    path: Path
    name: str
    parts: Path
    read_at: datetime
    log_format: str = "auto"
    mapping: Mapping[str, str] | None = None
    limits: Limits = field(default_factory=Limits)


class Kind(StrEnum):
    """How records stand in a file."""

    LINES = "lines"
    OBJECTS = "objects"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A stretch of a plain file that begins and ends between two records: bytes, or row groups of Parquet.

    `line` and `skipped` (bytes before the text begins: a BOM) place its records in the whole file; `head` tells files
    of one name apart, `header` names the columns of CSV.
    """

    kind: Kind
    start: int
    end: int
    line: int = 1
    skipped: int = 0
    head: str = ""
    header: bytes = b""

    @property
    def offset(self) -> int:
        return self.start - self.skipped

    @property
    def first(self) -> bool:
        return self.offset == len(self.header)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a file is read. `path`: it, or what was unpacked of it.

    `truncated`, `error`: why what is read ends before the file should.
    """

    path: Path
    slices: list[Slice]
    truncated: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Files of one part; None where there is nothing of the kind. `rows`: how many calls, `bytes`: their size."""

    rows: int = 0
    bytes: int = 0
    calls: Path | None = None
    spans: Path | None = None
    rejects: Path | None = None
    evaluations: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """`formats`: how many records each format read; `error`: why reading stopped before the end.

    `memory`: what readers hold that the next slice may complete; None when no reader does that.
    """

    parts: list[Part]
    formats: dict[str, int]
    error: str | None = None
    truncated: bool = False
    memory: bytes | None = None
