"""LangSmith: run batches as its SDK posts them, and exported runs (list_runs, bulk export); one tree of spans a trace.

`session_name` is a project there; the user's session stands in the run's metadata. Token sums of parents are roll-ups.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis import langchain, runs
from collectors.apis.counts import as_object, known
from collectors.apis.exchange import Fields, number
from collectors.apis.judged import all_judged
from collectors.apis.messages import parsed
from collectors.apis.named import Named
from collectors.files.reading import Place, Record
from collectors.format import Format, Item
from collectors.held import Held
from store.errors import FormatError
from store.model import Operation

OPERATIONS = {"llm": Operation.CHAT, "embedding": Operation.EMBEDDING, "retriever": "retrieval", "tool": "tool"}


def detect(record: Record) -> bool:
    body = as_object(record.get("body")) or record
    return ("run_type" in record and "id" in record) or any(
        isinstance(body.get(side), list) and body[side] and isinstance(body[side][0], dict) and "id" in body[side][0]
        for side in ("post", "patch")
    )


class Runs:
    """A run is posted at its start and patched at its end, often in another batch."""

    def __init__(self) -> None:
        self._open: Held[Record] = Held()

    def read(self, record: Record, _place: Place) -> Iterator[Item]:
        body = as_object(record.get("body")) or record
        told = [record] if "run_type" in record else [*(body.get("post") or []), *(body.get("patch") or [])]
        for run in told:
            if not isinstance(run, dict) or not run.get("id"):
                raise FormatError("a run without an id")
            whole = _merged(self._open.pop(run["id"]) or {}, run)
            if whole.get("end_time"):
                yield span_of(whole)
                yield from _judged(whole)
            else:
                yield from map(span_of, self._open.put(run["id"], whole))

    def rest(self) -> Iterator[Item]:
        for run in self._open.values():
            yield span_of(run)


def _judged(run: Record) -> Iterator[Item]:
    """Exports tell of each key of feedback how often it was given and its average."""
    trace_id, stats = run.get("trace_id") or run["id"], parsed(run.get("feedback_stats"))
    return all_judged(stats, trace_id=trace_id, span_id=run["id"], scope="langsmith", at=run.get("end_time"))


def _merged(before: Record, now: Record) -> Record:
    return {**before, **{name: value for name, value in now.items() if value is not None}}


def span_of(run: Record) -> Item:
    kind = str(run.get("run_type") or "chain")
    metadata = as_object(as_object(run.get("extra")).get("metadata"))
    told = _times(run) | langchain.who(metadata) | langchain.error(run.get("error"))
    if kind in ("llm", "embedding"):
        told = {**_model_run(run, metadata), **told}
    elif kind == "retriever":
        told["documents"] = langchain.documents(parsed(run.get("outputs")))
    elif kind == "tool":
        told["tool"] = run.get("name")
    project = run.get("session_name")
    return runs.span(
        told, trace_id=run.get("trace_id") or run["id"], span_id=run["id"], parent_id=run.get("parent_run_id"),
        name=str(run.get("name") or kind), operation=OPERATIONS.get(kind, "chain"), scope="langsmith",
        resource={"service.name": project} if project else {}, more=_kept(run, metadata),
    )  # fmt: skip


def _times(run: Record) -> Fields:
    events = [e for e in run.get("events") or [] if isinstance(e, Mapping) and e.get("name") == "new_token"]
    first = run.get("first_token_time") or (events[0].get("time") if events else None)
    return known({
        "started_at": run.get("start_time"), "ended_at": run.get("end_time"), "first_token_at": first,
        "tags": [str(tag) for tag in run.get("tags") or [] if not str(tag).startswith("seq:")],
        "stream": True if first else None,
    })  # fmt: skip


def _model_run(run: Record, metadata: Mapping[str, Any]) -> Fields:
    params = as_object(as_object(run.get("extra")).get("invocation_params"))
    inputs, outputs = parsed(run.get("inputs")), parsed(run.get("outputs"))
    told = {**langchain.request(metadata, params), **langchain.result(outputs)}
    told["asked"] = langchain.asked(inputs)
    if not told.get("usage"):
        told["usage"] = langchain.usage(metadata.get("usage_metadata")) or EXPORTED(run)
    told["reported_cost_usd"] = number(run.get("total_cost"))
    return known(told)


EXPORTED = Named({
    "input": "prompt_tokens", "output": "completion_tokens", "total": "total_tokens",
    "cache_read": "prompt_token_details.cache_read", "cache_write": "prompt_token_details.cache_creation",
    "reasoning": "completion_token_details.reasoning",
})  # fmt: skip


def _kept(run: Record, metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {f"langsmith.metadata.{k}": v for k, v in metadata.items() if isinstance(v, str | int | float | bool)}
    return {**kept, **known({"langsmith.run_type": run.get("run_type")})}


FORMAT = Format(
    name="langsmith",
    help="LangSmith run batches of its SDK, and exported runs",
    detect=detect,
    reader=Runs,
    real=True,
    order=30,
    remembers=True,
)
