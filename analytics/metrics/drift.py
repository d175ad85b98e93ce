"""How far traffic has moved from its reference, from stored comparisons. Evidently's verdict stands beside ours."""

from analytics.metric import Metric
from store.points import Relation

_OURS = "NOT starts_with(detector, 'evidently')"


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


DRIFT = _drift("drift", "Drift", "prompts and answers", _OURS)
INPUT_DRIFT = _drift("input_drift", "Drift of prompts", "prompts", f"{_OURS} AND subject = 'input_text'")
OUTPUT_DRIFT = _drift("output_drift", "Drift of answers", "answers", f"{_OURS} AND subject = 'output_text'")
DRIFTED_SHARE = Metric(
    name="drifted_share",
    title="Drifted",
    unit="share",
    help="Share of the comparisons that could be judged and found the traffic moved.",
    sql=f"count(*) FILTER ({_OURS} AND drifted) / nullif(count(*) FILTER ({_OURS} AND drifted IS NOT NULL), 0)",
    n=f"max(n_current) FILTER ({_OURS})",
    kind="rate",
    worse="up",
    relation=Relation.COMPARISONS,
)
