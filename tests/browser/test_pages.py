"""Every page draws in both themes, without an error, and asks no other host for anything."""

import pytest

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
