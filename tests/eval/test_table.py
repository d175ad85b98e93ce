"""The table says what is absent, what was missed and why; and does so for any folder."""

import numpy as np
import pytest

from tests.eval.page import summed, written
from tests.eval.parts import PARTS
from tests.eval.table import Figure, Scope, auroc, share, shown

ON_FILES = ("toxicity", "injection", "ungrounded", "relevance", "drift", "columns", "cut")


@pytest.mark.parametrize("part", ON_FILES)
def test_what_is_not_there_is_skipped_aloud(tmp_path, part):
    figures = list(PARTS[part](Scope(folder=tmp_path)))
    assert figures
    assert all("SKIPPED" in shown(figure) for figure in figures)


@pytest.mark.parametrize(
    ("hits", "more", "verdict"),
    [
        ([1, 1, 0, 1], {"target": 0.75}, "met"),
        ([1, 1, 0, 0], {"target": 0.75}, "MISSED"),
        ([0, 0, 0, 1], {"target": 0.05, "at_most": True}, "MISSED"),
        ([0, 0, 0, 0], {"target": 0.05, "at_most": True}, "met"),
        ([1, 0], {}, ""),
        ([], {"target": 0.5}, "skipped"),
    ],
)
def test_a_share_is_held_against_its_target(hits, more, verdict):
    assert share("what", "data", hits, **more).verdict == verdict


def test_the_interval_of_an_auroc_holds_what_more_of_the_same_data_gives():
    rng = np.random.default_rng(1)
    labels = np.repeat((0, 1), 2000)
    scores = rng.normal(labels, 1.0)
    whole = auroc("what", "data", labels, scores)
    part = auroc("what", "data", labels[::20], scores[::20])
    assert part.interval is not None
    assert whole.interval is not None
    assert part.interval.low < whole.value < part.interval.high
    assert whole.interval.high - whole.interval.low < (part.interval.high - part.interval.low) / 3
    assert auroc("what", "data", [1, 1], [0.2, 0.3]).verdict == "skipped"


def test_the_page_holds_every_figure_and_why_one_was_missed():
    missed = Figure(what="AUROC", data="set", value=0.5, n=10, target=0.9, seed=7, why="too hard")
    page = written({"part": [missed, Figure(what="other", data="gone", value=None)]})
    assert "| AUROC | set | 0.500 |  | 10 | ≥ 0.9 | MISSED: too hard | 7 |" in page
    assert "| other | gone | no such data |" in page
    assert "Of 1 targets 0 are met and 1 missed; 1 skipped." in page


def test_a_part_measured_alone_replaces_its_own_section_of_the_page():
    def figure(value: float) -> Figure:
        return Figure(what="share", data="set", value=value, n=10, target=0.5)

    before = written({"one": [figure(0.6)], "two": [figure(0.4)]})
    after = written({"two": [figure(0.7)]}, before)
    assert after == written({"one": [figure(0.6)], "two": [figure(0.7)]})
    assert summed([figure(0.6), figure(0.4)]) == "2 figures; Of 2 targets 1 are met and 1 missed; 0 skipped."
