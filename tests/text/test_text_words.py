"""Words, numbers, dates and names, normalised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.text.words import Mention, content_words, dates, names, numbers, stem, words


def values(mentions: list[Mention]) -> list[str]:
    return [mention.value for mention in mentions]


def test_words_are_folded_and_unspaced_scripts_paired() -> None:
    assert words("Don’t STOP the Café’s ﬁre, x2!") == ["don't", "stop", "the", "café's", "fire", "x2"]
    assert words("東京都 は 港") == ["東京", "京都", "は", "港"]
    assert content_words("The café’s owners don’t stop") == ["café", "owners", "stop"]


@pytest.mark.parametrize(
    "family",
    ["house houses housing", "city cities", "run running runs", "pass passes passed", "tree trees", "agree agreed"],
)
def test_inflections_share_a_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


def test_different_words_keep_different_stems() -> None:
    different = ["harbour", "harbinger", "coal", "coat", "ship", "shop", "dredge", "dress", "café"]
    assert len({stem(word) for word in different}) == len(different)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("56,076 mines, 1.50 tons, 007", ["56076", "1.5", "7"]),
        ("12 per cent, 12.50%, twelve percent, 3 ٪", ["12%", "12.5%", "12%", "3%"]),
        ("at -5 degrees, 5-10 men, −3", ["-5", "5", "10", "-3"]),
        ("3rd, twenty-one, twenty-first, nineteenth, three hundred and five", ["3", "21", "21", "19", "305"]),
        ("two hundred thousand, a million, 1.5 million, 2.25 thousand", ["200000", "1000000", "1500000", "2250"]),
        ("one of them, B12 and x_3, the first, between two and three", ["2", "3"]),
        ("1\u202f234 and 10:30 and ١٢", ["1234", "10", "30", "12"]),
        ("hundred, thousands, per cent", []),
    ],
)
def test_numbers_are_read(text: str, expected: list[str]) -> None:
    assert values(numbers(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 May 1990, May 12, 1990, 12th of May 1990 and 1990-05-12", ["1990-05-12"] * 4),
        ("May 1990; Sept. 1918; 4 July; July 4th", ["1990-05", "1918-09", "--07-04", "--07-04"]),
        ("in 1914 and 2001, $1990, 1990 men, 19900, 1,990, may 5", ["1914", "2001", "1990"]),
        ("12/05/1990", []),
    ],
)
def test_dates_are_read(text: str, expected: list[str]) -> None:
    assert values(dates(text)) == expected


def test_names_are_capitalised_words_that_belong_together() -> None:
    text = (
        "The Harbour Board met Dr. John Smith and Smith’s wife on Monday. Later J. K. Rowling saw the University of "
        "London and New\nYork. Tugs came. NASA and the U.S. Army agreed. He said: “Nothing more.”"
    )
    found = names(text)
    assert values(found) == [
        "harbour board",
        "john smith",
        "smith",
        "later j k rowling",
        "university of london",
        "new york",
        "us",
        "army",
    ]
    assert found[1].span.of(text) == "John Smith"
    assert found[2].span.of(text) == "Smith"


def test_a_word_that_opens_a_sentence_is_a_name_when_it_is_one_elsewhere() -> None:
    assert values(names("Strickley drew it. They paid Strickley.")) == ["strickley", "strickley"]
    assert values(names("Coal was dear. They bought coal.")) == []
    assert values(names("Yesterday Smith came; yesterday was Sunday.")) == ["smith"]


@given(st.text(alphabet=st.sampled_from(list("AbZ z19.,-%'’\n/ of May million two hundredé東١")), max_size=80))
def test_places_slice_the_text(text: str) -> None:
    for find in (numbers, dates, names):
        end = 0
        for mention in find(text):
            assert mention.span.start >= end
            assert mention.span.of(text).strip()
            assert mention.value
            end = mention.span.end
