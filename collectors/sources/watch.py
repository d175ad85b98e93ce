"""A watched folder: what is put into `inbox/` is read, once, and ends in `done/` or `failed/` with a report beside it.

A file is claimed by renaming it into `processing/`, which no other process can do to it again; what lies there after
a crash is read first, and each call in it is stored once. Names that begin with a dot or end in `.part` or `.tmp` are
somebody's unfinished work and left alone.
"""

import itertools
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field

from collectors.rejected import ENDING
from collectors.report import Report
from store.errors import FormatError
from store.sources import FAILED

log = logging.getLogger(__name__)

INBOX, PROCESSING, DONE, REFUSED = "inbox", "processing", "done", "failed"
UNFINISHED = (".part", ".tmp")
REPORT = ".report.json"
LONGEST = 200  # bytes of a name: its report's name, and a number, must fit into 255

Read = Callable[[Path, str], Report]
State = tuple[int, int, int]  # size in bytes, mtime in ns, inode


class WatchSettings(BaseModel):
    """`folder`: where inbox, processing, done and failed are kept; not set, nothing is watched.

    `settle_s`: seconds for which size and time of a file stand still before it is taken as whole.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = None
    settle_s: float = Field(default=2.0, ge=0)
    format: str = "auto"
    mapping: str | None = None


@dataclass(slots=True)
class Watch:
    """One folder. `read` reads a file under a name; `clock` gives seconds since the epoch."""

    folder: Path
    read: Read
    settle_s: float = 2.0
    clock: Callable[[], float] = time.time

    def round(self) -> dict[str, int]:
        """Take what lies in processing, then what is whole in the inbox; return how many files ended where.

        Raises what `read` raises for no fault of the file: the file stays in processing for the next round.
        """
        for name in (INBOX, PROCESSING, DONE, REFUSED):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        ended = {DONE: 0, REFUSED: 0}
        for path in itertools.chain(self._in(PROCESSING), self._claimed()):
            if where := self._taken(path):
                ended[where] += 1
        return ended

    def _in(self, name: str) -> list[Path]:
        found = (path for path in (self.folder / name).iterdir() if not path.name.startswith("."))
        return sorted(path for path in found if not path.name.endswith(UNFINISHED))

    def _claimed(self) -> Iterator[Path]:
        for path in self._in(INBOX):
            target = _free(self.folder / PROCESSING, _plain(path.name))
            try:
                if self._whole(path):
                    path.rename(target)
                    yield target
            except FileNotFoundError:  # whoever put it there took it back
                continue

    def _whole(self, path: Path) -> bool:
        """Nobody has written to it for a while. What arrives by a rename, or is no file, need not wait."""
        found = path.lstat()
        still = self.clock() - found.st_mtime
        return not stat.S_ISREG(found.st_mode) or abs(still) >= self.settle_s

    def _taken(self, path: Path) -> str | None:
        """Read one claimed file; None when it was still being written and went back, or was taken away unread."""
        if not os.path.lexists(path):
            return None
        before = _state(path)
        if before is None:
            return self._ended(path, Report(name=path.name, status=FAILED, error=f"{path.name}: not a plain file"))
        try:
            report = self.read(path, path.name)
        except (FormatError, PermissionError) as error:
            report = Report(name=path.name, status=FAILED, error=str(error))
        except FileNotFoundError:
            if os.path.lexists(path):
                raise
            return None
        if not os.path.lexists(path):
            report.error = f"{path.name}: was taken away while it was read; what had been read of it is kept"
            return self._ended(path, report)
        if _state(path) not in (before, None):
            path.rename(_free(self.folder / INBOX, path.name))
            return None
        return self._ended(path, report)

    def _ended(self, path: Path, report: Report) -> str:
        """The report first: a file that stands in done or failed has one, and its rejects beside it."""
        where = REFUSED if report.status == FAILED else DONE
        target = _free(self.folder / where, path.name)
        if report.rejected.lines:
            _put(target.with_name(target.name + ENDING), b"".join(report.rejected.lines))
        _put(target.with_name(target.name + REPORT), orjson.dumps(report.facts(), option=orjson.OPT_INDENT_2) + b"\n")
        with suppress(FileNotFoundError):  # taken away while it was read
            path.rename(target)
        log.info("%s: %s, %d calls, %d rejects", report.name, where, report.calls, report.rejects)
        return where


def _put(path: Path, body: bytes) -> None:
    """Write a file that is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_bytes(body)
    unfinished.rename(path)


def _state(path: Path) -> State | None:
    """Size, time and inode of a plain file; None of anything else, links too."""
    found = path.lstat()
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _plain(name: str) -> str:
    """The name, or its last part, as text that every file system and column takes."""
    return os.fsencode(name)[-LONGEST:].decode("utf-8", "ignore").lstrip(".") or "file"


def _free(folder: Path, name: str) -> Path:
    """The path of that name, or, where that is taken, of the name with a number before its endings."""
    stem, dot, endings = name.partition(".")
    for number in itertools.count(2):
        path = folder / name
        if not os.path.lexists(path):
            return path
        name = f"{stem}-{number}{dot}{endings}"
    raise AssertionError("unreachable")
