"""Plots of a report, in the colours of the theme; what tells things apart is their shape and their place."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QImageWriter, QPainter, QPen
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsRectItem, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.theme.tokens import blend, contrast
from lrstudio.viewstate.report_plots import Bar, Bars, Cells, Dots, Lines, Plot

_SYMBOLS = ("o", "t1", "s")
_GLYPHS = ("●", "▲", "■")
_TOKENS = ("accent", "partial", "not_found")
_APART = 0.26
"""Rows are one apart; marks of one row stand so far from each other."""
_TEXT_WIDTH = 30
_SCALE = 2
"""Pictures have so many pixels for each on the screen."""


class PlotView(pg.PlotWidget):  # type: ignore[misc]  # the library has no types
    """Shows one plot. It is to be looked at: the same numbers stand in the tables, for the keyboard and the ear.

    Signals:
        dot_chosen: the id of the candidate whose dot was pressed.
    """

    dot_chosen = Signal(str)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False)
        self.plot: Plot | None = None
        self._switch = switch
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.plotItem.hideButtons()
        menu = self.plotItem.ctrlMenu  # made even where it is not wanted, and nobody's child
        menu.setParent(self, menu.windowFlags())
        self.plotItem.setMouseEnabled(x=False, y=False)
        switch.changed.connect(self._draw)
        self._draw()

    def show_plot(self, plot: Plot | None) -> None:
        """Draw another plot, None for nothing."""
        self.plot = plot
        self.setAccessibleName(f"Plot: {plot.title}" if plot else "No plot")
        self._draw()

    def wheelEvent(self, event: object) -> None:
        """Let the wheel go by: there is nothing to scale."""

    def png(self) -> bytes:
        """Return the plot as a picture, two pixels for each on the screen."""
        image = QImage(self.size() * _SCALE, QImage.Format.Format_ARGB32)
        image.fill(self._switch.theme.color("panel"))
        painter = QPainter(image)
        self.render(painter, QRectF(image.rect()), self.rect())
        painter.end()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        QImageWriter(buffer, QByteArray(b"PNG")).write(image)
        return bytes(buffer.data().data())

    def svg(self) -> bytes:
        """Return the plot as lines and letters."""
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(QSize(self.width(), self.height()))
        generator.setViewBox(self.rect())
        generator.setTitle(self.plot.title if self.plot else "")
        painter = QPainter(generator)
        painter.fillRect(self.rect(), self._switch.theme.color("panel"))
        self.render(painter, QRectF(self.rect()), self.rect())
        painter.end()
        return bytes(buffer.data().data())

    def _color(self, token: str) -> QColor:
        return self._switch.theme.color(token)

    def _draw(self) -> None:
        item, plot = self.plotItem, self.plot
        item.clear()
        self.setBackground(self._color("panel"))
        for side in ("left", "bottom", "right"):
            item.showAxis(side, plot is not None and (side != "right" or isinstance(plot, Bars)))
            axis = item.getAxis(side)
            axis.setPen(pg.mkPen(self._color("line")))
            axis.setTextPen(pg.mkPen(self._color("text" if side == "left" else "muted")))
            axis.setTicks(None)
            axis.textWidth = _TEXT_WIDTH  # it grows with the labels of one plot and never shrinks by itself
            axis.setStyle(tickLength=0 if side != "bottom" else -4, autoReduceTextSpace=False)
            axis.showLabel(False)
        item.getViewBox().invertY(isinstance(plot, Bars | Cells))
        item.setTitle(None)
        if plot is None:
            return
        item.setTitle(escape(plot.title), color=self._color("text").name(), size="11pt")
        if isinstance(plot, Bars):
            self._draw_bars(plot)
        elif isinstance(plot, Cells):
            self._draw_cells(plot)
        elif isinstance(plot, Dots):
            self._draw_dots(plot)
        else:
            self._draw_lines(plot)

    def _label(self, side: str, words: str) -> None:
        self.plotItem.setLabel(side, escape(words), color=self._color("muted").name())

    def _draw_bars(self, plot: Bars) -> None:
        places = {label: at for at, label in enumerate(plot.labels)}
        for series in sorted({it.series for it in plot.bars}):
            bars = [it for it in plot.bars if it.series == series and it.value is not None]
            shift = _APART * series if plot.series else 0.0
            self._draw_series(series, [(it, places[it.label] + shift) for it in bars])
        if plot.at is not None:
            self._draw_reference(plot)
        words = {it.label: it.words for it in reversed(plot.bars) if it.series == 0}
        self.plotItem.getAxis("left").setTicks([[(at, label) for label, at in places.items()]])
        self.plotItem.getAxis("right").setTicks([[(places[label], text) for label, text in words.items()]])
        self.plotItem.setXRange(*plot.span, padding=0.02)
        top = -0.6 if plot.at is None else -0.9  # room for the words at the line
        self.plotItem.setYRange(top, len(places) - 0.4 + (_APART if plot.series else 0.0), padding=0)
        self._label("bottom", plot.x)
        if plot.series:
            self._show_legend(plot)

    def _show_legend(self, plot: Bars) -> None:
        """Name the marks below the axis, where they hide nothing."""
        names = (
            f'<span style="color: {self._color(token).name()}">{glyph}</span> {escape(name)}'
            for glyph, token, name in zip(_GLYPHS, _TOKENS, plot.series, strict=True)
        )
        words = "&nbsp;&nbsp;&nbsp;&nbsp;".join(names)
        self.plotItem.setLabel("bottom", words, color=self._color("text").name())

    def _draw_series(self, series: int, bars: Sequence[tuple[Bar, float]]) -> None:
        """Draw values with their intervals; a mark without an interval is hollow."""
        import numpy as np

        color, ground = self._color(_TOKENS[series]), self._color("panel")
        places = np.array([y for _, y in bars], dtype=np.float64)
        values, low, high = (
            np.array([getattr(it, name) for it, _ in bars], dtype=np.float64) for name in ("value", "low", "high")
        )
        known = np.isfinite(low) & np.isfinite(high)
        pen = pg.mkPen(color, width=1.6)
        if known.any():
            self.addItem(
                pg.ErrorBarItem(
                    x=values[known],
                    y=places[known],
                    left=(values - low)[known],
                    right=(high - values)[known],
                    beam=0.18,
                    pen=pen,
                )
            )
        brushes = [pg.mkBrush(color if it else ground) for it in known]
        self.addItem(pg.ScatterPlotItem(x=values, y=places, symbol=_SYMBOLS[series], size=10, pen=pen, brush=brushes))

    def _draw_reference(self, plot: Bars) -> None:
        pen = pg.mkPen(self._color("muted"), width=1, style=Qt.PenStyle.DashLine)
        line = pg.InfiniteLine(plot.at, angle=90, pen=pen, label=plot.at_words, labelOpts={"position": 0.07})
        line.label.setColor(self._color("muted"))
        self.addItem(line)

    def _draw_cells(self, plot: Cells) -> None:
        most = max((max(row) for row in plot.counts), default=0) or 1
        panel, accent = self._color("panel"), self._color("accent")
        for y, row in enumerate(plot.counts):
            for x, count in enumerate(row):
                ground = blend(accent, panel, share=0.85 * count / most)
                box = QGraphicsRectItem(x - 0.5, y - 0.5, 1, 1)
                box.setBrush(ground)
                same = plot.columns[x] == plot.rows[y]
                edge = QPen(self._color("text" if same else "line"), 2 if same else 1)
                edge.setCosmetic(True)
                box.setPen(edge)
                box.setZValue(1 if same else 0)
                self.addItem(box)
                ink = max((self._color("text"), self._color("on_accent")), key=lambda it: contrast(it, ground))
                text = pg.TextItem(f"{count:,}", color=ink, anchor=(0.5, 0.5))
                text.setPos(x, y)
                text.setZValue(2)
                self.addItem(text)
        self.plotItem.getAxis("bottom").setTicks([list(enumerate(plot.columns))])
        self.plotItem.getAxis("left").setTicks([list(enumerate(plot.rows))])
        self.plotItem.setXRange(-0.5, len(plot.columns) - 0.5, padding=0.01)
        self.plotItem.setYRange(-0.5, len(plot.rows) - 0.5, padding=0.01)
        self._label("bottom", plot.x)
        self._label("left", plot.y)

    def _draw_lines(self, plot: Lines) -> None:
        points = plot.curve.points
        color = self._color("accent")
        if plot.diagonal:
            pen = pg.mkPen(self._color("muted"), width=1, style=Qt.PenStyle.DashLine)
            self.addItem(pg.PlotDataItem([0.0, 1.0], [0.0, 1.0], pen=pen))
        self.addItem(
            pg.PlotDataItem(
                [it.x for it in points],
                [it.y for it in points],
                pen=pg.mkPen(color, width=2),
                symbol="o",
                symbolSize=8,
                symbolPen=pg.mkPen(color),
                symbolBrush=pg.mkBrush(color),
            )
        )
        if plot.diagonal:
            self.plotItem.setXRange(0.0, 1.0, padding=0.03)
            self.plotItem.setYRange(0.0, 1.0, padding=0.03)
        else:
            self.plotItem.autoRange(padding=0.06)
        self._label("bottom", plot.curve.x)
        self._label("left", plot.curve.y)

    def _draw_dots(self, plot: Dots) -> None:
        points = plot.curve.points
        thin = pg.mkPen(self._color("line"), width=1)
        for angle in (0, 90):
            self.addItem(pg.InfiniteLine(0.0, angle=angle, pen=thin))
        color = self._color("accent")
        see_through = self._color("accent")
        see_through.setAlphaF(0.35)
        xs, ys = [it.x for it in points], [it.y for it in points]
        pen = pg.mkPen(color, width=1)
        names = [it.name for it in points]
        dots = pg.ScatterPlotItem(x=xs, y=ys, data=names, symbol="o", size=7, pen=pen, brush=see_through)
        dots.sigClicked.connect(lambda _item, pressed, _event: self.dot_chosen.emit(pressed[0].data()))
        self.addItem(dots)
        if plot.slope is not None:
            pen = pg.mkPen(self._color("partial"), width=2)
            words = f"{100.0 * plot.slope:+.2f} for 100 tokens"
            line = pg.PlotDataItem([min(xs), max(xs)], [plot.slope * min(xs), plot.slope * max(xs)], pen=pen)
            self.addItem(line)
            text = pg.TextItem(words, color=self._color("text"), fill=self._color("panel"), anchor=(1.0, 1.2))
            text.setPos(max(xs), plot.slope * max(xs))
            self.addItem(text)
        self.plotItem.autoRange(padding=0.06)
        self._label("bottom", plot.curve.x)
        self._label("left", plot.curve.y)
