"""What is logged, and what never is."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from alerts.delivery.secrets import MASK, secret
from leeway import logs

NAMES = ("leeway", "store", "collectors", "analytics", "alerts", "httpx", "httpcore")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Other tests want the loggers as they were."""
    before = [(one := logging.getLogger(name), one.handlers[:], one.level, one.propagate) for name in NAMES]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_tells_a_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: Literal["text", "json"]):
    file = tmp_path / "url"
    file.write_text("https://hooks.example/services/very-secret")
    url = secret("channel 'ops'", env=None, file=file)
    logs.configure(form)

    failure = ValueError(f"POST {url} failed")
    logging.getLogger("alerts.deliver").error("sending to %s", url, exc_info=failure)

    said = capsys.readouterr().err
    assert "very-secret" not in said
    assert said.count(MASK) == 2
    if form == "json":
        assert json.loads(said)["message"] == f"sending to {MASK}"


def test_libraries_that_tell_every_url_are_quiet():
    logs.configure("text")

    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore.http11").isEnabledFor(logging.DEBUG)
