"""The picture of an incident."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from alerts.engine.course import Course, Point
from alerts.messages import chart
from store.model import Window

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STEP = timedelta(minutes=15)


def course(
    values: list[float | None], *, limit: float | None = 5.0, unit: str = "ms", title: str = "Latency"
) -> Course:
    points = [Point(at=START + n * STEP, value=value, threshold=limit) for n, value in enumerate(values)]
    return Course(title=title, unit=unit, points=points, firing=Window(start=START + 4 * STEP, end=START + 8 * STEP))


def drawn(one: Course) -> Image.Image:
    return Image.open(io.BytesIO(chart.png(one))).convert("RGB")


def has(image: Image.Image, colour: str, box: tuple[int, int, int, int] | None = None) -> bool:
    wanted = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    seen = (image.crop(box) if box else image).getcolors(maxcolors=1 << 20) or []
    return any(all(abs(a - b) < 8 for a, b in zip(found, wanted, strict=True)) for _, found in seen)


def test_it_shows_the_value_its_limit_and_when_it_was_breached() -> None:
    image = drawn(course([1, 1, 1, 1, 9, 9, 9, 9, 1, 1]))

    assert image.size == (chart.SCALE * chart.WIDTH, chart.SCALE * chart.HEIGHT)
    assert all(has(image, colour) for colour in (chart.LINE, chart.LIMIT, chart.FIRING, chart.FAINT))
    left = (160, 100, 400, 380)
    assert not has(image, chart.FIRING, left)


@pytest.mark.parametrize(
    "values", [[0, 0], [5, 5, 5], [None, 1, None, 2], [-3, 4], [1e9, 2e9], [1e-6, 2e-6], [0.1] * 400, [7.0, 7.0]]
)
def test_any_numbers_can_be_drawn(values: list[float | None]) -> None:
    assert has(drawn(course(values, limit=None)), chart.LINE)


def test_it_is_small_enough_for_a_mail() -> None:
    assert len(chart.png(course([float(n % 17) for n in range(600)]))) < 40_000


def test_the_ticks_are_round_and_hold_all_values() -> None:
    assert chart._round_ticks(0, 9120) == [0, 2500, 5000, 7500, 10000]
    assert chart._round_ticks(0, 0.37) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_one_known_value_is_no_line() -> None:
    assert not course([1, None]).drawable
    assert course([1, None, 2]).drawable


def test_who_cannot_see_it_is_told_what_it_shows() -> None:
    assert chart.words(course([1000, 9000], limit=5000)) == "Latency: from 1.00 s to 9.00 s against a limit of 5.00 s"
