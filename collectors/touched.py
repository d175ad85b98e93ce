"""Of a batch that has kin in the store, only what is touched by it is assembled again.

Traces stand for themselves unless a call is told in several of them. Where one instrumentation tells all there is, that
shows in response ids alone; where several do, or evaluations wait for their call, the whole batch is assembled again.
"""

from dataclasses import replace

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from collectors.batch import Batch
from store.spans import Stored


def parted(batch: Batch, stored: Stored) -> tuple[Batch, Batch | None]:
    """Return what of a batch must be assembled with what is stored, and the rest of it; None if that is nothing."""
    calls, known = batch.calls, stored.texts
    sources = pa.chunked_array([*calls["source"].chunks, *known["source"].chunks], pa.string()).unique()
    if len(sources) > 1 or batch.split or batch.judged or _across(calls) or _across(known):
        return batch, None
    answered = calls.filter(_among(calls["response_id"], known["response_id"]))
    told = [stored.spans["trace_id"], stored.logs["trace_id"], known["trace_id"], answered["trace_id"]]
    traces = pa.chunked_array([chunk for column in told for chunk in column.chunks], pa.string())
    return _of(batch, traces, inside=True), _of(batch, traces, inside=False)


def joined(again: Batch, rest: Batch) -> Batch | None:
    """Return the parts as one batch; None where a call of the one may be a call of the other."""
    if pc.any(_among(again.calls["response_id"], rest.calls["response_id"])).as_py() or again.judged or again.split:
        return None
    tables = ("spans", "updated", "logs", "calls", "evaluations", "rejects")
    whole = {name: pa.concat_tables([getattr(rest, name), getattr(again, name)]) for name in tables}
    return replace(rest, **whole, ignored=rest.ignored + again.ignored)


def _among(values: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.ChunkedArray:
    """Say of each value whether the others have it; None is nobody's."""
    return pc.and_(pc.is_valid(values), pc.is_in(values, others.combine_chunks()))


def _across(calls: pa.Table) -> bool:
    """Whether a call is told in more than one trace."""
    merged = calls.filter(pc.is_valid(calls["merged_from"]))
    rows = zip(merged["trace_id"].to_pylist(), merged["merged_from"].to_pylist(), strict=True)
    return any(other["trace_id"] != trace_id for trace_id, others in rows for other in orjson.loads(others))


def _of(batch: Batch, traces: pa.ChunkedArray, *, inside: bool) -> Batch:
    def kept(table: pa.Table, name: str = "trace_id", among: pa.ChunkedArray = traces) -> pa.Table:
        found = pc.is_in(table[name], among.combine_chunks())
        return table.filter(found if inside else pc.invert(found))

    calls = kept(batch.calls)
    touched = batch.calls.filter(pc.is_in(batch.calls["trace_id"], traces.combine_chunks()))["call_id"]
    return replace(
        batch, spans=kept(batch.spans), updated=kept(batch.updated), logs=kept(batch.logs), calls=calls,
        evaluations=kept(batch.evaluations, "call_id", touched),
        rejects=batch.rejects.slice(0, 0) if inside else batch.rejects, ignored=0 if inside else batch.ignored,
    )  # fmt: skip
