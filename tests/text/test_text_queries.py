"""What is typed into a search field, how texts are cut for it, and where its words are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.text.queries import PASSAGE, Term, occurrences, passages, terms
from lrstudio.text.words import words


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("harbour mine", (Term(("harbour",)), Term(("mine",)))),
        ('"Anambas Islands" -squall', (Term(("anambas", "islands")), Term(("squall",), no=True))),
        ("harb*", (Term(("harb",), prefix=True),)),
        ("re-read", (Term(("re", "read")),)),
        ('"open quote', (Term(("open", "quote")),)),
        ("地雷", (Term(("地雷",)),)),
        ("水雷线", (Term(("水雷", "雷线")),)),
        ('  - "" ** ', ()),
    ],
)
def test_a_query_is_read_as_terms(query: str, expected: tuple[Term, ...]) -> None:
    assert terms(query) == expected


@given(st.text())
def test_nothing_that_can_be_typed_is_an_error(query: str) -> None:
    for term in terms(query):
        assert term.words
        assert not any('"' in word for word in term.words)


@given(st.text(alphabet=st.sampled_from("ab. \n。中")), st.integers(1, 40))
def test_passages_cover_a_text_exactly(text: str, size: int) -> None:
    cut = list(passages(text, size=size))
    assert "".join(span.of(text) for span in cut) == text
    assert all(0 < len(span) <= size for span in cut)


def test_a_passage_ends_at_the_best_break() -> None:
    text = "One sentence. Another one here.\n\nA new paragraph starts and goes on for a while."
    assert next(iter(passages(text, size=50))).of(text) == "One sentence. Another one here.\n\n"
    no_paragraph = text.replace("\n\n", " ")
    assert next(iter(passages(no_paragraph, size=50))).of(no_paragraph) == "One sentence. Another one here."
    assert next(iter(passages("x" * 2 * PASSAGE))).of("x" * 2 * PASSAGE) == "x" * PASSAGE


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("The Mine and the mines.", "mine", ["Mine"]),
        ("The Mine and the mines.", "mine*", ["Mine", "mines"]),
        ("Un café, deux cafés", "cafe", ["café"]),
        ("他们布下水雷线。", "水雷", ["水雷"]),
        ("他们布下水雷线。", "水雷线", ["水雷线"]),
        ("don't stop", "don't", ["don't"]),
        ("left out", "-left out", ["out"]),
    ],
)
def test_the_words_of_a_query_are_found_in_a_text(text: str, query: str, expected: list[str]) -> None:
    assert [span.of(text) for span in occurrences(text, terms(query))] == expected


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_found_word_is_one_of_the_query(text: str, query: str) -> None:
    wanted = terms(query)
    for span in occurrences(text, wanted):
        assert words(span.of(text))
