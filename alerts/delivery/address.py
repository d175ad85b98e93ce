"""Where a webhook may go: not into our own network, unless its host is allowed by name.

A name is resolved once and the connection goes to an address that was checked, so a second answer of the name server
cannot lead elsewhere.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from store.errors import DeliveryError

PORTS = (443, 80)
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Python calls these global, but no stranger is there: carrier NAT, Oracle's metadata and the like, Azure's host.
INNER = tuple(ipaddress.ip_network(text) for text in ("100.64.0.0/10", "192.0.0.0/24", "168.63.129.16/32"))
Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A checked place: `url` as configured, `addresses` to connect to, in this order."""

    url: httpx.URL
    addresses: Sequence[str]


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order of the system."""
    found = (str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(found))


def target(url: str, *, allow: Sequence[str], resolve: Resolve = resolved) -> Target:
    """Return where `url` may be sent. `allow` lists `host` or `host:port` that may be private, plain or on any port.

    Raises DeliveryError; it names the host, never the path, which is often a secret.
    """
    parsed = _parsed(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    trusted = parsed.host in allow or f"{parsed.host}:{port}" in allow
    if not trusted and parsed.scheme != "https":
        raise DeliveryError(
            f"{parsed.host}: only https is used; list the host in `allow` for plain http", permanent=True
        )
    if not trusted and port not in PORTS:
        raise DeliveryError(f"{parsed.host}: port {port} is not used unless `allow` lists it", permanent=True)
    addresses = _addresses(parsed.host, port, resolve)
    for address in addresses:
        if not trusted and not public(address):
            raise DeliveryError(
                f"{parsed.host}: {address} is not a public address; list the host in `allow`", permanent=True
            )
    return Target(url=parsed, addresses=addresses)


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        raise DeliveryError("the webhook's URL is none", permanent=True) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise DeliveryError("the webhook's URL must start with https://", permanent=True)
    return parsed


def _addresses(host: str, port: int, resolve: Resolve) -> Sequence[str]:
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise DeliveryError(f"{host}: the name cannot be resolved", permanent=False)
    return found


def public(address: str) -> bool:
    """Whether an address is a stranger's: not loopback, private, link-local, multicast or carrier NAT."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
        inner = inside or ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return public(str(inner))
    inner_net = isinstance(ip, ipaddress.IPv4Address) and any(ip in network for network in INNER)
    return ip.is_global and not ip.is_multicast and not inner_net
