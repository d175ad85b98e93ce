"""Upload log files: try them first if you like, and read line by line what could not be read."""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from collectors.files.tabular import is_parquet
from collectors.format import formats
from collectors.preview import Preview
from collectors.report import Report
from pages.parts import alarms, asked, fieldmap, links, rejects, units
from pages.parts.text import safe_label
from store.errors import LeewayError

RESULTS = "upload-results"
SEEN = "upload-seen"
AUTO, NONE = "auto", "none"
MAPPING_HELP = "Where the fields of a call stand in a log that no format knows: a `[mappings.NAME]` of leeway.toml."
MOST_SHOWN = 10  # files whose first records are shown
MOST_KEPT = 40
HEAD_BYTES = 8 << 20


def form() -> None:
    files = st.file_uploader("Log files", accept_multiple_files=True, label_visibility="collapsed")
    named = asked.runtime().settings.mappings
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Format", [AUTO, *(one.name for one in formats())], width=220)
        mapping = st.selectbox("Mapping", [NONE, *named], width=220, help=MAPPING_HELP) if named else NONE
        dry = st.checkbox("Only try: count and report, keep nothing")
    mappings = [_desk(number, file, chosen, named.get(mapping, {})) for number, file in enumerate(files)]
    if st.button("Read the files", icon=":material/upload_file:") and files:
        with st.status(f"Reading {len(files)} {'file' if len(files) == 1 else 'files'} …", expanded=True) as status:
            told = [_read(file, chosen, one, dry=dry) for file, one in zip(files, mappings, strict=True)]
            st.session_state[RESULTS] = told
            status.update(label="Read", state="complete", expanded=False)
        alarms.forget()
        st.cache_data.clear()
    st.caption(
        "JSON lines, JSON arrays, CSV, Parquet, OTLP files, packed with gzip or zstd or not. "
        "Beyond 1 GB: `leeway ingest FILE`."
    )


def _desk(number: int, file: UploadedFile, log_format: str, mapping: Mapping[str, str]) -> dict[str, str]:
    """Show what the first records of a file become; return where its fields stand, as far as somebody said so."""
    if number >= MOST_SHOWN:
        return dict(mapping)
    with st.expander(safe_label(file.name), expanded=number == 0, icon=":material/description:"):
        try:
            seen = _preview(file, log_format, mapping)
            said = {**mapping, **fieldmap.asked(seen, key=f"map-{number}")}
            fieldmap.shown(_preview(file, log_format, said) if said != mapping else seen)
        except LeewayError as error:
            st.caption(safe_label(str(error), 300))
            return dict(mapping)
    return said


def _preview(file: UploadedFile, log_format: str, mapping: Mapping[str, str]) -> Preview:
    """What the file's first records become; kept while the page is used, for every click draws it anew."""
    kept: dict[tuple[Any, ...], Preview] = st.session_state.setdefault(SEEN, {})
    key = (file.file_id, log_format, tuple(sorted(mapping.items())))
    if key not in kept:
        while len(kept) >= MOST_KEPT:
            del kept[next(iter(kept))]
        with _spooled(file, HEAD_BYTES) as path:
            kept[key] = asked.runtime().preview(
                path, name=file.name, log_format=log_format, mapping=dict(mapping) or None
            )
    return kept[key]


def _read(file: UploadedFile, log_format: str, mapping: dict[str, str], *, dry: bool) -> tuple[Report, bool]:
    bar = st.progress(0.0, safe_label(file.name))
    try:
        with _spooled(file) as path:
            report = asked.runtime().ingest(
                path, name=Path(file.name).name, log_format=log_format, mapping=mapping or None, kind="upload",
                dry_run=dry, progress=lambda share: bar.progress(min(share, 1.0), safe_label(file.name)),
            )  # fmt: skip
    except LeewayError as error:
        report = Report(name=file.name, status="failed", error=str(error))
    bar.progress(1.0, safe_label(file.name))
    return report, dry


@contextmanager
def _spooled(file: UploadedFile, most: int | None = None) -> Iterator[Path]:
    """The upload under a name of our own: what the browser called it never becomes a path.

    `most`: so many bytes of it are enough, unless it is Parquet, whose table of contents stands at its end.
    """
    file.seek(0)
    folder = asked.store().settings.spool / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / secrets.token_hex(16)
    try:
        with path.open("wb") as out:
            if most is None or is_parquet(file):
                shutil.copyfileobj(file, out)
            else:
                out.write(file.read(most))
        yield path
    finally:
        path.unlink(missing_ok=True)


def results() -> None:
    """What became of the last upload; stays until the next one."""
    for number, (report, dry) in enumerate(st.session_state.get(RESULTS, ())):
        _told(report, dry=dry)
        rejects.of_report(report.name, report.rejected, key=f"upload-{number}")


def _told(report: Report, *, dry: bool) -> None:
    name = safe_label(report.name)
    if report.status == "failed":
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
        f"{report.calls:,} {'call' if report.calls == 1 else 'calls'}",
        f"{report.duplicates:,} known already" if report.duplicates else "",
        f"{report.spans:,} spans" if report.spans else "",
        f"{report.rejects:,} {'record' if report.rejects == 1 else 'records'} rejected" if report.rejects else "",
        f"{report.conflicts:,} of them with the id of another call" if report.conflicts else "",
        f"read as {report.format}",
        f"{units.size(report.bytes)} in {report.seconds:.1f} s",
        safe_label(report.error, 300) if report.error else "",
    )
    said = " · ".join(part for part in parts if part)
    title = f"{name}: only tried, nothing kept" if dry else f"{name}: kept"
    (st.warning if report.rejects or report.error else st.success)(said, title=title, icon=":material/task:")
    if report.calls and not dry:
        links.page("calls", "Look at the calls", {"range": "30d"}, key=report.name, icon=":material/forum:")
