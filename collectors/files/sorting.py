"""Sorting: each record goes to the reader of the format that was asked for, or of the one that recognises it."""

import pickle
from collections.abc import Iterable, Iterator

from collectors.files.job import Job
from collectors.files.mapping import mapped
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, Reader, format_named, formats, sniffed
from store.errors import FormatError
from store.model import Reject

MOST_SHAPES = 10_000
UNKNOWN_AFTER = 1_000  # records of which not one was recognised: the file is of no format we know

# What a record that is not what it seems can raise while it is read.
BAD_RECORD = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, FormatError)


class Sorter:
    """Hands each record to the reader of its format; one reader a format and file, so that it can remember.

    `memory`: what the readers of the slice before held, as `memory()` gave it; `wary`: give up a long file of which
    nothing is recognised.
    """

    def __init__(self, job: Job, memory: bytes | None = None, *, wary: bool = True) -> None:
        self._wary = wary
        self._asked = mapped(job.mapping) if job.mapping else None
        if job.log_format != "auto":
            self._asked = format_named(job.log_format)
        self._file = job.name
        self._readers: dict[str, Reader] = pickle.loads(memory) if memory else {}  # noqa: S301 - by our own worker
        self._shapes: dict[tuple[str, ...], Format] = {}
        self.met: dict[str, int] = {}
        self.unknown = 0

    def read(self, record: Record, place: Place) -> Iterable[Item]:
        """What the record makes; a Reject when it makes nothing of what it claims to be."""
        found = self._asked or self._recognised(record)
        if found is None:
            self._count_unknown()
            return [place.reject("no format recognises it; a mapping can read it")]
        try:
            items = list(self._reader(found).read(record, place))
        except BAD_RECORD as error:
            return [place.reject(f"not as {found.name} writes it ({type(error).__name__}: {error})")]
        self.met[found.name] = self.met.get(found.name, 0) + 1
        return items

    def _count_unknown(self) -> None:
        self.unknown += 1
        if self._wary and self.unknown > UNKNOWN_AFTER and not self.met:
            raise FormatError(f"{self._file}: no known format; name one, or give a mapping (`leeway formats`)")

    def memory(self) -> bytes | None:
        """What readers hold that records to come may complete; None when none of them does that."""
        remembering = {known.name for known in formats() if known.remembers}
        held = {name: reader for name, reader in self._readers.items() if name in remembering}
        return pickle.dumps(held, pickle.HIGHEST_PROTOCOL) if held else None

    def rest(self) -> Iterator[Item]:
        """What the end completes; a reader that fails there costs only what it still held."""
        for name, reader in self._readers.items():
            try:
                yield from reader.rest()
            except BAD_RECORD as error:
                reason = f"its end is not as {name} writes it ({type(error).__name__}: {error})"
                yield Reject(where=self._file, reason=reason)

    def _recognised(self, record: Record) -> Format | None:
        """What recognised a record with these keys reads the next one; a mere guess is not even asked again."""
        shape = tuple(record)
        known = self._shapes.get(shape)
        if known is not None and (not known.sure or known.detect(record)):
            return known
        found = sniffed(record)
        if found is not None and len(self._shapes) < MOST_SHAPES:
            self._shapes[shape] = found
        return found

    def _reader(self, found: Format) -> Reader:
        if found.name not in self._readers:
            self._readers[found.name] = found.reader()
        return self._readers[found.name]
