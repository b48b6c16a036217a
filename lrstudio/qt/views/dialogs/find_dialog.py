"""Find anything: a field, hits below it grouped by kind, and, while nothing is typed, the marks that people left."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import Field, Words, bold, muted, unit
from lrstudio.qt.views.dialogs.base import Dialog
from lrstudio.qt.views.scroll import quiet
from lrstudio.viewstate.finding import FoundGroup, FoundRow

Index = QModelIndex | QPersistentModelIndex

_PAUSE_MS = 150
"""A search begins when typing pauses this long."""

_ROLE = Qt.ItemDataRole.UserRole
_OWNER_SHARE = 3
"""One part in so many of a line is for what a hit belongs to."""


class _Delegate(QStyledItemDelegate):
    """A heading with its count, or a line of text with what was found marked in it."""

    def __init__(self, view: QTreeWidget, switch: ThemeSwitch) -> None:
        super().__init__(view)
        self._view = view
        self._switch = switch

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Ask for one line."""
        return QSize(10 * unit(self._view), self._view.fontMetrics().height() + unit(self._view) * 5 // 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one line."""
        step = unit(self._view)
        painter.save()
        rect: QRect = option.rect
        area = rect.adjusted(step, 0, -step, 0)
        thing = index.data(_ROLE)
        if isinstance(thing, FoundGroup):
            painter.setFont(bold(self._view.font()))
            painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, thing.title)
            left = painter.fontMetrics().horizontalAdvance(thing.title) + step
            painter.setFont(self._view.font())
            painter.setPen(muted(self._view))
            painter.drawText(area.adjusted(left, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, f"{thing.count:,}")
        elif isinstance(thing, FoundRow):
            state: QStyle.StateFlag = option.state
            if state & QStyle.StateFlag.State_Selected:
                painter.fillRect(rect, self._switch.theme.color("selection"))
            self._paint_row(painter, area.adjusted(step, 0, 0, 0), thing)
        painter.restore()

    def _paint_row(self, painter: QPainter, area: QRect, row: FoundRow) -> None:
        metrics = self._view.fontMetrics()
        if row.owner:
            room = min(area.width() // _OWNER_SHARE, metrics.horizontalAdvance(row.owner) + 2)
            owner = metrics.elidedText(row.owner, Qt.TextElideMode.ElideRight, room)
            painter.setPen(muted(self._view))
            right = QRect(area.right() - room, area.top(), room, area.height())
            painter.drawText(right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, owner)
            area = area.adjusted(0, 0, -room - 2 * unit(self._view), 0)
        text = metrics.elidedText(row.text, Qt.TextElideMode.ElideRight, area.width())
        height = metrics.height()
        ground = self._switch.theme.color("found_tint")
        for span in row.matches:
            if span.start < len(text):
                left = area.left() + metrics.horizontalAdvance(text[: span.start])
                wide = metrics.horizontalAdvance(text[span.start : span.end])
                painter.fillRect(QRect(left, area.top() + (area.height() - height) // 2, wide, height), ground)
        painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)


class FoundTree(QTreeWidget):
    """Headings and lines.

    Signals:
        taken: the `FoundRow` that Enter was pressed on, or that was clicked twice.
        deleted: the `FoundRow` that Delete was pressed on.
    """

    taken = Signal(object)
    deleted = Signal(object)

    def __init__(self, switch: ThemeSwitch) -> None:
        super().__init__()
        self.setHeaderHidden(True)
        self.header().setAccessibleName("Columns")
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setItemsExpandable(False)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("What was found")
        self.setItemDelegate(_Delegate(self, switch))
        quiet(self)
        self.itemDoubleClicked.connect(lambda item, _column: self._take(item))
        switch.changed.connect(self.viewport().update)

    def show_groups(self, groups: Sequence[FoundGroup]) -> None:
        """Show these; the first line becomes current."""
        self.clear()
        first: QTreeWidgetItem | None = None
        for group in groups:
            heading = QTreeWidgetItem(self, [f"{group.title}: {group.count}"])
            heading.setData(0, _ROLE, group)
            heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
            for row in group.rows:
                item = QTreeWidgetItem(heading, [f"{row.text} {row.owner}"])
                item.setData(0, _ROLE, row)
                item.setToolTip(0, f"{row.text}\n{row.owner}".strip())
                first = first or item
            heading.setExpanded(True)
        if first is not None:
            self.setCurrentItem(first)

    def current(self) -> FoundRow | None:
        """Return the line in focus."""
        item = self.currentItem()
        thing = item.data(0, _ROLE) if item is not None else None
        return thing if isinstance(thing, FoundRow) else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take a line with Enter, take a mark away with Delete."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.currentItem())
        elif event.key() == Qt.Key.Key_Delete and self.current() is not None:
            self.deleted.emit(self.current())
        else:
            super().keyPressEvent(event)

    def _take(self, item: QTreeWidgetItem | None) -> None:
        thing = item.data(0, _ROLE) if item is not None else None
        if isinstance(thing, FoundRow):
            self.taken.emit(thing)


class FindDialog(Dialog):
    """The window that finds.

    Signals:
        asked: what was typed, "" for the marks.
        taken: the `FoundRow` to go to.
        deleted: the `FoundRow` of a mark to take away.
    """

    asked = Signal(str)
    taken = Signal(object)
    deleted = Signal(object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Find anything", parent, size=(110, 80))
        self.field = Field(
            name="Find anything", placeholder='Words that all occur; "a phrase", begin*, -without. Empty: your marks.'
        )
        self.field.setClearButtonEnabled(True)
        self.tree = FoundTree(switch)
        self.said = Words("", quiet=True)
        self.said.setAccessibleName("What the search came to")
        self._typing = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._typing.timeout.connect(self.ask)
        self.field.textChanged.connect(lambda _text: self._typing.start())
        self.field.installEventFilter(self)
        self.tree.taken.connect(self.taken)
        self.tree.deleted.connect(self.deleted)
        self.column.addWidget(self.field)
        self.column.addWidget(self.said)
        self.column.addWidget(self.tree, 1)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([close])
        self.take_room()

    def ask(self) -> None:
        """Search for what is typed now."""
        self._typing.stop()
        self.asked.emit(self.field.text())

    def say(self, sentence: str) -> None:
        """Say what the search came to, or that it is under way."""
        self.said.setText(sentence)
        self.said.updateGeometry()

    def show_groups(self, groups: Sequence[FoundGroup], *, sentence: str) -> None:
        """Show what was found."""
        self.tree.show_groups(groups)
        self.say(sentence)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go from the field to the hits with Down, and to the first one with Enter."""
        if watched is self.field and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Down:
                self.tree.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if self._typing.isActive():
                    self.ask()
                elif self.tree.current() is not None:
                    self.taken.emit(self.tree.current())
                return True
        return super().eventFilter(watched, event)
