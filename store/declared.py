"""Find plug-ins: one capability is one file, and nothing is registered twice."""

import importlib
import logging
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Protocol, TypeVar

from store.errors import ConfigError

log = logging.getLogger(__name__)


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def declared(kind: type[T], package: str) -> Mapping[str, T]:
    """Return every `kind` that a module of `package` declares at its top level, alone or in a tuple, by name.

    A module that cannot be imported is named in the log and left out: its fellows go on. Raises ConfigError when two
    of them have the same name.
    """
    found: dict[str, T] = {}
    for module in _modules(package):
        for declaration in vars(module).values():
            for value in declaration if isinstance(declaration, tuple) else (declaration,):
                if isinstance(value, kind) and found.setdefault(value.name, value) is not value:
                    raise ConfigError(f"two {kind.__name__}s in {package} are named {value.name!r}: rename one")
    return MappingProxyType(found)


def _modules(package: str) -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        name = f"{package}.{info.name}"
        try:
            yield importlib.import_module(name)
        except (ImportError, SyntaxError):
            log.exception("%s cannot be imported and is left out until the next start: mend it, then restart", name)
