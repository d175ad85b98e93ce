"""What `leeway ingest` does: read files, say what became of each, write down what could not be kept."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leeway import runtime
from leeway.commands import settings_of
from leeway.config import Settings
from leeway.remote import Remote
from store.errors import ConfigError, StoreBusy


def ingest(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    reports = list(_ingested(settings, options))
    total = {key: sum(report[key] for report in reports) for key in
             ("calls", "duplicates", "spans", "rejects", "conflicts", "bytes", "seconds")}  # fmt: skip
    files = [file for report in reports for file in report["files"]]
    if options.rejects:
        _rejects_written(options.rejects, files)
    if options.json:
        print(json.dumps({**total, "files": files}, indent=1))
    else:
        print("\n".join(_ingest_lines(total, files)))
    return 1 if any(file["status"] == "failed" for file in files) else 0


def _ingested(settings: Settings, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    paths = [found for path in options.paths for found in _files(path)]
    mapping = settings.mapping(options.mapping, options.mapped)
    try:
        with runtime.opened(settings) as opened:
            for path in paths:
                report = opened.ingest(path, log_format=options.log_format, mapping=mapping, dry_run=options.dry_run)
                yield report.as_json(rejected=options.rejects is not None)
    except StoreBusy as busy:
        remote = Remote(settings, busy)
        for path in paths:
            yield remote.ingest(
                path, log_format=options.log_format, mapping=mapping, dry_run=options.dry_run,
                rejected=options.rejects is not None,
            )  # fmt: skip


def _rejects_written(out: Path, files: list[dict[str, Any]]) -> None:
    """Write what was rejected of all files as JSON lines, and say so where some of it was too much to keep."""
    with out.open("w", encoding="utf-8") as file:
        for told in files:
            lines = told.pop("rejected")
            file.writelines(json.dumps(line) + "\n" for line in lines)
            if left_out := told["rejects"] - len(lines):
                print(f"{told['name']}: {left_out:,} more rejects than {out} takes of one file", file=sys.stderr)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file")
    return [path]


def _ingest_lines(total: dict[str, Any], files: list[dict[str, Any]]) -> Iterator[str]:
    for file in files:
        counted = ", ".join(
            f"{file[key]:,} {key}" for key in ("calls", "duplicates", "spans", "rejects", "conflicts") if file[key]
        )
        yield f"{file['name']}: {file['status']}, {file['format']}: {counted or 'nothing new'}"
        yield from (f"  {said}" for said in file.get("examples", []))
    if len(files) > 1:
        yield f"{len(files)} files: {total['calls']:,} calls, {total['rejects']:,} rejects in {total['seconds']:.1f} s"
