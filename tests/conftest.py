"""What every test may ask for."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from store.connection import Store, StoreSettings
from tests.serving import ROOT, Serving

NewStore = Callable[[Path], Store]
settings.register_profile("leeway", deadline=None)  # how long an example takes is told of the machine, not of the code
settings.load_profile("leeway")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Tests side by side must bear the same names: bytes may hold the second in which they were packed."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without a row, made once a session: a copy opens five times faster than a new one is made."""
    path = tmp_path_factory.mktemp("empty") / "empty.duckdb"
    Store(StoreSettings(path=path)).close()
    return path


@pytest.fixture(scope="session")
def new_store(empty_database: Path) -> NewStore:
    """Open a fresh, migrated database at a path."""

    def opened(path: Path) -> Store:
        shutil.copyfile(empty_database, path)
        return Store(StoreSettings(path=path))

    return opened


@pytest.fixture
def store(tmp_path: Path, new_store: NewStore) -> Iterator[Store]:
    """A fresh, migrated database."""
    with new_store(tmp_path / "test.duckdb") as opened:
        yield opened


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    """Start a server with settings; it is gone at the end of the test."""
    made: list[Serving] = []

    def start(settings: str = "", *, otlp: bool = False) -> Serving:
        folder = tmp_path / f"server{len(made)}"
        folder.mkdir()
        made.append(Serving(folder, settings=settings, otlp=otlp))
        made[-1].start()
        return made[-1]

    yield start
    for server in made:
        server.end()


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's database, made once a session as `leeway demo --no-serve` makes it. Copy it before writing to it."""
    path = tmp_path_factory.mktemp("demo") / "demo.duckdb"
    command = [sys.executable, "-m", "leeway", "demo", "--no-serve", "--db", str(path)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-4000:]
    return path
