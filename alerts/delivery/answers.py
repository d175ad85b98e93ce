"""Links by which an alert is answered from its message, on a phone too: signed, for one incident, with an end.

Who holds the link may acknowledge, snooze and silence this one alert, and nothing else. GET only shows what can be
done, because chat programs follow links by themselves; POST does it.
"""

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

KEY_FILE, KEY_BYTES, SIGNATURE_BYTES = "answers.key", 32, 16


def signing_key(folder: Path) -> bytes:
    """The key of this database's links, made at first use; only the owner may read the file."""
    path = folder / KEY_FILE
    with suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


def token(key: bytes, incident_id: int, until: datetime) -> str:
    """`<incident>.<unix seconds>.<signature>`."""
    told = f"{incident_id}.{int(until.timestamp())}"
    return f"{told}.{_signature(key, told)}"


def incident_of(key: bytes, text: str, now: datetime) -> int | None:
    """The incident that a token is for; None when it is not ours or its time is over."""
    told, _, signature = text.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(key, told).encode()):
        return None
    incident, _, until = told.partition(".")
    return int(incident) if now < datetime.fromtimestamp(int(until), UTC) else None


def _signature(key: bytes, told: str) -> str:
    digest = hmac.new(key, b"answer " + told.encode(), hashlib.sha256).digest()[:SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
