"""Upload log files: try them first if you like, and read line by line what could not be read."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from collectors.format import formats
from collectors.report import Report
from pages.parts import alarms, asked, fieldmap, links, units
from pages.parts.text import safe_label
from store.errors import LeewayError

RESULTS = "upload-results"
AUTO = "auto"


def form() -> None:
    files = st.file_uploader("Log files", accept_multiple_files=True, label_visibility="collapsed")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Format", [AUTO, *(one.name for one in formats())], width=220)
        dry = st.checkbox("Only try: count and report, keep nothing")
    mapping = _desk(files[0].name, files[0], chosen) if files else {}
    if st.button("Read the files", icon=":material/upload_file:") and files:
        with st.status(f"Reading {len(files)} {'file' if len(files) == 1 else 'files'} …", expanded=True) as status:
            st.session_state[RESULTS] = [_read(file.name, file, chosen, mapping, dry=dry) for file in files]
            status.update(label="Read", state="complete", expanded=False)
        alarms.forget()
        st.cache_data.clear()
    st.caption(
        "JSON lines, JSON arrays, CSV, Parquet, OTLP files, packed with gzip or zstd or not. "
        "Beyond 1 GB: `leeway ingest FILE`."
    )


def _desk(name: str, file: BinaryIO, log_format: str) -> dict[str, str]:
    """Show what the first records of a file become; return where its fields stand, as far as somebody said so."""
    try:
        with _spooled(file) as path:
            mapping = fieldmap.asked(asked.runtime().preview(path, name=name, log_format=log_format))
            fieldmap.shown(asked.runtime().preview(path, name=name, log_format=log_format, mapping=mapping or None))
    except LeewayError as error:
        st.caption(safe_label(str(error), 300))
        return {}
    return mapping


def _read(name: str, file: BinaryIO, log_format: str, mapping: dict[str, str], *, dry: bool) -> tuple[Report, bool]:
    st.text(name)
    try:
        with _spooled(file) as path:
            report = asked.runtime().ingest(
                path, name=Path(name).name, log_format=log_format, mapping=mapping or None, kind="upload", dry_run=dry
            )
    except LeewayError as error:
        report = Report(name=name, status="failed", error=str(error))
    return report, dry


@contextmanager
def _spooled(file: BinaryIO) -> Iterator[Path]:
    """The upload under a name of our own: what the browser called it never becomes a path."""
    file.seek(0)
    folder = asked.store().settings.spool / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / secrets.token_hex(16)
    try:
        with path.open("wb") as out:
            shutil.copyfileobj(file, out)
        yield path
    finally:
        path.unlink(missing_ok=True)


def results() -> None:
    """What became of the last upload; stays until the next one."""
    for report, dry in st.session_state.get(RESULTS, ()):
        _told(report, dry=dry)


def _told(report: Report, *, dry: bool) -> None:
    name = safe_label(report.name)
    if report.error or report.status == "failed":
        st.error(
            safe_label(report.error or "It could not be read.", 300), title=f"{name}: not read", icon=":material/error:"
        )
    elif report.status != "done":
        st.info(
            "Its content is here already; nothing was changed.",
            title=f"{name}: {report.status}",
            icon=":material/info:",
        )
    else:
        _counted(report, name, dry=dry)
    if report.examples:
        with st.expander(f"{report.rejects:,} rejected records, the first {len(report.examples)}"):
            st.code("\n".join(report.examples), language=None, wrap_lines=True)


def _counted(report: Report, name: str, *, dry: bool) -> None:
    parts = (
        f"{report.calls:,} calls",
        f"{report.duplicates:,} known already" if report.duplicates else "",
        f"{report.spans:,} spans" if report.spans else "",
        f"{report.rejects:,} records rejected" if report.rejects else "",
        f"read as {report.format}",
        f"{units.size(report.bytes)} in {report.seconds:.1f} s",
    )
    said = " · ".join(part for part in parts if part)
    title = f"{name}: only tried, nothing kept" if dry else f"{name}: kept"
    (st.warning if report.rejects else st.success)(said, title=title, icon=":material/task:")
    if report.calls and not dry:
        links.page("calls", "Look at the calls", {"range": "30d"}, key=report.name, icon=":material/forum:")
