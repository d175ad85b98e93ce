"""Own lines: find the clean lines of a file in Leeway's own format, without making anything of them.

A line is clean when it decodes, with exactly our names and types, and its id was not met before in the file. The store
then reads the clean lines by itself; all others go the long way through `collectors/formats/leeway.py`.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec

from collectors.formats.leeway import HINTS
from collectors.reading import Piece
from collectors.usage import IMPLAUSIBLE
from store.calls import COLUMNS
from store.model import Json, TimeQuality
from store.own_lines import MAX_OBJECT_BYTES

CHUNK = 4 << 20
DISORDER = timedelta(hours=1)  # times that fall back by more than this are put in order when stored
MOST_ODD = 100_000  # lines that go the long way; with more, all do
MOST_IDS = 20_000_000  # ids that are remembered


BESIDE: dict[str, Any] = {"cost_usd": float | None, "cost_status": str | None, "ingested_at": str | None}


def _kind(name: str) -> Any:
    hint = HINTS[name]
    if hint == Json:
        return msgspec.Raw
    if hint in (datetime, datetime | None):
        return Annotated[datetime, msgspec.Meta(tz=True)] | None
    if hint == int | None:
        return Annotated[int, _bounds(name)] | None
    if hint == float | None:
        return Annotated[float, msgspec.Meta(ge=0, le=1e18)] | None
    return hint | None


def _bounds(name: str) -> msgspec.Meta:
    if name == "seed":
        return msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)
    return msgspec.Meta(ge=0, le=IMPLAUSIBLE)


def _default(name: str) -> Any:
    return msgspec.Raw(b"null") if HINTS[name] == Json else None


Line = msgspec.defstruct(
    "Line",
    [
        ("call_id", str),
        *((name, _kind(name), _default(name)) for name in COLUMNS if name != "call_id"),
        *((name, kind, None) for name, kind in BESIDE.items()),
    ],
    forbid_unknown_fields=True,
    gc=False,
)


@dataclass(slots=True, kw_only=True)
class Survey:
    """What was found: `clean` lines, the `odd` ones (None: too many of them), the clean ones' times."""

    clean: int = 0
    odd: list[Piece] | None = None
    first: datetime | None = None
    last: datetime | None = None
    in_order: bool = True
    timeless: bool = False


def survey(path: Path) -> Survey:
    """Look at every line of a plain file once, in bounded memory."""
    odd: list[Piece] = []
    found = Survey(odd=odd)
    decode = msgspec.json.Decoder(Line).decode
    seen: set[int] = set()
    for line, offset, raw in _lines(path):
        try:
            row: Any = decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            row = None
        moment = row and (row.event_time or row.started_at)
        key = hash(row.call_id) if moment else 0
        if moment is None or key in seen or len(raw) > MAX_OBJECT_BYTES:
            odd.append(Piece(line, offset, length=len(raw)))
            if len(odd) > MOST_ODD or len(seen) > MOST_IDS:
                return Survey()
            continue
        seen.add(key)
        _note(found, moment, row.time_quality)
    found.clean = len(seen)
    return found


def _note(found: Survey, moment: datetime, quality: TimeQuality | None) -> None:
    if found.first is None or found.last is None:
        found.first = found.last = moment
    elif moment > found.last:
        found.last = moment
    else:
        found.in_order = found.in_order and moment > found.last - DISORDER
        found.first = min(found.first, moment)
    if quality is TimeQuality.INGESTED:
        found.timeless = True


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(line, offset, bytes) of every line; one that is not UTF-8 comes as b"", the decoder does not look everywhere."""
    line, offset = 1, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            chunk += file.readline()
            valid = _is_text(chunk)
            for raw in chunk.removesuffix(b"\n").split(b"\n"):
                yield line, offset, raw if valid or _is_text(raw) else b"\xff" * len(raw)
                line, offset = line + 1, offset + len(raw) + 1


def _is_text(raw: bytes) -> bool:
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def clean_copy(path: Path, odd: list[Piece], target: Path) -> None:
    """Put the file without its odd lines at `target`; a clean one is linked, not copied, where that can be."""
    if not odd:
        try:
            os.link(path, target)
        except OSError:  # another file system
            shutil.copyfile(path, target)
        return
    with path.open("rb") as file, target.open("wb") as out:
        for skipped in odd:
            _copy(file, out, skipped.offset - file.tell())
            file.seek(skipped.offset + skipped.length + 1)
        shutil.copyfileobj(file, out, CHUNK)


def _copy(file: BinaryIO, out: BinaryIO, length: int) -> None:
    while length > 0 and (chunk := file.read(min(length, CHUNK))):
        out.write(chunk)
        length -= len(chunk)
