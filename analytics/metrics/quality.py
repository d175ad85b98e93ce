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


def _effective(weights: str, squares: str) -> str:
    return f"round({weights} * {weights} / nullif({squares}, 0))"


RATES = tuple(_rate(evaluator) for evaluator in evaluators().values())
TRUNCATED_RATE = Metric(
    name="truncated_rate",
    title="Cut-off answers",
    unit="share",
    help="Share of answers that stopped at the token limit, over calls that say why they stopped.",
    sql="count(*) FILTER (finish_reason = 'length') / nullif(count(finish_reason), 0)",
    n="count(finish_reason)",
    kind="rate",
    worse="up",
    rolled=Rolled("sum(truncated) / nullif(sum(finished), 0)", n="sum(finished)"),
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
