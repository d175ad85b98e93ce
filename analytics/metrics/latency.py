"""How long callers wait."""

from analytics.metric import Metric, Rolled
from store.points import Relation

_WHAT = {
    "latency": ("latency_ms", "Latency", "the whole answer"),
    "ttft": ("ttft_ms", "Time to first token", "the first token"),
}


def _quantile(subject: str, percent: int) -> Metric:
    column, title, what = _WHAT[subject]
    return Metric(
        name=f"{subject}_p{percent}",
        title=f"{title} p{percent}",
        unit="ms",
        help=f"{percent} of 100 callers had {what} within this time.",
        sql=f"quantile_cont({column}, {percent / 100})",
        n=f"count({column})",
        kind="level",
        worse="up",
        rolled=_from_buckets(column, percent / 100),
    )


def _from_buckets(column: str, share: float) -> Rolled:
    """The log bucket in which the wanted rank lies, and in it as far as the rank is: at most 4 %, mostly 1 % off."""
    rank = f"{share} * (total - 1)"
    inside = f"least(1, ({rank} - (below - n) + 0.5) / n)"
    return Rolled(
        f"arg_min(exp((bucket + {inside}) * ln(1.04)), bucket) FILTER (measure = '{column}' AND below > {rank})",
        n=f"sum(n) FILTER (measure = '{column}')",
        relation=Relation.HISTOGRAM,
        measure=column,
    )


LATENCY_P50 = _quantile("latency", 50)
LATENCY_P95 = _quantile("latency", 95)
LATENCY_P99 = _quantile("latency", 99)
TTFT_P50 = _quantile("ttft", 50)
TTFT_P95 = _quantile("ttft", 95)
RETRIEVAL_LATENCY_P95 = Metric(
    name="retrieval_latency_p95",
    title="Search time p95",
    unit="ms",
    help="95 of 100 searches for documents were done within this time, over searches that were traced.",
    sql="quantile_cont(latency_ms, 0.95)",
    n="count(latency_ms)",
    kind="level",
    worse="up",
    relation=Relation.RETRIEVALS,
)
TOKENS_PER_SECOND = Metric(
    name="tokens_per_second",
    title="Tokens per second",
    unit="tokens/s",
    help="Output tokens over the time the calls took, over calls that report both.",
    sql=(
        "1000 * sum(output_tokens) FILTER (latency_ms > 0)"
        " / sum(latency_ms) FILTER (latency_ms > 0 AND output_tokens IS NOT NULL)"
    ),
    n="count(*) FILTER (latency_ms > 0 AND output_tokens IS NOT NULL)",
    kind="level",
    worse="down",
    rolled=Rolled("1000 * sum(timed_tokens) / sum(timed_ms)", n="sum(timed_n)"),
)
