"""One typed place for every setting: `leeway.toml`, then `LEEWAY_*` variables, then the command line.

Each shelf declares its own settings; here they are put together and read. `LEEWAY_SERVER__PORT=9000` sets
`server.port`; `LEEWAY_DB`, `LEEWAY_HOST` and `LEEWAY_PORT` are the short names of what is set most.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from alerts.rules.checked import did_you_mean
from alerts.settings import AlertSettings
from analytics.drift import DriftSettings
from analytics.embedding import EmbeddingSettings
from analytics.evaluator import ScoringSettings
from analytics.prices import PriceSettings
from collectors.files.mapping import checked, pairs
from collectors.sources.otlp_http import OtlpSettings
from collectors.sources.watch import WatchSettings
from store.errors import ConfigError, FormatError

DEFAULT_FILE = "leeway.toml"
SHORT_NAMES = {
    "LEEWAY_DB": "store.path",
    "LEEWAY_HOST": "server.host",
    "LEEWAY_PORT": "server.port",
    "LEEWAY_OTLP_PORT": "server.otlp_port",
    "LEEWAY_GRPC_PORT": "server.grpc_port",
    "LEEWAY_BASE_URL": "alerts.base_url",
}
NOT_SETTINGS = {"LEEWAY_CONFIG"}
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """Where Leeway listens. Port 0 switches a listener off (`otlp_port`, `grpc_port`).

    `decoding_workers`: processes that read what comes in; 0 stands for one fewer than there are cores, two at most.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8501, ge=1, le=65535)
    otlp_port: int = Field(default=4318, ge=0, le=65535)
    grpc_port: int = Field(default=4317, ge=0, le=65535)
    ingest_token: SecretStr | None = None
    dashboard_password: SecretStr | None = None
    allow_unprotected: bool = False
    max_upload_bytes: int = Field(default=4 << 30, gt=0)
    decoding_workers: int = Field(default=0, ge=0)
    log_format: Literal["text", "json"] = "text"

    @property
    def url(self) -> str:
        """Where the dashboard is reached on this machine."""
        return f"http://{self.host}:{self.port}"

    @property
    def decoders(self) -> int:
        """How many processes read what comes in."""
        return self.decoding_workers or max(1, min(2, (os.cpu_count() or 1) - 1))

    @model_validator(mode="after")
    def _protected(self) -> Self:
        protected = self.ingest_token and self.dashboard_password
        if self.host not in LOOPBACK and not protected and not self.allow_unprotected:
            raise ValueError(
                f"host {self.host} can be reached by others: set LEEWAY_SERVER__INGEST_TOKEN and "
                "LEEWAY_SERVER__DASHBOARD_PASSWORD, or say server.allow_unprotected = true"
            )
        return self


class StoreSection(Section):
    path: Path = Path("data/leeway.duckdb")
    memory_limit: str = "2GB"
    threads: int = Field(default=2, ge=1)
    query_timeout_s: float = Field(default=10.0, gt=0)
    journal_retention_h: float = Field(default=24.0, ge=0)
    max_backlog_bytes: int = Field(default=2 << 30, gt=0)


class Settings(Section):
    """Everything that can be set."""

    store: StoreSection = StoreSection()
    server: ServerSettings = ServerSettings()
    otlp: OtlpSettings = OtlpSettings()
    watch: WatchSettings = WatchSettings()
    mappings: dict[str, dict[str, str]] = {}
    prices: PriceSettings = PriceSettings()
    scoring: ScoringSettings = ScoringSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    drift: DriftSettings = DriftSettings()
    alerts: AlertSettings = AlertSettings()
    channels: dict[str, dict[str, Any]] = {}
    rule: tuple[dict[str, Any], ...] = ()
    inhibit: tuple[dict[str, Any], ...] = ()
    report: tuple[dict[str, Any], ...] = ()
    rules_file: Path | None = None

    @field_validator("mappings")
    @classmethod
    def _name_fields(cls, mappings: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        try:
            for mapping in mappings.values():
                checked(mapping)
        except FormatError as error:
            raise ValueError(str(error)) from error
        return mappings

    @model_validator(mode="after")
    def _watched_as_mapped(self) -> Self:
        if self.watch.mapping is not None and self.watch.mapping not in self.mappings:
            raise ValueError(f"watch.mapping: no mapping is named {self.watch.mapping!r}; add [mappings.NAME]")
        return self

    def mapping(self, name: str | None, said: Iterable[str] = ()) -> dict[str, str] | None:
        """The mapping of that name, with what `said` (`field=path`) adds to it; None when neither is given.

        Raises ConfigError when there is none of that name, FormatError when `said` is no mapping.
        """
        if name is not None and name not in self.mappings:
            raise ConfigError(f"no mapping is named {name!r}{did_you_mean(name, self.mappings)}: see [mappings.{name}]")
        return {**(self.mappings[name] if name else {}), **pairs(said)} or None


def load(path: Path | None = None, *, environ: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """Read the settings. `overrides` are dotted with double underscores (`store__path`) and win; None is left out.

    Raises ConfigError that names the file or variable, the key, and the nearest key there is.
    """
    file = path or (Path(environ["LEEWAY_CONFIG"]) if "LEEWAY_CONFIG" in environ else None)
    tree = _read(file) if file else _read(Path(DEFAULT_FILE)) if Path(DEFAULT_FILE).exists() else {}
    for dotted, value in _variables(environ):
        _put(tree, dotted, value)
    for name, value in overrides.items():
        if value is not None:
            _put(tree, name.replace("__", "."), value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("\n".join(_explained(error, str(file or DEFAULT_FILE)))) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name another file with --config") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error


def _variables(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for name, value in sorted(environ.items()):
        if name in SHORT_NAMES:
            yield SHORT_NAMES[name], value
        elif name.startswith("LEEWAY_") and "__" in name and name not in NOT_SETTINGS:
            yield name.removeprefix("LEEWAY_").lower().replace("__", "."), value


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value


def _explained(error: ValidationError, file: str) -> Iterable[str]:
    for problem in error.errors(include_input=False, include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            hint = did_you_mean(str(problem["loc"][-1]), _siblings(problem["loc"]))
            yield f"{file}: no setting is named {where!r}{hint}"
        else:
            yield f"{file}: {where or 'settings'}: {problem['msg'].removeprefix('Value error, ')}"


def _siblings(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        kind = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)
