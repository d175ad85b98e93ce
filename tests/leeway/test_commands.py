"""What can be typed, and what comes of it."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from leeway import __version__
from leeway.cli import BUSY, FAILED, main
from leeway.logs import JsonLines

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_logs"
LINE = (
    b'{"started_at": "2026-11-24T09:00:00Z", "request_model": "gpt-4o", "input_text": "Hi", "output_text": "Hello!"}\n'
)


@pytest.fixture
def db(tmp_path: Path) -> list[str]:
    return ["--db", str(tmp_path / "typed.duckdb")]


def test_files_go_in_and_calls_come_out(db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["ingest", str(SAMPLES / "leeway_calls.jsonl"), str(SAMPLES / "some_bad_lines.jsonl"), *db]) == 0
    said = capsys.readouterr().out
    assert "5 rejects" in said
    assert "2 files: 16 calls, 5 rejects" in said
    out = tmp_path / "calls.jsonl"
    assert main(["export", "calls", "--out", str(out), *db]) == 0
    assert len(out.read_text().splitlines()) == 16


def test_what_a_killed_process_left_lying_is_taken_away(db: list[str], tmp_path: Path):
    left = tmp_path / "typed.duckdb.spool" / "uploads" / "half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half an upload")
    assert main(["ingest", str(SAMPLES / "leeway_calls.jsonl"), *db]) == 0
    assert not left.exists()


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"leeway {__version__}\n"


def test_a_report_can_be_had_as_json(db: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["ingest", str(SAMPLES / "openai_chat_completions.jsonl"), "--json", *db]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["calls"] == 6
    assert set(told) == {"calls", "duplicates", "spans", "rejects", "conflicts", "bytes", "seconds", "files"}


@pytest.mark.parametrize("tried", [["--dry-run"], [], ["again"]])
def test_rejects_are_written_to_a_file_with_what_to_do(db: list[str], tmp_path: Path, tried: list[str]):
    out, log = tmp_path / "rejects.jsonl", tmp_path / "some.jsonl"
    log.write_bytes(LINE + b'{"half": \n\xff\xfe\n')
    command = ["ingest", str(log), "--rejects", str(out), *db]
    if tried == ["again"]:
        main(command)
        tried = []
    assert main([*command, *tried]) == 0
    half, odd = (json.loads(line) for line in out.read_text().splitlines())
    assert (half["file"], half["line"], half["byte_offset"], half["raw"]) == ("some.jsonl", 2, len(LINE), '{"half":')
    assert (half["reason"][:8], half["what_to_do"][:13], half["cut"]) == ("not JSON", "Mend the JSON", False)
    assert (odd["line"], odd["raw_base64"]) == (3, "//4=")


def test_the_jobs_run_to_their_end(db: list[str], capsys: pytest.CaptureFixture[str]):
    main(["ingest", str(SAMPLES / "leeway_calls.jsonl"), *db])
    capsys.readouterr()
    assert main(["analyze", "prices", "rollup", *db]) == 0
    assert "prices: ok" in capsys.readouterr().out
    assert main(["analyze", "prices", "--json", *db]) == 0
    assert json.loads(capsys.readouterr().out)[0]["job"] == "prices"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (["ingest", "no-such-file.jsonl"], "there is no such file"),
        (["analyze", "nonsense"], "no job is named 'nonsense'"),
        (["export", "calls", "--out", "calls.xlsx"], "ends in .jsonl"),
        (["export", "calls", "--out", "calls.csv", "--from", "yesterday"], "ISO times"),
    ],
)
def test_what_cannot_be_done_says_why(db: list[str], capsys: pytest.CaptureFixture[str], typed: list[str], why: str):
    assert main([*typed, *db]) == FAILED
    assert why in capsys.readouterr().err


def test_rules_are_validated_and_replayed(db: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rules = SAMPLES / "demo_alerts.toml"
    assert main(["alerts", "check", str(rules)]) == 0
    assert "7 rules, all valid" in capsys.readouterr().out
    assert main(["alerts", "backtest", str(rules), "--days", "0.1", *db]) == 0
    assert "summary-length: would have fired 0 times" in capsys.readouterr().out
    tried = tmp_path / "tried.toml"
    tried.write_text(f"""
rules = "{rules}"
[[test]]
name = "long summaries"
rule = "summary-length"
interval = "15m"
series = [{{ slice = {{ prompt_name = "s", prompt_version = "v1" }}, values = "300x8", n = 50 }}]
expect = [{{ at = "15m", firing = [{{ prompt_name = "x", prompt_version = "y" }}] }}]
""")
    assert main(["alerts", "test", str(tried)]) == 1
    assert "should fire and does not" in capsys.readouterr().out


def test_settings_can_be_looked_at(db: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["check", *db]) == 0
    assert "port = 8501" in capsys.readouterr().out
    assert main(["check", "--json", *db]) == 0
    assert json.loads(capsys.readouterr().out)["server"]["port"] == 8501


def test_formats_and_models_are_listed(db: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["formats"]) == 0
    assert "openai_batch" in capsys.readouterr().out
    assert main(["models", "list", *db]) == 0
    assert "toxicity" in capsys.readouterr().out
    main(["models", "verify", *db])
    assert capsys.readouterr().out


def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bad = tmp_path / "bad.ckpt"
    bad.write_bytes(b"nothing")
    typed = ["models", "prepare", "detoxify-unbiased-small", "--from", str(bad), "--base", str(tmp_path)]
    assert main([*typed, "--to", str(tmp_path / "made")]) == FAILED
    assert capsys.readouterr().err


def test_a_database_that_another_process_holds_is_said_to_be_in_use(db: list[str], capsys: pytest.CaptureFixture[str]):
    """No server has left its address beside it, so nothing can be done through it."""
    code = f"import duckdb, time; c = duckdb.connect({db[1]!r}); print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert main(["analyze", "prices", *db]) == BUSY
        assert f"PID {holder.pid}" in capsys.readouterr().err
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()  # type: ignore[union-attr]


def test_log_lines_can_be_json():
    error = ValueError("no disk")
    record = logging.LogRecord("leeway", logging.ERROR, "x", 1, "failed: %s", ("why",), (ValueError, error, None))
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["message"]) == ("error", "failed: why")
    assert "no disk" in line["error"]
