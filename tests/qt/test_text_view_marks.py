"""Looking marks up, and finding their characters on the screen."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QTextLine
from pytestqt.qtbot import QtBot

from lrstudio.domain.text import Span
from lrstudio.qt.views.page_view import PageView
from lrstudio.qt.views.text_marks import Line, Mark, MarkIndex, MarkStyle
from lrstudio.qt.views.text_page import Block, boxes
from lrstudio.viewstate.audit_signs import Sign

LayOut = Callable[..., Block]


@st.composite
def marks(draw: st.DrawFn) -> list[Mark]:
    spans = draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40))
    return [Mark(Span(min(pair), max(pair)), MarkStyle.FULL, str(number)) for number, pair in enumerate(spans)]


@given(marks(), st.integers(0, 60), st.integers(0, 60))
def test_every_mark_that_shares_a_character_is_found_in_order(given_marks: list[Mark], one: int, other: int) -> None:
    span = Span(min(one, other), max(one, other))
    found = MarkIndex(given_marks).within(span)
    expected = [mark for mark in given_marks if mark.span.start < span.end and mark.span.end > span.start]
    assert sorted(mark.group for mark in found) == sorted(mark.group for mark in expected)
    keys = [(mark.span.start, -mark.span.end) for mark in found]
    assert keys == sorted(keys)


def test_a_mark_over_everything_does_not_hide_the_others() -> None:
    index = MarkIndex(
        [Mark(Span(0, 1000), MarkStyle.EVIDENCE), *(Mark(Span(n, n + 1), MarkStyle.FULL) for n in range(999))]
    )
    assert len(index.within(Span(500, 502))) == 3


def test_every_sign_has_a_style_and_supports_have_lines_of_their_own() -> None:
    styles = {sign: MarkStyle.of(sign) for sign in Sign}
    assert styles[Sign.CONTRADICTED] is MarkStyle.CONTRADICTED
    assert styles[Sign.NOT_CHECKABLE] is styles[Sign.UNSCORED] is styles[Sign.HIDDEN] is MarkStyle.UNCHECKED
    supports = (MarkStyle.FULL, MarkStyle.PARTIAL, MarkStyle.CONTRADICTED, MarkStyle.NOT_FOUND)
    assert len({style.line for style in supports} - {Line.NONE}) == 4


def test_focused_evidence_wears_the_colours_of_its_claim() -> None:
    mark = Mark(Span(0, 1), MarkStyle.EVIDENCE, tone=MarkStyle.PARTIAL)
    assert mark.colour is MarkStyle.EVIDENCE
    assert Mark(Span(0, 1), MarkStyle.EVIDENCE, focused=True, tone=MarkStyle.PARTIAL).colour is MarkStyle.PARTIAL
    assert Mark(Span(0, 1), MarkStyle.EVIDENCE, focused=True).colour is MarkStyle.EVIDENCE


@pytest.fixture
def laid_out(qtbot: QtBot) -> LayOut:
    views = []

    def lay_out(text: str, *, width: int = 300) -> Block:
        view = PageView()
        qtbot.addWidget(view)
        views.append(view)
        view.resize(width, 2000)
        view.show()
        view.setPlainText(text)
        return view.visible_blocks()[0]

    return lay_out


MIXED = "one \u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd two \U0001f600 three \u0645\u0631\u062d\u0628\u0627 end"


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    "text", [MIXED, "\u05e9\u05dc\u05d5\u05dd abc \u05e2\u05d5\u05dc\u05dd", "plain words", "a\U0001f600\U0001f600b"]
)
def test_a_box_lies_over_its_own_character_in_either_direction(laid_out: LayOut, text: str) -> None:
    block = laid_out(text, width=2000)
    line = block.layout.lineAt(0)
    total = 0.0
    for number, character in enumerate(text):
        start = units(text[:number])
        found = list(boxes(block, start=start, end=start + units(character)))
        assert len(found) <= 1
        for box in found:
            middle = (box.left + box.right) / 2
            # Qt itself is undecided about the space between two directions.
            assert character == " " or line.xToCursor(middle, QTextLine.CursorPosition.CursorOnCharacter) == start
            assert (box.top, box.bottom) == (block.top + line.y(), block.top + line.y() + line.height())
            total += box.right - box.left
    assert total == pytest.approx(line.naturalTextWidth(), abs=1)


def test_a_range_over_both_directions_is_two_boxes(laid_out: LayOut) -> None:
    block = laid_out(MIXED, width=2000)
    assert len(list(boxes(block, start=2, end=6))) == 2
    assert len(list(boxes(block, start=0, end=4))) == 1


def test_boxes_follow_the_lines_and_leave_out_the_space_at_their_ends(laid_out: LayOut) -> None:
    text = "word " * 59 + "word"
    block = laid_out(text)
    found = list(boxes(block, start=0, end=299))
    assert len(found) == block.layout.lineCount() > 3
    word = next(boxes(block, start=0, end=4))
    for number, box in enumerate(found):
        line = block.layout.lineAt(number)
        last = line.textStart() + len(text[line.textStart() :][: line.textLength()].rstrip())
        assert box.right == pytest.approx(next(boxes(block, start=last - 1, end=last)).right)
        assert box.left == word.left
    assert not list(boxes(block, start=4, end=4))
    assert not list(boxes(block, start=400, end=500))


def test_lines_are_set_apart_and_blank_ones_are_low(qtbot: QtBot) -> None:
    view = PageView()
    qtbot.addWidget(view)
    view.resize(300, 2000)
    view.show()
    view.setPlainText("word " * 40 + "\n\n\f\nlast")
    blocks, leading = view.visible_blocks(), view.page.leading
    first = blocks[0].layout
    lines = [first.lineAt(number) for number in range(first.lineCount())]
    steps = {round(after.y() - before.y(), 3) for before, after in pairwise(lines)}
    assert leading > 0
    assert steps == {round(lines[0].height() + leading, 3)}
    heights = [block.bottom - block.top for block in blocks]
    assert heights[0] == pytest.approx(len(lines) * (lines[0].height() + leading))
    assert heights[1] == heights[2] < 0.7 * (lines[0].height() + leading)
