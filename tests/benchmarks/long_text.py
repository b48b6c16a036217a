"""Long documents: opening them, scrolling them, and what 20,000 marks cost."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QEvent
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QPlainTextEdit

from lrstudio.domain.text import Span
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.text_marks import Mark, MarkStyle
from lrstudio.qt.views.text_view import TextView
from lrstudio.viewstate.display_text import DisplayText
from tests.benchmarks import Case, Ratio, in_turns, milliseconds

_SIZE = (760, 900)
_MEGABYTE = 1_000_000
_SPANS = 20_000
_BOUND = 1.5


@cache
def switch() -> ThemeSwitch:
    """Make the application, once."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    return ThemeSwitch(app, name="light")


@cache
def mixed_text() -> str:
    """5 MB of paragraphs of 20 to 6000 characters, with what other scripts and systems bring along."""
    rng = random.Random(7)
    words = ["".join(rng.choices("etaoinshrdlucmfw", k=rng.randint(2, 11))) for _ in range(4000)]
    extras = ("caf\u00e9", "\u00a0", "\U0001f600", "\u2014", "\u05e9\u05dc\u05d5\u05dd", "na\u00efve", "\u2028")
    paragraphs: list[str] = []
    size = 0
    while size < 5 * _MEGABYTE:
        chosen = rng.choices(words, k=rng.choice((4, 30, 60, 90, 120, 150, 300, 900)))
        if rng.random() < 0.05:
            chosen.insert(len(chosen) // 2, rng.choice(extras))
        paragraphs.append(" ".join(chosen) + rng.choice((".\n\n", ".\n", ".\r\n\r\n")))
        size += len(paragraphs[-1])
    return "".join(paragraphs)


@cache
def one_line() -> str:
    """4 MB without a newline."""
    return mixed_text().replace("\n", " ").replace("\r", " ").replace("\u2028", " ")[: 4 * _MEGABYTE]


def paint() -> None:
    """Let everything that waits be laid out and painted."""
    QApplication.processEvents()


def close(widget: QPlainTextEdit) -> None:
    """Destroy a widget now, not in the next one's time."""
    widget.close()
    widget.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def shown_view() -> TextView:
    """Return an empty view on the screen."""
    view = TextView(switch(), name="Document")
    view.resize(*_SIZE)
    view.show()
    paint()
    return view


def shown_bare(font: QFont) -> QPlainTextEdit:
    """Return Qt's own widget, empty, on the screen, with the same size, font and wrapping."""
    edit = QPlainTextEdit()
    edit.setReadOnly(True)
    edit.setFont(font)
    edit.resize(*_SIZE)
    edit.show()
    paint()
    return edit


def fill(view: TextView, text: str) -> None:
    """Open a text and paint its first screen."""
    view.set_text(DisplayText.build(text))
    paint()


def fill_bare(edit: QPlainTextEdit, text: str) -> None:
    """Do the same with Qt's own widget."""
    edit.setPlainText(text)
    paint()


def opens() -> list[Ratio]:
    """5 MB open within 1.5 times what a bare QPlainTextEdit takes, 4 MB in one line within 1.5 times the 5 MB."""
    text, line = mixed_text(), one_line()
    font = shown_view().font()
    bare, ours, single = in_turns(
        Case(lambda: shown_bare(font), lambda edit: fill_bare(edit, text), close),
        Case(shown_view, lambda view: fill(view, text), close),
        Case(shown_view, lambda view: fill(view, line), close),
        rounds=11,
    )
    return [
        Ratio("open 5 MB", ours / bare, _BOUND, f"{milliseconds(ours)} / bare QPlainTextEdit {milliseconds(bare)}"),
        Ratio("open one line", single / ours, _BOUND, f"4 MB {milliseconds(single)} / 5 MB {milliseconds(ours)}"),
    ]


def spread_marks(length: int) -> list[Mark]:
    """Return 20,000 marks of all styles all over a text, some overlapping."""
    rng = random.Random(11)
    styles = list(MarkStyle)
    marks = []
    for _ in range(_SPANS):
        start = rng.randrange(length - 400)
        marks.append(Mark(Span(start, start + rng.randint(20, 300)), rng.choice(styles), decided=rng.random() < 0.2))
    return marks


def view_of(text: str, *, marked: bool = False) -> TextView:
    """Return a view on the screen that shows the start of a text, with its 20,000 marks where wanted."""
    view = shown_view()
    fill(view, text)
    if marked:
        view.set_marks(spread_marks(len(text)))
        paint()
    return view


def places(view: TextView, *, step: int) -> Callable[[], int]:
    """Return what gives the next value of the scroll bar: a step further, or with step 0 anywhere in the text."""
    rng = random.Random(3)
    bar = view.verticalScrollBar()

    def following() -> int:
        return bar.value() + step if step else rng.randrange(bar.maximum())

    return following


def scrolls() -> list[Ratio]:
    """A scroll step and a jump with 20,000 marks cost at most 1.5 times those without; so do those in one line."""
    plain, marked, single = view_of(mixed_text()), view_of(mixed_text(), marked=True), view_of(one_line())
    ratios = []
    for name, step in (("scroll step", 3), ("jump", 0)):
        cases = [_moving(view, places(view, step=step)) for view in (plain, marked, single)]
        bare, laden, line = in_turns(*cases, rounds=200, warm=20)
        ratios += [
            Ratio(
                f"{name} with 20,000 spans",
                laden / bare,
                _BOUND,
                f"{milliseconds(laden)} / without {milliseconds(bare)}",
            ),
            Ratio(f"{name} in one line", line / bare, _BOUND, f"{milliseconds(line)} / 5 MB {milliseconds(bare)}"),
        ]
    for view in (plain, marked, single):
        close(view)
    return ratios


def _moving(view: TextView, following: Callable[[], int]) -> Case[int]:
    def move(value: int) -> None:
        view.verticalScrollBar().setValue(value)
        paint()

    return Case(following, move, lambda _: None)


BENCHMARKS = (opens, scrolls)
