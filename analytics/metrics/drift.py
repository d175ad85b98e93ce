"""How far traffic has moved from its reference, from stored comparisons. Evidently's verdict stands beside ours."""

from analytics.metric import Metric
from store.points import Relation

_OURS = "NOT starts_with(detector, 'evidently')"

DRIFT = Metric(
    name="drift",
    title="Drift",
    unit="ratio",
    help="The largest drift statistic over its own threshold: above 1 the traffic has moved.",
    sql=f"max(statistic / nullif(threshold, 0)) FILTER ({_OURS} AND drifted IS NOT NULL)",
    n=f"max(n_current) FILTER ({_OURS})",
    kind="level",
    worse="up",
    relation=Relation.COMPARISONS,
)
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
