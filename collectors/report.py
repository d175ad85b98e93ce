"""Report: what became of a file, as the command, the API and the Data page tell it."""

from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from store import sources

EXAMPLES = 5  # rejects that a report shows
ALREADY = "already imported"


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of a file. `status`: done, already imported, failed; `examples`: its first rejects in words."""

    name: str
    format: str = "auto"
    calls: int = 0
    duplicates: int = 0
    spans: int = 0
    rejects: int = 0
    bytes: int = 0
    seconds: float = 0.0
    status: str = sources.DONE
    error: str | None = None
    source_id: int | None = None
    examples: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        sums = ("calls", "duplicates", "spans", "rejects", "bytes", "seconds")
        return {**{name: getattr(self, name) for name in sums}, "files": [asdict(self)]}

    def show(self, rejects: pa.Table) -> None:
        """Keep the first few rejects in words."""
        for row in rejects.slice(0, EXAMPLES - len(self.examples)).to_pylist():
            where = f"{row['place']}:{row['line']}" if row["line"] is not None else row["place"]
            self.examples.append(f"{where}: {row['reason']}; kept in rejects")
