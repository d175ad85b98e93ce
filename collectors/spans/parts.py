"""Spans that are alike, on their way to the store: taken apart by how their texts can be read, then column by column.

The call of each is the first one's with the span's own values put in (`fellow_calls.py`). What a call holds of its
span's attributes, texts and response id, is left out of the span (`fellow_spans.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from collectors.spans.alike import Fellows
from collectors.spans.columns import Numbers
from collectors.spans.holes import Hole, filled, holes
from store.model import LLMCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Fellows that are calls, or are none, and whose texts stand in `holes`; None: theirs must be read one by one.

    `texts`: of each attribute with a hole the texts, and how each is written there.
    """

    fellows: Fellows
    holes: Mapping[str, Hole] | None
    texts: Mapping[str, tuple[pa.Array, Numbers]]

    @property
    def calls(self) -> list[LLMCall]:
        return [read.call for read in self.fellows.read if read.call is not None]


def parts(fellows: Fellows) -> Iterator[Part]:
    """Take fellows apart by where their texts stand."""
    texts = fellows.plan.texts
    known = [holes(read.span.attributes, texts) if read.call else None for read in fellows.read]
    kinds = [(read.call is not None, repr(where)) for read, where in zip(fellows.read, known, strict=True)]
    for kind in dict.fromkeys(kinds):
        mine = [number for number, other in enumerate(kinds) if other == kind]
        part = _only(fellows, np.isin(fellows.of, mine), mine)
        where = known[mine[0]] if kind[0] else {}
        yield from _filled(part, where) if where else [Part(fellows=part, holes=where, texts={})]


def _only(fellows: Fellows, these: Numbers, read: Sequence[int] | None = None) -> Fellows:
    """Return some of the fellows; `read`: of which kinds."""
    of, kinds = fellows.of[these], fellows.read
    if read is not None:
        of, kinds = np.searchsorted(read, of), [kinds[number] for number in read]
    return Fellows(plan=fellows.plan, shape=fellows.shape.only(these), of=of, read=kinds)


def _filled(fellows: Fellows, where: Mapping[str, Hole]) -> Iterator[Part]:
    """Take the texts out of their holes; apart from those where that cannot be done."""
    found = {name: filled(fellows.shape.column(name), hole) for name, hole in where.items()}
    fits = np.logical_and.reduce([ways >= 0 for _, ways in found.values()])
    if fits.all():
        yield Part(fellows=fellows, holes=where, texts=found)
        return
    yield Part(fellows=_only(fellows, ~fits), holes=None, texts={})
    if fits.any():
        kept = {name: (texts.filter(pa.array(fits)), ways[fits]) for name, (texts, ways) in found.items()}
        yield Part(fellows=_only(fellows, fits), holes=where, texts=kept)
