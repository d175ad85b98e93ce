"""What a click costs: server CPU per click and time to the finished page, in Chromium, on the demo's database.

Targets: 60 ms of server CPU per click. `LEEWAY_BENCH_DEMO` names a demo database to use instead of making one.
"""

import statistics
import time

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.bench_otlp import cpu_s
from tests.benchmarks.on_demo import serving
from tests.browser.conftest import CHROMIUM, FLAGS, QUIET, READY_MS
from tests.serving import Serving

RANGES = ("6h", "24h", "7d", "24h", "6h")
ROUNDS = 6


def _clicked(page: Page, label: str) -> float:
    begun = time.perf_counter()
    page.get_by_role("radio", name=label, exact=True).or_(page.get_by_role("button", name=label, exact=True)).click()
    page.wait_for_timeout(20)
    page.wait_for_selector(QUIET, timeout=READY_MS)
    return (time.perf_counter() - begun) * 1000


def _measured(page: Page, server: Serving, path: str) -> None:
    assert server.process is not None
    page.goto(server.url + path)
    page.wait_for_selector(QUIET, timeout=READY_MS)
    for label in RANGES:
        _clicked(page, label)
    idle = cpu_s(server.process.pid)
    time.sleep(3)
    idle = (cpu_s(server.process.pid) - idle) / 3
    before, begun = cpu_s(server.process.pid), time.perf_counter()
    times = [_clicked(page, label) for _ in range(ROUNDS) for label in RANGES]
    spent = cpu_s(server.process.pid) - before - idle * (time.perf_counter() - begun)
    times.sort()
    print(
        f"{path:10} server CPU {1000 * spent / len(times):5.0f} ms a click (≤ 60); "
        f"click to finished page p50 {statistics.median(times):.0f} ms, p95 {times[int(len(times) * 0.95)]:.0f} ms"
    )


def main() -> None:
    with serving() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        for path in ("/", "/calls", "/cost", "/quality", "/drift"):
            _measured(page, server, path)


if __name__ == "__main__":
    main()
