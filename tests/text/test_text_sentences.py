"""Sentences: what is one, and that nothing of a text gets lost."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrstudio.text.sentences import sentences


def split(text: str) -> list[str]:
    return [span.of(text) for span in sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. Smith met J. K. Rowling and J.-P. Sartre.", "They left."],
        ["He was in the U.S. Army, e.g. in Fig. 3.", "See No. 5 and pp. 12 ff."],
        ["They met in the U.S.", "The end came at 3.14 p.m.", "He left."],
        ["It cost 1.5 million.", "It was 1990.", "45 men died."],
        ['He said "Stop!" loudly.', '"Why?" he asked.', "“It is over.”", "(So it was.)", "Then he left."],
        ["It holds.[12]", "It holds, too.[3][4]", "Wait... what?", "And so on. . . .", "End"],
        ["今日は。", "「はい。」と言った！", "次？", "終わり"],
        ["ذهب أحمد.", "ماذا؟", "نعم۔", "لا"],
        ["यह है।", "वह था॥", "अंत"],
        ["the cat sat .", "the dog ran .", "ok ."],
        ["C'est fini. »", "Il part."],
        ["Smith et al. (2001) agree.", "That was World War I.", "Nothing else was."],
        ["Really?!", "Yes.", "iPhone sales rose."],
    ],
)
def test_stops_end_sentences_and_abbreviations_do_not(expected: list[str]) -> None:
    separator = "" if "。" in expected[0] else " "
    assert split(separator.join(expected)) == expected


def test_headings_items_and_blank_lines_end_sentences() -> None:
    text = (
        "# A heading\nA paragraph that is wrapped by hand and therefore goes on in\nthe next line. Its end\n\n"
        "## 2. The second heading\n1. First item\n2. Second item. With more.\n- a bullet\n• another\n(a) a letter\n\n\n"
        "name\tdate\nBoat\t1920\n"
    )
    assert split(text) == [
        "# A heading",
        "A paragraph that is wrapped by hand and therefore goes on in\nthe next line.",
        "Its end",
        "## 2. The second heading",
        "1. First item",
        "2. Second item.",
        "With more.",
        "- a bullet",
        "• another",
        "(a) a letter",
        "name\tdate",
        "Boat\t1920",
    ]


def test_a_line_that_was_ended_on_purpose_ends_a_sentence() -> None:
    long = "A line of more than one hundred and sixty characters is a paragraph of its own, " * 3
    text = f"Introduction\n{long.strip()}\nand the next starts small\nGrad B: yes\nGrad F: no"
    assert split(text)[0] == "Introduction"
    assert split(text)[-3:] == ["and the next starts small", "Grad B: yes", "Grad F: no"]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028", "\x85"])
def test_every_line_break_counts(line_break: str) -> None:
    assert split(f"One thing{line_break}{line_break}Another{line_break}- item") == ["One thing", "Another", "- item"]


@given(st.text(alphabet=st.sampled_from(list("aB1 .!?\n\t\r\f\"')([]。」\u00a0\u2028-#:é")), max_size=200))
@example(" \n ")
@example(".\n.")
@example("a. . .b 。」と . »")
def test_spans_are_ordered_disjoint_trimmed_and_leave_only_white_space(text: str) -> None:
    end = 0
    for span in sentences(text):
        assert text[end : span.start].strip() == ""
        assert span.start >= end
        assert span.of(text) == span.of(text).strip() != ""
        end = span.end
    assert text[end:].strip() == ""


@given(st.text(max_size=300))
def test_nothing_is_lost_of_any_text(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("piece", [".", ". ", 'a."""', "\n", " ", "x", "a. ", "( ", "1.1."])
def test_time_grows_with_the_text_alone(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length] + "x"
        began = time.process_time()
        sentences(text)
        return time.process_time() - began

    # Ten times the text; a quadratic step would take a hundred times as long.
    assert seconds(400_000) < 40 * max(seconds(40_000), 0.002)
