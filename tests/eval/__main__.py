"""Measure what Leeway says of calls on labelled data: `make eval`, or `python -m tests.eval FOLDER [PART…]`.

Prints one table: what, on which data, figure with its interval of 95 %, n, target, verdict, seed. A set that is not in
FOLDER is skipped aloud. These are measurements, not tests: no figure makes the command fail. `--quick` takes a tenth of
the seeds; `--jobs N` measures N parts at a time; `--page FILE` writes the table as a page of the documentation as well,
where parts that were not measured now stay as they were.
"""

import argparse
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.eval import page
from tests.eval.parts import LONGEST, PARTS, measure
from tests.eval.table import Figure, Scope, shown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.eval", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--page", type=Path)
    chosen = parser.parse_intermixed_args()
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    found = _measured(chosen.parts or list(PARTS), Scope(folder=chosen.folder, quick=chosen.quick), chosen.jobs)
    print(page.summed([figure for figures in found.values() for figure in figures]))
    if chosen.page:
        before = chosen.page.read_text(encoding="utf-8") if chosen.page.exists() else ""
        chosen.page.write_text(page.written(found, before, list(PARTS)), encoding="utf-8")


def _measured(parts: Sequence[str], scope: Scope, jobs: int) -> dict[str, Sequence[Figure]]:
    """Print each part as soon as it and those before it are done."""
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        begun = sorted(parts, key=lambda part: part not in LONGEST)
        running = {part: pool.submit(measure, part, scope) for part in begun}
        found: dict[str, Sequence[Figure]] = {}
        for part in parts:
            found[part], spent = running[part].result()
            print(f"\n{part} ({spent:.0f} CPU-seconds)", *map(shown, found[part]), sep="\n", flush=True)
    return found


if __name__ == "__main__":
    main()
