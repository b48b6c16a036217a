"""The text view as a person uses it: with the mouse, with the keyboard, by looking."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lrstudio.domain.text import Span
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.minimap import Minimap
from lrstudio.qt.views.page_view import MEASURE
from lrstudio.qt.views.text_gutter import Gutter, GutterLabel
from lrstudio.qt.views.text_marks import Mark, MarkStyle
from lrstudio.qt.views.text_view import TextView
from lrstudio.viewstate.display_text import DisplayText

SENTENCE = "The harbour board closed the eastern channel for eleven days, and the pilots went home. "
LONG = "\n\n".join(f"{number}. " + SENTENCE * (1 + number % 5) for number in range(400))
HARD = (
    "caf\u00e9 \U0001f600\U0001f600 one\u00a0two\r\n"
    "line \u6c49\u5b57 \U0001f468\u200d\U0001f469 end\r\n\r\n"
    "last \u05e9\u05dc\u05d5\u05dd words"
)

MakeView = Callable[..., TextView]


@pytest.fixture
def make_view(qtbot: QtBot, switch: ThemeSwitch) -> MakeView:
    def make(text: str = LONG, *, width: int = 700, height: int = 500, show: bool = True) -> TextView:
        view = TextView(switch, name="Document", description="The text under audit")
        qtbot.addWidget(view)
        view.resize(width, height)
        if show:
            view.show()
            qtbot.waitExposed(view)
        view.set_text(DisplayText.build(text))
        QApplication.processEvents()
        return view

    return make


def span_of(text: str, words: str, *, after: int = 0) -> Span:
    start = text.index(words, after)
    return Span(start, start + len(words))


def point_of(view: TextView, offset: int) -> QPoint:
    """The middle of the character at an offset, in the viewport."""
    cursor = view.textCursor()
    position, end = view.display.map.to_display(Span(offset, offset + 1))
    cursor.setPosition(position)
    left = view.cursorRect(cursor)
    cursor.setPosition(end)
    return QPoint((left.left() + view.cursorRect(cursor).left()) // 2, left.center().y())


def select(view: TextView, span: Span) -> None:
    start, end = view.display.map.to_display(span)
    cursor = view.textCursor()
    cursor.setPosition(start)
    cursor.setPosition(end, cursor.MoveMode.KeepAnchor)
    view.setTextCursor(cursor)


def picture(view: TextView) -> QImage:
    QApplication.processEvents()
    return view.viewport().grab().toImage()


def colours(image: QImage, *, left: int, top: int, right: int, bottom: int) -> set[str]:
    return {
        image.pixelColor(x, y).name()
        for x in range(max(0, left), min(image.width(), right))
        for y in range(max(0, top), min(image.height(), bottom))
    }


def around(view: TextView, words: str) -> dict[str, int]:
    """The rectangle of some words on one line, the air below it included."""
    span = span_of(view.display.text, words)
    first, last = point_of(view, span.start), point_of(view, span.end - 1)
    assert first.y() == last.y()
    return {"left": first.x(), "top": first.y() - 9, "right": last.x(), "bottom": first.y() + 14}


def below(view: TextView, words: str) -> dict[str, int]:
    """The air below some words on one line, where the underlines are."""
    area = around(view, words)
    return area | {"top": area["bottom"] - 7}


# Marks on the screen


@pytest.mark.parametrize("style", [MarkStyle.FULL, MarkStyle.PARTIAL, MarkStyle.CONTRADICTED, MarkStyle.NOT_FOUND])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_claim_is_underlined_and_filled_when_focused(
    make_view: MakeView, switch: ThemeSwitch, style: MarkStyle, theme: str
) -> None:
    switch.use(theme)
    view = make_view("One claim here. Another claim there.")
    first, second = span_of(view.display.text, "One claim here."), span_of(view.display.text, "Another claim there.")
    tint, line = switch.theme.tokens[f"{style}_tint"], switch.theme.color(f"{style}_mark")
    view.set_marks([Mark(first, style, "a"), Mark(second, MarkStyle.UNCHECKED, "b")])
    plain = picture(view)
    assert tint not in colours(plain, **around(view, "One claim here."))
    assert near(plain, line, **below(view, "One claim here."))
    assert not near(plain, line, **below(view, "Another claim there."))
    view.set_marks([Mark(first, style, "a", focused=True), Mark(second, MarkStyle.UNCHECKED, "b")])
    filled = picture(view)
    assert tint in colours(filled, **around(view, "One claim here."))
    assert tint not in colours(filled, **around(view, "Another claim there."))


def near(image: QImage, color: QColor, **area: int) -> bool:
    """Tell whether a colour is in a part of the picture, give or take what smoothing does to thin lines."""

    def apart(name: str) -> int:
        other = QColor(name)
        return max(abs(other.red() - color.red()), abs(other.green() - color.green()), abs(other.blue() - color.blue()))

    return any(apart(name) < 40 for name in colours(image, **area))


def test_the_underlines_differ_in_shape_not_only_in_colour(make_view: MakeView, switch: ThemeSwitch) -> None:
    text = "A claim of some length that stays on one line."
    shapes = set()
    for style in (MarkStyle.FULL, MarkStyle.PARTIAL, MarkStyle.CONTRADICTED, MarkStyle.NOT_FOUND):
        view = make_view(text)
        before = picture(view)
        view.set_marks([Mark(Span(0, len(text)), style)])
        after = picture(view)
        area = around(view, text)
        shapes.add(
            frozenset(
                (x, y)
                for x in range(area["left"] + 20, area["right"] - 20)
                for y in range(area["top"], area["bottom"])
                if before.pixelColor(x, y) != after.pixelColor(x, y)
            )
        )
    assert len(shapes) == 4


def test_what_a_person_decided_is_tinted_lightly(make_view: MakeView, switch: ThemeSwitch) -> None:
    view = make_view("One claim here.")
    view.set_marks([Mark(Span(0, 15), MarkStyle.FULL, decided=True)])
    found = colours(picture(view), **around(view, "One claim here."))
    assert switch.theme.tokens["full_tint"] not in found
    assert switch.theme.tokens["panel"] not in colours(
        picture(view), left=25, top=around(view, "One")["top"] + 3, right=30, bottom=around(view, "One")["top"] + 6
    )


def test_focused_evidence_is_outlined_in_the_colours_of_its_claim(make_view: MakeView, switch: ThemeSwitch) -> None:
    view = make_view("Some words stand here, and the passage is this one, on a line.")
    span = span_of(view.display.text, "the passage is this one")
    view.set_marks([Mark(span, MarkStyle.EVIDENCE)])
    assert switch.theme.tokens["evidence_tint"] in colours(picture(view), **around(view, "the passage is"))
    view.set_marks([Mark(span, MarkStyle.EVIDENCE, focused=True, tone=MarkStyle.NOT_FOUND)])
    image, area = picture(view), around(view, "the passage is")
    assert switch.theme.tokens["not_found_tint"] in colours(image, **area)
    assert near(image, switch.theme.color("not_found_mark"), **area | {"top": area["top"] - 6})


def test_a_mark_follows_its_text_when_it_is_scrolled(make_view: MakeView, switch: ThemeSwitch) -> None:
    view = make_view()
    span = span_of(LONG, "200. The harbour")
    view.set_marks([Mark(span, MarkStyle.FULL, focused=True)])
    tint = switch.theme.tokens["full_tint"]
    assert tint not in colours(picture(view), left=0, top=0, right=700, bottom=500)
    view.reveal(span)
    for step in (0, 3, -5, 1):
        view.verticalScrollBar().setValue(view.verticalScrollBar().value() + step)
        area = {"left": point_of(view, span.start).x(), "right": point_of(view, span.end - 1).x()}
        middle = point_of(view, span.start).y()
        image = picture(view)
        assert tint in colours(image, **area, top=middle - 9, bottom=middle + 9)
        assert tint not in colours(image, **area, top=0, bottom=middle - 25)
        assert tint not in colours(image, **area, top=middle + 25, bottom=500)


def test_scrolling_in_steps_ends_in_the_same_picture_as_going_there(make_view: MakeView) -> None:
    view = make_view()
    rows = [Mark(Span(start, start + 150), list(MarkStyle)[start % 7]) for start in range(0, len(LONG) - 150, 190)]
    view.set_marks(rows)
    view.verticalScrollBar().setValue(40)
    for _ in range(12):
        view.verticalScrollBar().setValue(view.verticalScrollBar().value() + 3)
        QApplication.processEvents()
    stepped = view.viewport().grab().toImage()
    view.viewport().update()
    assert picture(view) == stepped


def test_marks_beyond_the_text_are_refused(make_view: MakeView) -> None:
    view = make_view("short")
    with pytest.raises(ValueError, match="a mark ends at 6 in a text of 5"):
        view.set_marks([Mark(Span(0, 6), MarkStyle.FULL)])
    with pytest.raises(ValueError, match="a mark ends at 9"):
        view.set_found([Span(0, 2), Span(3, 9)])


# Going to a place


@pytest.mark.parametrize("number", [60, 200, 330])
def test_reveal_puts_a_span_a_third_below_the_top(make_view: MakeView, qtbot: QtBot, number: int) -> None:
    view = make_view()
    span = span_of(LONG, f"\n{number}. The harbour")
    span = Span(span.start + 1, span.end)
    with qtbot.waitSignal(view.revealed) as heard:
        view.reveal(span)
    assert heard.args == [span]
    assert point_of(view, span.start).y() == pytest.approx(view.viewport().height() / 3, abs=30)
    assert view.textCursor().position() == view.display.map.to_display(span)[0]


def test_reveal_reaches_both_ends_and_the_middle_of_a_long_paragraph(make_view: MakeView) -> None:
    text = SENTENCE * 400
    view = make_view(text)
    for offset in (0, 10_000, 20_321, len(text) - 20):
        view.reveal(Span(offset, offset + 10))
        assert 0 <= point_of(view, offset).y() < view.viewport().height()
    assert point_of(view, len(text) - 1).y() > view.viewport().height() / 2


def test_a_steady_reveal_leaves_what_is_on_the_screen_where_it_is(make_view: MakeView) -> None:
    view = make_view()
    view.reveal(span_of(LONG, "200. The"))
    place = view.verticalScrollBar().value()
    visible = view.visible_span()
    view.reveal(Span(visible.end - 500, visible.end - 480), steady=True)
    assert view.verticalScrollBar().value() == place
    view.reveal(span_of(LONG, "300. The"), steady=True)
    assert view.verticalScrollBar().value() > place


def test_what_is_revealed_before_the_window_is_shown_waits_for_it(make_view: MakeView, qtbot: QtBot) -> None:
    view = make_view(show=False)
    span = span_of(LONG, "200. The")
    view.reveal(span)
    with qtbot.waitSignal(view.revealed):
        view.show()
    assert point_of(view, span.start).y() == pytest.approx(view.viewport().height() / 3, abs=30)


def test_the_caret_walks_and_selects_by_keyboard(make_view: MakeView, qtbot: QtBot) -> None:
    view = make_view(HARD)
    view.setFocus()
    span = span_of(HARD, "\U0001f600\U0001f600")
    view.reveal(Span(span.start, span.start))
    with qtbot.waitSignal(view.span_selected) as heard:
        for _ in range(2):
            qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert heard.args == [span]


# Selecting and copying


@pytest.mark.parametrize(
    "words",
    [
        "\U0001f600 one\u00a0two\r\nline",
        "\u6c49\u5b57 \U0001f468\u200d\U0001f469",
        "end\r\n\r\nlast",
        "\u05e9\u05dc\u05d5\u05dd",
    ],
)
def test_a_selection_is_told_and_copied_as_the_original_has_it(make_view: MakeView, qtbot: QtBot, words: str) -> None:
    view = make_view(HARD)
    span = span_of(HARD, words)
    with qtbot.waitSignal(view.span_selected) as heard:
        select(view, span)
    assert heard.args == [span]
    view.copy()
    assert QApplication.clipboard().text().replace("\r\n", "\n") == words.replace("\r\n", "\n")
    assert view.createMimeDataFromSelection().text() == words
    with qtbot.waitSignal(view.span_selected) as heard:
        view.moveCursor(view.textCursor().MoveOperation.Start)
    assert heard.args == [None]


def test_another_text_takes_the_selection_and_the_marks_away(make_view: MakeView, qtbot: QtBot) -> None:
    view = make_view()
    view.set_gutter([GutterLabel(0, "1")])
    view.set_marks([Mark(Span(0, 100), MarkStyle.FULL, "a")])
    select(view, Span(2000, 2100))
    qtbot.wait(10)
    with qtbot.waitSignals([view.span_selected, view.text_changed]):
        view.set_text(DisplayText.build("short \U0001f600"))
    assert view.selected_span() is None
    assert view.mark_at(point_of(view, 0)) is None
    assert view.visible_span() == Span(0, 7)
    assert view.findChild(Gutter).width() == 0


def test_dragging_selects_by_the_nearest_line(make_view: MakeView, qtbot: QtBot) -> None:
    view = make_view(SENTENCE * 20)
    viewport = view.viewport()
    start, end = point_of(view, 10), point_of(view, 40)
    assert start.y() == end.y()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    # In the air below the line: Qt on its own would take that for the end of the line.
    qtbot.mouseMove(viewport, end + QPoint(0, 11))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=end + QPoint(0, 11))
    span = view.selected_span()
    assert span is not None
    assert abs(span.start - 10) <= 1
    assert abs(span.end - 40) <= 1


# Clicking


def test_the_innermost_mark_is_clicked(make_view: MakeView, qtbot: QtBot) -> None:
    text = "An outer claim that holds an inner one, and more of it."
    view = make_view(text)
    inner = span_of(text, "an inner one")
    view.set_marks(
        [
            Mark(Span(0, len(text)), MarkStyle.FULL, "outer"),
            Mark(inner, MarkStyle.PARTIAL, "inner"),
            Mark(Span(3, 5), MarkStyle.FULL),
        ]
    )
    for offset, group, span in ((inner.start + 2, "inner", inner), (len(text) - 3, "outer", Span(0, len(text)))):
        with qtbot.waitSignal(view.mark_clicked) as heard:
            qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point_of(view, offset))
        assert heard.args == [group, span]


def test_beside_the_marks_and_while_selecting_nothing_is_clicked(make_view: MakeView, qtbot: QtBot) -> None:
    text = "A claim. Then no claim at all."
    view = make_view(text)
    view.set_marks([Mark(Span(0, 8), MarkStyle.FULL, "a")])
    with qtbot.assertNotEmitted(view.mark_clicked):
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point_of(view, 20))
        qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=point_of(view, 1))
        qtbot.mouseMove(view.viewport(), point_of(view, 6))
        qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=point_of(view, 6))


def test_points_and_offsets_agree(make_view: MakeView) -> None:
    view = make_view(HARD)
    for offset in (0, 7, HARD.index("line"), HARD.index("last")):
        assert view.offset_at(point_of(view, offset) - QPoint(1, 0)) in (offset, offset + 1)


# The page


def test_a_wide_window_keeps_the_measure_and_a_narrow_one_uses_all(make_view: MakeView, qtbot: QtBot) -> None:
    view = make_view(width=2000)
    metrics = view.fontMetrics()
    layout = view.document().findBlockByNumber(8).layout()
    lengths = [layout.lineAt(number).textLength() for number in range(layout.lineCount())]
    assert 75 < max(lengths) <= MEASURE + 5
    left, right = view.viewport().x(), view.width() - view.viewport().geometry().right()
    assert abs(left - right) < 20
    assert left > 400
    view.resize(400, 500)
    assert view.viewport().width() > 400 - 30
    assert metrics.height() == view.fontMetrics().height()


def test_zoom_changes_the_letters_within_reason_and_keeps_the_measure(make_view: MakeView, qtbot: QtBot) -> None:
    view = make_view(width=1400)
    size, width, air = view.font().pointSizeF(), view.viewport().width(), view.page.leading
    qtbot.keyClick(view, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert view.font().pointSizeF() == size + 1
    assert view.viewport().width() > width
    wheel = QWheelEvent(
        QPointF(50, 50),
        view.mapToGlobal(QPointF(50, 50)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.viewport(), wheel)
    assert view.font().pointSizeF() == size + 2
    for _ in range(40):
        view.zoom(1)
    assert view.font().pointSizeF() == 32
    assert view.page.leading > air
    for _ in range(2):
        qtbot.keyClick(view, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    assert view.font().pointSizeF() == 30


def test_a_screen_reader_hears_what_it_is(make_view: MakeView) -> None:
    view = make_view(HARD)
    spoken = QAccessible.queryAccessibleInterface(view)
    assert spoken.text(QAccessible.Text.Name) == "Document"
    assert spoken.text(QAccessible.Text.Description) == "The text under audit"
    assert spoken.textInterface() is not None
    assert spoken.state().readOnly


def test_a_text_without_a_character_is_no_trouble(make_view: MakeView) -> None:
    view = make_view("")
    view.set_marks([])
    view.reveal(Span(0, 0))
    assert view.visible_span() == Span(0, 0)
    assert view.mark_at(QPoint(5, 5)) is None
    assert picture(view).size() == view.viewport().size()


# The margin


def test_labels_stand_beside_their_lines_and_a_chip_wins(make_view: MakeView, switch: ThemeSwitch) -> None:
    view = make_view()
    gutter = view.findChild(Gutter)
    starts = [LONG.index(f"{number}. The") for number in range(400)]
    labels = [GutterLabel(start, str(number)) for number, start in enumerate(starts)]
    view.set_gutter([*labels, GutterLabel(starts[3] + 2, "1", MarkStyle.PARTIAL)])
    QApplication.processEvents()
    assert gutter.width() > 0
    assert view.viewport().x() == gutter.geometry().right() + 1
    shown = gutter.visible()
    assert [label.text for _, label in shown][:5] == ["0", "1", "2", "1", "4"]
    assert len(shown) < 40
    for place, label in shown:
        assert abs(place.top + place.height / 2 - point_of(view, label.offset).y()) <= 2
    image = gutter.grab().toImage()
    chip = next(place for place, label in shown if label.style is not None)
    assert switch.theme.tokens["partial_tint"] in colours(
        image, left=0, top=int(chip.top), right=gutter.width(), bottom=int(chip.top + chip.height)
    )
    view.set_gutter([])
    assert gutter.width() == 0


# The overview


def test_the_overview_has_a_tick_for_every_place_but_no_more_than_it_has_rows(make_view: MakeView) -> None:
    view = make_view()
    minimap = view.findChild(Minimap)
    view.set_marks([Mark(Span(0, 5), MarkStyle.FULL), Mark(Span(len(LONG) - 5, len(LONG)), MarkStyle.PARTIAL)])
    assert [style for _, style in minimap.ticks()] == [MarkStyle.FULL, MarkStyle.PARTIAL]
    first, last = (row for row, _ in minimap.ticks())
    assert first == 0
    assert minimap.height() - 6 <= last < minimap.height()
    view.set_marks([Mark(Span(n, n + 5), list(MarkStyle)[n % 5]) for n in range(0, len(LONG) - 5, 5)])
    assert len(minimap.ticks()) <= minimap.height()
    assert MarkStyle.UNCHECKED not in {style for _, style in minimap.ticks()}


def test_the_overview_shows_what_asks_most_of_the_reader(make_view: MakeView) -> None:
    view = make_view()
    minimap = view.findChild(Minimap)
    here = Span(5000, 5100)
    view.set_marks([Mark(here, MarkStyle.CONTRADICTED), Mark(here, MarkStyle.FULL)])
    assert [style for _, style in minimap.ticks()] == [MarkStyle.CONTRADICTED]
    view.set_marks([Mark(here, MarkStyle.CONTRADICTED), Mark(here, MarkStyle.FULL, focused=True)])
    assert [style for _, style in minimap.ticks()] == [MarkStyle.FULL]
    view.set_found([here])
    view.set_ticked(frozenset({MarkStyle.EVIDENCE}))
    assert [style for _, style in minimap.ticks()] == [MarkStyle.FOUND]
    view.set_found([])
    assert minimap.ticks() == []


def test_pointing_at_the_overview_goes_there(make_view: MakeView, qtbot: QtBot) -> None:
    view = make_view()
    minimap = view.findChild(Minimap)
    bar = view.verticalScrollBar()
    for y, low, high in ((minimap.height() // 2, 0.4, 0.6), (minimap.height() - 1, 0.98, 1.0), (0, 0.0, 0.02)):
        qtbot.mouseClick(minimap, Qt.MouseButton.LeftButton, pos=QPoint(5, y))
        visible = view.visible_span()
        assert low <= (visible.start + visible.end) / 2 / len(LONG) <= high
    assert bar.value() == 0
    qtbot.mousePress(minimap, Qt.MouseButton.LeftButton, pos=QPoint(5, 4))
    qtbot.mouseMove(minimap, QPoint(5, 4))
    assert bar.value() == 0
    qtbot.mouseMove(minimap, QPoint(5, minimap.height() // 2))
    qtbot.mouseRelease(minimap, Qt.MouseButton.LeftButton, pos=QPoint(5, minimap.height() // 2))
    assert view.visible_span().start > len(LONG) * 0.4


def test_the_overview_changes_with_the_theme_and_is_empty_where_all_is_seen(
    make_view: MakeView, switch: ThemeSwitch
) -> None:
    view = make_view()
    minimap = view.findChild(Minimap)
    view.set_marks([Mark(Span(20_000, 20_100), MarkStyle.FULL, focused=True)])
    for name in ("light", "dark"):
        switch.use(name)
        QApplication.processEvents()
        found = colours(minimap.grab().toImage(), left=0, top=0, right=20, bottom=500)
        assert switch.theme.tokens["full_mark"] in found
        assert switch.theme.tokens["panel"] in found
    view.set_text(DisplayText.build("short"))
    view.set_marks([Mark(Span(0, 5), MarkStyle.FULL)])
    QApplication.processEvents()
    image = minimap.grab().toImage()
    assert colours(image, left=0, top=0, right=20, bottom=500) == {switch.theme.tokens["panel"]}
