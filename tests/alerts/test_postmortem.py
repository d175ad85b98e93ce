"""An incident as a file."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from alerts.delivery import attention
from alerts.messages.postmortem import postmortem
from store.connection import Store
from store.errors import ConfigError

HOSTILE = '"><script>alert(1)</script><img src="https://evil.example/x"><a href="javascript:x">y</a>'
MINUTE = timedelta(minutes=1)


class Page(HTMLParser):
    """What a browser would load or follow, and what it would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.places: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.places += [value or "" for name, value in attrs if name in ("src", "href", "action", "background")]


@pytest.fixture
def page(engine: Any, store: Store) -> str:
    engine.extra = {"examples": lambda *_: [("call-1", HOSTILE)]}
    engine.world.drawn = {(("model", HOSTILE),): "..!!!!.."}
    engine.rules(engine.rule(title=HOSTILE, group_by=["model"], owner=HOSTILE, runbook="https://wiki.example/slow"))
    engine.through(8)
    attention.note(store, 1, HOSTILE, by="ana", now=engine.start + 9 * MINUTE)
    return postmortem(store, 1, now=engine.start + 10 * MINUTE)


def test_it_loads_nothing_and_runs_nothing(page: str) -> None:
    seen = Page(page)

    assert set(seen.places) == {place for place in seen.places if place.startswith("data:image/png;base64,")}
    assert len(seen.places) == 1
    assert not {"script", "a", "iframe", "link", "form", "object"} & set(seen.tags)
    assert "default-src 'none'" in page


def test_it_tells_the_whole_story(page: str) -> None:
    text = re.sub(r"<[^>]+>", " ", page)

    for said in ("Incident 1", "Lasted", "4 min", "breach began", "resolved", "note", "call-1", "not in this file"):
        assert said in text
    assert "fired" in text
    assert '"threshold": 5.0' in page.replace("&quot;", '"')


def test_texts_are_there_only_when_they_are_handed_over(page: str, store: Store, engine: Any) -> None:
    with_text = postmortem(store, 1, now=engine.start, texts={"call-1": "my secret prompt " + "x" * 1000})

    assert "my secret prompt" not in page
    assert "my secret prompt" in with_text
    assert "x" * 500 not in with_text
    assert "not in this file" not in with_text


def test_it_can_be_written_while_it_still_fires_and_after_its_rule_is_gone(store: Store, engine: Any) -> None:
    engine.world.drawn = {(): "!!"}
    engine.rules(engine.rule())
    engine.at(0)
    assert "still firing" in postmortem(store, 1, now=engine.start)

    engine.rules()
    assert "It is gone." in postmortem(store, 1, now=engine.start)


def test_an_incident_that_is_not_there_is_said_so(store: Store, engine: Any) -> None:
    with pytest.raises(ConfigError, match="no incident 9"):
        postmortem(store, 9, now=engine.start)
