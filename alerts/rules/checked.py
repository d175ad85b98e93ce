"""Settings and rules as people write them: what is wrong is said with where it stands and what was probably meant."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from store.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
UNKNOWN = "extra_forbidden"


def checked(model: type[Model], table: Mapping[str, Any], where: str) -> Model:
    """Return `table` as a `model`. Raises ConfigError that starts with `where` and repeats no value."""
    try:
        return model.model_validate(dict(table))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        # A misspelt name is unknown here and missing there: the first says more.
        first = next((one for one in errors if one["type"] == UNKNOWN), errors[0])
        absent = [str(one["loc"][-1]) for one in errors if one["type"] == "missing" and one["loc"]]
        known = written(model) if len(first["loc"]) == 1 else absent
        raise ConfigError(f"{where}: {_said(first['type'], first['loc'], first['msg'], known)}") from None


def _said(kind: str, place: tuple[int | str, ...], message: str, known: list[str]) -> str:
    name = ".".join(str(part) for part in place)
    if kind == UNKNOWN:
        return f"no setting is named {name!r}" + (did_you_mean(str(place[-1]), known) if known else "")
    if kind == "missing":
        return f"{name!r} is missing"
    said = message.removeprefix("Value error, ")
    return f"{name}: {said}" if name else said


def written(model: type[BaseModel]) -> list[str]:
    """The settings' names as they stand in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or the known names when none is near; nothing when there are none."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}" if names else ""
