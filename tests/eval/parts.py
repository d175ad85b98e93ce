"""The parts of the table, and how one of them is measured."""

import time
from collections.abc import Callable, Iterator, Sequence

from tests.eval import attempts, columns, detectors, drift, planted, rules, suspects, texts
from tests.eval.table import Figure, Scope

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
LONGEST = ("detectors", "ungrounded", "suspects")  # begun first, so that nothing waits for them at the end


def measure(part: str, scope: Scope) -> tuple[Sequence[Figure], float]:
    """The figures of a part and the CPU-seconds that they took."""
    begun = time.process_time()
    return list(PARTS[part](scope)), time.process_time() - begun
