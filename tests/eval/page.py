"""The table as a page of the documentation."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.eval.table import Figure, between, wanted

HEAD = """# What was measured

Written by `make eval PAGE=docs/measured.md`; `python -m tests.eval FOLDER PART --page docs/measured.md` measures one
part anew. Any other folder with files of the same names can be measured: `make eval DATA=FOLDER`. Figures of probes
are those of the recipe on halves that it was not trained on, unless the row says *shipped*. Nothing was tuned on the
seeds named here. Intervals of 95 %: Wilson's for shares, Hanley and McNeil's for AUROC. *own sentences* were written
for this table. `columns` makes up times and prices around real token counts; `detectors` and `suspects` are
synthetic. Rows without a target are for information.
"""
SECTION = re.compile(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def written(found: Mapping[str, Sequence[Figure]], before: str = "", order: Sequence[str] = ()) -> str:
    """The page; parts that were not measured now stand as they stood `before`. `order`: of the parts."""
    kept = _sections(before) | {part: "\n".join(_table(figures)) for part, figures in found.items()}
    sections = {part: kept[part] for part in [*order, *kept] if part in kept}
    verdicts = Counter(re.findall(r"\| (met|MISSED|skipped)", "\n".join(sections.values())))
    parts = [HEAD, f"{_counted(verdicts)}\n", *(f"## {part}\n\n{table}\n" for part, table in sections.items())]
    return "\n".join(parts)


def _sections(page: str) -> dict[str, str]:
    """Of each part of a page that was written: its table."""
    return {part: table.strip() for part, table in SECTION.findall(page)}


def summed(figures: Sequence[Figure]) -> str:
    return f"{len(figures)} figures; {_counted(Counter(figure.verdict for figure in figures))}"


def _counted(verdicts: Counter[str]) -> str:
    met, missed = verdicts["met"], verdicts["MISSED"]
    return f"Of {met + missed} targets {met} are met and {missed} missed; {verdicts['skipped']} skipped."


def _table(figures: Sequence[Figure]) -> Iterator[str]:
    yield "| what | data | figure | 95 % | n | target | | seed |"
    yield "| --- | --- | ---: | --- | ---: | --- | --- | --- |"
    for one in figures:
        value = "no such data" if one.value is None else f"{one.value:.3f}"
        verdict = f"{one.verdict}: {one.why}" if one.verdict == "MISSED" and one.why else one.verdict
        seed = "" if one.seed is None else str(one.seed)
        cells = (one.what, one.data, value, between(one), str(one.n or ""), wanted(one), verdict, seed)
        yield f"| {' | '.join(cells)} |"
