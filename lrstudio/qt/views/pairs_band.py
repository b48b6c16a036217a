"""The band below two candidates: the claims that only one has, and those that one has better support for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import Line, muted, unit
from lrstudio.qt.views.scroll import quiet
from lrstudio.qt.views.signs import paint_sign, token_of
from lrstudio.viewstate.audit_signs import Sign
from lrstudio.viewstate.pairs_board import BandLine

_LINE_ROLE = Qt.ItemDataRole.UserRole + 1
_MOST_LINES = 6

Index = QModelIndex | QPersistentModelIndex


class _BandDelegate(QStyledItemDelegate):
    """The kind in grey, the sign, where there are two the other side's, and the claim."""

    def __init__(self, view: QListWidget, switch: ThemeSwitch) -> None:
        super().__init__(view)
        self._view = view
        self._switch = switch

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Ask for one line."""
        return QSize(0, self._view.fontMetrics().height() + unit(self._view) // 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one line."""
        line = index.data(_LINE_ROLE)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        if not isinstance(line, BandLine):
            return
        painter.save()
        step, metrics = unit(self._view), self._view.fontMetrics()
        if state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(rect, self._switch.theme.color("selection"))
        area = rect.adjusted(2 * step, 0, -step, 0)
        painter.setPen(muted(self._view))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, line.kind)
        area.adjust(metrics.horizontalAdvance(line.kind) + step, 0, 0, 0)
        self._sign(painter, area, line.sign)
        if line.other is not None:
            painter.setPen(muted(self._view))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, "/")
            area.adjust(step, 0, 0, 0)
            self._sign(painter, area, line.other)
        painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
        text = metrics.elidedText(line.text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def _sign(self, painter: QPainter, area: QRect, sign: Sign) -> None:
        side = round(self._view.fontMetrics().height() * 0.62)
        box = QRectF(area.left(), area.center().y() - side / 2 + 0.5, side, side)
        paint_sign(painter, box, sign, self._switch.theme.color(token_of(sign)))
        area.adjust(side + unit(self._view), 0, 0, 0)


class _BandList(QListWidget):
    def __init__(self, switch: ThemeSwitch, *, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setItemDelegate(_BandDelegate(self, switch))
        quiet(self)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Window)
        switch.changed.connect(self.viewport().update)

    def put(self, lines: Sequence[BandLine]) -> None:
        """Show these lines."""
        self.clear()
        for line in lines:
            item = QListWidgetItem(line.spoken)
            item.setData(_LINE_ROLE, line)
            item.setToolTip(line.text)
            self.addItem(item)


class Band(QWidget):
    """Two lists side by side, as high as their lines are, up to a few."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.left = _BandList(switch, name="Claims where the left candidate is ahead")
        self.right = _BandList(switch, name="Claims where the right candidate is ahead")
        row = QHBoxLayout(self)
        air = unit(self) // 2
        row.setContentsMargins(0, air, 0, air)
        row.setSpacing(0)
        row.addWidget(self.left, 1)
        row.addWidget(Line(Qt.Orientation.Vertical))
        row.addWidget(self.right, 1)

    def show_lines(self, band: tuple[Sequence[BandLine], Sequence[BandLine]]) -> None:
        """Show the differences; without any the band takes no room."""
        self.left.put(band[0])
        self.right.put(band[1])
        step = unit(self)
        lines = min(_MOST_LINES, max(len(band[0]), len(band[1])))
        self.setVisible(lines > 0)
        self.setFixedHeight(lines * (self.fontMetrics().height() + step // 2) + 2 * (step // 2))
