"""What need not be told because its cause is told already: Alertmanager's inhibition.

[[inhibit]]
source = { rule = "provider-down" }
target = { severity = "warning" }
equal = ["provider"]

Beside those of the rules file one is always in force: a critical alert inhibits a warning of the same metric, or of the
same rule, for the same slice.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alerts.rules.checked import checked, did_you_mean
from store.alerting import Severity
from store.errors import ConfigError
from store.model import DIMENSIONS

Names = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alert that is up, as far as inhibition looks at it."""

    incident_id: int | None
    rule_id: str
    metric: str
    severity: str
    title: str
    labels: Mapping[str, str | None]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Matcher(_Part):
    """Which alerts: those of a rule, of a severity, with these values. What is not said matches everything."""

    rule: Names = ()
    severity: Severity | None = None
    slice: dict[str, Names] = Field(default_factory=dict)

    def matches(self, alert: Standing) -> bool:
        named = not self.rule or alert.rule_id in self.rule
        severe = self.severity is None or alert.severity == self.severity.value
        return named and severe and all(alert.labels.get(name) in values for name, values in self.slice.items())


class Inhibition(_Part):
    """While an alert that matches `source` is up, those that match `target` with `equal` values are not told."""

    source: Matcher
    target: Matcher
    equal: Names = ()

    @model_validator(mode="after")
    def _names_dimensions(self) -> Self:
        for name in (*self.equal, *self.source.slice, *self.target.slice):
            if name not in DIMENSIONS:
                raise ValueError(f"no dimension is named {name!r}{did_you_mean(name, DIMENSIONS)}")
        return self

    def covers(self, source: Standing, target: Standing) -> bool:
        """A missing value equals a missing value. What stands on both sides is never inhibited by its like."""
        if not (self.source.matches(source) and self.target.matches(target)):
            return False
        alike = self.source.matches(target) and self.target.matches(source)
        return not alike and all(source.labels.get(name) == target.labels.get(name) for name in self.equal)


def inhibited(target: Standing, up: Iterable[Standing], inhibitions: Sequence[Inhibition]) -> str | None:
    """Why `target` is not to be told: the alert of `up` that stands for it; None when none does."""
    for source in up:
        if source.incident_id == target.incident_id:
            continue
        if _graver(source, target) or any(one.covers(source, target) for one in inhibitions):
            return f"inhibited by incident {source.incident_id}: {source.title}"
    return None


def _graver(source: Standing, target: Standing) -> bool:
    graver = source.severity == Severity.CRITICAL.value and target.severity == Severity.WARNING.value
    same = source.rule_id == target.rule_id or source.metric == target.metric
    return graver and same and source.labels == target.labels


def inhibition_from(table: Mapping[str, Any], *, where: str) -> Inhibition:
    """Return an `[[inhibit]]` table. Raises ConfigError."""
    return checked(Inhibition, table, f"{where}: inhibit")


def inhibitions_from_file(path: Path) -> list[Inhibition]:
    """Read the `[[inhibit]]` tables of a rules file. Raises ConfigError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("inhibit", [])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name}: not TOML ({error})") from None
    return [inhibition_from(table, where=path.name) for table in tables]
