"""Who may come in, and what a browser may do with what it gets.

One ASGI middleware around everything, Streamlit's own routes and its WebSocket included: security headers, the
dashboard password (a signed cookie, because browsers send cookies, not headers, with a WebSocket), and a refusal of
what a foreign web page makes a visitor's browser send.
"""

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote

from collectors.sources.otlp_http import admitted
from leeway.config import ServerSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "leeway_session"
SESSION_S = 12 * 3600
MAX_FORM_BYTES = 4096
OPEN_PATHS = ("/healthz", "/login", "/answer")  # the last is let in by the signature in its link
# Guarded with the ingest token, not the password: no person sits behind them.
MACHINE_PATHS = ("/api/", "/metrics")
OTLP_ENDS = ("/v1/traces", "/v1/logs", "/v1/metrics")  # in any base path; their own receiver asks for the token

# Plotly compiles functions, Streamlit styles inline; everything else must come from here. No image from elsewhere:
# log text could carry one, and with it tell who looks when.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-src 'self' blob: data:; frame-ancestors 'none'; object-src 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]

LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Leeway: sign in</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px system-ui;display:grid;place-items:center;height:90vh;color-scheme:light dark}}
input,button{{font:inherit;padding:.5em .8em}}</style>
<form method="post" action="/login?next={next}"><h1>Leeway</h1><p role="alert">{problem}</p>
<label>Password <input name="password" type="password" autofocus required autocomplete="current-password"></label>
<button>Sign in</button></form></html>"""


class Guard:
    """Wrap an ASGI application. `clock` gives seconds since the epoch."""

    def __init__(self, app: App, settings: ServerSettings, clock: Callable[[], float] = time.time) -> None:
        self.app = app
        self.clock = clock
        password = settings.dashboard_password
        self.password = password.get_secret_value() if password else None
        token = settings.ingest_token
        self.token = token.get_secret_value() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        await self._answer(scope, receive, _with_headers(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["path"]
        if scope.get("method") == "POST" and _from_elsewhere(headers):
            await _respond(send, 403, b'{"error": "cross-site requests are refused"}')
        elif path.endswith(OTLP_ENDS):
            await self.app(scope, receive, send)
        elif path.startswith(MACHINE_PATHS):
            await self._machine(scope, receive, send, headers)
        elif self.password is None or path in OPEN_PATHS or self._signed_in(headers):
            await (self._login(scope, receive, send) if path == "/login" else self.app(scope, receive, send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4401})
        else:
            await _redirect(send, f"/login?next={quote(path)}")

    async def _machine(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]) -> None:
        allowed = self.token is None or admitted(headers.get("authorization", ""), self.token)
        if allowed or (self.password is not None and self._signed_in(headers)):
            await self.app(scope, receive, send)
        else:
            challenge = (b"www-authenticate", b"Bearer")
            await _respond(send, 401, b'{"error": "send Authorization: Bearer <ingest token>"}', challenge)

    async def _login(self, scope: Scope, receive: Receive, send: Send) -> None:
        following = _local((parse_qs(scope["query_string"].decode()).get("next") or ["/"])[0])
        if scope["method"] != "POST" or self.password is None:
            await _page(send, 200, LOGIN_PAGE.format(next=quote(following), problem=""))
            return
        sent = parse_qs((await _body(receive)).decode("utf-8", "replace")).get("password", [""])[0]
        if not hmac.compare_digest(sent.encode(), self.password.encode()):
            await _page(send, 401, LOGIN_PAGE.format(next=quote(following), problem="That is not the password."))
            return
        cookie = f"{COOKIE}={self._signature(int(self.clock()) + SESSION_S)}; Path=/; HttpOnly; SameSite=Lax"
        secure = "; Secure" if scope.get("scheme") in ("https", "wss") else ""
        await _redirect(send, following, (b"set-cookie", (cookie + secure).encode()))

    def _signed_in(self, headers: dict[str, str]) -> bool:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        expires = cookie.value.partition(".")[0] if cookie else ""
        if not (cookie and expires.isdigit() and int(expires) > self.clock()):
            return False
        return hmac.compare_digest(cookie.value, self._signature(int(expires)))

    def _signature(self, expires: int) -> str:
        key = hashlib.sha256(b"leeway session" + (self.password or "").encode()).digest()
        return f"{expires}.{hmac.new(key, str(expires).encode(), 'sha256').hexdigest()}"


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in HEADERS}
            kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in ours]
            message["headers"] = [*kept, *HEADERS]
        await send(message)

    return sending


def _from_elsewhere(headers: dict[str, str]) -> bool:
    return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _local(target: str) -> str:
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) < MAX_FORM_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _page(send: Send, status: int, html: str) -> None:
    await _respond(send, status, html.encode(), (b"content-type", b"text/html; charset=utf-8"))


async def _redirect(send: Send, where: str, *headers: tuple[bytes, bytes]) -> None:
    await _respond(send, 303, b"", (b"location", where.encode()), *headers)


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    kind = [] if any(name == b"content-type" for name, _ in headers) else [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *headers]})
    await send({"type": "http.response.body", "body": body})
