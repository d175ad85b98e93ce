"""Rows of the evaluation table, and the files behind them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`target`: the least (or with `at_most` the most) that is wanted; None: for information."""

    what: str
    data: str
    value: float | None
    n: int = 0
    target: float | None = None
    at_most: bool = False
    seed: int | None = None


def shown(figure: Figure) -> str:
    if figure.value is None:
        return f"{figure.what:<34} {figure.data:<34} SKIPPED: no such file"
    wanted = "" if figure.target is None else f"{'≤' if figure.at_most else '≥'} {figure.target:g} {_met(figure)}"
    seed = "" if figure.seed is None else f"seed {figure.seed}"
    return f"{figure.what:<34} {figure.data:<34} {figure.value:7.3f}  n={figure.n:<6} {wanted:<14} {seed}".rstrip()


def _met(figure: Figure) -> str:
    value = round(figure.value or 0, 3)
    met = value <= (figure.target or 0) if figure.at_most else value >= (figure.target or 0)
    return "met" if met else "MISSED"


def records(folder: Path, name: str) -> list[dict[str, Any]] | None:
    """The records of a set, None when the file is not there."""
    path = folder / f"{name}.jsonl"
    return list(_lines(path)) if path.exists() else None


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)
