"""A call to an outside service, again and again: when it stops coming, that service tells people that we are gone."""

from collections.abc import Sequence
from typing import Literal

from alerts.delivery.post import post


def beat(url: str, *, method: Literal["GET", "POST"], allow: Sequence[str]) -> None:
    """Say that we are alive. Raises DeliveryError; it names the host, never the path, which is often a secret."""
    post(url, b"", headers={}, allow=allow, method=method)
