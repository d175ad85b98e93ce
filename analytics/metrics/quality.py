"""How good the answers are, as far as evaluators can tell: shares of the calls they could say something of."""

from analytics.metric import Metric, Rolled
from store.points import Relation
from store.relations import SCORABLE


def _flagged(name: str, title: str, evaluator: str, help_: str) -> Metric:
    """The share of an evaluator's calls whose label people want to hear of."""
    scored = f"count(*) FILTER (name = '{evaluator}' AND measurable)"
    scored_hours = f"sum(n) FILTER (name = '{evaluator}')"
    return Metric(
        name=name,
        title=title,
        unit="share",
        help=help_,
        sql=f"count(*) FILTER (name = '{evaluator}' AND flagged) / nullif({scored}, 0)",
        n=scored,
        kind="rate",
        worse="up",
        relation=Relation.EVALUATIONS,
        rolled=Rolled(
            f"sum(flagged) FILTER (name = '{evaluator}') / nullif({scored_hours}, 0)",
            n=scored_hours,
            relation=Relation.EVALUATION_HOURS,
        ),
        evaluator=evaluator,
    )


TOXIC_RATE = _flagged("toxic_rate", "Toxic answers", "toxicity", "Share of scored answers that are rude or hateful.")
UNGROUNDED_RATE = _flagged(
    "ungrounded_rate",
    "Ungrounded answers",
    "ungrounded",
    "Share of answers that say what their context does not, over answers that came with a context.",
)
IRRELEVANT_RATE = _flagged(
    "irrelevant_rate", "Irrelevant answers", "relevance", "Share of scored answers that do not speak to the question."
)
REFUSAL_RATE = _flagged("refusal_rate", "Refusals", "refusal", "Share of scored answers that decline to answer.")
EMPTY_RATE = _flagged("empty_rate", "Empty answers", "empty", "Share of scored answers with nothing in them.")
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
