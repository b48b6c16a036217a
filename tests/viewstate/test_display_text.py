"""The display form against a real Qt document: every position must mean what Qt takes it to mean."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QGuiApplication, QTextCursor, QTextDocument

from lrstudio.domain.text import Span
from lrstudio.viewstate.display_text import PARAGRAPH_LIMIT, DisplayText, SpanMap

MapOf = Callable[[DisplayText], SpanMap]

PIECES = (
    "word",
    "the harbour",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "\n\r",
    "\t",
    "\u00a0",
    "\u202f",
    "\u3000",
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f44b\U0001f3fd",
    "e\u0301",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u202eabc\u202c",
    "\u6c49\u5b57\u6e2c\u8a66\u3002",
    "\U00020000\U00020001",
    "\x00",
    "\x01",
    "\x07",
    "\x0b",
    "\x0c",
    "\x1b",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x1f",
    "\x7f",
    "\x85",
    "\xad",
    "\u200b",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\ufdd0",
    "\ufdd1",
    "\ufffc",
    "\ufffd",
    "\ufffe",
    "\uffff",
    "\ud800",
    "\udfff",
    "\ud83d\ude00",
    "\U0010ffff",
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Short texts of hard pieces, some of them with a run that must be broken for display."""
    parts = draw(st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=5), max_size=12))
    if draw(st.booleans()):
        unit = draw(
            st.sampled_from(("x", "word ", "\U0001f600", "\u6c49", "\u6c49\u5b57\u3002\u300d", "e\u0301", "a\r\nb"))
        )
        parts.insert(draw(st.integers(0, len(parts))), unit * draw(st.sampled_from((300, 2001, 2100, 4100))))
    return "".join(parts)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Span]:
    """A text and a span of it, edges of paragraphs among them."""
    text = draw(texts())
    near = [point for point in (0, 1, 255, 256, 257, 1999, 2000, 2001, len(text)) if point <= len(text)]
    points = st.sampled_from(near) | st.integers(0, len(text))
    start, end = sorted((draw(points), draw(points)))
    return text, Span(start, end)


def own_map(display: DisplayText) -> SpanMap:
    return display.map


def as_qt_says(text: str) -> list[str]:
    """What Qt must hold for every code point of a text: a list as long as the text."""
    said = []
    for point, character in enumerate(text):
        if text[point : point + 2] == "\r\n" or (point == 0 and character in "\ufeff\ufffe"):
            said.append("\f")
        elif character in "\n\r\x0b\x0c\x85\u2028\u2029":
            said.append("\u2029")
        elif "\ud800" <= character <= "\udfff" or character in "\ufdd0\ufdd1\ufffc":
            said.append("\ufffd")
        else:
            said.append(character)
    return said


def shows(selected: str, expected: list[str], *, breaks: bool) -> bool:
    """Tell whether a selection is the expected slice; `breaks` allows those made for display, in spaces and in runs."""
    at = 0
    for number, character in enumerate(selected):
        if at < len(expected) and (
            character == expected[at] or (breaks and character == "\u2029" and expected[at] in " \t\u3000")
        ):
            at += 1
        elif not (breaks and character == "\u2029" and 0 < number < len(selected) - 1):
            return False
    return at == len(expected)


def document_of(display: DisplayText) -> QTextDocument:
    document = QTextDocument()
    document.setUndoRedoEnabled(False)
    document.setPlainText(display.shown)
    return document


# The properties take the map as an argument, so that tests/architecture/ can hand them a wrong one.


def check_selection_is_the_slice(text: str, span: Span, map_of: MapOf = own_map) -> None:
    display = DisplayText.build(text)
    document = document_of(display)
    start, end = map_of(display).to_display(span)
    assert 0 <= start <= end < document.characterCount()
    cursor = QTextCursor(document)
    cursor.setPosition(start)
    cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
    assert shows(cursor.selectedText(), as_qt_says(text)[span.start : span.end], breaks=len(text) > PARAGRAPH_LIMIT)


def check_what_is_selected_comes_back(text: str, span: Span, map_of: MapOf = own_map) -> None:
    display = DisplayText.build(text)
    document = document_of(display)
    units = document.characterCount() - 1
    start, end = (point * units // max(1, len(text)) for point in (span.start, span.end))
    start, end = (point - ("\udc00" <= document.characterAt(point) <= "\udfff") for point in (start, end))
    cursor = QTextCursor(document)
    cursor.setPosition(start)
    cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
    span_map = map_of(display)
    assert end <= span_map.units
    selected = span_map.to_domain(start, end)
    # A selection may begin or end with a break that was made for display: it is no part of the text.
    seen = cursor.selectedText()
    expected = as_qt_says(text)[selected.start : selected.end]
    breaks = len(text) > PARAGRAPH_LIMIT
    assert shows(seen, expected, breaks=breaks) or (
        breaks and shows(seen.strip("\u2029"), _stripped(expected), breaks=True)
    )


def _stripped(expected: list[str]) -> list[str]:
    return list("".join(expected).strip("\u2029 \t\u3000"))


def check_round_trip(text: str, span: Span, map_of: MapOf = own_map) -> None:
    span_map = map_of(DisplayText.build(text))
    assert span_map.to_domain(*span_map.to_display(span)) == span


CHECKS = (check_selection_is_the_slice, check_what_is_selected_comes_back, check_round_trip)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@settings(max_examples=300)
@example(("a\r\nb", Span(1, 2)))
@example(("\U0001f600\U0001f600x", Span(2, 3)))
@example(("\U0001f600" * 300, Span(256, 257)))
@example(("x" * 4001, Span(2000, 4000)))
@example(("x" * 4001, Span(2000, 2000)))
@given(cases())
def test_the_map_keeps_to_what_qt_shows(
    qapp: QGuiApplication, check: Callable[[str, Span], None], case: tuple[str, Span]
) -> None:
    check(*case)


@settings(max_examples=200)
@given(texts())
def test_qt_holds_exactly_what_it_was_handed(qapp: QGuiApplication, text: str) -> None:
    display = DisplayText.build(text)
    document = document_of(display)
    assert display.text == text
    assert display.map.length == len(text)
    assert document.characterCount() - 1 == display.map.units
    assert document.blockCount() == display.shown.count("\n") + 1
    block = document.begin()
    while block.isValid():
        assert len(block.text()) <= 2 * PARAGRAPH_LIMIT
        block = block.next()
    assert max(map(len, display.shown.split("\n"))) <= PARAGRAPH_LIMIT


def test_a_short_text_is_handed_on_as_it_is() -> None:
    text = "One paragraph.\n\nAnother, with \u00a0 and \u6c49\u5b57."
    assert DisplayText.build(text).shown is text


def test_a_break_takes_the_place_of_a_space() -> None:
    display = DisplayText.build("word " * 1000)
    assert len(display.shown) == 5000
    assert max(map(len, display.shown.split("\n"))) <= PARAGRAPH_LIMIT
    assert display.shown.replace("\n", " ") == "word " * 1000


def test_a_break_inside_a_run_lies_outside_the_spans_on_both_sides() -> None:
    span_map = DisplayText.build("x" * 3000).map
    assert span_map.to_display(Span(1990, 2000)) == (1990, 2000)
    assert span_map.to_display(Span(2000, 2010)) == (2001, 2011)
    assert span_map.to_display(Span(1990, 2010)) == (1990, 2011)
    assert span_map.to_domain(2000, 2001) == Span(2000, 2000)


@pytest.mark.parametrize(
    ("run", "first"),
    [
        ("e\u0301" * 1500, "e\u0301" * 1000),
        ("x" + "e\u0301" * 1500, "x" + "e\u0301" * 999),
        ("x" + "\U0001f44b\U0001f3fd" * 1500, "x" + "\U0001f44b\U0001f3fd" * 999),
        ("\U0001f468\u200d" * 3 + "\U0001f468" + "y" * 1992 + "\U0001f468\u200d\U0001f469" + "z" * 9, None),
        ("\u6c49" * 1500 + "\u3002\u300d" + "\u6c49" * 1500, "\u6c49" * 1500 + "\u3002\u300d"),
        ("a" + "\u0301" * 3000, "a" + "\u0301" * 1999),
    ],
)
def test_a_run_is_not_cut_inside_a_character(run: str, first: str | None) -> None:
    display = DisplayText.build(run)
    expected = run[: run.index("\U0001f468\u200d\U0001f469", 100)] if first is None else first
    assert display.shown.split("\n")[0] == expected


def test_a_position_inside_a_character_widens_to_the_whole() -> None:
    span_map = DisplayText.build("a\U0001f600b").map
    assert span_map.to_domain(2, 2) == Span(1, 2)
    assert span_map.to_domain(0, 2) == Span(0, 2)
    assert span_map.to_domain(2, 4) == Span(1, 3)


def test_what_lies_beyond_the_text_is_refused() -> None:
    span_map = DisplayText.build("a\U0001f600b").map
    with pytest.raises(ValueError, match="ends beyond a text of 3"):
        span_map.to_display(Span(1, 4))
    for start, end in ((-1, 0), (2, 1), (0, 5)):
        with pytest.raises(ValueError, match="not a range"):
            span_map.to_domain(start, end)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 800_000,
        "x" * 4_000_000,
        "\U0001f600" * 1_000_000,
        "\u6c49\u5b57\u3002" * 1_300_000,
        "line of a file\r\n" * 250_000,
        "\r\n\U0001f600 " * 800_000,
    ],
    ids=["one line", "one word", "emoji", "ideographs", "crlf", "mixed"],
)
def test_four_megabytes_are_ready_in_half_a_second_of_work(text: str) -> None:
    started = time.thread_time()
    display = DisplayText.build(text)
    for point in range(0, len(text), len(text) // 100):
        display.map.to_display(Span(point, point + 1))
    assert time.thread_time() - started < 0.5


def test_it_needs_no_qt() -> None:
    code = "import sys, lrstudio.viewstate.display_text; print(sum(name.startswith('PySide6') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_a_selection_grows_to_whole_words_and_loses_spaces_at_its_ends() -> None:
    display = DisplayText.build("  The harbour's bar, 1870.")
    assert display.whole_words(Span(4, 8)) == Span(2, 13)
    assert display.whole_words(Span(1, 6)) == Span(2, 5)
    assert display.whole_words(Span(5, 6)) is None
    assert display.whole_words(Span(22, 23)) == Span(21, 25)
    assert DisplayText.build("港湾の深さは七尺").whole_words(Span(2, 4)) == Span(2, 4)
