"""The upload desk: a person sees what a file is and what becomes of it before anything is kept."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import said, visit


def uploaded(test: AppTest, body: bytes, name: str) -> AppTest:
    if not hasattr(test, "file_uploader") or not test.file_uploader:
        pytest.skip("this Streamlit's AppTest cannot upload")
    test.file_uploader[0].set_value([(name, body, "application/json")]).run()
    return test


def test_an_unknown_file_is_mapped_tried_and_kept(world):
    runtime = world()
    test = uploaded(visit("data"), b'{"when": 1772362800, "reply": {"text": "Yes."}}\n', "own.jsonl")
    assert "No format recognises it" in said(test)
    test.selectbox(key="map-started_at").set_value("when")
    test.selectbox(key="map-output_text").set_value("reply.text").run()
    assert not test.exception
    next(button for button in test.button if button.label == "Read the files").click().run()
    assert runtime.store.one("SELECT output_text FROM calls") == "Yes."
