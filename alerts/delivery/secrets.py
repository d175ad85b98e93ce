"""Secrets are read when they are needed and stand in no setting; what was read is masked wherever text leaves us."""

import os
from pathlib import Path

from store.errors import DeliveryError

MASK = "‹secret›"
SHORTEST = 6  # masking less would eat ordinary words

_read: set[str] = set()


def secret(what: str, *, env: str | None, file: Path | None) -> str:
    """Read a secret. Raises DeliveryError (not permanent: it can be set while we run)."""
    if env is not None and os.environ.get(env):
        return _remembered(os.environ[env].strip())
    if file is not None:
        try:
            return _remembered(file.read_text(encoding="utf-8").strip())
        except OSError as error:
            raise DeliveryError(f"{what}: {file} cannot be read ({error.strerror})", permanent=False) from None
    place = f"the environment variable {env} is not set" if env else "neither a variable nor a file is named"
    raise DeliveryError(f"{what}: {place}", permanent=False)


def _remembered(value: str) -> str:
    if len(value) >= SHORTEST:
        _read.add(value)
    return value


def masked(text: str) -> str:
    """`text` without any secret that this process has read."""
    for value in sorted(_read, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text
