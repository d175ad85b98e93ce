"""How far traffic has moved from its reference, from stored comparisons. Evidently's verdict stands beside ours."""

from analytics.metric import Metric
from store.points import Relation

_OURS = "detector = 'drift'"
_TEXTS = f"{_OURS} AND subject IN ('input_text', 'output_text', 'retrieved')"


def _drift(name: str, title: str, what: str, where: str) -> Metric:
    """The largest statistic of what is compared, in units of its own threshold."""
    return Metric(
        name=name,
        title=title,
        unit="ratio",
        help=f"The largest drift statistic of {what} over its own threshold: above 1 they have moved.",
        sql=f"max(statistic / nullif(threshold, 0)) FILTER ({where} AND drifted IS NOT NULL)",
        n=f"max(n_current) FILTER ({where})",
        kind="level",
        worse="up",
        relation=Relation.COMPARISONS,
    )


DRIFT = _drift("drift", "Drift", "prompts, answers and retrieved documents", _TEXTS)
INPUT_DRIFT = _drift("input_drift", "Drift of prompts", "prompts", f"{_OURS} AND subject = 'input_text'")
OUTPUT_DRIFT = _drift("output_drift", "Drift of answers", "answers", f"{_OURS} AND subject = 'output_text'")
RETRIEVED_DRIFT = _drift(
    "retrieved_drift", "Drift of retrieved documents", "retrieved documents", f"{_OURS} AND subject = 'retrieved'"
)
COLUMN_DRIFT = _drift(
    "column_drift", "Drift of columns", "tokens, latency, cost and names", f"{_OURS} AND subject = 'columns'"
)
DRIFTED_SHARE = Metric(
    name="drifted_share",
    title="Drifted",
    unit="share",
    help="Share of the comparisons of texts that could be judged and found the traffic moved.",
    sql=f"count(*) FILTER ({_TEXTS} AND drifted) / nullif(count(*) FILTER ({_TEXTS} AND drifted IS NOT NULL), 0)",
    n=f"max(n_current) FILTER ({_TEXTS})",
    kind="rate",
    worse="up",
    relation=Relation.COMPARISONS,
)
