"""Tokens in and out. Calls that report none are left out, not counted as zero."""

from analytics.metric import Metric, Rolled

INPUT_TOKENS = Metric(
    name="input_tokens",
    title="Input tokens",
    unit="tokens",
    help="Whole prompts, cache reads and writes included.",
    sql="sum(input_tokens)",
    kind="total",
    worse="up",
    rolled=Rolled("sum(input_tokens)"),
)
OUTPUT_TOKENS = Metric(
    name="output_tokens",
    title="Output tokens",
    unit="tokens",
    help="Whole answers, reasoning included.",
    sql="sum(output_tokens)",
    kind="total",
    worse="up",
    rolled=Rolled("sum(output_tokens)"),
)
OUTPUT_TOKENS_PER_CALL = Metric(
    name="output_tokens_per_call",
    title="Output tokens per call",
    unit="tokens",
    help="Mean length of an answer, reasoning included.",
    sql="avg(output_tokens)",
    n="count(output_tokens)",
    kind="level",
    worse="up",
    rolled=Rolled("sum(output_tokens) / nullif(sum(output_n), 0)", n="sum(output_n)"),
)
CACHE_HIT_RATE = Metric(
    name="cache_hit_rate",
    title="Cache hit rate",
    unit="share",
    help="Share of input tokens that the provider read from its prompt cache, over calls that report it.",
    sql=(
        "sum(cache_read_tokens) FILTER (input_tokens IS NOT NULL)"
        " / nullif(sum(input_tokens) FILTER (cache_read_tokens IS NOT NULL), 0)"
    ),
    n="count(*) FILTER (input_tokens IS NOT NULL AND cache_read_tokens IS NOT NULL)",
    kind="rate",
    worse="down",
    rolled=Rolled("sum(cache_read_tokens) / nullif(sum(cacheable_tokens), 0)", n="sum(cacheable_n)"),
)
