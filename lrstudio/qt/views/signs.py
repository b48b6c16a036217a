"""Signs, chips and rows of signs, painted as shapes: no font has to have the glyphs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen

from lrstudio.qt.theme.tokens import Theme
from lrstudio.qt.views.text_marks import MarkStyle
from lrstudio.viewstate.audit_list import ListGlyph
from lrstudio.viewstate.audit_signs import Chip, Sign


def token_of(sign: Sign) -> str:
    """Return the theme token that colours a sign."""
    return MarkStyle.of(sign).value


def paint_sign(painter: QPainter, box: QRectF, sign: Sign, color: QColor) -> None:
    """Paint one sign into a square."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    side = min(box.width(), box.height())
    center = box.center()
    ring = QRectF(center.x() - side / 2, center.y() - side / 2, side, side).adjusted(0.6, 0.6, -0.6, -0.6)
    pen = QPen(color, max(1.2, side / 8))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    if sign is Sign.FULL:
        painter.setBrush(color)
        painter.drawEllipse(ring)
    elif sign is Sign.PARTIAL:
        painter.drawEllipse(ring)
        half = QPainterPath(center)
        half.arcTo(ring, 90, 180)
        half.closeSubpath()
        painter.fillPath(half, color)
    elif sign is Sign.CONTRADICTED:
        cross = ring.adjusted(side / 10, side / 10, -side / 10, -side / 10)
        painter.drawLine(cross.topLeft(), cross.bottomRight())
        painter.drawLine(cross.topRight(), cross.bottomLeft())
    elif sign in (Sign.NOT_FOUND, Sign.NONE):
        painter.drawEllipse(ring)
    elif sign is Sign.UNSCORED:
        _paint_question(painter, ring, color)
    elif sign is Sign.NOT_CHECKABLE:
        painter.drawLine(QPointF(ring.left(), center.y()), QPointF(ring.right(), center.y()))
    else:
        _paint_dots(painter, ring, color, count=3 if sign is Sign.NOT_CHECKED else 1)
    painter.restore()


def _paint_question(painter: QPainter, ring: QRectF, color: QColor) -> None:
    font = QFont(painter.font())
    font.setPixelSize(max(8, round(ring.height() * 1.25)))
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(color)
    painter.drawText(ring.adjusted(-4, -4, 4, 4), Qt.AlignmentFlag.AlignCenter, "?")


def _paint_dots(painter: QPainter, ring: QRectF, color: QColor, *, count: int) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    radius = max(1.0, ring.width() / 9)
    for number in range(count):
        share = 0.5 if count == 1 else number / (count - 1)
        x = ring.left() + radius + share * (ring.width() - 2 * radius)
        painter.drawEllipse(QPointF(x, ring.center().y()), radius, radius)


def paint_check(painter: QPainter, box: QRectF, color: QColor) -> None:
    """Paint the tick of a person's decision into a square."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(color, max(1.4, box.width() / 7))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    left, top, width, height = box.left(), box.top(), box.width(), box.height()
    painter.drawPolyline(
        [
            QPointF(left + 0.15 * width, top + 0.55 * height),
            QPointF(left + 0.4 * width, top + 0.8 * height),
            QPointF(left + 0.88 * width, top + 0.2 * height),
        ]
    )
    painter.restore()


def chip_width(metrics: QFontMetrics, chip: Chip) -> int:
    """Return how wide a chip is painted."""
    side = round(metrics.height() * 0.62)
    width = metrics.horizontalAdvance(chip.text) + metrics.height() + side + round(metrics.height() * 0.35)
    return width + (round(metrics.height() * 0.35) + side if chip.decided else 0)


def paint_chip(painter: QPainter, area: QRect, chip: Chip, theme: Theme, *, room: int = 0) -> None:
    """Paint a chip at the left of an area, in its middle; an open one is an outline, a person's has a tick."""
    metrics = painter.fontMetrics()
    height = metrics.height() + max(2, metrics.height() // 4)
    width = min(chip_width(metrics, chip), room or area.width())
    box = QRectF(area.left(), area.center().y() - height / 2 + 0.5, width, height)
    token = token_of(chip.sign)
    ink = theme.color(token)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    empty = not chip.decided and chip.sign in (Sign.NOT_CHECKED, Sign.HIDDEN)
    if empty:
        pen = QPen(theme.color("unchecked_mark"), 1, Qt.PenStyle.DashLine)
        pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setOpacity(0.5)
    else:
        painter.setPen(QPen(theme.color(f"{token}_mark"), 1) if chip.decided else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(f"{token}_tint"))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), height / 2, height / 2)
    painter.setOpacity(1.0)
    side = metrics.height() * 0.62
    pad = metrics.height() * 0.5
    left = box.left() + pad
    paint_sign(painter, QRectF(left, box.center().y() - side / 2, side, side), chip.sign, ink)
    left += side + metrics.height() * 0.35
    right = box.right() - pad
    if chip.decided:
        paint_check(painter, QRectF(right - side, box.center().y() - side / 2, side, side), ink)
        right -= side + metrics.height() * 0.35
    painter.setPen(ink)
    text = metrics.elidedText(chip.text, Qt.TextElideMode.ElideRight, max(0, round(right - left) + 1))
    painter.drawText(QRectF(left, box.top(), right - left + 2, height), Qt.AlignmentFlag.AlignVCenter, text)
    painter.restore()


def glyph_row_width(glyphs: Sequence[ListGlyph], side: int) -> int:
    """Return the width of a row of signs of which none is left out."""
    return len(glyphs) * (side + max(2, side // 5))


def paint_glyph_row(painter: QPainter, area: QRect, glyphs: Sequence[ListGlyph], theme: Theme, *, side: int) -> None:
    """Paint signs in a row; what does not fit is counted behind it. A person's have a line below them."""
    step = side + max(2, side // 5)
    fitting = max(0, area.width() // step)
    shown = glyphs if len(glyphs) <= fitting else glyphs[: max(0, fitting - 3)]
    top = area.center().y() - side / 2 + 0.5
    left = float(area.left())
    for glyph in shown:
        color = theme.color(token_of(glyph.sign))
        paint_sign(painter, QRectF(left, top, side, side), glyph.sign, color)
        if glyph.decided:
            painter.fillRect(QRectF(left + 1, top + side + 2, side - 2, 1.5), color)
        left += step
    if len(shown) < len(glyphs):
        painter.setPen(theme.color("muted"))
        rest = QRect(round(left), area.top(), area.right() - round(left), area.height())
        painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, f"+{len(glyphs) - len(shown)}")
