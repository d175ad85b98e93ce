"""What people do: from an alert to the call, a filter that stays, a rule tried on history, a file brought in."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.ml, pytest.mark.timeout(1500)]

# Three calls that nobody has sent before, and two lines that are none.
LINES = "\n".join(
    [
        *(
            f'{{"call_id": "visitor-{n}", "started_at": "2026-11-01T0{n}:00:00Z", "request_model": "gpt-4o"}}'
            for n in range(3)
        ),
        "{not json",
        "[]",
    ]
)
TABLE = "[data-testid=stDataFrame]"


def click_first_row(page) -> None:
    """Tables are drawn on a canvas: click where the first row's text is."""
    box = page.locator(TABLE).first.bounding_box()
    page.mouse.click(box["x"] + 500, box["y"] + 52)


def test_from_what_fires_to_one_call_in_three_clicks_and_back(visit):
    visitor = visit()
    page = visitor.open("/")
    page.get_by_role("button", name="Calls").first.click()
    page.wait_for_url(re.compile(r"/calls\?"))
    visitor.quiet()
    assert "from=20" in page.url
    before = page.url
    page.locator(TABLE).first.wait_for()
    click_first_row(page)
    page.wait_for_url(re.compile(r"/trace\?.*call="))
    visitor.quiet()
    assert "Question" in visitor.text()
    page.get_by_role("button", name="Back to the calls").click()
    page.wait_for_url(re.compile(r"/calls\?"))
    visitor.quiet()
    assert set(re.findall(r"(?:from|to|model)=[^&]*", page.url)) == set(re.findall(r"(?:from|to|model)=[^&]*", before))
    assert visitor.errors == []


def test_a_filter_stays_from_page_to_page_and_over_a_reload(visit):
    visitor = visit()
    page = visitor.open("/?range=7d&environment=production")
    page.get_by_role("link", name="Cost").click()
    page.wait_for_url(re.compile(r"/cost\?"))
    visitor.quiet()
    page.get_by_role("link", name="Alerts").click()
    page.wait_for_url(re.compile(r"/alerts"))
    visitor.quiet()
    page.get_by_role("link", name="Quality").click()
    page.wait_for_url(re.compile(r"/quality\?.*environment=production"))
    page.reload()
    visitor.quiet()
    assert "range=7d" in page.url
    assert "environment=production" in page.url


def test_a_stretch_drawn_over_in_a_chart_becomes_the_range_of_every_page(visit):
    visitor = visit()
    page = visitor.open("/?range=24h")
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=8)
    page.mouse.up()
    page.wait_for_url(re.compile(r"range=custom"))
    visitor.quiet()
    times = re.findall(r"(?:from|to)=([^&]*)", page.url)
    page.get_by_role("link", name="Calls").click()
    page.wait_for_url(re.compile(r"/calls\?"))
    visitor.quiet()
    assert re.findall(r"(?:from|to)=([^&]*)", page.url) == times
    assert len(times) == 2
    assert visitor.errors == []


def test_a_rule_is_tried_on_history_before_it_is_saved(visit):
    visitor = visit()
    page = visitor.open("/alerts?section=Rules")
    page.get_by_role("button", name="New rule").click()
    page.get_by_role("dialog").wait_for()
    visitor.quiet()
    page.get_by_role("button", name="Preview on the last 28 days").click()
    page.get_by_text(re.compile(r"Would (not )?have fired")).wait_for(timeout=90_000)
    assert visitor.errors == []


def test_a_file_with_bad_lines_is_seen_tried_kept_and_taken_back(visit, tmp_path: Path):
    path = tmp_path / "from_a_visitor.jsonl"
    path.write_text(LINES)
    visitor = visit()
    page = visitor.open("/data")
    page.get_by_text("Only try").click()
    visitor.quiet()
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_text("Recognised as").first.wait_for(timeout=90_000)
    page.get_by_role("button", name="Read the files").click()
    page.get_by_text("only tried, nothing kept").wait_for(timeout=90_000)
    page.get_by_text(re.compile(r"\d+ rejected records")).click()
    page.get_by_text(re.compile(r"from_a_visitor\.jsonl:\d+")).first.wait_for()
    with page.expect_download() as tried:
        page.get_by_role("button", name=re.compile("^Rejects, ")).click()
    assert json.loads(tried.value.path().read_text().splitlines()[0])["what_to_do"]
    assert tried.value.suggested_filename == "from_a_visitor.jsonl.rejects.jsonl"
    page.get_by_text("Only try").click()
    visitor.quiet()
    page.get_by_role("button", name="Read the files").click()
    page.get_by_text("from_a_visitor.jsonl: kept").wait_for(timeout=90_000)
    visitor.quiet()
    box = page.locator("[data-testid=stDataFrame]").filter(has_text="from_a_visitor.jsonl").first
    box.scroll_into_view_if_needed()
    box.click(position={"x": 18, "y": 54})
    page.get_by_role("button", name="Take it back").wait_for()
    with page.expect_download() as kept:
        page.get_by_role("button", name=re.compile("^Rejects, ")).last.click()
    assert kept.value.path().read_text() == tried.value.path().read_text()
    page.get_by_role("button", name="Take it back").click()
    page.get_by_role("button", name="Delete them").click()
    page.get_by_text(re.compile("Took back from_a_visitor")).wait_for(timeout=90_000)
    assert visitor.errors == []


def test_from_a_window_that_drifted_to_a_call_that_is_new(visit):
    visitor = visit()
    page = visitor.open("/drift?range=7d&subject=What+people+ask")
    assert "New: " in visitor.text()
    assert "Drifted" in visitor.text()
    box = page.get_by_role("combobox", name="Window")
    assert "drifted" in box.input_value()
    page.locator(".barlayer .point path").first.click(force=True)
    expect(box).to_have_value(re.compile("as before"), timeout=30_000)
    visitor.quiet()
    page.locator(".scatterlayer .point").last.click(force=True)
    page.wait_for_url(re.compile(r"/trace\?.*call="))
    visitor.quiet()
    assert visitor.errors == []
