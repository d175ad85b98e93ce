"""Reach the server that holds the database: only one process may, so other commands go through it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from leeway.config import Settings
from store.errors import StoreBusy, StoreError

SLOW = httpx.Timeout(10.0, read=3600.0, write=3600.0)


def server_note(database: Path) -> Path:
    """The file in which a serving process says where it can be reached."""
    return database.with_name(database.name + ".server.json")


class Remote:
    """A running server, found by the note beside its database."""

    def __init__(self, settings: Settings, busy: StoreBusy) -> None:
        note = server_note(settings.store.path)
        if not note.exists():
            raise busy
        token = settings.server.ingest_token
        headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        self._client = httpx.Client(base_url=json.loads(note.read_text())["url"], headers=headers, timeout=SLOW)

    def ingest(
        self, path: Path, *, log_format: str, dry_run: bool, mapping: Mapping[str, str] | None = None,
        rejected: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Send one file; return the report as JSON, with the rejects if `rejected` asks for them.

        Raises StoreError with the server's words.
        """
        params: dict[str, str | list[str]] = {"name": path.name, "format": log_format}
        params |= {"dry_run": "1"} if dry_run else {}
        params |= {"rejected": "1"} if rejected else {}
        params["map"] = [f"{field}={where}" for field, where in (mapping or {}).items()]
        headers = {"content-type": "application/octet-stream"}
        with path.open("rb") as file:
            answer = self._client.post("/api/ingest", params=params, content=_chunks(file), headers=headers)
        return _checked(answer).json()  # type: ignore[no-any-return]

    def analyze(self, names: list[str], *, again: list[str]) -> list[dict[str, Any]]:
        """Run jobs in the server; return what each counted."""
        return _checked(self._client.post("/api/analyze", json={"jobs": names, "again": again})).json()  # type: ignore[no-any-return]

    def replay(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Read the journal again in the server; return what changed."""
        return _checked(self._client.post("/api/replay", json=asked)).json()  # type: ignore[no-any-return]

    def report(self, name: str, *, send: bool) -> str:
        """The text of a report, which the server also sends when `send` says so."""
        return str(_checked(self._client.post("/api/report", json={"name": name, "send": send})).json()["text"])

    def postmortem(self, incident_id: int, *, with_text: bool) -> str:
        """An incident as one HTML page."""
        params = {"incident": str(incident_id), "with_text": "1" if with_text else "0"}
        return _checked(self._client.get("/api/postmortem", params=params)).text

    def export(self, kind: str, params: dict[str, str], out: Path) -> None:
        """Stream an export to `out`."""
        with self._client.stream("GET", "/api/export", params={"format": kind, **params}) as answer:
            if answer.is_error:
                answer.read()
            _checked(answer)
            with out.open("wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)


def _chunks(file: Any) -> Iterator[bytes]:
    while chunk := file.read(1 << 20):
        yield chunk


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        said = answer.json().get("error") if "json" in answer.headers.get("content-type", "") else answer.text[:200]
        raise StoreError(f"the running server answered {answer.status_code}: {said}")
    return answer
