from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.judge.claims import bare, is_checkable, statements

STATES_SOMETHING = [
    "The wall was finished in 1874.",
    "- The wall was finished in 1874.",
    "3. Bake the fillets for 15 minutes",
    "In conclusion, the wall was finished in 1874.",
    "The Second Loan was obtained on 5 June 1883.",
    "Second, the wall was raised by 4 feet.",
    "I. M. Pei drew the plans of the new quay.",
    "防波堤于一八七四年完工。",
]
STATES_NOTHING = [
    "# The harbour",
    "**Summary**",
    "Sure!",
    "In conclusion,",
    "Overall, yes.",
    "Here is a summary of the report in 90 words:",
    "The main reasons are as follows:",
    "Was the wall ever finished?",
    "I think the board was right to wait.",
    "In my opinion the loan was dear.",
    "It is hard not to feel that the port was lucky.",
    "The choice must remain a matter of taste.",
    "Let me know if you need more.",
    "As an AI, I cannot read the plans.",
    "1.",
    "---",
    "",
]


@pytest.mark.parametrize("sentence", STATES_SOMETHING)
def test_facts_are_checkable(sentence: str) -> None:
    assert is_checkable(sentence)


@pytest.mark.parametrize("sentence", STATES_NOTHING)
def test_headings_openers_questions_and_opinions_are_not(sentence: str) -> None:
    assert not is_checkable(sentence)


def test_a_claim_is_the_exact_sentence_without_its_list_marker() -> None:
    answer = "Two things changed:\n\n1. The wall was raised.\n2) A lamp was lit.\n- The bar was dredged."
    found = [(statement.text, statement.checkable) for statement in statements(answer)]
    assert found == [
        ("Two things changed:", False),
        ("The wall was raised.", True),
        ("A lamp was lit.", True),
        ("The bar was dredged.", True),
    ]


def test_an_initial_is_no_list_marker() -> None:
    assert [statement.text for statement in statements("A. Trenholme drew the chart.")] == [
        "A. Trenholme drew the chart."
    ]


def test_reference_marks_are_no_numbers_of_the_claim() -> None:
    assert bare("The bar rose by 4 feet [12], as expected [3, 4].") == "The bar rose by 4 feet, as expected."


@given(st.text(max_size=400))
def test_statements_slice_any_text_in_order(text: str) -> None:
    found = statements(text)
    assert [statement.text for statement in found] == [statement.span.of(text) for statement in found]
    ends = [0, *(statement.span.end for statement in found)]
    assert all(end <= statement.span.start < statement.span.end for end, statement in zip(ends, found, strict=False))
