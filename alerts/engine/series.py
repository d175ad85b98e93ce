"""Series as people write them in tests, in promtool's words: `0+1x5`, `200x3`, `_x2`, `5 7 9`."""

import re

_POINT = re.compile(r"(?P<first>-?\d+(?:\.\d+)?)(?:(?P<step>[+-]\d+(?:\.\d+)?)?x(?P<times>\d+))?")
_GAP = re.compile(r"_(?:x(?P<times>\d+))?")


def expanded(text: str) -> list[float | None]:
    """Return the values, one an interval: `a+bxn` is a and n more, each b higher; `_` is no calls.

    Raises ValueError for what cannot be read.
    """
    return [value for part in text.split() for value in _part(part)]


def _part(part: str) -> list[float | None]:
    if gap := _GAP.fullmatch(part):
        return [None] * int(gap["times"] or 1)
    if point := _POINT.fullmatch(part):
        first, step = float(point["first"]), float(point["step"] or 0)
        return [first + step * index for index in range(int(point["times"] or 0) + 1)]
    raise ValueError(f"{part!r} is no series: write it as 5, 200x3, 0+1x5 or _x2")
