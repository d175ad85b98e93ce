"""Filters as a condition in SQL: names from our list, values bound."""

from collections.abc import Sequence
from typing import Any

from store.errors import ConfigError
from store.model import DIMENSIONS, Filters


def condition(filters: Filters, params: dict[str, Any]) -> str:
    """Return the condition and bind its values in `params`; a filter without values lets all pass.

    A value of None asks for calls of which the dimension is not known. Raises ConfigError for an unknown dimension.
    """
    if unknown := set(filters) - {*DIMENSIONS}:
        raise ConfigError(f"no dimension is called {min(unknown)!r}: use one of {', '.join(DIMENSIONS)}")
    conditions = ["true"]
    for number, name in enumerate(filters):
        values: Sequence[str | None] = filters[name]
        if values:
            params[f"f{number}"] = [value for value in values if value is not None]
            unknown_too = f" OR {name} IS NULL" if None in values else ""
            conditions.append(f"(list_contains($f{number}, {name}){unknown_too})")
    return " AND ".join(conditions)
