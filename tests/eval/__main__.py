"""Measure what Leeway says of calls on labelled data: `make eval`, or `python -m tests.eval FOLDER [PART…]`.

Prints one table: what, on which data, figure with its interval of 95 %, n, target, verdict, seed. A set that is not in
FOLDER is skipped aloud. These are measurements, not tests: no figure makes the command fail. `--quick` takes a tenth of
the seeds; `--page FILE` writes the table as a page of the documentation as well.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.eval import attempts, columns, detectors, drift, page, planted, rules, suspects, texts
from tests.eval.table import Figure, Scope, shown

PARTS: dict[str, Callable[[Scope], Iterator[Figure]]] = {
    "toxicity": texts.toxicity,
    "injection": attempts.injection,
    "ungrounded": texts.ungrounded,
    "relevance": texts.relevance,
    "refusal": rules.refusal,
    "language": rules.language,
    "cut": rules.cut,
    "pii": planted.pii,
    "retrieval": rules.retrieval,
    "drift": drift.drift,
    "columns": columns.columns,
    "detectors": detectors.detectors,
    "suspects": suspects.suspects,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.eval", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--page", type=Path)
    chosen = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    scope = Scope(folder=chosen.folder, quick=chosen.quick)
    found = {part: _measured(part, scope) for part in chosen.parts or PARTS}
    print(page.summed([figure for figures in found.values() for figure in figures]))
    if chosen.page:
        chosen.page.write_text(page.written(found), encoding="utf-8")


def _measured(part: str, scope: Scope) -> Sequence[Figure]:
    begun, figures = time.process_time(), []
    print(f"\n{part}")
    for figure in PARTS[part](scope):
        print(shown(figure), flush=True)
        figures.append(figure)
    print(f"({time.process_time() - begun:.0f} CPU-seconds)", flush=True)
    return figures


if __name__ == "__main__":
    main()
