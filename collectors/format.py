"""What a Format is: how the records of one kind of log become calls.

A format is one file in `collectors/formats/` that declares one `Format`. Most read record by record (`each`); where a
call stands in several records (start and end, create and update) the format has a Reader that remembers.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from collectors.files.reading import Place, Record
from store.declared import declared
from store.errors import FormatError
from store.model import Evaluation, LLMCall, LogRecord, Reject, Span

Item = LLMCall | Span | LogRecord | Evaluation | Reject


class Reader(Protocol):
    """Reads the records of one file, in order."""

    def read(self, record: Record, place: Place) -> Iterable[Item]:
        """What this record completes. Raises FormatError when the record cannot be read."""
        ...

    def rest(self) -> Iterable[Item]:
        """What the end of the file completes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`help` says in one line what it reads; `detect` looks at one record, cheaply.

    `real` tells whether it was built on a real sample or from documented fields. Of several formats that recognise a
    record the one with the lowest `order` reads it; one that is not `sure` asks again at each record whether another
    format knows it better. `remembers`: its readers hold what a later record completes; they travel, pickled, from one
    slice of a file to the next.
    """

    name: str
    help: str
    detect: Callable[[Record], bool]
    reader: Callable[[], Reader]
    real: bool = False
    order: int = 50
    sure: bool = True
    remembers: bool = False


@dataclass(frozen=True, slots=True)
class Each:
    """A Reader whose records stand each for itself."""

    parse: Callable[[Record, Place], Iterable[Item]]

    def read(self, record: Record, place: Place) -> Iterable[Item]:
        return self.parse(record, place)

    def rest(self) -> Iterator[Item]:
        return iter(())


def each(parse: Callable[[Record, Place], Iterable[Item]]) -> Callable[[], Reader]:
    return lambda: Each(parse)


@cache
def formats() -> tuple[Format, ...]:
    """Every format, in the order in which records are shown to them."""
    return tuple(sorted(declared(Format, "collectors.formats").values(), key=lambda f: (f.order, f.name)))


def format_named(name: str) -> Format:
    for known in formats():
        if known.name == name:
            return known
    raise FormatError(f"no format is named {name!r}: choose auto or one of {', '.join(f.name for f in formats())}")


def sniffed(record: Record) -> Format | None:
    """The format that recognises the record."""
    return next((known for known in formats() if known.detect(record)), None)


def table() -> str:
    """The formats as a table for the docs."""
    rows = [f"| `{f.name}` | {f.help} | {'real samples' if f.real else 'its documented fields'} |" for f in formats()]
    return "\n".join(["| format | what it reads | built from |", "| --- | --- | --- |", *rows]) + "\n"
