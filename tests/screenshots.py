"""The pictures in docs/screenshots: `python -m tests.screenshots http://127.0.0.1:8501`, against a demo that is served.

Every page in both themes, as tall as it is (up to a limit), 1080 pixels wide, in 256 colours that are
spread over all there are (the default cut loses the thin lines' hues): about 90 kB each.
"""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, QUIET, READY_MS

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
PAGES = {
    "overview": "/", "alerts": "/alerts", "calls": "/calls", "cost": "/cost", "quality": "/quality",
    "drift": "/drift", "data": "/data",
}  # fmt: skip
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTH, TALLEST = 1440, 1700
SHOWN_WIDTH, COLOURS = 1080, 256
SETTLED_MS = 2500  # for what is drawn after the script has run
MAIN = "[data-testid=stMain], [data-testid=stAppViewContainer]"
HEIGHT = "found => Math.max(...found.map(one => one.scrollHeight))"


def main() -> None:
    url = sys.argv[1].rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for theme in THEMES:
            page = browser.new_context(color_scheme=theme).new_page()
            for name in _opened(page, url):
                _kept(page, FOLDER / f"{name}-{theme}.png")
        browser.close()


def _opened(page: Page, url: str) -> Iterator[str]:
    """Each page in turn; the trace is the one that the first of the flagged calls leads to."""
    for name, path in PAGES.items():
        page.set_viewport_size({"width": WIDTH, "height": 1000})
        page.goto(url + path)
        _quiet(page)
        yield name
        if name == "quality":
            page.locator("[data-testid=stDataFrame]").last.click(position={"x": 500, "y": 60})
            page.wait_for_url("**/trace?**", timeout=READY_MS)
            page.set_viewport_size({"width": WIDTH, "height": 1000})
            _quiet(page)
            yield "trace"


def _quiet(page: Page) -> None:
    page.wait_for_selector(QUIET, timeout=READY_MS)
    page.wait_for_timeout(SETTLED_MS)


def _kept(page: Page, path: Path) -> None:
    height = int(page.eval_on_selector_all(MAIN, HEIGHT))
    page.set_viewport_size({"width": WIDTH, "height": min(height + 20, TALLEST)})
    page.wait_for_timeout(SETTLED_MS)
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    small = picture.resize((SHOWN_WIDTH, picture.height * SHOWN_WIDTH // picture.width), Image.Resampling.LANCZOS)
    small.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
