"""The command `leeway`: what can be typed. What each command does stands in `commands.py`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from leeway import __version__, alert_commands, commands, ingest_command
from store.errors import LeewayError, StoreBusy

FAILED, BUSY, INTERRUPTED = 1, 3, 130


def parser() -> argparse.ArgumentParser:
    """Every command and option there is."""
    root = argparse.ArgumentParser(prog="leeway", description="LLMOps monitoring in one process.")
    root.add_argument("--version", action="version", version=f"leeway {__version__}")
    verbs = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _running(verbs)
    _data(verbs)
    _rules(verbs)
    _looking(verbs)
    return root


def _verb(verbs: Any, name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    verb.set_defaults(run=run)
    verb.add_argument("--config", type=Path, metavar="FILE", help="settings file (default: leeway.toml)")
    verb.add_argument("--db", type=Path, metavar="PATH", help="database file (default: data/leeway.duckdb)")
    return verb


def _serve_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    verb.add_argument("--port", type=int, help="dashboard, OTLP and API (default: 8501)")
    verb.add_argument("--otlp-port", type=int, help="OTLP/HTTP as well (default: 4318; 0 = off)")
    verb.add_argument("--grpc-port", type=int, help="OTLP/gRPC (default: 4317; 0 = off)")


def _running(verbs: Any) -> None:
    _serve_options(_verb(verbs, "serve", "Run the dashboard, the receivers and the scheduler.", commands.serve))
    demo = _verb(verbs, "demo", "Make two days of sample traffic with planted incidents, then serve it.", commands.demo)
    _serve_options(demo)
    demo.add_argument("--no-serve", action="store_true", help="only make the database")
    demo.add_argument("--fresh", action="store_true", help="make it anew even if there is one from today")


def _data(verbs: Any) -> None:
    ingest = _verb(verbs, "ingest", "Read log files into the database.", ingest_command.ingest)
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    ingest.add_argument("--format", default="auto", dest="log_format", help="auto, or a name from `leeway formats`")
    said = "where a field of a call stands in each record, as in output_text=reply.text; repeat it"
    ingest.add_argument("--map", action="append", default=[], dest="mapped", metavar="FIELD=PATH", help=said)
    ingest.add_argument("--mapping", metavar="NAME", help="a [mappings.NAME] table of the settings")
    ingest.add_argument("--dry-run", action="store_true", help="say what would be read, write nothing")
    said = "write the records that could not be kept as JSON lines, each with its reason and what to do"
    ingest.add_argument("--rejects", type=Path, metavar="FILE", help=said)
    ingest.add_argument("--json", action="store_true", help="print the report as JSON")
    replay = _verb(verbs, "replay", "Read again what the journal still holds; show what would change.", commands.replay)
    replay.add_argument(
        "--from", dest="start", required=True, metavar="TIME", help="received since: ISO time with zone"
    )
    replay.add_argument("--to", dest="end", required=True, metavar="TIME", help="received before: ISO time with zone")
    replay.add_argument("--dialect", metavar="NAME", help="only traces in which this dialect told something")
    replay.add_argument("--apply", action="store_true", help="change it")
    replay.add_argument("--json", action="store_true", help="print the changes as JSON")
    analyze = _verb(verbs, "analyze", "Run the scheduled jobs now, to the end.", commands.analyze)
    analyze.add_argument("jobs", nargs="*", metavar="JOB", help="names (default: all)")
    said = "have an evaluator score its calls once more, after a new version or threshold; repeat it"
    analyze.add_argument("--again", action="append", default=[], metavar="EVALUATOR", help=said)
    analyze.add_argument("--json", action="store_true", help="print each job's counts as JSON")
    export = _verb(verbs, "export", "Write calls to a file.", commands.export)
    export.add_argument("what", choices=["calls"])
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help=".jsonl, .csv or .parquet")
    export.add_argument("--from", dest="start", metavar="TIME", help="ISO time with its zone")
    export.add_argument("--to", dest="end", metavar="TIME", help="ISO time with its zone")


def _rules(verbs: Any) -> None:
    alerts = verbs.add_parser("alerts", help="Validate and replay alert rules.").add_subparsers(
        dest="alerts_command", required=True, metavar="COMMAND"
    )
    check = _verb(alerts, "check", "Validate a file of rules.", commands.alerts_check)
    check.add_argument("file", type=Path)
    backtest = _verb(alerts, "backtest", "Replay rules over what is stored: how often they would have fired.",
                     commands.alerts_backtest)  # fmt: skip
    backtest.add_argument("file", type=Path)
    backtest.add_argument("--days", type=float, default=28.0)
    backtest.add_argument("--propose", action="store_true", help="say which setting would have been quiet")
    test = _verb(alerts, "test", "Try rules on series written by hand.", commands.alerts_test)
    test.add_argument("file", type=Path)
    report = _verb(alerts, "report", "Print the daily or weekly report, and send it if asked.", alert_commands.report)
    report.add_argument("name", nargs="?", default="daily", help="daily, weekly, or a [[report]] of the settings")
    report.add_argument("--send", action="store_true", help="send it to its channels as well")
    said = "Write an incident as one HTML file that needs no network."
    postmortem = _verb(alerts, "postmortem", said, alert_commands.postmortem)
    postmortem.add_argument("incident", type=int, help="its number")
    postmortem.add_argument("--out", type=Path, metavar="FILE", help="where to (default: incident-NUMBER.html)")
    postmortem.add_argument("--with-text", action="store_true", help="with the beginning of the example calls' texts")


def _looking(verbs: Any) -> None:
    check = _verb(verbs, "check", "Validate the settings and print what is in force.", commands.check)
    check.add_argument("--json", action="store_true")
    _verb(verbs, "formats", "List the log formats that can be read.", commands.formats)
    models = verbs.add_parser("models", help="Model folders: list, fetch, prepare, verify.").add_subparsers(
        dest="models_command", required=True, metavar="COMMAND"
    )
    _verb(models, "list", "List the evaluators and what they score with.", commands.models_list)
    _verb(models, "verify", "Check the hash of every configured model folder.", commands.models_verify)
    said = "Make an offline folder of a Detoxify checkpoint, or of a folder with a model for inference (NLI)."
    prepare = _verb(models, "prepare", said, commands.models_prepare)
    prepare.add_argument("name", help="what it will be called, such as detoxify-unbiased-small")
    said = "the checkpoint, or the model's folder"
    prepare.add_argument("--from", dest="source", type=Path, required=True, metavar="PATH", help=said)
    prepare.add_argument("--base", type=Path, metavar="FOLDER", help="config and tokenizer of the checkpoint's base")
    fetch = _verb(models, "fetch", "Download a published Detoxify model and prepare it.", commands.models_fetch)
    fetch.add_argument("name", help="detoxify-original, -original-small, -unbiased, -unbiased-small, -multilingual")
    for verb in (prepare, fetch):
        verb.add_argument("--to", type=Path, metavar="FOLDER", help="where to (default: models/NAME)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage, 3 the database is in use."""
    options = parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except LeewayError as error:
        print(f"leeway: {error}", file=sys.stderr)
        return BUSY if isinstance(error, StoreBusy) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
