"""The HTTP interface beside OTLP: `/healthz`, `/metrics`, and what `/api/` takes in and gives out."""

import asyncio
import dataclasses
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from leeway import health, telling
from leeway.runtime import Runtime, current
from store import evaluations, export
from store.errors import ConfigError, FormatError, LeewayError, NoSuchCall
from store.model import Window

# Content types a browser sends for a foreign page without asking first; nothing of ours is sent so.
REFUSED_TYPES = ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded")
MAX_JSON_BYTES = 64 << 10
MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def routes() -> list[BaseRoute]:
    return [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/metrics", _metrics, methods=["GET"]),
        Route("/api/ingest", _ingest, methods=["POST"]),
        Route("/api/feedback", _feedback, methods=["POST"]),
        Route("/api/export", _export, methods=["GET"]),
        Route("/api/analyze", _analyze, methods=["POST"]),
        Route("/api/replay", _replay, methods=["POST"]),
        Route("/api/report", _report, methods=["POST"]),
        Route("/api/postmortem", _postmortem, methods=["GET"]),
    ]


Asked = TypeVar("Asked", bound=BaseModel)


class Analyze(BaseModel):
    """Which jobs to run now; none named: all. `again`: evaluators that are to score their calls once more."""

    model_config = ConfigDict(extra="forbid")

    jobs: list[str] = []
    again: list[str] = []


class Replay(BaseModel):
    """Which requests to read again: those received from `from` on, before `to`; without `apply` it only tells."""

    model_config = ConfigDict(extra="forbid")

    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    dialect: str | None = None
    apply: bool = False


class Report(BaseModel):
    """Which report to write, and whether to send it."""

    model_config = ConfigDict(extra="forbid")

    name: str = "daily"
    send: bool = False


class Feedback(BaseModel):
    """What a person or an application says of one call; a trace or a session stands for its last call."""

    model_config = ConfigDict(extra="forbid")

    call_id: str | None = None
    trace_id: str | None = None
    response_id: str | None = None
    session_id: str | None = None
    name: str
    value: float | None = None
    label: str | None = None
    comment: str | None = None
    user: str | None = None

    @model_validator(mode="after")
    def _says_what_of_whom(self) -> "Feedback":
        if not (self.call_id or self.trace_id or self.response_id or self.session_id):
            raise ValueError("name the call: call_id, trace_id, response_id or session_id")
        if self.value is None and self.label is None:
            raise ValueError("say value or label")
        return self


async def _healthz(_: Request) -> Response:
    report = await asyncio.to_thread(health.report, current())
    return JSONResponse(report, status_code=503 if report["status"] == "down" else 200)


async def _metrics(_: Request) -> Response:
    text = await asyncio.to_thread(health.prometheus, current())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _ingest(request: Request) -> Response:
    if _content_type(request) in REFUSED_TYPES:
        return _problem(415, "send the file as the body, with content type application/octet-stream")
    runtime = current()
    name = Path(request.query_params.get("name", "upload")).name or "upload"
    with _spooled(runtime) as path:
        if not await _received(request, path, runtime.settings.server.max_upload_bytes):
            return _problem(413, f"the file is larger than {runtime.settings.server.max_upload_bytes:,} bytes")
        log_format = request.query_params.get("format", "auto")
        dry_run = request.query_params.get("dry_run") == "1"
        try:
            mapping = runtime.settings.mapping(request.query_params.get("mapping"), request.query_params.getlist("map"))
            report = await asyncio.to_thread(
                runtime.ingest, path, name=name, log_format=log_format, mapping=mapping, kind="upload", dry_run=dry_run
            )
        except (FormatError, ConfigError) as error:
            return _problem(422, str(error))
        except LeewayError as error:
            return _problem(503, str(error), {"retry-after": "5"})
    return JSONResponse(report.as_json(rejected=request.query_params.get("rejected") == "1"))


@contextmanager
def _spooled(runtime: Runtime) -> Iterator[Path]:
    folder = runtime.store.settings.spool / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / secrets.token_hex(16)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _received(request: Request, path: Path, most: int) -> bool:
    """Write the body to `path`; False when it is larger than `most` bytes."""
    if int(request.headers.get("content-length", "0") or 0) > most:
        return False
    size = 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                return False
            await asyncio.to_thread(file.write, chunk)
    return True


async def _asked(request: Request, kind: type[Asked]) -> Asked | Response:
    """Return the small JSON body as `kind`, or the answer that says what is wrong with it."""
    if _content_type(request) != "application/json":
        return _problem(415, "send JSON with content type application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            return _problem(413, f"the body is at most {MAX_JSON_BYTES:,} bytes")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        said = (f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in error.errors())
        return _problem(400, "; ".join(said))


async def _feedback(request: Request) -> Response:
    feedback = await _asked(request, Feedback)
    if isinstance(feedback, Response):
        return feedback
    runtime = current()
    said = feedback.model_dump()
    try:
        stored = await asyncio.to_thread(evaluations.add_feedback, runtime.store, now=runtime.now(), **said)
    except NoSuchCall as error:
        return _problem(404, str(error))
    return JSONResponse({"call_id": stored.call_id})


async def _analyze(request: Request) -> Response:
    asked = await _asked(request, Analyze)
    if isinstance(asked, Response):
        return asked
    try:
        ran = await asyncio.to_thread(current().analyze, asked.jobs, again=asked.again)
    except ConfigError as error:
        return _problem(400, str(error))
    return JSONResponse([dataclasses.asdict(run) for run in ran])


async def _replay(request: Request) -> Response:
    asked = await _asked(request, Replay)
    if isinstance(asked, Response):
        return asked
    window = Window(start=asked.start, end=asked.end)
    try:
        done = await asyncio.to_thread(current().replay, window, dialect=asked.dialect, apply=asked.apply)
    except FormatError as error:
        return _problem(400, str(error))
    return JSONResponse(dataclasses.asdict(done))


async def _report(request: Request) -> Response:
    asked = await _asked(request, Report)
    if isinstance(asked, Response):
        return asked
    try:
        told = await asyncio.to_thread(telling.told_now, current(), asked.name, send=asked.send)
    except ConfigError as error:
        return _problem(400, str(error))
    return JSONResponse({"text": telling.as_text(told)})


async def _postmortem(request: Request) -> Response:
    asked = request.query_params
    number = asked.get("incident", "")
    if not number.isdecimal():
        return _problem(400, "say which: ?incident=NUMBER")
    with_text = asked.get("with_text") == "1"
    try:
        page = await asyncio.to_thread(telling.postmortem_of, current(), int(number), with_text=with_text)
    except ConfigError as error:
        return _problem(404, str(error))
    headers = {"content-disposition": f'attachment; filename="{telling.default_file(int(number))}"'}
    return HTMLResponse(page, headers=headers)


async def _export(request: Request) -> Response:
    asked = request.query_params
    kind = asked.get("format", "jsonl")
    if kind not in MEDIA_TYPES:
        return _problem(400, f"no export format is named {kind!r}; there are {', '.join(MEDIA_TYPES)}")
    try:
        window = export_window(asked.get("from"), asked.get("to"))
    except ValueError as error:
        return _problem(400, f"from and to are ISO times: {error}")
    chunks = export.chunks(current().store, kind, window=window)
    return StreamingResponse(chunks, media_type=MEDIA_TYPES[kind])


def export_window(start: str | None, end: str | None) -> Window | None:
    """The window of ISO times; None when neither is given. Raises ValueError."""
    if not start and not end:
        return None
    low = datetime.fromisoformat(start) if start else datetime.fromisoformat("0001-01-01T00:00:00+00:00")
    high = datetime.fromisoformat(end) if end else datetime.fromisoformat("9999-12-31T00:00:00+00:00")
    if low.tzinfo is None or high.tzinfo is None:
        raise ValueError("say the zone, as in 2026-11-24T00:00:00Z")
    return Window(start=low, end=high)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status, headers=headers)
