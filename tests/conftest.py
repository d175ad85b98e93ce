"""What every test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.connection import Store, StoreSettings


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A fresh, migrated database."""
    with Store(StoreSettings(path=tmp_path / "test.duckdb")) as opened:
        yield opened
