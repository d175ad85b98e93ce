"""The picture in an e-mail and in a post-mortem: what the rule saw, its limit, and when it was breached.

Drawn by Pillow, which is there anyway: a browser to draw one line would be a hundred times as slow.
"""

import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

from alerts.engine.course import Course
from alerts.messages.neutral import cut, neutral
from alerts.messages.wording import amount

WIDTH, HEIGHT, SCALE = 600, 220, 2  # CSS pixels, drawn twice as fine for sharp screens
LEFT, RIGHT, TOP, BOTTOM = 76, 16, 34, 26
# The dashboard's light colours.
TEXT, FAINT, GRID, GROUND = "#17202b", "#55606e", "#e6eaee", "#ffffff"
LINE, LIMIT, NORMAL, FIRING = "#0072b2", "#c24f00", "#8a95a1", "#fbe9dd"
TICKS = 4
STEPS = tuple(timedelta(minutes=n) for n in (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880))
MOST_TIMES = 7

Spot = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """From values to pixels."""

    start: datetime
    end: datetime
    low: float
    high: float

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.end - self.start)
        return SCALE * (LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT))

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return SCALE * (HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))


def png(course: Course) -> bytes:
    """Return the picture of a course that is `drawable`."""
    image = Image.new("RGB", (SCALE * WIDTH, SCALE * HEIGHT), GROUND)
    pen = ImageDraw.Draw(image)
    frame, ticks = _frame(course)
    _firing(pen, frame, course)
    _values(pen, frame, ticks, course.unit)
    _times(pen, frame)
    _curve(pen, frame, [(one.at, one.baseline) for one in course.points], NORMAL, dashed=False, wide=1)
    _curve(pen, frame, [(one.at, one.threshold) for one in course.points], LIMIT, dashed=True, wide=1.5)
    _curve(pen, frame, [(one.at, one.value) for one in course.points], LINE, dashed=False, wide=2)
    _heading(pen, course)
    kept = io.BytesIO()
    image.quantize(64).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def words(course: Course) -> str:
    """The picture for those who cannot see it."""
    known = [one.value for one in course.points if one.value is not None]
    limit = next((one.threshold for one in reversed(course.points) if one.threshold is not None), None)
    against = f" against a limit of {amount(limit, course.unit)}" if limit is not None else ""
    return (
        f"{neutral(course.title)}: from {amount(min(known), course.unit)} to {amount(max(known), course.unit)}{against}"
    )


def _frame(course: Course) -> tuple[_Frame, list[float]]:
    seen = [value for one in course.points for value in (one.value, one.threshold, one.baseline) if value is not None]
    ticks = _round_ticks(min(0.0, *seen), max(seen))
    first, last = course.points[0].at, course.points[-1].at
    return _Frame(start=first, end=max(last, first + timedelta(minutes=1)), low=ticks[0], high=ticks[-1]), ticks


def _round_ticks(low: float, high: float) -> list[float]:
    """Four or five steps of 1, 2 or 5 times a power of ten that hold all values, with some air above."""
    span = (high - low) * 1.05 or abs(high) or 1.0
    rough = span / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = math.floor(low / step)
    last = max(math.ceil((low + span) / step), first + 1)
    return [index * step for index in range(first, last + 1)]


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(SCALE * size)


def _firing(pen: ImageDraw.ImageDraw, frame: _Frame, course: Course) -> None:
    left, right = frame.x(course.firing.start), frame.x(course.firing.end)
    pen.rectangle((left, SCALE * TOP, max(right, left + SCALE), SCALE * (HEIGHT - BOTTOM)), fill=FIRING)


def _values(pen: ImageDraw.ImageDraw, frame: _Frame, ticks: Sequence[float], unit: str) -> None:
    for tick in ticks:
        y = frame.y(tick)
        pen.line((SCALE * LEFT, y, SCALE * (WIDTH - RIGHT), y), fill=GRID, width=SCALE)
        pen.text((SCALE * (LEFT - 8), y), amount(tick, unit), fill=FAINT, font=_font(11), anchor="rm")


def _times(pen: ImageDraw.ImageDraw, frame: _Frame) -> None:
    y = SCALE * (HEIGHT - BOTTOM)
    for at in _moments(frame):
        x = frame.x(at)
        pen.line((x, y, x, y + 4 * SCALE), fill=FAINT, width=1)
        day = at.hour == 0 and at.minute == 0
        said = at.strftime("%d %b" if day else "%H:%M")
        pen.text((x, y + 6 * SCALE), said, fill=FAINT, font=_font(11), anchor="mt")


def _moments(frame: _Frame) -> Iterator[datetime]:
    span = frame.end - frame.start
    step = next((one for one in STEPS if span / one <= MOST_TIMES), STEPS[-1])
    midnight = frame.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + math.ceil((frame.start - midnight) / step) * step
    while at <= frame.end:
        yield at
        at += step


def _curve(
    pen: ImageDraw.ImageDraw, frame: _Frame, points: Sequence[tuple[datetime, float | None]], colour: str, *,
    dashed: bool, wide: float,
) -> None:  # fmt: skip
    """A line with a gap where a value is unknown."""
    draw = _dashes if dashed else _solid
    for run in _runs([(frame.x(at), frame.y(value)) if value is not None else None for at, value in points]):
        draw(pen.line, run, colour, round(SCALE * wide))


def _runs(spots: Sequence[Spot | None]) -> Iterator[list[Spot]]:
    run: list[Spot] = []
    for spot in [*spots, None]:
        if spot is not None:
            run.append(spot)
        elif run:
            yield run if len(run) > 1 else [run[0], (run[0][0] + SCALE, run[0][1])]
            run = []


def _solid(line: Callable[..., None], run: Sequence[Spot], colour: str, width: int) -> None:
    line(run, fill=colour, width=width, joint="curve")


def _dashes(line: Callable[..., None], run: Sequence[Spot], colour: str, width: int) -> None:
    on, off = 6 * SCALE, 4 * SCALE
    for (left, y0), (right, y1) in pairwise(run):
        at = left
        while at < right:
            to = min(at + on, right)
            slope = (y1 - y0) / (right - left)
            line((at, y0 + slope * (at - left), to, y0 + slope * (to - left)), fill=colour, width=width)
            at = to + off


def _heading(pen: ImageDraw.ImageDraw, course: Course) -> None:
    pen.text((SCALE * 12, SCALE * 10), cut(neutral(course.title), 60), fill=TEXT, font=_font(13))
    told = [("value", LINE), *([("limit", LIMIT)] if any(one.threshold is not None for one in course.points) else [])]
    told += [("normal", NORMAL)] if any(one.baseline is not None for one in course.points) else []
    x = float(SCALE * (WIDTH - RIGHT))
    for name, colour in [("UTC", FAINT), *reversed(told)]:
        pen.text((x, SCALE * 12), name, fill=FAINT, font=_font(11), anchor="rt")
        x -= pen.textlength(name, font=_font(11)) + 4 * SCALE
        if name != "UTC":
            pen.line((x - 12 * SCALE, SCALE * 17, x, SCALE * 17), fill=colour, width=2 * SCALE)
            x -= 16 * SCALE
        x -= 8 * SCALE
