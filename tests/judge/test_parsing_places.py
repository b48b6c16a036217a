from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.text import Span
from lrstudio.judge.placing import place

TEXT = "The mine was laid.\nThe  mine\u00a0was   swept. The mine was laid."


def placed(*wordings: str) -> list[str | None]:
    return [span and span.of(TEXT) for span in place([(wording,) for wording in wordings], TEXT)]


def test_a_quote_is_found_where_it_stands() -> None:
    assert place([("The mine was laid.",)], TEXT) == (Span(0, 18),)


def test_white_space_does_not_matter() -> None:
    assert placed("The mine was swept.") == ["The  mine\u00a0was   swept."]
    assert placed("laid. The mine was swept") == ["laid.\nThe  mine\u00a0was   swept"]


def test_an_occurrence_is_given_out_once() -> None:
    spans = place([("The mine was laid.",)] * 3, TEXT)
    assert spans[0] == Span(0, 18)
    assert spans[1] is not None
    assert spans[1].start > 18
    assert spans[1].of(TEXT) == "The mine was laid."
    assert spans[2] is None


def test_what_is_not_verbatim_has_no_place() -> None:
    assert placed("the mine was laid.", "", "  ", "(mine") == [None, None, None, None]


def test_the_second_wording_is_tried_where_the_first_is_not_there() -> None:
    assert place([("The mine had been laid.", "mine was laid")], TEXT) == (Span(4, 17),)


@given(st.text(), st.lists(st.text()))
def test_a_place_always_slices_to_the_words(text: str, quotes: list[str]) -> None:
    quotes = [*quotes, text[2:9], text]
    spans = place([(quote,) for quote in quotes], text)
    found = [span for span in spans if span]
    assert len(set(found)) == len(found)
    for quote, span in zip(quotes, spans, strict=True):
        if span:
            assert span.of(text).split() == quote.split()
    if text[2:9].strip():
        assert spans[-2] is not None or text[2:9].strip() in [quote.strip() for quote in quotes[:-2]]
