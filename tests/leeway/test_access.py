"""Who may come in."""

import asyncio
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from leeway import config
from leeway.access import Guard
from leeway.config import ServerSettings
from store.errors import ConfigError


async def page(_: Request) -> PlainTextResponse:
    return PlainTextResponse("content")


def guarded(settings: ServerSettings) -> httpx.AsyncClient:
    paths = ("/", "/healthz", "/api/ingest", "/v1/traces")
    app = Starlette(
        routes=[Route(path, page, methods=["GET", "POST"]) for path in paths],
        middleware=[Middleware(Guard, settings=settings)],
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://leeway.test")


PROTECTED = ServerSettings(ingest_token=SecretStr("t0ken"), dashboard_password=SecretStr("s3cret"))


def ask(settings: ServerSettings, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        async with guarded(settings) as client:
            return [await client.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(run())


def test_every_answer_carries_the_security_headers():
    for answer in ask(ServerSettings(), ("GET", "/", {}), ("GET", "/healthz", {})):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_without_a_password_everybody_on_this_machine_is_let_in():
    assert [a.status_code for a in ask(ServerSettings(), ("GET", "/", {}), ("POST", "/v1/traces", {}))] == [200, 200]


def test_with_a_password_a_visitor_is_sent_to_sign_in_and_comes_back_where_he_wanted():
    form = {"data": {"password": "s3cret"}, "follow_redirects": False}
    away, wrong, signed_in, inside = ask(
        PROTECTED,
        ("GET", "/", {"follow_redirects": False}),
        ("POST", "/login?next=/calls", {"data": {"password": "guess"}}),
        ("POST", "/login?next=/calls", form),
        ("GET", "/", {}),
    )
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=/")
    assert wrong.status_code == 401
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/calls")
    assert "HttpOnly" in signed_in.headers["set-cookie"]
    assert inside.text == "content"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_signing_in_never_leads_to_another_host(target: str):
    form = {"data": {"password": "s3cret"}, "follow_redirects": False, "params": {"next": target}}
    assert ask(PROTECTED, ("POST", "/login", form))[0].headers["location"] == "/"


@pytest.mark.parametrize("cookie", ["", "x", "99999999999.forged", "1.expired"])
def test_a_forged_or_expired_session_is_no_session(cookie: str):
    headers = {"headers": {"cookie": f"leeway_session={cookie}"}, "follow_redirects": False}
    assert ask(PROTECTED, ("GET", "/", headers))[0].status_code == 303


def test_programs_need_the_token():
    without, wrong, right = ask(
        PROTECTED,
        ("POST", "/api/ingest", {}),
        ("POST", "/api/ingest", {"headers": {"authorization": "Bearer guess"}}),
        ("POST", "/api/ingest", {"headers": {"authorization": "Bearer t0ken"}}),
    )
    assert [without.status_code, wrong.status_code, right.status_code] == [401, 401, 200]


def test_receivers_of_telemetry_ask_for_the_token_themselves():
    assert ask(PROTECTED, ("POST", "/v1/traces", {}))[0].text == "content"


def test_health_can_be_asked_by_everybody():
    assert ask(PROTECTED, ("GET", "/healthz", {}))[0].status_code == 200


def test_a_foreign_page_cannot_make_a_visitor_post():
    headers = {"headers": {"sec-fetch-site": "cross-site"}}
    assert ask(ServerSettings(), ("POST", "/api/ingest", headers))[0].status_code == 403


def test_an_address_others_can_reach_is_refused_without_protection():
    with pytest.raises(ConfigError, match="can be reached by others"):
        config.load(environ={"LEEWAY_HOST": "0.0.0.0"})


def test_an_address_others_can_reach_is_allowed_when_protected_or_said_aloud():
    secrets = {"LEEWAY_SERVER__INGEST_TOKEN": "a", "LEEWAY_SERVER__DASHBOARD_PASSWORD": "b"}
    assert config.load(environ={"LEEWAY_HOST": "0.0.0.0", **secrets}).server.host == "0.0.0.0"
    said = {"LEEWAY_SERVER__ALLOW_UNPROTECTED": "true"}
    assert config.load(environ={"LEEWAY_HOST": "0.0.0.0", **said}).server.host == "0.0.0.0"
