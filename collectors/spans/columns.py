"""Spans by column: what is looked at many spans at a time, before any of them becomes an object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from store.calls import json_text
from store.model import Span

Numbers = NDArray[Any]

# What kind of value an attribute has. Lists, maps and bytes are kept as the JSON they will be stored as.
NONE, TEXT, TRUTH, INTEGER, REAL, JSON = range(6)
ARROW = {TEXT: pa.string(), TRUTH: pa.bool_(), INTEGER: pa.int64(), REAL: pa.float64(), JSON: pa.string()}
KIND_OF = {str: TEXT, bool: TRUTH, int: INTEGER, float: REAL, type(None): NONE}
FIELDS = (
    "trace_id", "span_id", "parent_span_id", "name", "start_ns", "end_ns", "status_code", "status_message",
    "scope_name", "scope_version",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Spans, a row each, and their attributes, one after the other.

    `rows` has the columns of `FIELDS`, `resource` (which of `resources`) and `eventful`; `starts`: where each span's
    attributes begin, and where the last one's end; `name` (which of `names`) and `kind` of each attribute; `values`:
    of each kind an array over all attributes, null where the value is of another kind.
    """

    rows: pa.Table
    resources: Sequence[Mapping[str, Any]]
    starts: Numbers
    names: Sequence[str]
    name: Numbers
    kind: Numbers
    values: Mapping[int, pa.Array]

    def number(self, field: str) -> Numbers:
        """Return a column of numbers that are all there."""
        found: Numbers = self.rows[field].to_numpy()
        return found

    def attributes(self, at: Numbers) -> list[dict[str, Any]]:
        """Return the attributes of these rows."""
        counts = self.starts[at + 1] - self.starts[at]
        where = np.repeat(self.starts[at] - (counts.cumsum() - counts), counts) + np.arange(counts.sum())
        names = [self.names[number] for number in self.name[where].tolist()]
        values = self._values(where)
        bounds = [0, *counts.cumsum().tolist()]
        return [dict(zip(names[low:high], values[low:high], strict=True)) for low, high in pairwise(bounds)]

    def _values(self, where: Numbers) -> list[Any]:
        found: list[Any] = [None] * len(where)
        kinds = self.kind[where]
        for kind, column in self.values.items():
            mine = np.flatnonzero(kinds == kind)
            told = column.take(pa.array(where[mine])).to_pylist() if len(mine) else []
            for place, value in zip(mine.tolist(), map(orjson.loads, told) if kind == JSON else told, strict=True):
                found[place] = value
        return found


def everything(columns: Columns) -> Numbers:
    """Return every row."""
    return np.arange(columns.rows.num_rows)


class Source(Protocol):
    """Spans as they came: by column, and as objects where one must look at them one by one."""

    @property
    def columns(self) -> Columns: ...

    def spans(self, at: Numbers) -> list[Span]: ...


@dataclass(frozen=True, slots=True)
class Made:
    """A source of spans that are objects already."""

    made: Sequence[Span]
    columns: Columns

    def spans(self, at: Numbers) -> list[Span]:
        return [self.made[place] for place in at.tolist()]


def made(spans: Sequence[Span]) -> Made:
    return Made(spans, columns_of(spans))


def columns_of(spans: Sequence[Span]) -> Columns:
    """Put spans into columns."""
    resources = {id(span.resource): span.resource for span in spans}  # many share one, and some are merely equal
    said = {key: json_text(dict(resource)) for key, resource in resources.items()}
    known = {said[key]: resource for key, resource in resources.items()}
    places = {text: place for place, text in enumerate(known)}
    told = {name: [getattr(span, name) for span in spans] for name in FIELDS}
    rows = pa.table({
        **{name: pa.array(values, _ROW_TYPES.get(name, pa.string())) for name, values in told.items()},
        "resource": pa.array([places[said[id(span.resource)]] for span in spans], pa.int32()),
        "eventful": pa.array([bool(span.events) for span in spans], pa.bool_()),
    })  # fmt: skip
    values = list(chain.from_iterable(span.attributes.values() for span in spans))
    kinds = np.array([KIND_OF.get(type(value), JSON) for value in values], np.int8)
    names = pa.array(chain.from_iterable(span.attributes for span in spans), pa.string()).dictionary_encode()
    return Columns(
        rows=rows,
        resources=list(known.values()),
        starts=np.concatenate([[0], np.cumsum([len(span.attributes) for span in spans], dtype=np.int64)]),
        names=names.dictionary.to_pylist(),
        name=names.indices.to_numpy(),
        kind=kinds,
        values=dict(_by_kind(values, kinds)),
    )


_ROW_TYPES = {"start_ns": pa.int64(), "end_ns": pa.int64(), "status_code": pa.int8()}


def _by_kind(values: Sequence[Any], kinds: Numbers) -> Iterator[tuple[int, pa.Array]]:
    for kind, arrow in ARROW.items():
        mine = kinds == kind
        if mine.any():
            told = [value if here else None for value, here in zip(values, mine.tolist(), strict=True)]
            yield kind, pa.array(map(json_text, told) if kind == JSON else told, arrow)


def escaped(texts: pa.StringArray) -> Numbers:
    """Say of each text whether it has characters that JSON does not write as they are."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    found = np.zeros(len(texts), np.bool_)
    special = np.flatnonzero((data < ord(" ")) | (data == ord('"')) | (data == ord("\\")))
    found[np.searchsorted(offsets, special + offsets[0], side="right") - 1] = True
    return found


def quoted(texts: pa.StringArray) -> pa.Array:
    """Return texts as JSON."""
    if escaped(texts).any():
        return pa.array(map(json_text, texts.to_pylist()), pa.string())
    return pc.binary_join_element_wise('"', texts, '"', "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Spans of one scope with the same attributes in the same order and of the same kinds.

    `at`: which rows of `columns` they are; `places`: where the attributes of each stand, a row a span. A column that
    was taken out once is kept: texts are long, and they are looked at more than once.
    """

    columns: Columns
    scope: str
    names: tuple[str, ...]
    kinds: tuple[int, ...]
    at: Numbers
    places: Numbers
    _taken: dict[str, pa.Array] = field(default_factory=dict, init=False)

    def column(self, name: str) -> pa.Array:
        """Return the values of an attribute; JSON where they are lists or maps."""
        if name not in self._taken:
            self._taken[name] = self._column(self.names.index(name))
        return self._taken[name]

    def _column(self, place: int) -> pa.Array:
        kind = self.kinds[place]
        return (
            self.columns.values[kind].take(pa.array(self.places[:, place])) if kind != NONE else pa.nulls(len(self.at))
        )

    def values(self, name: str) -> list[Any]:
        """Return the values of an attribute as objects."""
        told = self.column(name).to_pylist()
        return list(map(orjson.loads, told)) if self.kind(name) == JSON else told

    def written(self, name: str) -> pa.Array:
        """Return the values of an attribute as JSON."""
        told, kind = self.column(name), self.kind(name)
        if kind == TEXT:
            return quoted(told)
        if kind in (JSON, INTEGER):
            return told.cast(pa.string())
        return pa.array([json_text(value) or "null" for value in told.to_pylist()], pa.string())

    def kind(self, name: str) -> int:
        return self.kinds[self.names.index(name)]

    def row(self, field: str) -> pa.Array:
        """Return a field of the spans, one of `FIELDS`."""
        return self.columns.rows[field].combine_chunks().take(pa.array(self.at))

    def number(self, field: str) -> Numbers:
        found: Numbers = self.columns.number(field)[self.at]
        return found

    def only(self, these: Numbers) -> "Shape":
        """Return some of the spans: by place or by yes and no."""
        if these.dtype == np.bool_ and these.all():
            return self
        return Shape(columns=self.columns, scope=self.scope, names=self.names, kinds=self.kinds, at=self.at[these],
                     places=self.places[these])  # fmt: skip


def shapes(columns: Columns) -> Iterator[Shape]:
    """Yield the shapes, the spans of each in the order of their starts."""
    order = np.argsort(columns.number("start_ns"), kind="stable")
    scopes = columns.rows["scope_name"].combine_chunks().dictionary_encode()
    marks = _marks(columns, scopes.indices.to_numpy())[order]
    by_mark = np.argsort(marks, kind="stable")
    bounds = np.flatnonzero(np.diff(marks[by_mark])) + 1
    for members in np.split(order[by_mark], bounds) if len(order) else ():
        if (shape := _shape(columns, members, scopes[int(members[0])].as_py())) is not None:
            yield shape


def _marks(columns: Columns, scope: Numbers) -> Numbers:
    """Return a number for each span that those of one shape have in common, and hardly any others."""
    counts = np.diff(columns.starts)
    chance = np.random.default_rng(0).integers(1, 1 << 63, size=int(counts.max(initial=0)) + 2, dtype=np.uint64) | 1
    told = columns.name.astype(np.uint64) * 8 + columns.kind.astype(np.uint64) + 1
    within = np.arange(len(told)) - np.repeat(columns.starts[:-1], counts)
    summed = np.concatenate([[np.uint64(0)], np.cumsum(told * chance[within], dtype=np.uint64)])
    of_attributes = summed[columns.starts[1:]] - summed[columns.starts[:-1]]
    marks: Numbers = (of_attributes * chance[-1] + counts.astype(np.uint64)) * chance[-2] + scope.astype(np.uint64)
    return marks


def _shape(columns: Columns, rows: Numbers, scope: str) -> Shape | None:
    """Return the shape of rows with one mark; None should they differ for all that."""
    counts = columns.starts[rows + 1] - columns.starts[rows]
    count = int(counts[0])
    if (counts != count).any() or not pc.all(pc.equal(columns.rows["scope_name"].take(pa.array(rows)), scope)).as_py():
        return None
    places = columns.starts[rows][:, None] + np.arange(count)
    names, kinds = columns.name[places], columns.kind[places]
    if (names != names[0]).any() or (kinds != kinds[0]).any():
        return None
    told = tuple(columns.names[number] for number in names[0].tolist())
    return Shape(columns=columns, scope=scope, names=told, kinds=tuple(kinds[0].tolist()), at=rows, places=places)
