"""Held: what a reader keeps until a later record completes it, never more than it can afford to."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 20_000  # they travel, pickled, from one slice of a file to the next


class Held(Generic[T]):
    """Values under keys; of one too many the oldest leaves, incomplete as it is."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str) -> T | None:
        return self._values.get(key)

    def pop(self, key: str) -> T | None:
        return self._values.pop(key, None)

    def put(self, key: str, value: T) -> Iterator[T]:
        """Hold a value as the newest; yield what has to leave for it."""
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            yield self._values.popitem(last=False)[1]

    def values(self) -> Iterator[T]:
        return iter(self._values.values())
