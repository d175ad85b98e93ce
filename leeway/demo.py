"""`leeway demo`: two days of traffic with planted incidents, taken in and watched as if live."""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from alerts.rules import rulebook
from alerts.rules.rulefile import rules_from_file
from analytics import scoring
from analytics.metric import metrics
from analytics.standing import standings
from leeway import runtime as runtimes
from leeway import schedule
from leeway.config import Settings
from leeway.demo_traffic.arrivals import DURATION
from leeway.demo_traffic.story import Story, as_json
from leeway.demo_traffic.traffic import Traffic, traffic, write
from leeway.runtime import Runtime
from store import migrations, outbox
from store.calls import Appended, append_calls, call_table
from store.connection import Store, StoreSettings
from store.errors import ConfigError

SEED = 2023
MANIFEST = "demo_manifest.json"
LASTS = timedelta(hours=6)  # an older demo would no longer end "now"
EXAMPLES = (
    "some_bad_lines.jsonl", "openai_chat_completions.jsonl", "request_response.jsonl", "openai_batch_output.jsonl",
    "leeway_calls.jsonl", "otlp_traces.jsonl.gz",
)  # fmt: skip
BITE_S = 15.0  # how often scoring says how far it is
CHANNELS = ("slack", "email")  # who would have been told
STEP = timedelta(hours=1)  # rules catch up on their own windows in between

Say = Callable[[str], None]


def sample_folder() -> Path:
    """Where the sample data lies: beside the code in a checkout, inside the package when installed."""
    here = Path(__file__).resolve().parent
    for folder in (here.parent / "sample_logs", here / "sample_logs"):
        if folder.is_dir():
            return folder
    raise ConfigError(f"no sample_logs beside {here}: run the demo from a checkout, or install Leeway again")


def prepare(settings: Settings, *, fresh: bool = False, say: Say = print) -> Story | None:
    """Make the demo's database where the settings say; None when there is one that is still young enough.

    Raises ConfigError when the file there was not made by the demo.
    """
    path, now = settings.store.path, datetime.now(UTC)
    manifest = StoreSettings(path=path).spool / MANIFEST
    if path.exists():
        made = _manifest(path, manifest)
        made_at = datetime.fromisoformat(made["made_at"])
        if not fresh and now - made_at < LASTS and made.get("schema") == migrations.edition():
            say(f"{path}: a demo made at {made_at:%H:%M} UTC; --fresh makes it anew")
            return None
        path.unlink()
        shutil.rmtree(StoreSettings(path=path).spool, ignore_errors=True)
    with runtimes.opened(settings) as runtime:
        story = make_demo(runtime, now=now, seed=SEED, say=say)
        told = {"made_at": now, "schema": migrations.edition(), "incidents": as_json(story)}
        manifest.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    return story


def _manifest(path: Path, manifest: Path) -> dict[str, Any]:
    if not manifest.exists():
        raise ConfigError(f"{path} was not made by the demo and is left alone: name another file with --db")
    told: dict[str, Any] = orjson.loads(manifest.read_bytes())
    return told


def make_demo(runtime: Runtime, *, now: datetime, seed: int, say: Say = print) -> Story:
    """Fill the runtime's database with the two days up to `now` and all that is worked out of them."""
    samples = sample_folder()
    with _step(say, "making two days of traffic"), tempfile.TemporaryDirectory() as folder:
        made = traffic(samples, now=now, seed=seed)
        written = write(made, Path(folder))
        files = [written.calls, written.traces, *(samples / name for name in EXAMPLES)]
        _take_in(runtime, files, say)
    runtime.analyze(["prices", "rollup"])
    with _step(say, "scoring answers and embedding texts"):
        _score(runtime, now, say)
        runtime.analyze(["embeddings"])
    rules = rules_from_file(samples / "demo_alerts.toml", metrics())
    rulebook.set_rules(runtime.store, rules, origin="demo", by="demo", now=now - DURATION)
    _watch(runtime, now, say)
    runtime.store.checkpoint()
    return made.story


def _take_in(runtime: Runtime, files: list[Path], say: Say) -> None:
    for file in files:
        report = runtime.ingest(file)
        say(f"  {file.name}: {report.calls:,} calls, {report.spans:,} spans, {report.rejects:,} rejects")


def _score(runtime: Runtime, now: datetime, say: Say) -> None:
    """Score in bites, so that one who waits sees it move; what no engine is there for stays unscored."""
    settings = runtime.settings.scoring
    left, before = -1, -2
    while left not in (0, before):
        before = left
        scoring.score(runtime.store, runtime.scoring, settings, now=now, seconds=BITE_S)
        left = sum(one.waiting for one in standings(runtime.store, settings, now=now).values())
        say(f"  {left:,} scores to go")


def _watch(runtime: Runtime, now: datetime, say: Say) -> None:
    """Play the two days again for drift and rules, as a server would have seen them."""
    begun = time.monotonic()
    moment, fired = now - DURATION, 0
    while moment <= now:
        runtime.jobs["drift"].run(moment)
        counts = schedule.evaluate_rules(runtime, moment, channels=CHANNELS, replayed_at=now)
        fired += counts["fired"]
        if (now - moment) % (6 * STEP) == timedelta(0):
            say(f"  {(now - moment) / STEP:.0f} h to go: {fired} alerts fired")
        moment += STEP
    _keep_quiet(runtime.store)
    say(f"watched two days in {time.monotonic() - begun:.0f} s: {fired} alerts fired")


def _keep_quiet(store: Store) -> None:
    """What would have been sent is kept as suppressed: a demo tells nobody."""
    for channel in outbox.waiting_channels(store):
        rows = outbox.waiting(store, channel)
        with store.transaction() as tx:
            for row in rows:
                outbox.mark(tx, row.notification_id, "suppressed", error="demo: nothing is sent")


@contextmanager
def _step(say: Say, what: str) -> Iterator[None]:
    say(f"{what} …")
    begun = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - begun:.0f} s")


def fill(store: Store, made: Traffic, *, now: datetime) -> Appended:
    """Put the traffic's calls straight into `store`: quick, for pages and tests that want numbers only."""
    calls = [*made.logged, *(call for exchange in made.traced for call in exchange.calls)]
    with store.transaction() as tx:
        return append_calls(tx, call_table(calls, source_id=None, ingested_at=now))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m leeway.demo", description=fill.__doc__)
    parser.add_argument("--fill", type=Path, required=True, metavar="PATH", help="the database to fill")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    now = datetime.now(UTC)
    with Store(StoreSettings(path=given.fill)) as store:
        done = fill(store, traffic(sample_folder(), now=now, seed=given.seed), now=now)
    print(f"{given.fill}: {done.calls} calls of two days")  # noqa: T201 - what a command says


if __name__ == "__main__":
    main()
