"""Own files: DuckDB stores the clean lines of Leeway's own format while a worker still looks at them.

What is expected of lines nobody has seen (between which times they lie, that the times rise, that no id repeats) is
guessed from the file's ends; where a line is otherwise, nothing of it was stored and it is done again, knowing better.
"""

import secrets
from dataclasses import dataclass, replace

from collectors.files import own_lines
from collectors.files.job import Slice
from collectors.files.own_lines import Strained
from collectors.files.parts import submitted
from collectors.files.pipe import fed
from collectors.files.slicing import OWN
from collectors.keeping import Import, begun, count, store_parts, written
from collectors.report import Report
from store import sources
from store.calls import ALL_TIME, Appended
from store.connection import Transaction
from store.errors import StoreError
from store.own_lines import Expected, append_lines, expected, mark_dirty


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """`repeats`: clean lines, counted from 0, with the id of an earlier one."""

    what: Expected
    repeats: frozenset[int] = frozenset()

    def better(self, found: Strained) -> "_Asked | None":
        """What should have been asked; None when it was right."""
        if found.first is None or found.last is None:
            return None
        exact = expected(found.first, found.last, in_order=found.in_order, timeless=found.timeless)
        wide = self.what.low <= exact.low and exact.high <= self.what.high
        if wide and found.repeats == self.repeats and self.what.in_order <= exact.in_order:
            return None
        return _Asked(what=exact, repeats=found.repeats)


class _Otherwise(Exception):  # noqa: N818 - ends a transaction that did not know enough
    def __init__(self, asked: _Asked) -> None:
        super().__init__()
        self.asked = asked


def store_own(run: Import, part: Slice, report: Report) -> Report:
    """Store a slice in one transaction; return the report with it.

    Raises StoreError, OddLinesError or BrokenExecutor when it must be read the long way; then nothing of it was stored.
    """
    near = own_lines.times(run.job.path, part)
    asked = _Asked(what=expected(*near) if near else Expected(low=ALL_TIME[0], high=ALL_TIME[1]))
    while True:
        try:
            return _attempt(run, part, report, asked)
        except _Otherwise as found:
            asked = found.asked


def _attempt(run: Import, part: Slice, report: Report, asked: _Asked) -> Report:
    told = replace(report, examples=[*report.examples])
    with written(run) as tx:
        source_id = begun(tx, run, told, OWN)
        added, found = _poured(tx, run, part, asked, source_id)
        if better := asked.better(found):
            raise _Otherwise(better)
        count(told, Appended(added, found.clean - added))
        sources.move(tx, source_id, calls=added, duplicates=found.clean - added, now=run.now)
        if found.first and found.last:
            mark_dirty(tx, source_id, first=found.first, last=found.last)
        store_parts(tx, run, found.odd.parts if found.odd else [], told)
        sources.identify(tx, source_id, run.sha256.result())
    return told


def _poured(tx: Transaction, run: Import, part: Slice, asked: _Asked, source_id: int) -> tuple[int, Strained]:
    """Let the clean lines run into the store; return how many were new, and what was found of all."""
    pipe = run.job.parts / secrets.token_hex(8)

    def strain() -> Strained:
        return submitted(run.executor, own_lines.strain, run.job, part, pipe, asked.repeats).result()

    run.job.parts.mkdir(parents=True, exist_ok=True)
    with fed(pipe, strain) as straining:
        added, alone = append_lines(tx, pipe, asked.what, source_id=source_id, ingested_at=run.now)
    found = straining.result()
    if added > found.clean or (alone and added != found.clean):
        raise StoreError(f"{run.job.name}: DuckDB read {added} of {found.clean} lines")
    return added, found
