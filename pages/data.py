"""Is data arriving and being processed?"""

from datetime import datetime, timedelta
from typing import Any

import orjson
import polars as pl
import streamlit as st

from leeway import health
from pages.parts import alarms, asked, frame, panels, rejects, states, tables, units, upload
from pages.parts.frame import Tile
from pages.parts.text import safe_label
from store import jobs, sources
from store.model import Window

RATE_OVER = timedelta(hours=1)
MOST_FILES, MOST_REJECTS = 100, 200
EXPORTER = """OTEL_EXPORTER_OTLP_ENDPOINT={url}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"""


def page() -> None:
    frame.title("Data", "Is data arriving and being processed?", alarms.data_until())
    with states.guarded("The state of the data"):
        _state()
    with panels.columns():
        with frame.card("Upload a log file", "kept or not at all; the same file twice changes nothing"):
            upload.form()
        with frame.card("Send traces", "OpenTelemetry over HTTP, protobuf or JSON"):
            _exporter()
    upload.results()
    for heading, note, drawn in (
        ("Jobs", "what is worked out on a schedule", _jobs),
        ("Files", "what was read, newest first", _files),
        ("Rejects", "records that could not be read, kept as they came", _rejects),
    ):
        with frame.card(heading, note), states.guarded(heading):
            drawn()


def _state() -> None:
    runtime, now = asked.runtime(), asked.runtime().now()
    said, known = health.report(runtime), alarms.extent()
    for problem in said["problems"]:
        st.warning(safe_label(problem, 300), icon=":material/warning:")
    minute = asked.minute(now)
    hour = asked.summary(["calls"], Window(start=minute - RATE_OVER, end=minute), {})["n"].item()
    waiting = max((one.waiting for one in asked.standings().values()), default=0)
    frame.tiles(
        [
            Tile(
                label="Calls kept",
                value=units.count(known.calls),
                note=f"since {units.moment(known.first_at, year=True)}",
            ),
            Tile(label="Last call came in", value=units.ago(known.ingested_at, now), note=_newest(known.last_at)),
            Tile(label="Calls in the last hour", value=units.count(hour), note=f"{hour / 60:.1f} a minute"),
            Tile(label="Waiting to be loaded", value=units.size(said["backlog_bytes"]), note="acknowledged, on disk"),
            Tile(label="Waiting to be scored", value=units.count(waiting), note="answers"),
            Tile(
                label="Database",
                value=units.size(said["store"]["bytes"]),
                note=f"{units.size(said['store']['free_bytes'])} free on its disk",
            ),
        ]
    )


def _newest(at: datetime | None) -> str:
    return f"newest is of {units.moment(at)} UTC" if at else "nothing yet"


def _exporter() -> None:
    """What to set so that an application's spans come here."""
    server = asked.runtime().settings.server
    st.markdown(
        "Set this where your application runs, with any GenAI instrumentation (OpenTelemetry, OpenInference, …):"
    )
    port = server.otlp_port or server.port
    st.code(EXPORTER.format(url=f"http://{server.host}:{port}"), language=None)
    also = f" Port {server.port} takes the same." if server.otlp_port else ""
    token = " Send the ingest token as `Authorization: Bearer …`." if server.ingest_token else ""
    st.caption(
        f"`/v1/traces` and `/v1/logs`, gzip or not. Calls are here two seconds after they are sent.{also}{token}"
    )


def _jobs() -> None:
    runtime, now = asked.runtime(), asked.runtime().now()
    last = {row["job"]: row for row in jobs.last_runs(runtime.store).iter_rows(named=True)}
    rows = [_job(name, last.get(name)) for name in {**runtime.jobs, **last}]
    for row in rows:
        started = row.pop("started")
        row["Last run"] = units.ago(started, now) if started else "never"
    shown = pl.DataFrame(rows, schema=["Job", "What it does", "Every", "Last run", "Result", "Took", "Did", "Error"])
    tables.table(shown, alt="Scheduled jobs")


def _job(name: str, run: dict[str, Any] | None) -> dict[str, Any]:
    known = asked.runtime().jobs.get(name)
    counts = orjson.loads(str(run["counts"])) if run and run["counts"] else {}
    return {
        "Job": name,
        "What it does": known.help if known else "",
        "Every": units.span(known.every) if known else "",
        "started": run["started_at"] if run else None,
        "Last run": "",
        "Result": str(run["status"]) if run else "",
        "Took": units.shown(run["duration_ms"], "ms") if run else "",
        "Did": ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in counts.items() if value),
        "Error": str(run["error"] or "") if run else "",
    }


def _files() -> None:
    found = sources.recent(asked.store(), MOST_FILES)
    if found.is_empty():
        st.caption("No file has been read yet.")
        return
    now = asked.runtime().now()
    shown = found.select(
        Name="name", Format="format", From="kind", Calls="calls", Duplicates="duplicates", Spans="spans",
        Rejects="rejects", Ignored="ignored", Size=pl.col("bytes").map_elements(units.size, pl.String), State="status",
        Read=pl.col("updated_at").map_elements(lambda at: units.ago(at, now), pl.String),
        Error=pl.col("error").fill_null(""),
    )  # fmt: skip
    at = tables.picked(shown, alt="Files that were read", key="files", columns={"Size": tables.right()})
    if at is None:
        st.caption("Click the box before a file to take it back, or to download what it rejected.")
        return
    row = found.row(at, named=True)
    rejects.of_source(sources.Source(**row))
    if row["kind"] == "journal" or row["status"] == sources.UNDONE:
        st.caption("This one cannot be taken back.")
        return
    with st.popover("Take it back", icon=":material/undo:"):
        st.text(f"Delete what came from {row['name']}: {row['calls']:,} calls with their scores?")
        st.button("Delete them", on_click=_undo, args=(row["source_id"],))


def _undo(source_id: int) -> None:
    with states.guarded("Taking the file back"):
        gone = asked.runtime().undo(source_id, actor=asked.ACTOR)
        st.toast(f"Took back {safe_label(gone.name)}: {gone.calls:,} calls.", icon=":material/undo:")
        st.cache_data.clear()


def _rejects() -> None:
    found = sources.rejects(asked.store(), limit=MOST_REJECTS)
    if found.is_empty():
        st.caption("Nothing has been rejected.")
        return
    shown = found.select(
        pl.col("created_at").dt.strftime("%d %b %H:%M").alias("Time (UTC)"),
        pl.col("place").alias("Where"),
        pl.col("line").alias("Line"),
        pl.col("reason").alias("Why"),
        pl.col("raw").map_elements(lambda raw: raw[:200].decode("utf-8", "replace"), pl.String).alias("As it came"),
    )
    tables.table(shown, alt="Rejected records")
    st.caption("A call with something odd in it is kept; what was odd stands on its Trace page.")


page()
