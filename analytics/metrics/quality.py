"""How good the answers are, as far as evaluators can tell: shares of the calls they could say something of."""

from analytics.evaluator import Evaluator, evaluators
from analytics.metric import Metric, Rolled
from store.points import Relation
from store.relations import SCORABLE


def _rate(evaluator: Evaluator) -> Metric:
    """The share of an evaluator's calls that it flags.

    Where only a sample of an hour was scored, each score counts for as many calls as it stands for (Hájek's ratio
    estimator: its bias is small and it stays within 0 and 1). `n` is the number of calls that an unweighted sample
    would need to be as certain (Kish), so that a Wilson interval over it accounts for the weights.
    """
    mine = f"name = '{evaluator.name}'"
    weights = f"sum(weight) FILTER ({mine} AND measurable)"
    return Metric(
        name=evaluator.rate,
        title=evaluator.title,
        unit="share",
        help=f"Share of the calls it can judge that are flagged {evaluator.flagged}. {evaluator.help}",
        sql=f"coalesce(sum(weight) FILTER ({mine} AND flagged), 0) / nullif({weights}, 0)",
        n=_effective(weights, f"sum(weight * weight) FILTER ({mine} AND measurable)"),
        kind="rate",
        worse="up",
        relation=Relation.EVALUATIONS,
        rolled=Rolled(
            f"coalesce(sum(flagged_weight) FILTER ({mine}), 0) / nullif(sum(weight) FILTER ({mine}), 0)",
            n=_effective(f"sum(weight) FILTER ({mine})", f"sum(squared_weight) FILTER ({mine})"),
            relation=Relation.EVALUATION_HOURS,
        ),
        evaluator=evaluator.name,
    )


def _labelled(name: str, title: str, evaluator: str, label: str, said: str) -> Metric:
    """The share of an evaluator's calls that got a label beside the one that it flags."""
    mine = f"name = '{evaluator}'"
    weights = f"sum(weight) FILTER ({mine} AND measurable)"
    return Metric(
        name=name,
        title=title,
        unit="share",
        help=said,
        sql=f"coalesce(sum(weight) FILTER ({mine} AND label = '{label}'), 0) / nullif({weights}, 0)",
        n=_effective(weights, f"sum(weight * weight) FILTER ({mine} AND measurable)"),
        kind="rate",
        worse="up",
        relation=Relation.EVALUATIONS,
        evaluator=evaluator,
    )


def _effective(weights: str, squares: str) -> str:
    return f"round({weights} * {weights} / nullif({squares}, 0))"


RATES = tuple(_rate(evaluator) for evaluator in evaluators().values())
STALE_RETRIEVAL_RATE = _labelled(
    "stale_retrieval_rate",
    "Old documents",
    "retrieval",
    "stale",
    "Share of searches whose newest document was over a year old.",
)
FLAT_RETRIEVAL_RATE = _labelled(
    "flat_retrieval_rate",
    "Searches without a best hit",
    "retrieval",
    "flat",
    "Share of searches whose documents score alike.",
)
NEGATIVE_FEEDBACK_RATE = Metric(
    name="negative_feedback_rate",
    title="Negative feedback",
    unit="share",
    help="Share of what people said of calls that was not kind, where it can be told; counted when the call was made.",
    sql="count(*) FILTER (NOT well) / nullif(count(*) FILTER (well IS NOT NULL), 0)",
    n="count(*) FILTER (well IS NOT NULL)",
    kind="rate",
    worse="up",
    relation=Relation.FEEDBACK,
)
SCORED_SHARE = Metric(
    name="scored_share",
    title="Scored",
    unit="share",
    help="Share of the answers with recorded text that models have scored: how far the other shares can be trusted.",
    sql=f"count(*) FILTER (scored AND {SCORABLE}) / nullif(count(*) FILTER ({SCORABLE}), 0)",
    n=f"count(*) FILTER ({SCORABLE})",
    kind="rate",
    worse="down",
    relation=Relation.SCORED_CALLS,
    rolled=Rolled("sum(scored) / nullif(sum(scorable), 0)", n="sum(scorable)"),
)
