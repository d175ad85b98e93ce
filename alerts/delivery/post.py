"""One HTTP request with limits on everything: time, answer, redirects, where to. Errors never show the URL."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx

from alerts.delivery.address import Target, target
from alerts.delivery.deadline import Deadline
from store.errors import DeliveryError

Method = Literal["GET", "POST"]
TIMEOUT = httpx.Timeout(connect=5.0, read=10.0, write=10.0, pool=5.0)
TOTAL_S = 15.0
LONGEST_ANSWER = 64 * 1024
TOO_MANY, REQUEST_TIMEOUT, SERVER_ERROR, OK_BELOW, OK_FROM = 429, 408, 500, 300, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    method: Method
    body: bytes
    headers: Mapping[str, str]


def post(url: str, body: bytes, *, headers: Mapping[str, str], allow: Sequence[str], method: Method = "POST") -> Answer:
    """Send and return a 2xx answer. Raises DeliveryError, `permanent` when trying again cannot help."""
    place = target(url, allow=allow)
    watch = Deadline(TOTAL_S)
    try:
        with httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client, watch:
            return _tried(client, place, _Wanted(method=method, body=body, headers=headers), watch)
    except httpx.TransportError as error:
        what = f"no answer within {TOTAL_S:.0f} s" if watch.over else type(error).__name__
        raise DeliveryError(f"{place.url.host}: {what}", permanent=False) from None


def _tried(client: httpx.Client, place: Target, wanted: _Wanted, watch: Deadline) -> Answer:
    """Go to the first address that lets us in: a host may have one that cannot be reached from here."""
    *others, last = place.addresses
    for address in others:
        with suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return _exchanged(client, _request(client, place.url, address, wanted, watch))
    return _exchanged(client, _request(client, place.url, last, wanted, watch))


def _request(client: httpx.Client, url: httpx.URL, address: str, wanted: _Wanted, watch: Deadline) -> httpx.Request:
    """The request goes to the checked address; name checks of TLS and the receiver see the real host."""
    sent = {"content-type": "application/json", "user-agent": "leeway", **wanted.headers, "host": url.netloc.decode()}
    extensions = {"sni_hostname": url.host, "trace": watch.trace, "timeout": TIMEOUT.as_dict()}
    direct = url.copy_with(host=address)
    return client.build_request(wanted.method, direct, content=wanted.body, headers=sent, extensions=extensions)


def _exchanged(client: httpx.Client, request: httpx.Request) -> Answer:
    response = client.send(request, stream=True)
    try:
        body = _limited(response)
    finally:
        response.close()
    _judged(response, request.headers["host"])
    return Answer(status=response.status_code, body=body)


def _limited(response: httpx.Response) -> str:
    read = bytearray()
    for chunk in response.iter_raw():
        read += chunk
        if len(read) >= LONGEST_ANSWER:
            break
    return bytes(read[:LONGEST_ANSWER]).decode("utf-8", "replace")


def _judged(response: httpx.Response, host: str) -> None:
    status = response.status_code
    if OK_FROM <= status < OK_BELOW:
        return
    wait = retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    passing = status in (TOO_MANY, REQUEST_TIMEOUT) or status >= SERVER_ERROR
    raise DeliveryError(
        f"{host} answered {status}", permanent=not passing, retry_after=wait if passing else None, status_code=status
    )


def retry_after(written: str | None, now: datetime) -> float | None:
    """Seconds to wait as the header says, in seconds or as a date; None when it says nothing we can read."""
    if written is None:
        return None
    if written.strip().isdigit():
        return float(written)
    try:
        return max(0.0, (parsedate_to_datetime(written) - now).total_seconds())
    except (ValueError, TypeError):
        return None
