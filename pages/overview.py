"""Is anything wrong now, since when, and where?"""

from pages.parts import alarms, asked, filters, frame, movers, panels, states
from pages.parts.charts import Line
from pages.parts.filters import Choice

TILES = ("calls", "error_rate", "latency_p95", "cost_usd", "toxic_rate", "ungrounded_rate")
NOT_SCORED = (
    "No answer of this range has been scored yet. Scores follow the calls by minutes: see Data for the backlog."
)
CHARTS = (
    ("Error rate", (Line(column="error_rate", name="Error rate"),)),
    ("Latency", (Line(column="latency_p95", name="p95"), Line(column="latency_p50", name="p50"))),
    ("Cost", (Line(column="cost_usd", name="Cost"),)),
    ("Flagged answers", (Line(column="toxic_rate", name="toxic"), Line(column="ungrounded_rate", name="ungrounded"))),
)


def page() -> None:
    frame.title("Overview", "Is anything wrong now, since when, and where?", alarms.data_until())
    if not alarms.extent().calls:
        states.no_data()
        return
    with frame.head():
        alarms.strip()
    choice = filters.chosen()
    with states.guarded("The summary"):
        calls = asked.calls(choice.window, choice.filters)
        if not calls:
            states.no_match()
            return
        frame.tiles(panels.tiles(TILES, choice))
        _charts(choice, calls)
    with states.guarded("Where it changed most"):
        movers.table(choice)


def _charts(choice: Choice, calls: int) -> None:
    bands = alarms.bands(choice)
    with panels.columns():
        for heading, drawn in CHARTS:
            panels.lines(heading, drawn, choice, bucket=choice.bucket(calls), bands=bands, empty=NOT_SCORED)


page()
