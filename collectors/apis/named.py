"""Named: values under one name, whatever a log or an API calls them."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from collectors.apis.messages import parsed

Path = tuple[str, str]  # a key, and the dotted path below it
EMPTY = frozenset({str, list, dict, type(None)})  # types of which an empty one says nothing; 0 and False do


class Named:
    """Takes what a record tells under any of its spellings; `a.b` is `b` within `a`.

    Of several spellings the first that holds something counts. Which of them a record can hold is worked out once for
    all records with the same keys: a log's records mostly have the same.
    """

    def __init__(self, spellings: Mapping[str, str | tuple[str, ...]]) -> None:
        every = {name: (told,) if isinstance(told, str) else told for name, told in spellings.items()}
        self._paths = {name: [(path, *_split(path)) for path in paths] for name, paths in every.items()}
        self._plan = lru_cache(512)(self._planned)

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, paths in self._plan(tuple(record)):
            for key, below in paths:
                value = record[key]
                if below:
                    plain = type(value) is dict and (below in value or "." not in below)
                    value = value.get(below) if plain else at(value, below)
                if value or value.__class__ not in EMPTY:
                    found[name] = value
                    break
        return found

    def _planned(self, keys: tuple[str, ...]) -> tuple[tuple[str, tuple[Path, ...]], ...]:
        """Where to look; a key may have dots of its own."""
        there = frozenset(keys)
        plan = []
        for name, paths in self._paths.items():
            found = [(w, "") if w in there else (key, below) for w, key, below in paths if w in there or key in there]
            if found:
                plan.append((name, tuple(found)))
        return tuple(plan)


def _split(path: str) -> Path:
    key, _, below = path.partition(".")
    return key, below


def at(record: Any, path: str) -> Any:
    """What stands at a dotted path: keys, with their own dots too, list positions, JSON inside texts."""
    if isinstance(record, Mapping) and path in record:
        return record[path]
    here = parsed(record)
    head, _, rest = path.partition(".")
    if isinstance(here, list):
        return at(here[int(head)], rest) if head.lstrip("-").isdigit() and -len(here) <= int(head) < len(here) else None
    if not isinstance(here, Mapping):
        return here if not path else None
    for name in _heads(path):
        if name in here:
            return here[name] if name == path else at(here[name], path[len(name) + 1 :])
    return here if not path else None


def _heads(path: str) -> Iterator[str]:
    """The beginnings of a path, longest first: a key may have dots of its own."""
    keys = path.split(".")
    for length in range(len(keys), 0, -1):
        yield ".".join(keys[:length])
