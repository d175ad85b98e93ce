"""The serving process: the lifespan that opens the Runtime, the routes, and the second listener for OTLP."""

import asyncio
import contextlib
import functools
import gc
import importlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from collectors.sources import otlp_grpc, otlp_http
from leeway import answering, api, config, logs, runtime
from leeway.access import Guard
from leeway.config import ServerSettings, Settings
from leeway.memory import keep_memory
from leeway.remote import server_note
from store.journal import Journal

log = logging.getLogger(__name__)

# What pages import. Loaded before the first visitor: sessions that arrive together would race a half-made import, and
# `gc.freeze` must see it (it more than halves the cost of every click).
PRELOADED = ("pandas", "plotly.graph_objects", "pages.parts.frame", "pages.parts.charts")
# How long a thread keeps the interpreter while another one waits: a client that waits for its acknowledgement would
# otherwise wait five milliseconds for each turn of the loader.
SWITCH_S = 0.0005
KEPT_MEMORY = 64 << 20
READY_MEMORY = 16 << 20  # so that the first request does not wait for its memory


def settings() -> Settings:
    """The settings of this process, as `leeway.toml` and LEEWAY_* variables say."""
    return config.load()


def routes(configured: Settings) -> list[BaseRoute]:
    """What is served beside the pages, on every port."""
    otlp = otlp_http.routes(_journal, configured.otlp, configured.server.ingest_token)
    return [*otlp, *api.routes(), *answering.routes()]


def _journal() -> Journal:
    return runtime.current().journal


@contextlib.asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Open the Runtime, listen for OTLP, tell the command line where we are; undo it all at the end."""
    configured = settings()
    logs.configure(configured.server.log_format)
    opened = await asyncio.to_thread(runtime.Runtime, configured, serving=True)
    runtime.use(opened)
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)
    keep_memory(KEPT_MEMORY, ready=READY_MEMORY)
    _when_told_to_end(opened.stop)
    async with _otlp_listener(configured), _grpc_listener(configured), _announced(opened):
        log.info("serving %s; OTLP on the same port%s", configured.server.url, _also(configured.server))
        yield {}
        log.info("stopping")
    runtime.use(None)
    await asyncio.to_thread(opened.close)


def _when_told_to_end(act: Callable[[], None]) -> None:
    """Act at the first signal: the server waits for requests that run, and one that waits for scoring takes minutes."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError):  # only the main thread hears signals
            signal.signal(number, functools.partial(_told_to_end, loop, act, signal.getsignal(number)))


def _told_to_end(
    loop: asyncio.AbstractEventLoop, act: Callable[[], None], otherwise: Any, number: int, frame: FrameType | None
) -> None:
    loop.call_soon_threadsafe(act)
    if callable(otherwise):
        otherwise(number, frame)


def _also(server: ServerSettings) -> str:
    ports = [f"{port} ({what})" for port, what in ((server.otlp_port, "HTTP"), (server.grpc_port, "gRPC")) if port]
    return "".join(f", {port}" for port in ports)


@contextlib.asynccontextmanager
async def _announced(opened: runtime.Runtime) -> AsyncIterator[None]:
    """Leave a note beside the database while we hold it, so that `leeway ingest` finds its way to us."""
    note = server_note(opened.settings.store.path)
    server = opened.settings.server
    note.write_text(json.dumps({"pid": os.getpid(), "url": f"http://{server.host}:{server.port}"}), encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


class _Listener(uvicorn.Server):
    """A server inside ours: signals belong to the outer one."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def _otlp_listener(configured: Settings) -> AsyncIterator[None]:
    """Listen on OTLP's own port as well. A port that is taken (a local Collector) is logged, not fatal."""
    bound = _bound(configured.server.host, configured.server.otlp_port)
    if bound is None:
        yield
        return
    guard = Middleware(Guard, settings=configured.server)
    app = Starlette(routes=routes(configured), middleware=[guard])
    listener = _Listener(uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False))
    task = asyncio.create_task(listener.serve(sockets=[bound]))
    try:
        yield
    finally:
        listener.should_exit = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task, timeout=2)


@contextlib.asynccontextmanager
async def _grpc_listener(configured: Settings) -> AsyncIterator[None]:
    server = configured.server
    if not server.grpc_port:
        yield
        return
    token = server.ingest_token
    async with otlp_grpc.listening(server.host, server.grpc_port, _journal, configured.otlp, token):
        yield


def _bound(host: str, port: int) -> socket.socket | None:
    if not port:
        return None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        log.warning("port %s is in use (%s): OTLP stays on the dashboard's port", port, error.strerror)
        return None
    return listening
