"""The plots of the runs chosen: a page of cards at a time, one crosshair and one zoom over all of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageWriter, QPainter, QPaintEvent, QPen
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import (
    QAbstractButton,
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import paint_focus, small, unit
from lrstudio.qt.views.flat_tabs import FlatTabs
from lrstudio.qt.views.forms import Choice
from lrstudio.qt.views.signs import chip_width, paint_chip
from lrstudio.qt.views.training_plots import RUN_DASHES, RUN_TOKENS, PlotCard
from lrstudio.viewstate.audit_signs import Chip, Sign
from lrstudio.viewstate.training_curves import PAGES, PLOTS, RunLines

_SMOOTHING = ((1, "not smoothed"), (5, "mean of 5"), (20, "mean of 20"), (100, "mean of 100"))
_USUAL = 20
_SCALE = 2
"""Pictures have so many pixels for each on the screen."""
_WIDE = 1500
"""From so many pixels on four cards stand beside each other, where all are shown."""
_FEW = 4
ALL = "All"
_TABS = (*PAGES, ALL)


class RunChip(QAbstractButton):
    """A run in the plots: its state, and how its lines are drawn. One beside the first can be pressed away."""

    def __init__(self, run_id: str, number: int, switch: ThemeSwitch, parent: QWidget) -> None:
        super().__init__(parent)
        self.run_id = run_id
        self._chip = Chip(Sign.NOT_CHECKED, "")
        self._number = number
        self._switch = switch
        self.setFont(small(self.font()))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if number else Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def show_chip(self, chip: Chip) -> None:
        """Show how the run stands now."""
        if chip != self._chip:
            self._chip = chip
            self.setAccessibleName(f"In the plots: {chip.text}")
            self.setToolTip("Take out of the plots" if self._number else chip.tooltip or chip.text)
            self.updateGeometry()
            self.update()

    def minimumSizeHint(self) -> QSize:
        """Be squeezed first where room is short."""
        return QSize(12 * unit(self), self.sizeHint().height())

    def sizeHint(self) -> QSize:
        """Ask for the chip and a stroke of its line."""
        step = unit(self)
        return QSize(chip_width(self.fontMetrics(), self._chip) + 4 * step, self.fontMetrics().height() + step)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the stroke and the chip."""
        painter = QPainter(self)
        painter.setFont(self.font())
        step, theme = unit(self), self._switch.theme
        pen = QPen(theme.color(RUN_TOKENS[self._number % len(RUN_TOKENS)]), 2)
        pen.setStyle(RUN_DASHES[self._number % len(RUN_DASHES)])
        painter.setPen(pen)
        middle = self.height() // 2
        painter.drawLine(2, middle, 3 * step, middle)
        paint_chip(painter, self.rect().adjusted(3 * step + 4, 0, 0, 0), self._chip, theme)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), self, radius=6)


class PlotBoard(QWidget):
    """The chips, the pages and the cards.

    Signals:
        overlaid: the id of a run that is to be drawn, too, or no longer.
        export_wanted: the plots are to be written to a file.
    """

    overlaid = Signal(str)
    export_wanted = Signal()

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self.runs: tuple[RunLines, ...] = ()
        self.step: int | None = None
        self.span: tuple[float, float] | None = None
        self.tabs = FlatTabs(_TABS, name="Pages of plots")
        self.smoothing = Choice(_SMOOTHING, name="Smoothing")
        self.smoothing.setToolTip("The strong line is the mean of so many steps around; the pale one is each step.")
        self.smoothing.select(_USUAL)
        self.reset_button = Button("All steps", kind=Kind.FLAT)
        self.reset_button.hide()
        self.export_button = Button("Export…", kind=Kind.FLAT)
        self.compare = Button("+ compare", kind=Kind.FLAT)
        self.compare.setAccessibleName("Draw another run, too")
        self.cards = {spec.key: PlotCard(spec, switch) for spec in PLOTS}
        self._chips = QHBoxLayout()
        self._made: tuple[RunChip, ...] = ()
        self._others: tuple[tuple[str, str], ...] = ()
        self.sheet = QWidget()
        self._grid = QGridLayout(self.sheet)
        self._arranged: tuple[str, int] = ("", 0)
        self._lay_out()
        self.tabs.currentChanged.connect(self._turn)
        self.smoothing.currentIndexChanged.connect(lambda _at: self._draw())
        self.reset_button.clicked.connect(self.reset)
        self.export_button.clicked.connect(self.export_wanted)
        for card in self.cards.values():
            card.plot.pointed.connect(self.point)
            card.plot.zoomed.connect(self.zoom_to)

    @property
    def page(self) -> str:
        """The name of the page that is shown."""
        return _TABS[max(0, self.tabs.currentIndex())]

    def shown_cards(self) -> tuple[PlotCard, ...]:
        """Return the cards of the page that is shown."""
        return tuple(it for it in self.cards.values() if self.page in (ALL, it.plot.spec.page))

    def show_runs(self, runs: Sequence[RunLines]) -> None:
        """Draw these runs on the page that is shown; the others are drawn when they are turned to."""
        other = [it.run_id for it in runs] != [it.run_id for it in self.runs]
        self.runs = tuple(runs)
        if other:
            self.zoom_to(None)
        self._draw()

    def show_chips(self, chips: Sequence[tuple[str, Chip]], others: Sequence[tuple[str, str]]) -> None:
        """Show which runs are drawn, and offer the others, by id and words."""
        if [it.run_id for it in self._made] != [run_id for run_id, _ in chips]:
            self._make_chips([run_id for run_id, _ in chips])
        for made, (_, chip) in zip(self._made, chips, strict=True):
            made.show_chip(chip)
        if tuple(others) != self._others:
            self._others = tuple(others)
            self._offer(others)

    def _make_chips(self, run_ids: Sequence[str]) -> None:
        for old in self._made:
            self._chips.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._made = tuple(RunChip(run_id, at, self._switch, self) for at, run_id in enumerate(run_ids))
        for at, made in enumerate(self._made):
            if at:
                made.clicked.connect(lambda _on=False, it=made.run_id: self.overlaid.emit(it))
            self._chips.insertWidget(at, made)
            made.show()

    def _offer(self, others: Sequence[tuple[str, str]]) -> None:
        old, menu = self.compare.menu(), QMenu(self.compare)
        for run_id, words in others:
            menu.addAction(words).triggered.connect(lambda _on=False, it=run_id: self.overlaid.emit(it))
        self.compare.setMenu(menu)
        self.compare.setVisible(bool(others))
        if old is not None:
            old.deleteLater()

    def point(self, step: int | None) -> None:
        """Put the crosshair of all plots on a step."""
        if step != self.step:
            self.step = step
            for card in self.shown_cards():
                card.point(step)

    def zoom_to(self, span: tuple[float, float] | None) -> None:
        """Show the same steps in all plots; None follows all of them."""
        if span is not None and span[1] - span[0] < 1:
            return
        self.span = span
        self.reset_button.setVisible(span is not None)
        for card in self.shown_cards():
            card.plot.zoom_to(span)

    def reset(self) -> None:
        """Show all steps."""
        self.zoom_to(None)

    def turn_page(self, by: int) -> None:
        """Turn to another page."""
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + by) % len(_TABS))

    def png(self) -> bytes:
        """Return the page as a picture, two pixels for each on the screen."""
        sheet = self.sheet
        image = QImage(sheet.size() * _SCALE, QImage.Format.Format_ARGB32)
        image.setDevicePixelRatio(_SCALE)
        image.fill(self._switch.theme.color("window"))
        painter = QPainter(image)
        sheet.render(painter, QPoint())
        painter.end()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        QImageWriter(buffer, QByteArray(b"PNG")).write(image)
        return bytes(buffer.data().data())

    def svg(self) -> bytes:
        """Return the page as lines and letters."""
        sheet = self.sheet
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(sheet.size())
        generator.setViewBox(sheet.rect())
        generator.setTitle(f"{self.page}: {', '.join(it.label for it in self.runs)}")
        painter = QPainter(generator)
        painter.fillRect(sheet.rect(), self._switch.theme.color("window"))
        sheet.render(painter, QPoint())
        painter.end()
        return bytes(buffer.data().data())

    def resizeEvent(self, event: object) -> None:
        """Put the cards side by side where there is room."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._arrange()

    def _turn(self, _at: int) -> None:
        self._arrange()
        self._draw()

    def _draw(self) -> None:
        window = int(self.smoothing.currentData())
        for card in self.shown_cards():
            card.show_runs(self.runs, window=window)
            card.point(self.step)
            if (self.span is None) == (not card.plot.plotItem.vb.autoRangeEnabled()[0]):
                card.plot.zoom_to(self.span)

    def _arrange(self) -> None:
        """Put the cards of the page into the grid, the others out of sight."""
        few = len(self.shown_cards()) <= _FEW
        columns = 2 if few else 4 if self.page == ALL and self.width() >= _WIDE else 3
        if self._arranged == (self.page, columns):
            return
        self._arranged = (self.page, columns)
        shown = self.shown_cards()
        for card in self.cards.values():
            self._grid.removeWidget(card)
            card.setVisible(card in shown)
        for number, card in enumerate(shown):
            self._grid.addWidget(card, number // columns, number % columns)

    def _lay_out(self) -> None:
        step = unit(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(step)
        for card in self.cards.values():
            card.setParent(self.sheet)
        self._arrange()
        head = QHBoxLayout()
        head.setSpacing(step)
        self._chips.setSpacing(step)
        self._chips.addWidget(self.compare)
        self.compare.hide()
        head.addLayout(self._chips)
        head.addStretch(1)
        head.addWidget(self.tabs)
        head.addWidget(self.smoothing)
        head.addWidget(self.reset_button)
        head.addWidget(self.export_button)
        box = QVBoxLayout(self)
        box.setContentsMargins(step * 3 // 2, step, step * 3 // 2, step)
        box.setSpacing(step)
        box.addLayout(head)
        box.addWidget(self.sheet, 1)
