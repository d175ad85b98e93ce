"""Which jobs there are, how often they run, and what of the shelves each of them calls.

The shelves are strangers; here they meet: an alert rule measures through `analytics.metric` without knowing it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from alerts import deliver, evaluate, meta
from alerts.delivery.heartbeat import beat
from alerts.engine.numbers import Numbers, Stretch
from alerts.messages import report
from analytics import drift, embedding, prices, rollup, scoring
from analytics.affected import affected
from analytics.contributors import Contribution, contributors
from analytics.examples import examples, wording
from analytics.metric import measure, metrics
from analytics.novelties import changes
from analytics.sliding import sliding
from analytics.surplus import extra_cost
from collectors.report import Report
from collectors.sources.watch import Watch
from leeway.jobs import Counts, Job
from leeway.selfwatch import alive, signs
from store import alerts, outbox
from store import jobs as ledger
from store.model import Filters, Sample, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from leeway.runtime import Runtime

    Work = Callable[[Runtime, datetime], Counts]

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
SCORING_EVERY = MINUTE
RUNS_KEPT = timedelta(days=7)


def jobs(runtime: "Runtime") -> Iterable[Job]:
    """Every job, in the order in which one builds on another."""

    def job(name: str, every: timedelta, text: str, run: "Work", *, drains: bool = False) -> Job:
        return Job(name=name, every=every, help=text, run=partial(run, runtime), drains=drains)

    watched = [job("watch", 2 * SECOND, "Read what was put into the watched folder", _watch)]
    settings = runtime.alert_settings
    beating = [job("heartbeat", settings.heartbeat_every, "Tell an outside service that all is well", _heartbeat)]
    return [
        *(watched if runtime.settings.watch.folder else []),
        job("prices", 15 * SECOND, "Price calls that have no cost yet", _prices),
        job("rollup", MINUTE, "Rebuild the hours that new data touched", _rollup),
        job("scores", SCORING_EVERY, "Score calls by every evaluator", _scores, drains=True),
        job("embeddings", 2 * MINUTE, "Embed texts for drift", _embeddings, drains=True),
        job("drift", 10 * MINUTE, "Compare the newest windows with the reference", _drift),
        job("rules", MINUTE, "Evaluate alert rules", _rules),
        job("reports", MINUTE, "Write the daily and weekly reports that are due", _reports),
        job("delivery", 5 * SECOND, "Send what waits in the outbox", _delivery),
        job("self", MINUTE, "Look whether Leeway itself is well", _self),
        *(beating if settings.heartbeat_url else []),
        job("upkeep", 60 * MINUTE, "Forget old job runs, messages, evaluations and loaded journal segments", _upkeep),
    ]


def measured(runtime: "Runtime", name: str, window: Window, filters: Filters, by: tuple[str, ...]) -> list[Sample]:
    """A metric as a rule asks for it."""
    return measure(runtime.store, name, window, filters=filters, by=by)


def slid(
    runtime: "Runtime", name: str, stretch: Stretch, filters: Filters, by: tuple[str, ...]
) -> Mapping[datetime, Sequence[Sample]]:
    """A metric over many windows at once, as a rule asks for it."""
    return sliding(
        runtime.store, name, stretch.ends, length=stretch.length, every=stretch.every, filters=filters, by=by
    )


def numbers(runtime: "Runtime") -> Numbers:
    """Where rules get their numbers."""
    return Numbers(measure=partial(measured, runtime), sliding=partial(slid, runtime))


def suspects(
    runtime: "Runtime", name: str, window: Window, reference: Window, filters: Filters, by: tuple[str, ...]
) -> list[Contribution]:
    """The slices that carry a change, as a message asks for them."""
    return contributors(runtime.store, name, window, reference, filters=filters, by=by)


def evaluate_rules(
    runtime: "Runtime", now: datetime, *, channels: tuple[str, ...] | None = None, replayed_at: datetime | None = None
) -> Counts:
    """Bring every rule up to `now`. `replayed_at`: the clock's time while the past is played again."""
    return evaluate.evaluate(
        runtime.store,
        measure=partial(measured, runtime),
        sliding=partial(slid, runtime),
        metrics=metrics(),
        contributors=partial(suspects, runtime),
        examples=partial(examples, runtime.store),
        changes=partial(changes, runtime.store),
        affected=partial(affected, runtime.store),
        extra_cost=partial(extra_cost, runtime.store),
        wording=partial(wording, runtime.store) if runtime.alert_settings.example_texts else None,
        settings=runtime.alert_settings,
        channels=tuple(runtime.channels) if channels is None else channels,
        now=now,
        replayed_at=replayed_at,
    )


def _watch(runtime: "Runtime", _due: datetime) -> Counts:
    settings = runtime.settings.watch
    mapping = runtime.settings.mapping(settings.mapping)

    def read(path: Path, name: str) -> Report:
        return runtime.ingest(path, name=name, log_format=settings.format, mapping=mapping, kind="folder")

    assert settings.folder is not None  # noqa: S101 - else there is no such job
    return Watch(settings.folder, read, settle_s=settings.settle_s).round()


def _prices(runtime: "Runtime", _due: datetime) -> Counts:
    return prices.price_calls(runtime.store, runtime.settings.prices, now=runtime.now())


def _rollup(runtime: "Runtime", _due: datetime) -> Counts:
    return rollup.refresh(runtime.store, now=runtime.now())


def _scores(runtime: "Runtime", _due: datetime) -> Counts:
    settings = runtime.settings.scoring
    seconds = settings.core_share * SCORING_EVERY.total_seconds()
    return scoring.score(runtime.store, runtime.scoring, settings, now=runtime.now(), seconds=seconds)


def _embeddings(runtime: "Runtime", _due: datetime) -> Counts:
    return embedding.embed(runtime.store, runtime.scoring, runtime.settings.embedding, now=runtime.now())


def _drift(runtime: "Runtime", due: datetime) -> Counts:
    return drift.compare(runtime.store, runtime.scoring, runtime.settings.drift, now=due)


def _rules(runtime: "Runtime", due: datetime) -> Counts:
    return evaluate_rules(runtime, due)


def report_sources(runtime: "Runtime") -> report.Sources:
    """Whom a report asks."""
    return report.Sources(
        store=runtime.store, measure=partial(measured, runtime), metrics=metrics(),
        contributors=partial(suspects, runtime), base_url=runtime.alert_settings.base_url,
    )  # fmt: skip


def _reports(runtime: "Runtime", _due: datetime) -> Counts:
    told = runtime.alert_settings.channels
    channels = tuple(runtime.channels) if told is None else told
    sent = report.send_due(runtime.reports, report_sources(runtime), channels=channels, now=runtime.now())
    return {"reports": sent}


def _delivery(runtime: "Runtime", _due: datetime) -> Counts:
    return deliver.deliver(
        runtime.store, runtime.channels, runtime.alert_settings, clock=runtime.now, inhibitions=runtime.inhibitions,
        answer=runtime.answer_link, turns=runtime.turns,
    )  # fmt: skip


def _self(runtime: "Runtime", _due: datetime) -> Counts:
    return meta.watch(
        runtime.store, signs(runtime, runtime.now()), settings=runtime.alert_settings,
        channels=tuple(runtime.channels), now=runtime.now(),
    )  # fmt: skip


def _heartbeat(runtime: "Runtime", _due: datetime) -> Counts:
    settings = runtime.alert_settings
    if settings.heartbeat_url is None or not alive(signs(runtime, runtime.now())):
        return {"beats": 0}
    beat(settings.heartbeat_url.get_secret_value(), method=settings.heartbeat_method, allow=settings.heartbeat_allow)
    return {"beats": 1}


def _upkeep(runtime: "Runtime", _due: datetime) -> Counts:
    runs = ledger.prune(runtime.store, before=runtime.now() - RUNS_KEPT)
    segments = runtime.journal.prune(now=runtime.now().timestamp())
    evaluations = alerts.prune(runtime.store, before=runtime.now() - runtime.alert_settings.evaluations_kept)
    messages = outbox.prune(runtime.store, before=runtime.now() - runtime.alert_settings.messages_kept)
    runtime.store.checkpoint()
    return {"runs": runs, "segments": segments, "evaluations": evaluations, "messages": messages}
