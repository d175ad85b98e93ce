"""Evaluators that end their worker, raise, or answer nonsense: importable by name, so that workers find them."""

import os
import signal
import time
from collections.abc import Sequence

from analytics.evaluator import Engine, Evaluator, ScoringSettings, Subject, Verdict
from store.errors import ConfigError


def kills(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    if any("poison" in subject["output_text"] for subject in subjects):
        os.kill(os.getpid(), signal.SIGSEGV)
    return [Verdict(value=0.5, label="fine") for _ in subjects]


def kills_always(_: Sequence[Subject], __: ScoringSettings) -> list[Verdict]:
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def kills_slowly(subjects: Sequence[Subject], settings: ScoringSettings) -> list[Verdict]:
    time.sleep(0.01 * len(subjects))
    return kills(subjects, settings)


def raises(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    if any("poison" in subject["output_text"] for subject in subjects):
        raise ValueError("cannot be scored")
    return [Verdict(value=0.5, label="fine") for _ in subjects]


def not_a_number(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    return [Verdict(value=float("nan") if "poison" in s["output_text"] else 0.5, label="fine") for s in subjects]


def forgets(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    return [Verdict(value=0.5, label="fine") for s in subjects if "poison" not in s["output_text"]]


def flags(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    return [Verdict(value=0.5, label="toxic" if "poison" in s["output_text"] else "fine") for s in subjects]


def evaluator(score: object) -> Evaluator:
    engine = Engine(id="test-1", score=score, cost="", trust="")  # type: ignore[arg-type]
    return Evaluator(
        name="poison", title="", help="", unit="", flagged="toxic", needs=("output_text",), engines=lambda _: (engine,)
    )


def broken(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    raise ConfigError(f"the model folder changed; {len(subjects)} texts wait")
