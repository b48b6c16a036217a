"""Find in a text: counts, steps, keys."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from lrstudio.domain.text import Span
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.find_bar import MOST_HITS, FindBar, find_all
from lrstudio.qt.views.minimap import Minimap
from lrstudio.qt.views.text_view import TextView
from lrstudio.viewstate.display_text import DisplayText

TEXT = "\U0001f600 Mines off Anambas.\r\n\r\n" + "Nothing here. " * 300 + "mines\r\n  off Singapore, MINES off Batavia."


@pytest.mark.parametrize(
    ("query", "case", "expected"),
    [
        ("mines", False, ["Mines", "mines", "MINES"]),
        ("Mines", True, ["Mines"]),
        ("mines  off", False, ["Mines off", "mines\r\n  off", "MINES off"]),
        ("Anambas.", False, ["Anambas."]),
        ("a.ambas", False, []),
        ("\U0001f600", False, ["\U0001f600"]),
        ("   ", False, []),
        ("", False, []),
    ],
)
def test_what_is_found(query: str, case: bool, expected: list[str]) -> None:
    hits, more = find_all(TEXT, query, case=case)
    assert [hit.of(TEXT) for hit in hits] == expected
    assert hits == sorted(hits)
    assert not more


def test_more_hits_than_are_counted_are_announced() -> None:
    assert find_all("aaaa", "a", most=4) == ([Span(n, n + 1) for n in range(4)], False)
    assert find_all("aaaa", "a", most=3) == ([Span(n, n + 1) for n in range(3)], True)


class Window:
    def __init__(self, qtbot: QtBot, switch: ThemeSwitch, icons: Icons) -> None:
        self.qtbot = qtbot
        self.view = TextView(switch, name="Document")
        qtbot.addWidget(self.view)
        self.view.resize(600, 400)
        self.view.show()
        self.bar = FindBar(self.view, icons=icons)
        qtbot.addWidget(self.bar)
        qtbot.waitExposed(self.view)
        self.view.set_text(DisplayText.build(TEXT))

    @property
    def field(self) -> QLineEdit:
        return self.bar.findChild(QLineEdit)

    @property
    def count(self) -> str:
        return self.bar.findChild(QLabel).text()

    def button(self, name: str) -> QToolButton:
        return next(b for b in self.bar.findChildren(QToolButton) if b.accessibleName().startswith(name))

    def ask(self, query: str) -> None:
        self.field.setText(query)
        self.qtbot.keyClick(self.field, Qt.Key.Key_Return)


@pytest.fixture
def window(qtbot: QtBot, switch: ThemeSwitch, icons: Icons) -> Window:
    return Window(qtbot, switch, icons)


def caret(window: Window) -> int:
    position = window.view.textCursor().position()
    return window.view.display.map.to_domain(position, position).start


def test_the_hits_are_counted_and_walked_round(window: Window, qtbot: QtBot) -> None:
    window.bar.open()
    places = [TEXT.index(word) for word in ("Mines", "mines", "MINES")]
    window.ask("mines")
    assert (window.count, caret(window)) == ("1 of 3", places[0])
    for expected in (1, 2, 0):
        qtbot.keyClick(window.field, Qt.Key.Key_Return)
        assert (window.count, caret(window)) == (f"{expected + 1} of 3", places[expected])
    qtbot.keyClick(window.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert (window.count, caret(window)) == ("3 of 3", places[2])
    assert window.view.sees(window.view.display.map.to_display(Span(places[2], places[2]))[0])
    qtbot.mouseClick(window.button("Previous"), Qt.MouseButton.LeftButton)
    assert window.count == "2 of 3"
    qtbot.mouseClick(window.button("Next"), Qt.MouseButton.LeftButton)
    assert window.count == "3 of 3"
    assert len(window.view.findChild(Minimap).ticks()) >= 2


def test_typing_searches_by_itself_after_a_pause(window: Window, qtbot: QtBot) -> None:
    window.bar.open()
    qtbot.keyClicks(window.field, "mines")
    qtbot.waitUntil(lambda: window.count == "1 of 3", timeout=20_000)


def test_case_and_nothing_found_are_said(window: Window, qtbot: QtBot) -> None:
    window.bar.open()
    window.ask("MINES")
    assert window.count == "1 of 3"
    window.button("Match").setChecked(True)
    assert window.count == "1 of 1"
    window.ask("torpedo")
    assert window.count == "not found"
    assert not window.button("Next").isEnabled()
    window.ask("")
    assert window.count == ""


def test_escape_closes_and_takes_the_hits_away(window: Window, qtbot: QtBot) -> None:
    window.bar.open()
    window.ask("mines")
    assert window.view.findChild(Minimap).ticks()
    with qtbot.waitSignal(window.bar.closed):
        qtbot.keyClick(window.field, Qt.Key.Key_Escape)
    assert window.bar.isHidden()
    assert not window.view.findChild(Minimap).ticks()


def test_the_search_begins_at_what_is_selected(window: Window) -> None:
    span = Span(TEXT.index("MINES"), TEXT.index("MINES") + 5)
    start, end = window.view.display.map.to_display(span)
    cursor = window.view.textCursor()
    cursor.setPosition(start)
    cursor.setPosition(end, cursor.MoveMode.KeepAnchor)
    window.view.setTextCursor(cursor)
    window.bar.open()
    assert window.field.text() == "MINES"
    assert window.count == "3 of 3"


def test_another_text_is_searched_again(window: Window) -> None:
    window.bar.open()
    window.ask("mines")
    window.view.set_text(DisplayText.build("no such thing, but mines"))
    assert window.count == "1 of 1"
    QApplication.processEvents()


def test_very_many_hits_are_capped(window: Window) -> None:
    window.bar.open()
    window.view.set_text(DisplayText.build("a b " * (MOST_HITS + 10)))
    window.ask("a")
    assert window.count == "1 of 10,000+"
    window.bar.step(-1)
    assert window.count == "10,000 of 10,000+"
