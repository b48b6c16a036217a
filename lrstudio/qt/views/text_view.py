"""A long text to read: marks, numbers in the margin, an overview beside it.

One widget for documents and candidates. Offsets and spans are those of the original text; the widget's own text is for
the eye only and is never read back (see `lrstudio.viewstate.display_text`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import (
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from lrstudio.domain.text import Span
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.mark_painter import MarkPainter, Placed
from lrstudio.qt.views.minimap import TICKED, Minimap
from lrstudio.qt.views.page_view import PageView
from lrstudio.qt.views.text_gutter import Gutter, GutterLabel, LinePlace
from lrstudio.qt.views.text_marks import Mark, MarkIndex, MarkStyle
from lrstudio.qt.views.text_page import Block, boxes
from lrstudio.viewstate.display_text import DisplayText


class TextView(PageView):
    """Shows one `DisplayText`, read-only, with a caret for the keyboard.

    Only what is on the screen is ever laid out, looked up or painted, whatever the length of the text and the number of
    its marks.
    """

    mark_clicked = Signal(str, object)
    """The group and the span of the innermost mark that was clicked."""
    span_selected = Signal(object)
    """The `Span` that mouse or keyboard selected, None when nothing is selected any more."""
    revealed = Signal(object)
    """The `Span` that `reveal` brought to the screen."""
    text_changed = Signal()
    """Another text is shown."""

    def __init__(self, switch: ThemeSwitch, *, name: str, description: str = "", parent: QWidget | None = None) -> None:
        """Make an empty view; `name` and `description` are what a screen reader says of it."""
        super().__init__(parent)
        self._switch = switch
        self._display = DisplayText.build("")
        self._marks = MarkIndex()
        self._hits = MarkIndex()
        self._hit: Mark | None = None
        self._brush = MarkPainter()
        self._ticked = TICKED
        self._selected: Span | None = None
        self._pressed: QPointF | None = None
        self._awaited: tuple[Span, bool] | None = None
        self.setAccessibleName(name)
        self.setAccessibleDescription(description)
        self._gutter = Gutter(switch, places=self._line_places, shown=self.visible_span, parent=self)
        self._minimap = Minimap(switch, self)
        self.set_strips(left=self._gutter, right=self._minimap)
        self._minimap.pointed.connect(self._bring_to_middle)
        self._minimap.dragged.connect(self._bring_to_top)
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._tell_selection)
        self.selectionChanged.connect(self._soon.start)
        self.updateRequest.connect(self._follow)
        switch.changed.connect(self._repaint)

    # What is shown

    @property
    def display(self) -> DisplayText:
        """The text that is shown."""
        return self._display

    def set_text(self, display: DisplayText) -> None:
        """Show a text from its start, without marks, hits and labels."""
        self._awaited = None
        self._marks, self._hits, self._hit = MarkIndex(), MarkIndex(), None
        self._minimap.set_marks((), length=0)
        self._minimap.set_found((), length=0)
        # Nothing may look from the document to the map while one of them is still the old one.
        with QSignalBlocker(self):
            self._display = display
            self.setPlainText(display.shown)
        self.set_gutter(())
        self._follow(self.viewport().rect(), 0)
        self._soon.start()
        self.text_changed.emit()

    def set_marks(self, marks: Iterable[Mark]) -> None:
        """Show these marks in place of all others; they may overlap and nest.

        Raises:
            ValueError: a mark ends beyond the text.
        """
        index = MarkIndex(marks)
        self._require_within(index)
        self._marks = index
        self._minimap.set_marks(index.marks, length=self._display.map.length, styles=self._ticked)
        self.viewport().update()

    def set_ticked(self, styles: frozenset[MarkStyle]) -> None:
        """Show ticks in the overview for marks of these styles only."""
        self._ticked = styles
        self._minimap.set_marks(self._marks.marks, length=self._display.map.length, styles=styles)

    def set_found(self, spans: Iterable[Span]) -> None:
        """Show these spans as hits of a search, over the marks."""
        index = MarkIndex(Mark(span, MarkStyle.FOUND) for span in spans)
        self._require_within(index)
        self._hits, self._hit = index, None
        self._minimap.set_found(index.marks, length=self._display.map.length)
        self.viewport().update()

    def set_current_found(self, span: Span | None) -> None:
        """Show one of the hits as the current one."""
        self._hit = Mark(span, MarkStyle.FOUND_CURRENT) if span is not None else None
        self.viewport().update()

    def set_gutter(self, labels: Iterable[GutterLabel]) -> None:
        """Show these labels in the margin; without any there is no gutter."""
        self._gutter.set_labels(labels)
        self.fit()

    # Where things are

    def visible_span(self) -> Span:
        """Return the span of the paragraphs that are on the screen, wholly or in part."""
        blocks = self.visible_blocks()
        if not blocks:
            return Span(0, 0)
        return self._display.map.to_domain(blocks[0].start, blocks[-1].end)

    def offset_at(self, position: QPoint) -> int:
        """Return the offset nearest to a point of the viewport."""
        return self._display.map.to_domain(*[self.cursorForPosition(position).position()] * 2).start

    def mark_at(self, position: QPoint) -> Mark | None:
        """Return the innermost mark under a point of the viewport, or None."""
        blocks = self.visible_blocks()
        part = self._exposed(blocks, QRect(position, position))
        under = [item.mark for item in self._placed(blocks, self._marks, part) if _covers(item, position)]
        return min(under, key=lambda mark: len(mark.span), default=None)

    def selected_span(self) -> Span | None:
        """Return what is selected, or None."""
        cursor = self.textCursor()
        span = self._display.map.to_domain(cursor.selectionStart(), cursor.selectionEnd())
        return span if len(span) else None

    def selected_words(self) -> Span | None:
        """Return what is selected, taken out to whole words and without the spaces around them, or None."""
        span = self.selected_span()
        return self._display.whole_words(span) if span is not None else None

    def clear_selection(self) -> None:
        """Select nothing; the caret stays at the start of what was selected."""
        cursor = self.textCursor()
        cursor.setPosition(cursor.selectionStart())
        self.setTextCursor(cursor)

    def reveal(self, span: Span, *, steady: bool = False) -> None:
        """Scroll so that the span starts about a third below the top, without animation, and put the caret there.

        With `steady` the text stays where it is when the whole span is on the screen already. A view that is not on the
        screen yet does it when it is shown.

        Raises:
            ValueError: the span ends beyond the text.
        """
        start, end = self._display.map.to_display(span)
        if not self.isVisible():
            self._awaited = (span, steady)
            return
        seen = steady and self.sees(start) and self.sees(end)
        cursor = self.textCursor()
        cursor.setPosition(start)
        place = self.verticalScrollBar().value()
        self.setTextCursor(cursor)
        if seen:
            self.verticalScrollBar().setValue(place)
        else:
            self.scroll_to(start, above=self.viewport().height() / 3)
        self.revealed.emit(span)

    # How it is done

    def _require_within(self, index: MarkIndex) -> None:
        beyond = next((mark for mark in index.marks if mark.span.end > self._display.map.length), None)
        if beyond is not None:
            raise ValueError(f"a mark ends at {beyond.span.end} in a text of {self._display.map.length} code points")

    def _placed(self, blocks: Sequence[Block], index: MarkIndex, part: tuple[int, int]) -> list[Placed]:
        """Place the marks between two positions of the blocks, and only the lines there: whole marks may be long.

        The outline of focused evidence needs all of its lines, or each part would have an outline of its own.
        """
        if not index.marks:
            return []
        starts = [block.start for block in blocks]
        placed = []
        for mark in index.within(self._display.map.to_domain(*part)):
            start, end = self._display.map.to_display(mark.span)
            if not (mark.focused and mark.style is MarkStyle.EVIDENCE):
                start, end = max(start, part[0]), min(end, part[1])
            first, last = max(0, bisect_right(starts, start) - 1), bisect_right(starts, end)
            placed.append(
                Placed(mark, [box for block in blocks[first:last] for box in boxes(block, start=start, end=end)])
            )
        return placed

    def _exposed(self, blocks: Sequence[Block], rect: QRect) -> tuple[int, int]:
        """Return the positions between which the lines are that a part of the viewport shows."""
        air = self.page.leading
        part = [block for block in blocks if block.bottom >= rect.top() - air and block.top <= rect.bottom() + air]
        if not part:
            return 0, 0
        last = part[-1].line_at(rect.bottom() + air)
        return (
            part[0].start + part[0].line_at(rect.top() - air).textStart(),
            min(part[-1].end, part[-1].start + last.textStart() + last.textLength()),
        )

    def _line_places(self, offsets: Sequence[int]) -> list[LinePlace]:
        """Return where the lines with these offsets, which are on the screen, are."""
        blocks = self.visible_blocks()
        starts = [block.start for block in blocks]
        places = []
        for offset in offsets:
            position, _ = self._display.map.to_display(Span(offset, offset))
            block = blocks[max(0, bisect_right(starts, position) - 1)]
            line = block.layout.lineForTextPosition(position - block.start)
            places.append(LinePlace(block.top + line.y(), line.height()))
        return places

    def _bring_to_middle(self, place: float) -> None:
        self._go_to(place, above=self.viewport().height() / 2)

    def _bring_to_top(self, place: float) -> None:
        self._go_to(place, above=0)

    def _go_to(self, place: float, *, above: float) -> None:
        offset = round(place * self._display.map.length)
        position, _ = self._display.map.to_display(Span(offset, offset))
        self.scroll_to(position, above=above)

    def _follow(self, rect: QRect, dy: int) -> None:
        if not dy and not rect.contains(self.viewport().rect()):
            return
        self._gutter.update()
        length = self._display.map.length
        first = self.offset_at(QPoint(0, 0))
        last = self.offset_at(self.viewport().rect().bottomRight())
        self._minimap.set_shown(first / length if length else 0.0, last / length if length else 1.0)

    def _repaint(self) -> None:
        self.viewport().update()
        self._gutter.update()

    def _tell_selection(self) -> None:
        span = self.selected_span()
        if span != self._selected:
            self._selected = span
            self.span_selected.emit(span)

    # Qt's side

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint grounds, the text, and lines over it."""
        blocks = self.visible_blocks()
        part = self._exposed(blocks, event.rect())
        marks = self._placed(blocks, self._marks, part)
        hits = self._placed(blocks, self._hits, part)
        if self._hit is not None:
            hits += self._placed(blocks, MarkIndex([self._hit]), part)
        theme, leading = self._switch.theme, self.page.leading
        painter = QPainter(self.viewport())
        self._brush.grounds(painter, marks, theme=theme, leading=leading)
        self._brush.grounds(painter, hits, theme=theme, leading=leading)
        painter.end()
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        self._brush.lines(painter, marks, theme=theme, leading=leading)
        painter.end()

    def showEvent(self, event: QShowEvent) -> None:
        """Reveal what was asked for before there was a screen to show it on."""
        super().showEvent(event)
        if self._awaited is not None:
            (span, steady), self._awaited = self._awaited, None
            self.reveal(span, steady=steady)

    def createMimeDataFromSelection(self) -> QMimeData:
        """Copy from the original text."""
        data = QMimeData()
        span = self.selected_span()
        data.setText(span.of(self._display.text) if span is not None else "")
        return data

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a click began."""
        self._pressed = event.position() if event.button() is Qt.MouseButton.LeftButton else None
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell which mark was clicked, unless something was selected."""
        super().mouseReleaseEvent(event)
        pressed, self._pressed = self._pressed, None
        if pressed is None or self.textCursor().hasSelection():
            return
        if (event.position() - pressed).manhattanLength() <= QApplication.startDragDistance():
            mark = self.mark_at(event.position().toPoint())
            if mark is not None:
                self.mark_clicked.emit(mark.group, mark.span)


def _covers(item: Placed, point: QPoint) -> bool:
    """Tell whether a point is on a mark; the air below a line belongs to it."""
    return any(box.left <= point.x() <= box.right and box.top - 2 <= point.y() <= box.bottom + 4 for box in item.boxes)
