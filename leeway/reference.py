"""The reference page, written from the declarations themselves: `python -m leeway.reference > docs/reference.md`."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from alerts.channel import channels
from alerts.condition import kinds
from alerts.rule import Rule
from analytics.evaluator import ScoringSettings, evaluators
from analytics.metric import metrics
from collectors.dialect import dialects
from collectors.format import formats
from leeway.cli import parser
from leeway.config import SHORT_NAMES, Settings
from store.duration import short

HEAD = """# Reference

Written from the code by `make docs`; a test holds it to that.
"""


def page() -> str:
    """The whole page as Markdown."""
    sections = (
        ("Commands", _table(("command", "what it does"), _commands(parser(), "leeway"))),
        ("Settings", [*_variables(), *_table(("setting", "default"), _settings(Settings, ""))]),
        ("Log formats", _table(("format", "what it reads"), ((f.name, f.help) for f in formats()))),
        ("Span dialects", _table(("dialect", "what it reads"), ((d.name, _said(d.extract)) for d in dialects()))),
        (
            "Metrics",
            _table(("metric", "unit", "meaning"), ((m.name, m.unit, m.help) for _, m in sorted(metrics().items()))),
        ),
        ("Evaluators", _table(("evaluator", "what it says", "how far to trust it"), _evaluators())),
        ("Rules", _table(("setting of a `[[rule]]`", "default"), _rule())),
        ("Kinds of rules", _table(("kind", "when it fires"), ((kind.name, kind.help) for kind in kinds().values()))),
        ("Channels", _table(("type", "settings"), _channels())),
    )
    return HEAD + "".join(f"\n## {title}\n\n" + "\n".join(lines) + "\n" for title, lines in sections)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
    return lines + [f"| `{first}` | {' | '.join(_cell(text) for text in rest)} |" for first, *rest in rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _commands(told: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, str]]:
    for action in told._actions:  # noqa: SLF001 - argparse offers no other way to its sub-commands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for verb, below in action.choices.items():
                yield from _commands(below, f"{name} {verb}")
            return
    yield _usage(told, name), told.description or ""


def _usage(told: argparse.ArgumentParser, name: str) -> str:
    said = " ".join(told.format_usage().removeprefix("usage: ").split()[len(name.split()) :])
    return f"{name} {said}".replace("[-h] ", "").replace(" [-h]", "")


def _said(of: object) -> str:
    """The first line of the module that `of` stands in."""
    return (sys.modules[of.__module__].__doc__ or "").strip().partition("\n\n")[0]


def _variables() -> list[str]:
    names = ", ".join(f"`{short}` = `{setting}`" for short, setting in sorted(SHORT_NAMES.items()))
    return [f"In `leeway.toml`, or as a variable: `LEEWAY_SERVER__PORT` is `server.port`. Short names: {names}.", ""]


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", f"`{_default(field)}`"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, timedelta):
        return short(value)
    return "not set" if value is None else str(value) if value not in ((), {}, "") else "none"


def _evaluators() -> Iterator[tuple[str, str, str]]:
    for name, evaluator in sorted(evaluators().items()):
        trust = " ".join(f"{engine.id}: {engine.trust}" for engine in evaluator.engines(ScoringSettings()))
        yield name, evaluator.help, trust


def _rule() -> Iterator[tuple[str, str]]:
    for name, field in Rule.model_fields.items():
        yield field.alias or name, "required" if field.is_required() else f"`{_default(field)}`"


def _channels() -> Iterator[tuple[str, str]]:
    for name, channel in sorted(channels().items()):
        yield name, ", ".join(f"`{setting}`" for setting in channel.settings.model_fields)


if __name__ == "__main__":
    sys.stdout.write(page())
