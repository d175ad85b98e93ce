"""Report: what became of a file, as the command, the API and the Data page tell it."""

from dataclasses import dataclass, field, fields
from typing import Any

import pyarrow as pa

from collectors.rejected import MOST, Rejected
from store import sources

EXAMPLES = 5  # rejects that a report shows
ALREADY = "already imported"


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of a file. `status`: done, already imported, failed; `examples`: its first rejects in words.

    `conflicts`: how many of the rejects have the id of another call (`store/conflicts.py`).
    """

    name: str
    format: str = "auto"
    calls: int = 0
    duplicates: int = 0
    spans: int = 0
    rejects: int = 0
    conflicts: int = 0
    bytes: int = 0
    seconds: float = 0.0
    status: str = sources.DONE
    error: str | None = None
    source_id: int | None = None
    examples: list[str] = field(default_factory=list)
    rejected: Rejected = field(default_factory=Rejected)

    def as_json(self, *, rejected: bool = False) -> dict[str, Any]:
        """The report of one file among the sums of all; with the rejects themselves where they are asked for."""
        sums = ("calls", "duplicates", "spans", "rejects", "conflicts", "bytes", "seconds")
        also = {"rejected": self.rejected.as_json()} if rejected else {}
        return {**{name: getattr(self, name) for name in sums}, "files": [{**self.facts(), **also}]}

    def facts(self) -> dict[str, Any]:
        """All but the rejects themselves."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "rejected"}

    def show(self, rejects: pa.Table) -> None:
        """Keep rejects as lines, the first few also in words."""
        fitting = rejects.slice(0, max(0, MOST - len(self.rejected.lines)))
        self.rejected.add(fitting.to_pylist())
        self.rejected.left_out += rejects.num_rows - fitting.num_rows
        for row in rejects.slice(0, EXAMPLES - len(self.examples)).to_pylist():
            where = f"{row['place']}:{row['line']}" if row["line"] is not None else row["place"]
            self.examples.append(f"{where}: {row['reason']}; kept in rejects")
