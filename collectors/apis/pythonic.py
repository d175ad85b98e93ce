"""Python text where JSON should be: what `str()` of a dict or a list gives."""

import ast
from typing import Any

LONGEST = 1 << 16


def python(value: Any) -> Any:
    """Read Python text that holds only literals; None where it is none."""
    try:
        return ast.literal_eval(value) if isinstance(value, str) and len(value) < LONGEST else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
