"""What is told of searches: how long they take, and what their documents were like."""

from datetime import timedelta

import pytest

from analytics import window as w
from analytics.metric import measure
from store.evaluations import append_evaluations
from store.model import Evaluation

SPAN_SQL = """
    INSERT INTO data.spans BY NAME SELECT 't' AS trace_id, $id AS span_id, 'search' AS name, $kind AS kind,
        $at AS event_time, 0 AS start_ns, $ns AS end_ns, 0 AS status_code, 'shop' AS service, $at AS ingested_at
"""


def test_searches_are_timed_by_their_spans_and_by_service(store, now):
    hour = w.last(timedelta(hours=1), now)
    with store.transaction() as tx:
        for i in range(100):
            tx.execute(SPAN_SQL, {"id": str(i), "kind": "retrieval", "at": hour.start, "ns": (i + 1) * 10**6})
        tx.execute(SPAN_SQL, {"id": "x", "kind": "llm", "at": hour.start, "ns": 9 * 10**9})
    (found,) = measure(store, "retrieval_latency_p95", hour, by=("service",))
    assert (found.slice, found.value, found.n) == ((("service", "shop"),), pytest.approx(95.05), 100)


def test_old_documents_and_flat_results_are_counted_beside_empty_searches(store, now, add):
    hour = w.last(timedelta(hours=1), now)
    labels = ("stale", "flat", "flat", "empty_retrieval", "retrieved")
    add(*({"call_id": f"r{i}", "event_time": hour.start} for i in range(len(labels))))
    said = [
        Evaluation(
            call_id=f"r{i}", event_time=hour.start, name="retrieval", evaluator="retrieval/rules-1", value=0.0,
            label=label, flagged=label == "empty_retrieval", explanation=None, created_at=now,
        )
        for i, label in enumerate(labels)
    ]  # fmt: skip
    with store.transaction() as tx:
        append_evaluations(tx, said)
    rates = ("stale_retrieval_rate", "flat_retrieval_rate", "empty_retrieval_rate")
    assert [measure(store, name, hour)[0].value for name in rates] == [0.2, 0.4, 0.2]
