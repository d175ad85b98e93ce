"""The table as a page of the documentation."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.eval.table import Figure, between, wanted

HEAD = """# What was measured

Written by `make eval PAGE=docs/measured.md`. Any other folder with files of the same names can be measured: `make eval
DATA=FOLDER`. Figures of probes are those of the recipe on halves that it was not trained on, unless the row says
*shipped*. Nothing was tuned on the seeds named here. Intervals are of 95 %: Wilson's for shares, Hanley and McNeil's
for AUROC. *own sentences* were written for this table. `columns` makes up times and prices around real token counts;
`detectors` and `suspects` are synthetic. Rows without a target are for information.
"""


def written(found: Mapping[str, Sequence[Figure]]) -> str:
    everything = [figure for figures in found.values() for figure in figures]
    parts = [HEAD, f"{summed(everything)}\n"]
    for part, figures in found.items():
        parts.append("\n".join([f"## {part}", "", *_table(figures)]) + "\n")
    return "\n".join(parts)


def summed(figures: Sequence[Figure]) -> str:
    counted = Counter(figure.verdict for figure in figures)
    return (
        f"{len(figures)} figures, {counted['met'] + counted['MISSED']} with a target: {counted['met']} met, "
        f"{counted['MISSED']} missed; {counted['skipped']} skipped for want of data."
    )


def _table(figures: Sequence[Figure]) -> Iterator[str]:
    yield "| what | data | figure | 95 % | n | target | | seed |"
    yield "| --- | --- | ---: | --- | ---: | --- | --- | --- |"
    for one in figures:
        value = "skipped: no such data" if one.value is None else f"{one.value:.3f}"
        verdict = f"{one.verdict}: {one.why}" if one.verdict == "MISSED" and one.why else one.verdict
        seed = "" if one.seed is None else str(one.seed)
        cells = (one.what, one.data, value, between(one), str(one.n or ""), wanted(one), verdict, seed)
        yield f"| {' | '.join(cells)} |"
