"""The upload desk: a person sees what a file is and what becomes of it before anything is kept."""

import gzip

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import said, visit


def uploaded(test: AppTest, body: bytes, *names: str) -> AppTest:
    if not hasattr(test, "file_uploader") or not test.file_uploader:
        pytest.skip("this Streamlit's AppTest cannot upload")
    test.file_uploader[0].set_value([(name, body, "application/json") for name in names]).run()
    return test


def test_an_unknown_file_is_mapped_tried_and_kept(world):
    runtime = world()
    test = uploaded(visit("data"), b'{"when": 1772362800, "reply": {"text": "Yes."}}\n', "own.jsonl")
    assert "No format recognises it" in said(test)
    test.selectbox(key="map-0-started_at").set_value("when")
    test.selectbox(key="map-0-output_text").set_value("reply.text").run()
    assert not test.exception
    next(button for button in test.button if button.label == "Read the files").click().run()
    assert runtime.store.one("SELECT output_text FROM calls") == "Yes."


def test_each_file_shows_what_its_first_records_become(world):
    world()
    pair = b'{"ts": 1772362800, "prompt": "Where is my parcel?", "answer": "There."}\n'
    test = uploaded(visit("data"), pair, "one.jsonl", "two.jsonl")
    assert [shown.label.replace("\\", "") for shown in test.expander][:2] == ["one.jsonl", "two.jsonl"]
    assert said(test).count("Recognised as **pairs**.") == 2
    test.toggle(key="map-1").set_value(True).run()
    test.selectbox(key="map-1-user_id").set_value("answer").run()
    next(button for button in test.button if button.label == "Read the files").click().run()
    assert not test.exception
    assert sorted(test.session_state["upload-results"][n][0].format for n in (0, 1)) == ["mapping", "pairs"]


def test_a_mapping_of_the_settings_can_be_chosen(world):
    runtime = world()
    runtime.settings.mappings["crm"] = {"started_at": "when", "output_text": "reply.text"}
    test = uploaded(visit("data"), b'{"when": 1772362800, "reply": {"text": "Yes."}}\n', "own.jsonl")
    next(box for box in test.selectbox if box.label == "Mapping").set_value("crm").run()
    assert "Recognised as **mapping**." in said(test)
    next(button for button in test.button if button.label == "Read the files").click().run()
    assert not test.exception
    assert runtime.store.one("SELECT output_text FROM calls") == "Yes."


def test_what_was_rejected_can_be_downloaded_after_a_try_and_later_from_the_list(world):
    world()
    test = uploaded(visit("data"), b'{"ts": 1772362800, "prompt": "a", "answer": "b"}\n<b>bad</b>\n', "two.jsonl")
    next(box for box in test.checkbox if "Only try" in box.label).check()
    next(button for button in test.button if button.label == "Read the files").click().run()
    assert [button.label for button in test.get("download_button")] == ["Rejects, 1 record"]
    (report, dry), *_ = test.session_state["upload-results"]
    assert dry
    assert b'"raw":"<b>bad</b>"' in report.rejected.lines[0]
    next(box for box in test.checkbox if "Only try" in box.label).uncheck()
    next(button for button in test.button if button.label == "Read the files").click().run()
    assert not test.exception
    assert "<b>bad</b>" not in "".join(shown.value for shown in test.markdown)


def test_a_file_that_ends_in_the_middle_is_told_as_kept_with_what_it_lacks(world):
    world()
    line = b'{"ts": 1772362800, "prompt": "Where is my parcel?", "answer": "There."}\n'
    body = gzip.compress(line) + gzip.compress(line.replace(b"There", b"Here"))[:-9]
    test = uploaded(visit("data"), body, "cut.jsonl.gz")
    next(button for button in test.button if button.label == "Read the files").click().run()
    assert not test.exception
    assert not test.error
    (told,) = (shown.value for shown in test.warning if "read as pairs" in shown.value)
    assert told.startswith("2 calls · ")
    assert "the file ends in the middle" in told
