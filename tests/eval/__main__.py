"""Measure what Leeway says of calls on labelled data: `make eval`, or `python -m tests.eval FOLDER [PART…]`.

Prints one table: what, on which data, n, figure, target, seed. A set that is not in FOLDER is skipped aloud. These are
measurements, not tests: no figure makes the command fail.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.eval import attempts, detectors, drift, planted, suspects, texts
from tests.eval.table import Figure, shown

PARTS: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "toxicity": texts.toxicity,
    "ungrounded": texts.ungrounded,
    "injection": attempts.injection,
    "pii": planted.pii,
    "relevance": texts.relevance,
    "drift": drift.drift,
    "detectors": detectors.detectors,
    "suspects": suspects.suspects,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.eval", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    chosen = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for part in chosen.parts or PARTS:
        for figure in PARTS[part](chosen.folder):
            print(shown(figure), flush=True)


if __name__ == "__main__":
    main()
