"""A list whose rows are a sign, a title, a sentence and what to do about it: hosts, and what was found there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import bold, muted, small, unit
from lrstudio.qt.views.scroll import quiet
from lrstudio.qt.views.signs import paint_sign, token_of
from lrstudio.viewstate.hosts_found import SignRow

_ROW = Qt.ItemDataRole.UserRole
_WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
_ARROW = "→ "

Index = QModelIndex | QPersistentModelIndex


class SignList(QListWidget):
    """The list. `wraps` tells whether sentences take as many lines as they need, else one that is cut.

    Signals:
        chosen: the key of the row that is looked at now.
        taken: Enter or a double click on a row, by its key.
        unwanted: Delete on a row, by its key.
    """

    chosen = Signal(str)
    taken = Signal(str)
    unwanted = Signal(str)

    def __init__(self, switch: ThemeSwitch, *, name: str, wraps: bool) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setItemDelegate(_Rows(self, switch, wraps=wraps))
        quiet(self)
        self.currentItemChanged.connect(lambda now, _before: self.chosen.emit(self._key(now)))
        self.itemDoubleClicked.connect(lambda it: self.taken.emit(self._key(it)))
        switch.changed.connect(self.viewport().update)

    def show_rows(self, rows: Sequence[SignRow], *, chosen: str = "") -> None:
        """Show other rows; the one with this key is looked at, else the one that was. Nothing is told."""
        wanted = chosen or self.current
        self.blockSignals(True)
        if [it.key for it in rows] == [self._key(self.item(at)) for at in range(self.count())]:
            for at, row in enumerate(rows):
                self._fill(self.item(at), row)
        else:
            self.clear()
            for row in rows:
                item = QListWidgetItem(self)
                self._fill(item, row)
        at = next((at for at, it in enumerate(rows) if it.key == wanted), -1)
        self.setCurrentRow(at)
        self.blockSignals(False)
        self.scheduleDelayedItemsLayout()
        self.viewport().update()

    @property
    def current(self) -> str:
        """The key of the row that is looked at, "" for none."""
        return self._key(self.currentItem())

    @property
    def rows(self) -> tuple[SignRow, ...]:
        """What is shown."""
        return tuple(self.item(at).data(_ROW) for at in range(self.count()))

    def keyboardSearch(self, search: str) -> None:
        """Leave letters to the window."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take, copy or remove the row."""
        if event.matches(QKeySequence.StandardKey.Copy):
            item = self.currentItem()
            if item is not None:
                QGuiApplication.clipboard().setText(item.data(_ROW).spoken)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current:
            self.taken.emit(self.current)
        elif event.key() == Qt.Key.Key_Delete and self.current:
            self.unwanted.emit(self.current)
        else:
            super().keyPressEvent(event)

    def _fill(self, item: QListWidgetItem, row: SignRow) -> None:
        item.setData(_ROW, row)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, row.spoken)
        item.setToolTip(row.text)

    @staticmethod
    def _key(item: QListWidgetItem | None) -> str:
        return item.data(_ROW).key if item is not None and item.data(_ROW) is not None else ""


class _Rows(QStyledItemDelegate):
    """Paints the rows."""

    def __init__(self, view: SignList, switch: ThemeSwitch, *, wraps: bool) -> None:
        super().__init__(view)
        self._view = view
        self._switch = switch
        self._wraps = wraps

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Ask for as many lines as the sentences take."""
        row: SignRow = index.data(_ROW)
        width = self._view.viewport().width()
        high = self._view.fontMetrics().height()
        for text, metrics in self._parts(row):
            high += self._height(text, metrics, width) + 2
        return QSize(width, high + unit(self._view) * 3 // 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        row: SignRow = index.data(_ROW)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        view, theme, step = self._view, self._switch.theme, unit(self._view)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selection"))
            if view.hasFocus():
                painter.fillRect(
                    QRect(rect.left(), rect.top(), max(3, step // 3), rect.height()), theme.color("accent")
                )
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("line"))
        line = view.fontMetrics().height()
        side = line * 0.62
        top = rect.top() + step * 3 // 4
        mark = QRectF(rect.left() + step, top + (line - side) / 2, side, side)
        paint_sign(painter, mark, row.sign, theme.color(token_of(row.sign)))
        left, width = rect.left() + self._inset(), rect.width() - self._inset() - step
        painter.setFont(bold(view.font()))
        painter.setPen(view.palette().color(QPalette.ColorRole.Text))
        title = painter.fontMetrics().elidedText(row.title, Qt.TextElideMode.ElideRight, width)
        painter.drawText(QRect(left, top, width, line), Qt.AlignmentFlag.AlignVCenter, title)
        top += line + 2
        painter.setFont(small(view.font()))
        for text, metrics in self._parts(row):
            high = self._height(text, metrics, rect.width())
            told = text.startswith(_ARROW)
            painter.setPen(view.palette().color(QPalette.ColorRole.Text) if told else muted(view))
            if not self._wraps:
                text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(QRect(left, top, width, high), _WRAP, text)
            top += high + 2
        painter.restore()

    def _parts(self, row: SignRow) -> list[tuple[str, QFontMetrics]]:
        metrics = QFontMetrics(small(self._view.font()))
        todo = f"{_ARROW}{row.todo}" if row.todo else ""
        return [(text, metrics) for text in (*row.text.splitlines(), todo) if text]

    def _height(self, text: str, metrics: QFontMetrics, width: int) -> int:
        if not self._wraps:
            return metrics.height()
        room = max(1, width - self._inset() - unit(self._view))
        return metrics.boundingRect(QRect(0, 0, room, 10_000), _WRAP, text).height()

    def _inset(self) -> int:
        return unit(self._view) * 2 + round(self._view.fontMetrics().height() * 0.62)
