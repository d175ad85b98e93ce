"""Chromium against the demo, served as a user serves it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.serving import Serving

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
READY_MS = 60_000
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(scope="session")
def demo_server(demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("browser")
    copy = folder / "demo.duckdb"
    shutil.copy(demo_database, copy)
    server = Serving(folder, database=copy)
    server.start()
    yield server
    server.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium a module: while it is open Playwright's event loop runs, and no other test could start its own."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium: install Debian's `chromium`, or set CHROMIUM")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


class Visit:
    """One visitor's page, with what went wrong on the way."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda asked: None if self._ours(asked.url) else self.foreign.append(asked.url))

    def _ours(self, url: str) -> bool:
        return url.startswith((self.url, self.url.replace("http", "ws", 1), "data:", "blob:"))

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        self.quiet()
        return self.page

    def quiet(self) -> None:
        """Wait until the script has run and nothing is left of its loading."""
        self.page.wait_for_selector(QUIET, timeout=READY_MS)
        self.page.wait_for_function(
            "() => !document.querySelector('[data-testid=stSkeleton], [data-testid=stStatusWidgetRunningIcon]')",
            timeout=READY_MS,
        )

    def text(self) -> str:
        return self.page.inner_text("[data-testid=stApp]")


@pytest.fixture
def visit(browser: Browser, demo_server: Serving) -> Iterator[Callable[..., Visit]]:
    """Open a visitor's browser: `visit(theme="dark", width=1440)`."""
    contexts = []

    def start(theme: str = "light", width: int = 1440) -> Visit:
        context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 1000})  # type: ignore[arg-type]
        contexts.append(context)
        return Visit(context.new_page(), demo_server.url)

    yield start
    for context in contexts:
        context.close()
