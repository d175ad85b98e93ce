"""Tell the browser where our root is, in the page it lands on.

Without it Streamlit guesses on a deep link (`/cost`): it asks `/cost/_stcore/health` first, gets 404, logs two errors
in the browser's console, and only then asks the right place.
"""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = b'<script>window.__streamlit={BACKEND_BASE_URL:location.origin+"/"}</script>'


class Landing:
    """Wrap an ASGI application: put the script into every HTML page that a browser navigates to."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and b"text/html" in dict(scope["headers"]).get(b"accept", b""):
            plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            await self.app({**scope, "headers": plain}, receive, _Rewriting(send))
        else:
            await self.app(scope, receive, send)


class _Rewriting:
    """Holds an HTML answer back until it is whole; lets every other answer pass."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            self.start = message
        elif self.start is None or message["type"] != "http.response.body":
            await self.send(message)
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                await self._whole(self.start)

    async def _whole(self, start: Message) -> None:
        body = self.body.replace(b"<head>", b"<head>" + SCRIPT, 1)
        kept = [pair for pair in start["headers"] if pair[0].lower() not in {b"content-length", b"etag"}]
        await self.send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
        await self.send({"type": "http.response.body", "body": body})


def _is_html(message: Mapping[str, Any]) -> bool:
    return any(k.lower() == b"content-type" and v.startswith(b"text/html") for k, v in message["headers"])
