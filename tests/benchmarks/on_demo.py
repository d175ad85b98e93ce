"""A server on the demo's database, for what is measured by visiting pages."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leeway import demo
from leeway.config import load
from tests.serving import Serving


@contextmanager
def serving() -> Iterator[Serving]:
    """`LEEWAY_BENCH_DEMO` names a demo database to use a copy of, instead of making one."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "demo.duckdb"
        if made := os.environ.get("LEEWAY_BENCH_DEMO"):
            shutil.copy(made, database)
        else:
            demo.prepare(load(environ={}, store__path=database))
        server = Serving(Path(folder), database=database)
        server.start()
        try:
            yield server
        finally:
            server.end()
