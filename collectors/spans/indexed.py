"""Lists and records that an instrumentation flattened into attribute names: `llm.input_messages.0.message.role`."""

from collections.abc import Mapping
from typing import Any


def nested(attributes: Mapping[str, Any], prefix: str) -> list[Any]:
    """Rebuild the list under `prefix` (with its dot); numbers are sorted as numbers and may have gaps."""
    tree: dict[str, Any] = {}
    start = len(prefix)
    for name, value in attributes.items():
        if name.startswith(prefix):
            _put(tree, name[start:].split("."), value)
    return _list(tree)


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        inner = tree.get(step)
        if not isinstance(inner, dict):  # a plain value stands where a branch begins: keep both
            inner = tree[step] = {} if inner is None else {"": inner}
        tree = inner
    tree[path[-1]] = value


def _list(tree: dict[str, Any]) -> list[Any]:
    numbered = sorted((int(key), value) for key, value in tree.items() if key.isdecimal())
    return [_shaped(value) for _, value in numbered]


def _shaped(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return _list(value)
    return {key: _shaped(inner) for key, inner in value.items()}
