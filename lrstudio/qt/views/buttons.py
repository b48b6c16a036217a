"""Calm push buttons, with key caps."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QIcon, QKeyEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from lrstudio.qt.views.chrome import paint_focus, small, unit


class Kind(Enum):
    """How loud a button is."""

    PRIMARY = "primary"
    PLAIN = "plain"
    FLAT = "flat"


class Button(QPushButton):
    """A calm push button: `key` is painted as a key cap in front of its words, `trailing` behind them."""

    def __init__(
        self, text: str = "", *, kind: Kind = Kind.PLAIN, key: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self._kind = kind
        self._key = key
        self._trailing = ""
        self._aside = ""
        self._elide = False
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        if text:
            self.setAccessibleName(text)

    def set_words(self, text: str) -> None:
        """Change the words, for the eye and the ear."""
        self.setText(text)
        self.setAccessibleName(text)
        self.updateGeometry()

    def set_trailing(self, key: str) -> None:
        """Paint a key cap behind the words."""
        self._trailing = key
        self.updateGeometry()

    def set_aside(self, text: str) -> None:
        """Write something in grey at the right end of a wide button."""
        self._aside = text
        self.update()

    def set_eliding(self) -> None:
        """Let the layout make the button narrower than its words."""
        self._elide = True
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press it with Return as with the space bar."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """Ask for the room that the content takes."""
        metrics = self.fontMetrics()
        step = unit(self)
        width = metrics.horizontalAdvance(self.text()) if self.text() else 0
        for cap in (self._key, self._trailing):
            if cap:
                width += self._cap_width(cap) + step * 3 // 4
        if not self.icon().isNull():
            width += self._icon_side() + (step * 3 // 4 if self.text() else 0)
        if self.menu() is not None:
            width += step * 3 // 2
        return QSize(width + 2 * self._side(), metrics.height() + step * 5 // 4)

    def minimumSizeHint(self) -> QSize:
        """Ask for the least room."""
        hint = self.sizeHint()
        return QSize(min(hint.width(), 8 * unit(self)), hint.height()) if self._elide else hint

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground, edge, ink = self._colors()
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        radius = unit(self) * 0.6
        painter.setPen(QPen(edge, 1) if edge else Qt.PenStyle.NoPen)
        painter.setBrush(ground if ground else Qt.BrushStyle.NoBrush)
        if ground or edge:
            painter.drawRoundedRect(box, radius, radius)
        if self.hasFocus():
            paint_focus(painter, box, self, radius=radius)
            if self._kind is Kind.PRIMARY:  # its ground has the colour of the ring
                painter.setPen(QPen(ink, 1))
                painter.drawRoundedRect(box.adjusted(2.5, 2.5, -2.5, -2.5), radius, radius)
        self._paint_content(painter, ink)

    def _colors(self) -> tuple[QColor | None, QColor | None, QColor]:
        palette = self.palette()
        ink = palette.color(QPalette.ColorRole.ButtonText)
        active = self.isDown() or self.isChecked()
        hover = self.underMouse() and self.isEnabled()
        if self._kind is Kind.PRIMARY and self.isEnabled():
            ground = palette.color(QPalette.ColorRole.Accent)
            ink = on_accent(ground)
            return (ground.darker(112) if active else ground.lighter(106) if hover else ground), None, ink
        if active:
            return palette.color(QPalette.ColorRole.Highlight), palette.color(QPalette.ColorRole.Accent), ink
        if self._kind is Kind.FLAT:
            return (palette.color(QPalette.ColorRole.Highlight) if hover else None), None, ink
        ground = palette.color(QPalette.ColorRole.Highlight if hover else QPalette.ColorRole.Button)
        return ground, palette.color(QPalette.ColorRole.Mid), ink

    def _paint_content(self, painter: QPainter, ink: QColor) -> None:
        step = unit(self)
        content = self.sizeHint().width() - 2 * self._side()
        left = max(step * 3 // 4, (self.width() - content) // 2)
        if self._elide:
            left = self._side()
        gap = step * 3 // 4
        if self._key:
            left = self._paint_cap(painter, left, self._key, ink) + gap
        if not self.icon().isNull():
            side = self._icon_side()
            area = QRect(left, (self.height() - side) // 2, side, side)
            self.icon().paint(painter, area, mode=self._icon_mode())
            left = area.right() + 1 + gap
        right = self.width() - self._side()
        if self.menu() is not None:
            self._paint_arrow(painter, right - step // 2, ink)
            right -= step * 3 // 2
        if self._trailing:
            width = self._cap_width(self._trailing)
            self._paint_cap(painter, right - width, self._trailing, ink)
            right -= width + gap
        painter.setPen(ink)
        painter.setFont(self.font())
        room = max(0, right - left) if self._elide else self.fontMetrics().horizontalAdvance(self.text()) + 2
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
        if self._aside:
            left += self.fontMetrics().horizontalAdvance(text) + 2 * step
            self._paint_aside(painter, QRect(left, 0, max(0, right - left), self.height()))

    def _paint_aside(self, painter: QPainter, area: QRect) -> None:
        painter.setFont(small(self.font()))
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        text = painter.fontMetrics().elidedText(self._aside, Qt.TextElideMode.ElideMiddle, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)

    def _side(self) -> int:
        step = unit(self)
        return step * 3 // 2 if self.text() and self._kind is not Kind.FLAT else step

    def _icon_side(self) -> int:
        return round(self.fontMetrics().height() * 1.05)

    def _icon_mode(self) -> QIcon.Mode:
        return QIcon.Mode.Normal if self.isEnabled() else QIcon.Mode.Disabled

    def _cap_width(self, cap: str) -> int:
        return max(QFontMetrics(small(self.font())).horizontalAdvance(cap), unit(self) * 3 // 4) + unit(self)

    def _paint_cap(self, painter: QPainter, left: int, cap: str, ink: QColor) -> int:
        font = small(self.font())
        width, height = self._cap_width(cap), QFontMetrics(font).height() + 2
        box = QRectF(left + 0.5, (self.height() - height) / 2 + 0.5, width - 1, height - 1)
        edge = QColor(ink)
        edge.setAlphaF(0.35)
        painter.setPen(QPen(edge, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 3, 3)
        painter.setFont(font)
        painter.setPen(ink)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, cap)
        return left + width

    def _paint_arrow(self, painter: QPainter, center: int, ink: QColor) -> None:
        size = unit(self) * 0.32
        middle = self.height() / 2
        painter.setPen(QPen(ink, 1.2))
        painter.drawPolyline(
            [
                QPointF(center - size, middle - size / 2),
                QPointF(center, middle + size / 2),
                QPointF(center + size, middle - size / 2),
            ]
        )


def on_accent(ground: QColor) -> QColor:
    """Return the ink that reads best on a filled button."""
    return QColor("#10151f") if ground.lightnessF() > 0.6 else QColor("#ffffff")
