"""Paints marks: grounds and outlines behind the text, underlines and veils over it.

Qt's own underlines hug the letters, and at one device pixel a wavy one looks straight, so that supports would be told
apart by colour alone. Here they are two pixels thick and run in the air below the letters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from lrstudio.qt.theme.tokens import Theme, blend
from lrstudio.qt.views.text_marks import Line, Mark, MarkStyle
from lrstudio.qt.views.text_page import Box

_DECIDED_SHARE = 0.6
_VEIL = 0.35
_RADIUS = 3.0
# Lengths after which an underline repeats, in line weights.
_PERIODS = {Line.SOLID: 4, Line.DASHED: 4, Line.DOTTED: 2, Line.WAVY: 3}


@dataclass(frozen=True, slots=True)
class Placed:
    """A mark and where it is on the screen."""

    mark: Mark
    boxes: Sequence[Box]


class MarkPainter:
    """Paints one view's marks; keeps a tile of every underline, which costs a hundredth of stroking it."""

    def __init__(self) -> None:
        """Start without tiles."""
        self._tiles: dict[tuple[Line, str, int, float], QPixmap] = {}

    def grounds(self, painter: QPainter, placed: Iterable[Placed], *, theme: Theme, leading: float) -> None:
        """Paint what lies behind the text: tints, the outline of focused evidence."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for item in sorted(placed, key=lambda item: item.mark.focused):
            ground = _ground(item.mark, theme)
            if ground is None:
                continue
            painter.setBrush(ground)
            if item.mark.focused and item.mark.style is MarkStyle.EVIDENCE:
                pen = QPen(theme.color(f"{item.mark.colour}_mark"), 1.2)
                pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
                painter.setPen(pen)
                painter.drawPath(_outline(item.boxes, leading=leading))
                painter.setPen(Qt.PenStyle.NoPen)
                continue
            for box in item.boxes:
                painter.drawRoundedRect(_around(box, above=1, below=1 + leading / 4), _RADIUS, _RADIUS)

    def lines(self, painter: QPainter, placed: Iterable[Placed], *, theme: Theme, leading: float) -> None:
        """Paint what lies over the text: underlines, and a veil over what is not checked."""
        weight = max(1, round(leading / 3.5))
        veil = theme.color("panel")
        veil.setAlphaF(_VEIL)
        for item in placed:
            mark = item.mark
            if mark.style is MarkStyle.UNCHECKED and not mark.focused and not mark.decided:
                for box in item.boxes:
                    painter.fillRect(_around(box, above=1, below=1), veil)
            elif mark.style.line is not Line.NONE:
                tile = self._tile(painter, mark.style.line, theme.tokens[f"{mark.style}_mark"], weight)
                for box in item.boxes:
                    area = QRectF(box.left, math.ceil(box.bottom), box.right - box.left, 2 * weight)
                    painter.drawTiledPixmap(area, tile)

    def _tile(self, painter: QPainter, line: Line, color: str, weight: int) -> QPixmap:
        ratio = painter.device().devicePixelRatioF()
        key = (line, color, weight, ratio)
        if key not in self._tiles:
            self._tiles[key] = _draw_tile(line, QColor(color), weight=weight, ratio=ratio)
        return self._tiles[key]


def _ground(mark: Mark, theme: Theme) -> QColor | None:
    if mark.focused or mark.style.filled:
        return theme.color(f"{mark.colour}_tint")
    if mark.decided:
        return blend(theme.color(f"{mark.style}_tint"), theme.color("panel"), share=_DECIDED_SHARE)
    return None


def _around(box: Box, *, above: float, below: float) -> QRectF:
    return QRectF(QPointF(box.left - 1, box.top - above), QPointF(box.right + 1, box.bottom + below))


def _outline(boxes: Sequence[Box], *, leading: float) -> QPainterPath:
    """Join the boxes of neighbouring lines into one shape."""
    path = QPainterPath()
    for box in boxes:
        piece = QPainterPath()
        piece.addRect(_around(box, above=leading / 2 - 1, below=leading / 2 + 1.5))
        path = path.united(piece)
    return path.simplified()


def _draw_tile(line: Line, color: QColor, *, weight: int, ratio: float) -> QPixmap:
    width, height = weight * _PERIODS[line], 2 * weight
    tile = QPixmap(round(width * ratio), math.ceil(height * ratio))
    tile.setDevicePixelRatio(ratio)
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if line is Line.WAVY:
        path = QPainterPath(QPointF(-width / 2, height * 0.75))
        for turn in range(5):
            path.lineTo(QPointF(turn * width / 2, height * (0.25 if turn % 2 == 0 else 0.75)))
        painter.setPen(QPen(color, weight * 0.65))
        painter.drawPath(path)
    else:
        inked = {Line.SOLID: width, Line.DASHED: round(weight * 2.5), Line.DOTTED: weight}[line]
        painter.fillRect(QRectF(0, 0, inked, weight), color)
    painter.end()
    return tile
