"""Every page draws in both themes, without an error, and asks no other host for anything."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.ml, pytest.mark.timeout(1500)]

PAGES = ("/", "/alerts", "/calls", "/cost", "/quality", "/drift", "/data")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_draws_without_an_error_or_a_foreign_request(visit, path: str, theme: str):
    visitor = visit(theme)
    page = visitor.open(path)
    assert page.locator("[data-testid=stException]").count() == 0
    assert "could not be drawn" not in visitor.text()
    assert visitor.errors == []
    assert visitor.foreign == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_and_used_by_everybody(visit, path: str, theme: str):
    """No violation of WCAG that axe calls serious or critical."""
    found = Axe().run(visit(theme).open(path)).response["violations"]
    told = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
    assert told == []


@pytest.mark.parametrize("path", ["/", "/calls"])
def test_a_page_fits_a_phone(visit, path: str):
    page = visit(width=390).open(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 + 1


def test_the_filter_stands_in_the_url_and_survives_a_reload(visit):
    visitor = visit()
    page = visitor.open("/calls?range=7d&quick=errors")
    before = visitor.text()
    page.reload()
    visitor.quiet()
    assert "quick=errors" in page.url
    assert visitor.text()[:200] == before[:200]
