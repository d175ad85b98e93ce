"""One capability is one file."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.declared import declared
from store.errors import ConfigError


@dataclass(frozen=True)
class Thing:
    name: str


def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> str:
    name = f"things_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "thing_kind", sys.modules[__name__])
    return name


def test_a_file_that_declares_a_value_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    where = package(tmp_path, monkeypatch, one="from thing_kind import Thing\nONE = Thing('one')\n", two="x = 1\n")
    assert declared(Thing, where) == {"one": Thing("one")}


def test_two_values_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    same = "from thing_kind import Thing\nX = Thing('same')\n"
    where = package(tmp_path, monkeypatch, one=same, two=same)
    with pytest.raises(ConfigError, match="named 'same': rename one"):
        declared(Thing, where)


def test_a_module_that_cannot_be_imported_is_named_and_its_fellows_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    good = "from thing_kind import Thing\nONE = Thing('one')\n"
    where = package(tmp_path, monkeypatch, gone="import nothing_of_this_name\n", half="def f(:\n", one=good)
    assert declared(Thing, where) == {"one": Thing("one")}
    assert [f"{where}.{name} cannot" in caplog.text for name in ("gone", "half", "one")] == [True, True, False]
