"""Find plug-ins: one capability is one file, and nothing is registered twice."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, TypeVar

from store.errors import ConfigError


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def declared(kind: type[T], package: str) -> Mapping[str, T]:
    """Return every `kind` that a module of `package` declares at its top level, alone or in a tuple, by name.

    Raises ConfigError when two of them have the same name.
    """
    found: dict[str, T] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        for declaration in vars(importlib.import_module(f"{package}.{info.name}")).values():
            for value in declaration if isinstance(declaration, tuple) else (declaration,):
                if isinstance(value, kind) and found.setdefault(value.name, value) is not value:
                    raise ConfigError(f"two {kind.__name__}s in {package} are named {value.name!r}: rename one")
    return MappingProxyType(found)
