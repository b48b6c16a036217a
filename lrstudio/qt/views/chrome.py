"""The plain parts that the window is made of: measures, lines, labels and fields, all sized by the font."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QLabel, QLineEdit, QSizePolicy, QSplitter, QSplitterHandle, QToolTip, QWidget

_LEAST = 6  # characters below which a cut text tells nothing


def unit(widget: QWidget) -> int:
    """Return half a line of the widget's font, about 8 pixels: the grid that everything is laid out on."""
    return max(6, round(widget.fontMetrics().height() / 2))


def bold(font: QFont) -> QFont:
    """Return the font in its strong weight."""
    strong = QFont(font)
    strong.setWeight(QFont.Weight.DemiBold)
    return strong


def small(font: QFont) -> QFont:
    """Return the font one step smaller."""
    less = QFont(font)
    if font.pointSizeF() > 0:
        less.setPointSizeF(max(7.0, font.pointSizeF() * 0.9))
    return less


def muted(widget: QWidget) -> QColor:
    """Return the colour of what may be read but need not."""
    return widget.palette().color(QPalette.ColorRole.PlaceholderText)


def accent(widget: QWidget) -> QColor:
    """Return the one accent colour."""
    return widget.palette().color(QPalette.ColorRole.Accent)


def line_color(widget: QWidget) -> QColor:
    """Return the colour of lines between things."""
    return widget.palette().color(QPalette.ColorRole.Mid)


def paint_focus(painter: QPainter, box: QRectF, widget: QWidget, *, radius: float) -> None:
    """Paint the ring that tells where the keyboard is."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(accent(widget), 2))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


class Line(QWidget):
    """A hairline between two parts; it stretches along its orientation."""

    def __init__(self, orientation: Qt.Orientation = Qt.Orientation.Horizontal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if orientation is Qt.Orientation.Horizontal:
            self.setFixedHeight(1)
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        else:
            self.setFixedWidth(1)
            self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        QPainter(self).fillRect(self.rect(), line_color(self))


class Words(QLabel):
    """A line of text that is cut with an ellipsis where it does not fit; the whole is its tooltip then."""

    def __init__(
        self,
        text: str = "",
        *,
        strong: bool = False,
        quiet: bool = False,
        whole: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Make a label: `strong` or `quiet` in looks, `whole` where it is never to be cut."""
        super().__init__(text, parent)
        self._quiet = quiet
        self._whole = whole
        self.setTextFormat(Qt.TextFormat.PlainText)
        if strong:
            self.setFont(bold(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Ask for the least room."""
        return self.sizeHint() if self._whole else QSize(3 * unit(self), self.sizeHint().height())

    def sizeHint(self) -> QSize:
        """Ask for the room that the content takes."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 2, metrics.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        role = QPalette.ColorRole.PlaceholderText if self._quiet else QPalette.ColorRole.WindowText
        painter.setPen(self.palette().color(role))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        if len(text) >= _LEAST or text == self.text():
            painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, text)

    def event(self, event: QEvent) -> bool:
        """Take what is ours before Qt hands it on."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip and not self.toolTip():
            cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
            QToolTip.showText(event.globalPos(), self.text() if cut else "", self)
            return True
        return super().event(event)


class Tag(QLabel):
    """A short word in a frame, for what holds of a thing; hidden while it is empty."""

    def __init__(self, *, tooltip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setToolTip(tooltip)
        self.setFont(small(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.hide()

    def say(self, text: str) -> None:
        """Show a word; "" hides it."""
        self.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))

    def sizeHint(self) -> QSize:
        """Ask for the room that the word takes."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 2 * unit(self), metrics.height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(accent(self), 1))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())


class Field(QLineEdit):
    """A line to type in. `keeps_enter` is True where Enter means something to the field itself.

    Else Enter goes to the window, where it commits the decision.
    """

    def __init__(
        self, *, name: str, placeholder: str = "", keeps_enter: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._keeps_enter = keeps_enter
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(name)
        self.setFrame(False)
        step = unit(self)
        self.setTextMargins(step * 3 // 4, step // 2, step * 3 // 4, step // 2)

    def event(self, event: QEvent) -> bool:
        """Take what is ours before Qt hands it on."""
        if (
            self._keeps_enter
            and event.type() is QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            event.accept()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.hasFocus():
            paint_focus(painter, box, self, radius=4)
        else:
            painter.setPen(QPen(self.palette().window().color().darker(140), 1))  # as Fusion outlines other fields
            painter.drawRoundedRect(box, 4, 4)


class _Handle(QSplitterHandle):
    def paintEvent(self, event: QPaintEvent) -> None:
        color = accent(self) if self.underMouse() else line_color(self)
        QPainter(self).fillRect(self.rect(), color)

    def enterEvent(self, event: QEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()


class Splitter(QSplitter):
    """A splitter whose handle is a hairline; Qt widens the area to grab it by."""

    def __init__(self, orientation: Qt.Orientation, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(orientation, parent)
        self.setObjectName(name)
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)

    def createHandle(self) -> QSplitterHandle:
        """Make the hairline."""
        return _Handle(self.orientation(), self)


def panel_ground(widget: QWidget) -> None:
    """Give a widget the ground of a panel instead of the window's."""
    widget.setBackgroundRole(QPalette.ColorRole.Base)
    widget.setAutoFillBackground(True)
