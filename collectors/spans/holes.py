"""Texts that stand in the same words: what stands around them is read once, each of them only taken out.

Instrumentations write messages as JSON, and of one application's calls everything but the text is the same. A hole is
where the text stands: whatever text it holds, the rest is read alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collectors.spans import semconv
from collectors.spans.columns import Numbers, escaped
from collectors.spans.content import MAX_TEXT, REDACTED, content_fields, one_text
from collectors.spans.record import ended
from store.lifted import WRITTEN

MARK = "any text"
OWN = {"gen_ai.input.messages": "input_text", "gen_ai.output.messages": "output_text"}  # → field of the call
WAYS = tuple(WRITTEN)
_STRING = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True)
class Hole:
    """Where in an attribute the text of a field of the call stands."""

    field: str
    before: str
    behind: str


def said(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a span's attributes tell of a call's texts, as the conventions do, and how they say it ended."""
    told = semconv.conversation(attributes) | {"finish_reasons": semconv.finish_reasons(attributes)}
    return content_fields(told.get("system"), told.get("asked") or [], told.get("answered") or []) | ended(told)


def holes(attributes: Mapping[str, Any], names: Sequence[str]) -> dict[str, Hole] | None:
    """Return the holes of these attributes; None unless whatever stands in them becomes just that field."""
    found = {name: hole for name in names if (hole := _hole(attributes[name], OWN[name]))}
    marked = {name: hole.before + MARK + hole.behind for name, hole in found.items()}
    expected = said(attributes) | {hole.field: MARK for hole in found.values()}
    return found if len(found) == len(names) and said({**attributes, **marked}) == expected else None


def _hole(value: Any, field: str) -> Hole | None:
    text = one_text(value) if type(value) is str else None
    if not text:
        return None
    for write in WRITTEN.values():
        before, _, behind = value.rpartition(write(text))
        if one_text(before + MARK + behind) == MARK:
            return Hole(field, before, behind)
    return None


def filled(values: pa.StringArray, hole: Hole) -> tuple[pa.Array, Numbers]:
    """Return the text in each value's hole, and how it is written there: a place in `WAYS`.

    A text is None, its way -1, where the value is no such thing or the text would be read as something else.
    """
    fits = pc.and_(pc.starts_with(values, hole.before), pc.ends_with(values, hole.behind))
    low, high = len(hole.before.encode()), len(hole.behind.encode())
    long = pc.greater(pc.binary_length(values), low + high)
    inner = pc.binary_slice(values.view(pa.binary()), low, -high).view(pa.string())
    ways = np.where(pc.and_(fits, long).to_numpy(zero_copy_only=False), 0, -1)
    odd = np.flatnonzero((ways == 0) & escaped(inner))
    texts = inner if (ways == 0).all() else pc.if_else(pa.array(ways == 0), inner, None)
    if len(odd):
        opened = [_opened(one) for one in inner.take(pa.array(odd)).to_pylist()]
        ways[odd] = [way for _, way in opened]
        here = np.zeros(len(values), np.bool_)
        here[odd] = True
        texts = pc.replace_with_mask(texts, pa.array(here), pa.array([text for text, _ in opened], pa.string()))
    special = pc.or_(pc.is_in(texts, pa.array(sorted(REDACTED))), pc.greater(pc.binary_length(texts), MAX_TEXT))
    ways[pc.fill_null(special, fill_value=False).to_numpy(zero_copy_only=False)] = -1
    return texts, ways


def _opened(written: str) -> tuple[str | None, int]:
    """Return the text that stands in JSON as `written`, and how one writes it so."""
    try:
        text = _STRING.decode(f'"{written}"')
    except (msgspec.DecodeError, ValueError):
        return None, -1
    return text, next((way for way, name in enumerate(WAYS) if WRITTEN[name](text) == written), -1)
