"""The page that a browser lands on knows where the root is; nothing else is touched."""

import asyncio

import pytest

from leeway.landing import SCRIPT, Landing

PAGE = b"<!DOCTYPE html><html><head><title>x</title></head></html>"


def answer(content_type: bytes, *, accept: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """What a visitor gets from an application that sends PAGE in two pieces."""
    sent: list[dict[str, object]] = []

    async def app(scope, _receive, send) -> None:
        assert b"accept-encoding" not in dict(scope["headers"]) or accept != b"text/html"
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(PAGE)), (b"etag", b"x")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE[:20], "more_body": True})
        await send({"type": "http.response.body", "body": PAGE[20:]})

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"accept", accept), (b"accept-encoding", b"gzip")]}
    asyncio.run(Landing(app)(scope, lambda: None, send))
    return dict(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])


def test_a_page_gets_the_script_and_a_length_that_is_true():
    headers, body = answer(b"text/html; charset=utf-8", accept=b"text/html")
    assert body == PAGE.replace(b"<head>", b"<head>" + SCRIPT)
    assert headers[b"content-length"] == b"%d" % len(body)
    assert b"etag" not in headers


@pytest.mark.parametrize(("kind", "accept"), [(b"text/javascript", b"text/html"), (b"text/html", b"*/*")])
def test_everything_else_passes_as_it_is(kind, accept):
    headers, body = answer(kind, accept=accept)
    assert body == PAGE
    assert headers[b"etag"] == b"x"
