"""What each command does. A command that needs the database opens it, or goes through the server that holds it."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from alerts.engine.propose import Proposal
from alerts.rehearsal import rehearse
from alerts.rules.rulefile import doubts, rules_from_file
from analytics.evaluator import ScoringSettings, engine_of, evaluators
from analytics.metric import metrics
from analytics.models import detoxify, entailment
from analytics.models.folder import Manifest, verified
from analytics.models.published import fetch
from collectors.format import formats as collectors_formats
from leeway import api, config, logs, runtime
from leeway.config import Settings
from leeway.declarations import validated
from leeway.memory import HUGE_PAGES
from leeway.remote import Remote
from store import export as exports
from store.duration import short
from store.errors import ConfigError, StoreBusy
from store.model import Window

SERVE_FLAGS = {"host": "LEEWAY_HOST", "port": "LEEWAY_PORT", "otlp_port": "LEEWAY_OTLP_PORT",
               "grpc_port": "LEEWAY_GRPC_PORT", "db": "LEEWAY_DB", "config": "LEEWAY_CONFIG"}  # fmt: skip
SUFFIXES = {".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet"}


def settings_of(options: argparse.Namespace) -> Settings:
    settings = config.load(options.config, store__path=options.db)
    logs.configure(settings.server.log_format)
    return settings


def app_path() -> Path:
    """Return `app.py`: the checkout's, else the one that was installed."""
    home = Path(__file__).parent
    checkout = home.parent / "app.py"
    return checkout if checkout.exists() else home / "dashboard" / "app.py"


def serve(options: argparse.Namespace) -> int:
    """Become `streamlit run app.py`: the same process id, the same signals."""
    environ = dict(os.environ)
    for flag, variable in SERVE_FLAGS.items():
        if getattr(options, flag) is not None:
            environ[variable] = str(getattr(options, flag))
    server = config.load(environ=environ).server
    app = app_path()
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(app.parent), environ.get("PYTHONPATH")]))
    environ.setdefault(*HUGE_PAGES)
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(server.port),
               "--server.address", server.host, "--server.headless", "true"]  # fmt: skip
    sys.stdout.flush()
    os.execve(sys.executable, command, environ)  # noqa: S606 - our own interpreter, no shell


def demo(options: argparse.Namespace) -> int:
    from leeway import demo as demonstration  # noqa: PLC0415 - brings the models; no other command wants them

    options.db = options.db or Path("data/demo.duckdb")
    demonstration.prepare(settings_of(options), fresh=options.fresh)
    return 0 if options.no_serve else serve(options)


def replay(options: argparse.Namespace) -> int:
    try:
        window = api.export_window(options.start, options.end)
    except ValueError as error:
        raise ConfigError(f"--from and --to are ISO times: {error}") from error
    assert window is not None  # noqa: S101 - both are required
    settings = settings_of(options)
    try:
        with runtime.opened(settings) as opened:
            opened.load_pending()
            done = dataclasses.asdict(opened.replay(window, dialect=options.dialect, apply=options.apply))
    except StoreBusy as busy:
        asked = {"from": options.start, "to": options.end, "dialect": options.dialect, "apply": options.apply}
        done = Remote(settings, busy).replay(asked)
    print(json.dumps(done, indent=1) if options.json else "\n".join(_replay_lines(done)))
    return 0


def _replay_lines(done: dict[str, Any]) -> Iterator[str]:
    counted = ", ".join(f"{done[name]:,} {name}" for name in ("new", "changed", "gone", "same"))
    yield f"{done['frames']:,} requests read again, {done['unreadable']:,} of them not readable; calls: {counted}"
    yield from (f"  {name}: another in {count:,} calls" for name, count in done["fields"].items())
    if not done["applied"] and done["new"] + done["changed"] + done["gone"]:
        yield "Nothing was written: say --apply to change it."


def analyze(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    try:
        with runtime.opened(settings) as opened:
            ran = [dataclasses.asdict(run) for run in opened.analyze(options.jobs, again=options.again)]
    except StoreBusy as busy:
        ran = Remote(settings, busy).analyze(options.jobs, again=options.again)
    if options.json:
        print(json.dumps(ran, indent=1))
    else:
        for run in ran:
            counts = ", ".join(f"{value:,} {name}" for name, value in run["counts"].items())
            print(
                f"{run['job']}: {run['status']} in {run['seconds']:.1f} s; {run['error'] or counts or 'nothing to do'}"
            )
    return 1 if any(run["status"] == "error" for run in ran) else 0


def export(options: argparse.Namespace) -> int:
    kind = SUFFIXES.get(options.out.suffix)
    if kind is None:
        raise ConfigError(f"{options.out}: name a file that ends in {', '.join(SUFFIXES)}")
    try:
        window = api.export_window(options.start, options.end)
    except ValueError as error:
        raise ConfigError(f"--from and --to are ISO times: {error}") from error
    settings = settings_of(options)
    try:
        with runtime.opened(settings) as opened, options.out.open("wb") as file:
            for chunk in exports.chunks(opened.store, kind, window=window):
                file.write(chunk)
    except StoreBusy as busy:
        params = {"from": options.start, "to": options.end}
        Remote(settings, busy).export(kind, {key: value for key, value in params.items() if value}, options.out)
    return 0


def check(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    validated(settings)
    if options.json:
        print(settings.model_dump_json(indent=1))
    else:
        print("The settings are valid. In force:")
        for section, values in settings.model_dump(mode="json").items():
            print(f"[{section}]")
            for name, value in (values or {}).items() if isinstance(values, dict) else []:
                print(f"  {name} = {value!r}")
    return 0


def alerts_check(options: argparse.Namespace) -> int:
    rules = rules_from_file(options.file, metrics())
    print(f"{options.file}: {len(rules)} rules, all valid")
    for rule in rules:
        for doubt in doubts(rule):
            print(f"  {rule.id}: {doubt}")
    return 0


def alerts_backtest(options: argparse.Namespace) -> int:
    with runtime.opened(settings_of(options)) as opened:
        now = opened.now()
        window = Window(start=now - timedelta(days=options.days), end=now)
        for rule in rules_from_file(options.file, metrics()):
            numbers = opened.numbers()
            replay = opened.backtest(rule, window, numbers=numbers)
            hours = replay.firing_time.total_seconds() / 3600
            print(f"{rule.id}: would have fired {len(replay.episodes)} times, {hours:.1f} h in all")
            for line in replay.headlines():
                print(f"  {line}")
            if options.propose:
                print(f"  {_proposed(opened.propose(rule, window, numbers=numbers))}")
    return 0


def _proposed(found: Proposal | None) -> str:
    if found is None:
        return "no setting can be proposed"
    rule = found.rule
    return f"proposed: threshold = {rule.threshold:g}, for = {short(rule.hold)!r} ({found.a_week:.2g} episodes a week)"


def alerts_test(options: argparse.Namespace) -> int:
    outcomes = rehearse(options.file, metrics())
    for outcome in outcomes:
        print(f"{'FAILED' if outcome.failures else 'ok':7}{outcome.name}")
        for failure in outcome.failures:
            print(f"       {failure}")
    return int(any(outcome.failures for outcome in outcomes))


def formats(_: argparse.Namespace) -> int:
    for known in collectors_formats():
        print(f"{known.name:22} {known.help}")
    return 0


def models_list(options: argparse.Namespace) -> int:
    for _, said in _engines(settings_of(options).scoring):
        print(said)
    return 0


def models_verify(options: argparse.Namespace) -> int:
    settings = settings_of(options).scoring
    for folder in filter(None, (settings.detoxify, settings.nli)):
        print(f"{folder}: {verified(folder).name}, hashes as recorded")
    missing = [said for there, said in _engines(settings) if not there]
    print("\n".join(missing) or "every evaluator has what it needs")
    return 1 if missing else 0


def _engines(settings: ScoringSettings) -> Iterator[tuple[bool, str]]:
    for evaluator in evaluators().values():
        try:
            yield True, f"{evaluator.name:14} {engine_of(evaluator, settings).id}"
        except ConfigError as error:
            yield False, f"{evaluator.name:14} not available: {error}"


def models_prepare(options: argparse.Namespace) -> int:
    folder = options.to or Path("models") / options.name
    if options.source.is_dir():
        made = entailment.prepare(options.source, folder, name=options.name)
        return _prepared(made, f"scoring.nli = {str(folder)!r}")
    if options.base is None:
        base = detoxify.base_of(options.source)
        raise ConfigError(f"a checkpoint needs --base: a folder with the config and the tokenizer of {base}")
    return _detoxify_ready(detoxify.prepare(options.source, options.base, folder, name=options.name))


def models_fetch(options: argparse.Namespace) -> int:
    return _detoxify_ready(fetch(options.name, options.to or Path("models") / options.name))


def _detoxify_ready(made: Manifest) -> int:
    print(f"8-bit integers move its scores by at most {made.moved:.4f}: it is run with {made.precision}")
    return _prepared(made, f"scoring.detoxify = {made.folder!r}")


def _prepared(made: Manifest, setting: str) -> int:
    print(f"{made.folder}: {made.name} is ready; set {setting}")
    return 0
