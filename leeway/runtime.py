"""Where the parts meet: settings, store, journal, workers and the clock that runs the jobs.

One Runtime a process. The server opens it in its lifespan; the command line opens one without a clock. Pages ask for
it with `current()`.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from alerts.backtest import MOST, Backtest, backtest
from alerts.channel import configured
from alerts.delivery.answers import signing_key, token
from alerts.delivery.turns import Turns
from alerts.engine.numbers import Numbers
from alerts.engine.propose import Proposal, propose
from alerts.rule import Rule
from alerts.rules import rulebook
from alerts.rules.defaults import starters
from alerts.settings import AlertSettings
from analytics.evaluator import evaluators
from analytics.metric import metrics
from collectors.batch import read_frames
from collectors.files.mapping import Mapping
from collectors.ingest import ingest
from collectors.load import BATCH_BYTES, filling, load
from collectors.preview import Preview, preview
from collectors.replay import Replayed, replay
from collectors.report import Report
from collectors.undo import undo
from leeway import schedule
from leeway.config import Settings
from leeway.declarations import inhibitions_of, reports_of, rules_of
from leeway.jobs import Job, Ran, Runner
from leeway.pages_first import PagesFirst
from leeway.workers import Inline, Workers
from store.connection import Store, StoreSettings
from store.errors import ConfigError, LeewayError
from store.journal import Journal, JournalSettings, Position
from store.model import Window
from store.scoring import score_again
from store.sources import Source

log = logging.getLogger(__name__)

POSITION_SQL = "SELECT segment, byte_offset FROM data.journal_position"
LOAD_POLL_S = 0.1
FIRST_JOBS_AFTER = timedelta(seconds=2)  # clients that waited for us to come back go first
JOBS_APART = timedelta(seconds=0.5)  # all at once they would hold up whoever looks, each minute anew
LINGER = 10  # polls: while requests come in, loading waits so long, and then loads them together
RETRY_S = 5.0
NEVER_S = 10 * 365 * 86400.0


def _now() -> datetime:
    return datetime.now(UTC)


class Runtime:
    """The open product. `serving` gives it worker processes, a loader thread and a clock."""

    def __init__(self, settings: Settings, *, serving: bool = False, clock: Callable[[], datetime] = _now) -> None:
        self.settings = settings
        self.now = clock
        settings.store.path.parent.mkdir(parents=True, exist_ok=True)
        self.store = Store(_store_settings(settings))
        _tidied(self.store)
        self.journal = Journal(_journal_settings(settings, self.store), self._committed())
        self.alert_settings = _alert_settings(settings)
        self.channels = configured(settings.channels)
        self.inhibitions = inhibitions_of(settings)
        self.turns = Turns() if serving else Turns(None)
        self.reports = reports_of(settings)
        self.signing_key = signing_key(self.store.settings.spool)
        # Who sends comes first: while the cores are busy, what is acknowledged can wait in the journal.
        decoders = settings.server.decoders
        self.decoding = Workers(max_workers=decoders, niceness=5, idle_s=NEVER_S) if serving else Inline()
        self.scoring = Workers(max_workers=1, niceness=10) if serving else Inline()
        self.pages_first = PagesFirst(self.scoring)
        self._stopping = threading.Event()
        self.runner = Runner(self.store, clock, self._stopping)
        self.jobs: dict[str, Job] = {job.name: job for job in schedule.jobs(self)}
        self._rules_from_settings()
        self.started_at = clock()
        self.last_ingest_at: datetime | None = None
        self.load_error: str | None = None
        self._batch_bytes = BATCH_BYTES
        self._loading = threading.Lock()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._loader = threading.Thread(target=self._load_loop, name="loader", daemon=True)
        if serving:
            self._begin_with_rules()
            self._start()

    def _start(self) -> None:
        self.decoding.submit(read_frames, [], self.now())  # a worker that is awake when the first data comes
        self._loader.start()
        for place, job in enumerate(self.jobs.values()):
            # Overlaps are skipped, a pause is one catching-up run, and a busy moment never drops a run.
            self._scheduler.add_job(
                self.runner.scheduled,
                IntervalTrigger(seconds=int(job.every.total_seconds())),
                args=[job],
                id=job.name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
                next_run_time=self.now() + FIRST_JOBS_AFTER + place * JOBS_APART,
            )
        self._scheduler.start()

    def stop(self) -> None:
        """Begin nothing any more and drop what is being scored: requests that wait for it end, and then `close`."""
        self._stopping.set()
        self.scoring.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Stop the clock, the loader and the workers; what was acknowledged stays in the journal."""
        self.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self.turns.close()
        self.scoring.close()
        self.decoding.close()
        if self._loader.is_alive():
            self._loader.join(timeout=3)
        self.journal.close()
        self.store.close()

    def load_pending(self) -> int:
        """Load what waits in the journal; return the number of frames."""
        total = 0
        with self._loading:
            while self.journal.committed < self.journal.durable and not self._stopping.is_set():
                loaded = load(self.store, self.journal, self.decoding, now=self.now(), max_bytes=self._batch_bytes)
                if not loaded.frames:
                    break
                self._batch_bytes = filling(loaded)
                total += loaded.frames
                self.last_ingest_at = self.now()
        return total

    def _load_loop(self) -> None:
        lingered, durable = 0, self.journal.durable
        while not self._stopping.wait(LOAD_POLL_S):
            arriving, durable = self.journal.durable != durable, self.journal.durable
            if arriving and lingered < LINGER:
                lingered += 1
                continue
            lingered = 0
            try:
                self.load_pending()
                self.load_error = None
            except LeewayError as error:  # the journal keeps what could not be loaded; say so and come back
                self.load_error = str(error)
                log.exception("loading the journal failed; trying again in %g s", RETRY_S)
                self._stopping.wait(RETRY_S)

    def ingest(self, path: Path, *, name: str | None = None, log_format: str = "auto", **options: Any) -> Report:
        """Read one log file into the store (see `collectors.ingest.ingest`)."""
        with self._loading:
            report = ingest(
                self.store, path, name=name or path.name, format=log_format, executor=self.decoding,
                now=self.now(), **options,
            )  # fmt: skip
        self.last_ingest_at = self.now()
        return report

    def preview(self, path: Path, *, name: str, mapping: Mapping | None = None, log_format: str = "auto") -> Preview:
        """The first records of a file, and what each would become; nothing is kept."""
        job = (path, name, log_format, mapping, self.now())
        return self.decoding.submit(preview, *job).result()

    def replay(self, window: Window, *, dialect: str | None = None, apply: bool = False) -> Replayed:
        """Read again what came in by OTLP in this window and still lies in the journal."""
        start, end = (int(moment.timestamp()) * 10**9 for moment in (window.start, window.end))
        with self._loading:
            found = self.journal.retained(start, end)
            return replay(self.store, found, self.decoding, dialect=dialect, apply=apply, now=self.now())

    def undo(self, source_id: int, *, actor: str) -> Source:
        """Take back a file that was read; traces that it had a part in are assembled from what is left."""
        with self._loading:
            return undo(self.store, self.decoding, source_id, actor=actor, now=self.now())

    def backtest(self, rule: Rule, window: Window, *, numbers: Numbers | None = None, most: int = MOST) -> Backtest:
        """Replay a rule over the past, writing nothing. `numbers` that are kept need not be read again."""
        return backtest(
            rule, window, numbers=numbers or self.numbers(), metrics=metrics(), settings=self.alert_settings, most=most
        )

    def propose(self, rule: Rule, window: Window, *, numbers: Numbers | None = None) -> Proposal | None:
        """The most sensitive setting of the rule that would have been quiet in this window."""
        return propose(rule, window, numbers=numbers or self.numbers(), metrics=metrics(), settings=self.alert_settings)

    def numbers(self) -> Numbers:
        """Where rules get their numbers; they remember what was read."""
        return schedule.numbers(self)

    def answer_link(self, incident_id: int) -> str:
        """Where an incident can be answered from its message, for as long as `alerts.link_ttl`."""
        signed = token(self.signing_key, incident_id, self.now() + self.alert_settings.link_ttl)
        return f"{self.alert_settings.base_url.rstrip('/')}/answer?t={signed}"

    def analyze(self, names: Sequence[str] = (), *, again: Sequence[str] = ()) -> list[Ran]:
        """Run these jobs (default: all) now, in their order, each to its end.

        `again`: evaluators that are to score their calls once more. Raises ConfigError when there is no such job, or no
        such evaluator.
        """
        for name in again:
            if name not in evaluators():
                raise ConfigError(f"no evaluator is named {name!r}; there are {', '.join(evaluators())}")
            score_again(self.store, name, actor="analyze", now=self.now())
        for name in names:
            if name not in self.jobs:
                raise ConfigError(f"no job is named {name!r}; there are {', '.join(self.jobs)}")
        wanted = [job for job in self.jobs.values() if not names or job.name in names]
        return [ran for job in wanted if (ran := self.runner.to_the_end(job))]

    def _rules_from_settings(self) -> None:
        """Rules of leeway.toml and of the rules file are what the files say; those made on the page stay."""
        wanted = rules_of(self.settings)
        rulebook.set_rules(self.store, wanted, origin="file", by="settings", now=self.now())

    def _begin_with_rules(self) -> None:
        if self.alert_settings.default_rules:
            rulebook.begin(self.store, starters(metrics()), now=self.now())

    def _committed(self) -> Position:
        segment, offset = self.store.read(POSITION_SQL).row(0)
        return Position(segment, offset)


def _alert_settings(settings: Settings) -> AlertSettings:
    """Links in messages lead to `alerts.base_url`; where nobody has said it, to this server."""
    told = "base_url" in settings.alerts.model_fields_set
    return settings.alerts if told else settings.alerts.model_copy(update={"base_url": settings.server.url})


def _store_settings(settings: Settings) -> StoreSettings:
    kept = settings.store
    return StoreSettings(
        path=kept.path, memory_limit=kept.memory_limit, threads=kept.threads, query_timeout_s=kept.query_timeout_s
    )


def _tidied(store: Store) -> None:
    """Take away what a process that was killed left lying: files half uploaded, slices half read."""
    for left in ("uploads", "ingest"):
        shutil.rmtree(store.settings.spool / left, ignore_errors=True)


def _journal_settings(settings: Settings, store: Store) -> JournalSettings:
    return JournalSettings(
        folder=store.settings.spool / "journal",
        max_backlog_bytes=settings.store.max_backlog_bytes,
        retention_s=settings.store.journal_retention_h * 3600,
    )


_current: Runtime | None = None


def use(runtime: Runtime | None) -> None:
    """Make `runtime` the one of this process."""
    global _current  # noqa: PLW0603 - one process, one runtime: that is what this module is for
    _current = runtime


def current() -> Runtime:
    """The Runtime of this process. Raises ConfigError before one was opened."""
    if _current is None:
        raise ConfigError("Leeway is not running in this process: start it with `leeway serve`")
    return _current


@contextmanager
def opened(settings: Settings, *, serving: bool = False) -> Iterator[Runtime]:
    """Open a Runtime for a block and make it the current one."""
    runtime = Runtime(settings, serving=serving)
    use(runtime)
    try:
        yield runtime
    finally:
        use(None)
        runtime.close()
