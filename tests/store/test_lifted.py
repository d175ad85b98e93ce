"""A text that stands in a call is cut out of its span and put back byte for byte."""

import json

from hypothesis import given
from hypothesis import strategies as st

from store.lifted import LONG, cut, put_back, texts_of, whole
from store.spans import EPOCH, span_table, spans_of
from tests.collectors.spans import chat
from tests.store.calls import calls_with

LONG_TEXT = st.text(min_size=LONG + 1, max_size=3 * LONG)


@given(LONG_TEXT, st.booleans(), st.text(), st.text(), st.integers())
def test_attributes_come_back_as_they_were(text, plain_ascii, before, behind, number):
    written = json.dumps(text, ensure_ascii=plain_ascii)
    attributes = {"in": f'{before}[{{"content":{written}}}]', "plain": text + behind, "n": number, "none": None}
    found, cuts = cut(attributes, {"input_text": text})
    assert cuts is not None
    assert set(cuts) == {"in", "plain"}
    assert all(text not in str(value) for value in found.values())
    assert whole(found, cuts, {"input_text": text}) == attributes
    assert list(whole(found, cuts, {"input_text": text})) == list(attributes)


def test_short_texts_and_texts_that_stand_elsewhere_are_left_alone():
    assert cut({"a": "b" * 100}, {"input_text": "c" * 80}) == ({"a": "b" * 100}, None)
    assert cut({"a": "short"}, {"input_text": "short"}) == ({"a": "short"}, None)


def test_a_span_whose_call_is_not_stored_keeps_its_text():
    text = "why " * 40
    made = chat(trace_id="t", span_id="s", attributes={"gen_ai.input.messages": text})
    call = calls_with(input_text=text)
    table = span_table([made], {}, texts=texts_of(call), now=EPOCH)
    assert text not in table["attributes"][0].as_py()
    assert spans_of(table, call) == [made]
    assert spans_of(put_back(table, call), call.slice(0, 0)) == [made]
    assert put_back(table, call.slice(0, 0)) == table
