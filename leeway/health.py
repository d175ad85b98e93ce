"""Whether we are well: the JSON of `/healthz` and the Prometheus text of `/metrics`."""

import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from leeway.runtime import Runtime
from store import jobs as ledger
from store.errors import StoreError

LOW_DISK_SHARE = 0.05
LATE_RUNS = 5


def report(runtime: Runtime) -> dict[str, Any]:
    """Return what `/healthz` says. `status`: ok, degraded (works, but look), down (takes nothing more)."""
    runs = _last_runs(runtime)
    problems = list(_problems(runtime, runs))
    down = runtime.store.broken_at is not None or runtime.journal.failed is not None
    return {
        "status": "down" if down else "degraded" if problems else "ok",
        "problems": problems,
        "backlog_bytes": runtime.journal.backlog_bytes(),
        "backlog_requests": runtime.journal.waiting(),
        "last_ingest_at": _iso(runtime.last_ingest_at),
        "started_at": _iso(runtime.started_at),
        "jobs": {run["job"]: _job(run) for run in runs},
        "store": {
            "path": str(runtime.settings.store.path),
            "bytes": _size(runtime),
            "schema": runtime.store.schema_version,
            "free_bytes": shutil.disk_usage(runtime.settings.store.path.parent).free,
        },
    }


def _problems(runtime: Runtime, runs: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    if runtime.store.broken_at is not None:
        yield "the database failed and is being reopened"
    if runtime.journal.failed is not None:
        yield f"the journal cannot be written: {runtime.journal.failed}"
    if runtime.load_error:
        yield f"loading is failing: {runtime.load_error}"
    disk = shutil.disk_usage(runtime.settings.store.path.parent)
    if disk.free < LOW_DISK_SHARE * disk.total:
        yield f"the disk is almost full: {disk.free:,} bytes free"
    yield from (f"job {run['job']} failed: {run['error']}" for run in runs if run["status"] == "error")


def _last_runs(runtime: Runtime) -> list[dict[str, Any]]:
    try:
        return ledger.last_runs(runtime.store).to_dicts()
    except StoreError:
        return []


def _job(run: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": run["status"],
        "started_at": _iso(run["started_at"]),
        "duration_ms": run["duration_ms"],
        "error": run["error"],
    }


def _size(runtime: Runtime) -> int:
    path = runtime.settings.store.path
    return sum(file.stat().st_size for file in (path, path.with_name(path.name + ".wal")) if file.exists())


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def prometheus(runtime: Runtime) -> str:
    """The same figures as Prometheus text exposition."""
    health = report(runtime)
    lines = [
        *_gauge("leeway_up", "1 when requests are taken", [({}, int(health["status"] != "down"))]),
        *_gauge("leeway_backlog_bytes", "Acknowledged bytes not loaded yet", [({}, health["backlog_bytes"])]),
        *_gauge("leeway_database_bytes", "Size of the database file", [({}, health["store"]["bytes"])]),
        *_gauge("leeway_disk_free_bytes", "Free space where the database lies", [({}, health["store"]["free_bytes"])]),
        *_gauge("leeway_last_ingest_timestamp_seconds", "When data last came in", _last_ingest(runtime)),
        *_gauge("leeway_job_duration_seconds", "Duration of the last run", _durations(health["jobs"])),
        *_gauge("leeway_job_ok", "1 when the last run went well", _oks(health["jobs"])),
    ]
    return "\n".join(lines) + "\n"


def _last_ingest(runtime: Runtime) -> list[tuple[dict[str, str], float]]:
    return [({}, runtime.last_ingest_at.timestamp())] if runtime.last_ingest_at else []


def _durations(jobs: Mapping[str, Any]) -> list[tuple[dict[str, str], float]]:
    return [({"job": n}, j["duration_ms"] / 1000) for n, j in jobs.items() if j["duration_ms"] is not None]


def _oks(jobs: Mapping[str, Any]) -> list[tuple[dict[str, str], float]]:
    return [({"job": name}, float(job["status"] != "error")) for name, job in jobs.items()]


def _gauge(name: str, what: str, values: Iterable[tuple[Mapping[str, str], float]]) -> Iterable[str]:
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} gauge"
    for labels, value in values:
        said = ",".join(f'{key}="{text}"' for key, text in labels.items())
        yield f"{name}{{{said}}} {value:g}" if said else f"{name} {value:g}"
