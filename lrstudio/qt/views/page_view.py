"""A page of plain text to read: a good measure, air between the lines, strips for what stands beside the text."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMargins, QPointF, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QKeySequence, QMouseEvent, QTextDocument, QWheelEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from lrstudio.qt.views.text_page import Block, PageLayout

MEASURE = 90
"""Characters of the widest line."""

_MARGIN = 16
_SHARE = 1.2
_POINT_SIZES = (7.0, 32.0)
# The average of running text, not of the alphabet.
_SAMPLE = "The harbour board closed the eastern channel for eleven days, and rates in Batavia doubled within the week. "


class PageView(QPlainTextEdit):
    """Plain text, read-only, with a caret for the keyboard; only what is on the screen is ever laid out.

    The scroll bar is there for the keyboard and the wheel but not to be seen; a strip beside the text shows the place.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty page."""
        super().__init__(parent)
        self._left: QWidget | None = None
        self._right: QWidget | None = None
        document = QTextDocument(self)
        document.setUndoRedoEnabled(False)
        document.setDocumentMargin(_MARGIN)
        self.page = PageLayout(document)
        document.setDocumentLayout(self.page)
        self.setDocument(document)
        self.setFrameShape(QFrame.Shape.NoFrame)
        # The ground beside the viewport is the page's too.
        self.setBackgroundRole(self.viewport().backgroundRole())
        self.setAutoFillBackground(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * _SHARE)
        self.setFont(font)

    def set_strips(self, *, left: QWidget, right: QWidget) -> None:
        """Put a widget beside the text on the left and one at the right edge, as wide as their size hints."""
        self._left, self._right = left, right
        self.fit()

    def fit(self) -> None:
        """Keep the measure, and the text in the middle of what a wide window leaves over."""
        area = self.contentsRect()
        left = self._left.sizeHint().width() if self._left is not None else 0
        right = self._right.sizeHint().width() if self._right is not None else 0
        average = QFontMetricsF(self.font()).horizontalAdvance(_SAMPLE) / len(_SAMPLE)
        spare = max(0, area.width() - left - right - round(average * MEASURE) - 2 * _MARGIN)
        margins = QMargins(left + spare // 2, 0, right + spare - spare // 2, 0)
        if self.viewportMargins() != margins:
            self.setViewportMargins(margins)
        if self._left is not None:
            self._left.setGeometry(area.left() + spare // 2, area.top(), left, area.height())
        if self._right is not None:
            self._right.setGeometry(area.right() + 1 - right, area.top(), right, area.height())

    def zoom(self, steps: int) -> None:
        """Make the text larger or, with negative steps, smaller by so many points."""
        font = self.font()
        low, high = _POINT_SIZES
        font.setPointSizeF(min(high, max(low, font.pointSizeF() + steps)))
        self.setFont(font)

    def visible_blocks(self) -> list[Block]:
        """Return the paragraphs that are on the screen, wholly or in part."""
        found = []
        block, top = self.firstVisibleBlock(), self.contentOffset().y()
        height = self.viewport().height()
        while block.isValid() and top < height:
            bottom = top + self.page.blockBoundingRect(block).height()
            start = block.position()
            found.append(Block(start, start + block.length() - 1, top, bottom, block.layout()))
            block, top = block.next(), bottom
        return found

    def sees(self, position: int) -> bool:
        """Tell whether the line with a position of the document is wholly on the screen."""
        cursor = self.textCursor()
        cursor.setPosition(position)
        rect = self.cursorRect(cursor)
        return rect.top() >= 0 and rect.bottom() < self.viewport().height()

    def scroll_to(self, position: int, *, above: float) -> None:
        """Scroll so that about `above` pixels lie between the top of the screen and the line with a position."""
        block = self.document().findBlock(position)
        # Asking for the rectangle lays the block out: lines have no places before.
        self.page.blockBoundingRect(block)
        room = above - block.layout().lineForTextPosition(position - block.position()).y()
        while room > 0 and block.previous().isValid():
            block = block.previous()
            room -= self.page.blockBoundingRect(block).height()
        layout = block.layout()
        number = 0
        while number < layout.lineCount() - 1 and layout.lineAt(number).y() + self.page.leading < -room:
            number += 1
        self.verticalScrollBar().setValue(block.firstLineNumber() + number)

    def _on_line(self, event: QMouseEvent) -> QMouseEvent:
        """Move an event from the air between two lines to the nearer one: Qt would take it for the line's end."""
        y = event.position().y()
        block = next((block for block in self.visible_blocks() if block.top <= y < block.bottom), None)
        if block is None:
            return event
        line = block.line_at(y)
        top = block.top + line.y()
        nearest = min(max(y, top + 1), top + line.height() - 1)
        if nearest == y:
            return event
        return QMouseEvent(
            event.type(),
            QPointF(event.position().x(), nearest),
            event.scenePosition(),
            event.globalPosition(),
            event.button(),
            event.buttons(),
            event.modifiers(),
            event.pointingDevice(),
        )

    # Qt's side

    def event(self, event: QEvent) -> bool:
        """Fit the page before the viewport learns its size, so that the text is wrapped once."""
        if event.type() is QEvent.Type.Resize:
            self.fit()
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        """Keep the air between lines and the measure in step with the font."""
        if event.type() is QEvent.Type.FontChange:
            self.page.follow(self.font())
            self.fit()
        super().changeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom; everything else is the caret's."""
        if event.matches(QKeySequence.StandardKey.ZoomIn):
            self.zoom(1)
        elif event.matches(QKeySequence.StandardKey.ZoomOut):
            self.zoom(-1)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl, scroll without."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Press on the nearest line."""
        super().mousePressEvent(self._on_line(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Select by lines, not by the air between them."""
        super().mouseMoveEvent(self._on_line(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Release on the nearest line."""
        super().mouseReleaseEvent(self._on_line(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select a word of the nearest line."""
        super().mouseDoubleClickEvent(self._on_line(event))
