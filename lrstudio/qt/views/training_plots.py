"""Plots that grow while a run trains: pale raw lines under smoothed ones, a crosshair, zoom along the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import Words, bold, line_color, paint_focus, small, unit
from lrstudio.viewstate.training_curves import PlotSpec, RunLines, Series, figure, lines_of, reading, smoothed

RUN_TOKENS = ("accent", "not_found_mark", "partial_mark", "full_mark")
RUN_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
"""What tells runs apart: the colour where a plot has one line a run, and the dashes always."""

_PALE = 70
"""Opacity of a raw line under its smoothed one, of 255."""
_AXIS_UNITS = 8
_ZOOM_STEP = 0.8


@dataclass(slots=True)
class _Line:
    """One line on the screen: the raw values and, above them, the smoothed ones."""

    raw: pg.PlotDataItem
    smooth: pg.PlotDataItem


class CurvePlot(pg.PlotWidget):  # type: ignore[misc]  # the library has no types
    """One plot of some runs.

    Signals:
        pointed: the step under the crosshair, None where it is gone.
        zoomed: the first and the last step that a person wants to see; None for all of them.
    """

    pointed = Signal(object)
    zoomed = Signal(object)

    def __init__(self, spec: PlotSpec, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False)
        self.spec = spec
        self.runs: tuple[RunLines, ...] = ()
        self.step: int | None = None
        self._window = 1
        self._switch = switch
        self._lines: dict[tuple[str, str], _Line] = {}
        self._dots: dict[str, pg.ScatterPlotItem] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.setAccessibleName(f"Plot: {spec.title}")
        self._prepare()
        self.scene().sigMouseMoved.connect(self._moved)
        self.plotItem.vb.sigRangeChangedManually.connect(self._ranged)
        switch.changed.connect(self._dress)
        self._dress()

    def _prepare(self) -> None:
        item = self.plotItem
        item.hideButtons()
        menu = item.ctrlMenu  # made even where it is not wanted, and nobody's child
        menu.setParent(self, menu.windowFlags())
        item.setMouseEnabled(x=True, y=False)
        item.setDownsampling(auto=True, mode="peak")
        item.setClipToView(True)
        item.vb.setAutoVisible(y=True)
        item.vb.setDefaultPadding(0.03)
        item.setContentsMargins(0, 0, 2 * unit(self), 0)
        if self.spec.span is not None:
            low, high = self.spec.span
            item.setYRange(low, high, padding=0.06)
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.setStyle(tickLength=0, autoReduceTextSpace=False, maxTickLevel=0, hideOverlappingLabels=False)
            axis.enableAutoSIPrefix(False)
            axis.setTickFont(small(self.font()))
        item.getAxis("left").setWidth(_AXIS_UNITS * unit(self))
        item.showGrid(y=True, alpha=0.16)
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        item.addItem(self._cross, ignoreBounds=True)

    def show_runs(self, runs: Sequence[RunLines], *, window: int) -> None:
        """Draw these runs, smoothed over so many steps."""
        before = [(it.run_id, it.curves.values.keys()) for it in self.runs]
        self.runs, self._window = tuple(runs), window
        if before != [(it.run_id, it.curves.values.keys()) for it in self.runs]:
            self._clear_lines()
        for number, run in enumerate(self.runs):
            for series in self.series_of(run):
                self._draw(number, run, series)
            self._draw_dots(number, run)
        self.setAccessibleDescription(f"{self.spec.meaning} {reading(self.spec, self.runs, step=self.step).words}")

    def series_of(self, run: RunLines) -> tuple[Series, ...]:
        """Return what is drawn of a run."""
        return lines_of(self.spec, tuple(run.curves.values))

    def token_of(self, number: int, series: Series) -> str:
        """Return the token of a line's colour: the series' own, or the run's where each run has one line."""
        if len(self.runs) > 1 and len(self.spec.series) == 1:
            return RUN_TOKENS[number % len(RUN_TOKENS)]
        return series.token if series.token in ("accent", "muted") else f"{series.token}_mark"

    def point(self, step: int | None) -> None:
        """Put the crosshair on a step; None takes it away."""
        self.step = step
        self._cross.setVisible(step is not None)
        if step is not None:
            self._cross.setPos(step)
        self.setAccessibleDescription(f"{self.spec.meaning} {reading(self.spec, self.runs, step=step).words}")

    def zoom_to(self, span: tuple[float, float] | None) -> None:
        """Show the steps of a span; None follows all of them."""
        if span is None:
            self.plotItem.enableAutoRange(axis="x")
        else:
            self.plotItem.setXRange(*span, padding=0)

    def shown_steps(self) -> tuple[float, float]:
        """Return the first and the last step that are on screen."""
        self.plotItem.vb.updateAutoRange()  # else it is what was painted last, before lines that came since
        low, high = self.plotItem.viewRange()[0]
        return low, high

    # What a person does

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the crosshair with arrows, zoom with + and -."""
        last = max((it.last for it in self.runs), default=0)
        low, high = self.shown_steps()
        far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        stride = max(1, round((high - low) / 20)) if far else 1
        at = self.step if self.step is not None else last
        to = {
            Qt.Key.Key_Left: at - stride,
            Qt.Key.Key_Right: at + stride,
            Qt.Key.Key_Home: 1,
            Qt.Key.Key_End: last,
        }.get(Qt.Key(event.key()))
        if to is not None:
            self.pointed.emit(max(1, min(last, to)))
        elif event.key() == Qt.Key.Key_Escape and self.step is not None:
            self.pointed.emit(None)
        elif event.text() in ("+", "-") and last:
            factor = _ZOOM_STEP if event.text() == "+" else 1 / _ZOOM_STEP
            self.zoomed.emit((at - (at - low) * factor, at + (high - at) * factor))
        else:
            event.ignore()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show all steps again."""
        self.zoomed.emit(None)

    def leaveEvent(self, event: QEvent) -> None:
        """Take the crosshair away."""
        super().leaveEvent(event)
        self.pointed.emit(None)

    def focusInEvent(self, event: object) -> None:
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.parentWidget().update()

    def focusOutEvent(self, event: object) -> None:
        """Show that the keyboard is elsewhere."""
        super().focusOutEvent(event)
        self.parentWidget().update()

    def _moved(self, at: QPointF) -> None:
        if self.runs and self.plotItem.vb.sceneBoundingRect().contains(at):
            step = round(self.plotItem.vb.mapSceneToView(at).x())
            last = max(it.last for it in self.runs)
            self.pointed.emit(max(1, min(last, step)) if last else None)

    def _ranged(self, _axes: object) -> None:
        self.zoomed.emit(self.shown_steps())

    # Drawing

    def _draw(self, number: int, run: RunLines, series: Series) -> None:
        steps, values = run.of(series.metric).series(series.metric)
        line = self._lines.get((run.run_id, series.metric))
        if line is None:
            if not len(steps):
                return
            line = _Line(pg.PlotDataItem(connect="all"), pg.PlotDataItem(connect="all"))
            for item in (line.raw, line.smooth):
                self.plotItem.addItem(item)
            self._lines[run.run_id, series.metric] = line
            self._dress_line(number, series, line)
        whole = self._window <= 1 or not self.spec.noisy
        line.raw.setData(steps, values)
        line.smooth.setData(steps, values if whole else smoothed(values, self._window))
        line.raw.setVisible(not whole and number == 0)

    def _draw_dots(self, number: int, run: RunLines) -> None:
        if not self.spec.held_out:
            return
        steps, values = run.held_out.series(self.spec.series[0].metric)
        dots = self._dots.get(run.run_id)
        if dots is None:
            if not len(steps):
                return
            dots = self._dots[run.run_id] = pg.ScatterPlotItem(size=7, symbol="o")
            self.plotItem.addItem(dots)
            self._dress_dots(number, dots)
        dots.setData(x=steps, y=values)

    def _clear_lines(self) -> None:
        for line in self._lines.values():
            self.plotItem.removeItem(line.raw)
            self.plotItem.removeItem(line.smooth)
        for dots in self._dots.values():
            self.plotItem.removeItem(dots)
        self._lines.clear()
        self._dots.clear()

    def _dress(self) -> None:
        theme = self._switch.theme
        self.setBackground(theme.color("panel"))
        for side in ("left", "bottom"):
            axis = self.plotItem.getAxis(side)
            axis.setPen(pg.mkPen(theme.color("line" if side == "bottom" else "panel")))
            axis.setTextPen(pg.mkPen(theme.color("muted")))
        self.plotItem.getAxis("left").setTickPen(pg.mkPen(theme.color("muted")))
        self._cross.setPen(pg.mkPen(theme.color("muted"), width=1, style=Qt.PenStyle.DashLine))
        for number, run in enumerate(self.runs):
            for series in self.series_of(run):
                line = self._lines.get((run.run_id, series.metric))
                if line is not None:
                    self._dress_line(number, series, line)
            if run.run_id in self._dots:
                self._dress_dots(number, self._dots[run.run_id])

    def _dress_line(self, number: int, series: Series, line: _Line) -> None:
        color = self._switch.theme.color(self.token_of(number, series))
        pale = QColor(color)
        pale.setAlpha(_PALE)
        line.raw.setPen(pg.mkPen(pale, width=1))
        # No antialiasing, dashes one pixel wide: 4 plots of 3 runs take 55 ms so; with wide dashes 160, smoothed 560.
        width = 1 if number else 2
        line.smooth.setPen(pg.mkPen(color, width=width, style=RUN_DASHES[number % len(RUN_DASHES)]))
        line.smooth.setZValue(2)

    def _dress_dots(self, number: int, dots: pg.ScatterPlotItem) -> None:
        color = self._switch.theme.color(self.token_of(number, self.spec.series[0]))
        dots.setPen(pg.mkPen(color, width=1.4))
        dots.setBrush(pg.mkBrush(self._switch.theme.color("panel")))
        dots.setZValue(3)


class PlotCard(QWidget):
    """A plot on a card: its title, the names of its lines in their colours, the values at the crosshair or the end."""

    def __init__(self, spec: PlotSpec, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self.plot = CurvePlot(spec, switch, self)
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.title.setToolTip(spec.meaning)
        self.title.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.values = Words("", quiet=True)
        self.values.setFont(bold(small(self.values.font())))
        self.values.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.nothing = QLabel("", self.plot)
        self.nothing.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setWordWrap(True)
        step = unit(self)
        head = QHBoxLayout()
        head.setSpacing(step)
        head.addWidget(self.title)
        head.addWidget(self.values, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(step * 3 // 2, step, step, step // 2)
        box.setSpacing(step // 2)
        box.addLayout(head)
        box.addWidget(self.plot, 1)
        switch.changed.connect(self._say)
        self._say()

    def show_runs(self, runs: Sequence[RunLines], *, window: int) -> None:
        """Draw these runs."""
        self.plot.show_runs(runs, window=window)
        self._say()

    def point(self, step: int | None) -> None:
        """Put the crosshair on a step."""
        self.plot.point(step)
        self._say_values()

    def sizeHint(self) -> QSize:
        """Ask for a little; it takes what there is."""
        step = unit(self)
        return QSize(36 * step, 18 * step)

    def minimumSizeHint(self) -> QSize:
        """Be readable."""
        step = unit(self)
        return QSize(24 * step, 12 * step)

    def resizeEvent(self, event: object) -> None:
        """Keep the words for nothing in the middle."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self.nothing.setGeometry(self.plot.rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the card, with a ring where the keyboard is."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(line_color(self), 1))
        painter.setBrush(self._switch.theme.color("panel"))
        painter.drawRoundedRect(box, 6, 6)
        if self.plot.hasFocus():
            paint_focus(painter, box, self, radius=6)

    def _say(self) -> None:
        plot, theme = self.plot, self._switch.theme
        names: dict[str, str] = {}
        for number, run in enumerate(plot.runs):
            for series in plot.series_of(run):
                if run.of(series.metric).values.get(series.metric) is not None:
                    several = len(plot.runs) > 1 and len(plot.spec.series) == 1
                    names[run.label if several else series.label] = theme.color(plot.token_of(number, series)).name()
        told = [f'<span style="color:{color}">{escape(name)}</span>' for name, color in names.items()]
        told = told if len(told) > 1 else []
        self.title.setText(f"<b>{escape(plot.spec.title)}</b>&nbsp; {' · '.join(told[:4])}")
        drawn = any(len(run.of(it.metric).series(it.metric)[0]) for run in plot.runs for it in plot.series_of(run))
        self.nothing.setText("" if drawn else "nothing measured yet" if plot.runs else "")
        for side in ("left", "bottom"):
            plot.plotItem.getAxis(side).setStyle(showValues=drawn)
        self._say_values()

    def _say_values(self) -> None:
        told = reading(self.plot.spec, self.plot.runs, step=self.plot.step)
        lines = len(self.plot.series_of(self.plot.runs[0])) if self.plot.runs else 0
        first = told.values[:lines] if lines > 1 else told.values
        words = " · ".join(figure(value) for _, value in first) if first else "–"
        prefix = f"step {told.step:,} · " if told.step is not None else ""
        self.values.setText(f"{prefix}{words}" if self.plot.runs else "")
        self.values.setToolTip(told.words)
        self.values.updateGeometry()
