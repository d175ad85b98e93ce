"""LangChain callback events as an application's own handler writes them: one event a line, paired by `run_id`."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from collectors.apis import langchain, runs
from collectors.apis.counts import as_object, known
from collectors.apis.exchange import Fields
from collectors.files.reading import Place, Record
from collectors.format import Format, Item
from collectors.held import Held
from store.errors import FormatError
from store.model import Operation

KINDS = {"chat_model": Operation.CHAT, "llm": Operation.CHAT, "retriever": "retrieval", "tool": "tool",
         "chain": "chain", "agent": "chain"}  # fmt: skip
TIMES = ("time", "timestamp", "ts", "at")


def detect(record: Record) -> bool:
    return "run_id" in record and str(record.get("event", "")).startswith("on_")


class Runs:
    """Pairs starts with ends; what never ended comes out at the end of the file, or when too many are open."""

    def __init__(self) -> None:
        self._open: Held[Record] = Held()
        self._roots: Held[str] = Held()

    def read(self, record: Record, _place: Place) -> Iterator[Item]:
        run_id, event = str(record["run_id"]), str(record["event"])
        self._place_in_tree(run_id, record.get("parent_run_id"))
        run = self._open.pop(run_id) or {"run_id": run_id}
        if event == "on_llm_new_token":
            run.setdefault("first_token_at", _time(record))
        elif event.endswith("_start"):
            run.update({"start": record, "kind": event.removeprefix("on_").removesuffix("_start")})
        elif event.endswith(("_end", "_error")):
            run["end"] = record
            yield self._span(run)
            return
        for gone in self._open.put(run_id, run):
            yield self._span(gone)

    def rest(self) -> Iterator[Item]:
        for run in self._open.values():
            yield self._span(run)

    def _place_in_tree(self, run_id: str, parent: Any) -> None:
        """Of a run whose beginning was long ago the root may be forgotten: then its parent stands for it."""
        root = self._roots.get(run_id) or (self._roots.get(str(parent)) or str(parent) if parent else run_id)
        deque(self._roots.put(run_id, root), maxlen=0)

    def _span(self, run: Record) -> Item:
        start, end = as_object(run.get("start")), as_object(run.get("end"))
        if not start and not end:
            raise FormatError("neither a start nor an end")
        kind = str(run.get("kind") or str(end.get("event", "")).removeprefix("on_").partition("_")[0])
        told = known({"started_at": _time(start), "ended_at": _time(end), "first_token_at": run.get("first_token_at")})
        told |= _told(kind, start, end) | langchain.error(end.get("error"))
        return runs.span(
            told, trace_id=self._roots.get(run["run_id"]) or run["run_id"], span_id=run["run_id"],
            parent_id=start.get("parent_run_id") or end.get("parent_run_id"), name=str(start.get("name") or kind),
            operation=KINDS.get(kind, "chain"), scope="langchain.callbacks",
        )  # fmt: skip


def _told(kind: str, start: Any, end: Any) -> Fields:
    metadata = as_object(start.get("metadata"))
    tags = [str(tag) for tag in start.get("tags") or [] if not str(tag).startswith("seq:")]
    told: Fields = {**langchain.who(metadata), **known({"tags": tags})}
    if kind in ("chat_model", "llm"):
        params = as_object(start.get("invocation_params"))
        told |= langchain.request(metadata, params) | langchain.result(end.get("response"))
        told["asked"] = langchain.asked(start.get("messages") or start.get("prompts"))
    elif kind == "retriever":
        told["documents"] = langchain.documents(end.get("documents"))
    elif kind == "tool":
        told["tool"] = start.get("name")
    return told


def _time(record: Any) -> Any:
    return next((record[name] for name in TIMES if record.get(name) is not None), None)


FORMAT = Format(
    name="langchain_callbacks",
    help="LangChain callback events, one a line, as an application's own handler writes them",
    detect=detect,
    reader=Runs,
    real=True,
    order=30,
    remembers=True,
)
