"""The Training workspace: on the left what is to be trained, on the right the curves, below them the runs."""

from __future__ import annotations

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Line, Splitter, panel_ground, unit
from lrstudio.qt.views.hosts_strips import FetchStrip, LinkStrip
from lrstudio.qt.views.scroll import quiet
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.qt.views.training_board import PlotBoard
from lrstudio.qt.views.training_form import TrainingForm
from lrstudio.qt.views.training_preview import TrainingPreview
from lrstudio.qt.views.training_runs import RunsPanel

_ACROSS, _DOWN, _MODEL = "training/across", "training/down", "training/model"
_LEFT_UNITS = 46


class TrainingView(QWidget):
    """Shows what it is told to; what is done is the controller's."""

    def __init__(self, switch: ThemeSwitch, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.form = TrainingForm(switch)
        self.preview = TrainingPreview(switch)
        self.board = PlotBoard(switch)
        self.runs = RunsPanel(switch, actions)
        self.link = LinkStrip(switch, actions)
        self.fetch = FetchStrip(switch, actions)
        self.sets_button = Button("Freeze a set…")
        self.nothing = EmptyState("", "", (self.sets_button,))
        self.check = Button("Check")
        self.cancel = Button("Cancel")
        self.train = Button("Train", kind=Kind.PRIMARY)
        for button, name in ((self.check, "check"), (self.cancel, "cancel"), (self.train, "train")):
            bind(button, actions[f"training.{name}"])
        bind(self.sets_button, actions["workspace.pairs"])
        self.sets_button.setText("Go to Pairs")
        self._lay_out()

    @property
    def buttons_hold_the_keyboard(self) -> bool:
        """Tell whether the keyboard is on one of the buttons below the form."""
        return any(it.hasFocus() for it in (self.check, self.cancel, self.train))

    def show_checking(self, *, checking: bool, lead: bool = False) -> None:
        """Offer to cancel while a check is under way, else to check; `lead` leads the keyboard to what is offered."""
        self.check.setVisible(not checking)
        self.cancel.setVisible(checking)
        if lead:
            (self.cancel if checking else self.train).setFocus(Qt.FocusReason.OtherFocusReason)

    def show_nothing(self, *, any_set: bool) -> None:
        """Say what to do where there is no run."""
        if any_set:
            text = "Choose a set, a recipe and the folder of a model on the left, then press Train (Ctrl+Enter)."
        else:
            text = "Training begins with a frozen set: approve pairs in Pairs (Ctrl+2) and freeze them there."
        self.nothing.say("No run yet", text)
        self.sets_button.setVisible(not any_set)
        self._right.setCurrentWidget(self.nothing)

    def show_runs(self) -> None:
        """Show the plots and the table."""
        self._right.setCurrentWidget(self._splitter)

    @property
    def has_runs(self) -> bool:
        """Tell whether plots and table are shown."""
        return self._right.currentWidget() is self._splitter

    def take_keyboard(self) -> None:
        """Take the keyboard to the table of runs, to the form where there is none."""
        to: QWidget = self.runs.table if self.has_runs else self.form.set
        to.setFocus(Qt.FocusReason.OtherFocusReason)

    def next_pane(self) -> None:
        """Lead the keyboard on: the form, the plots, the table or what stands in its place."""
        order: list[QWidget] = [self.form.set]
        if self.has_runs:
            order += [self.board.shown_cards()[0].plot, (self.runs.table, self.runs.log, self.runs.samples)[
                max(0, self.runs.tabs.currentIndex())
            ]]  # fmt: skip
        inside = [next((at for at, it in enumerate(order) if it.hasFocus()), -1)]
        if inside[0] < 0 and self.isAncestorOf(self.focusWidget() or self):
            inside = [0 if self._left.isAncestorOf(self.focusWidget() or self) else -1]
        order[(inside[0] + 1) % len(order)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def save_layout(self, settings: QSettings) -> None:
        """Write down how it is laid out, and the model chosen last."""
        settings.setValue(_ACROSS, self._across.saveState())
        settings.setValue(_DOWN, self._splitter.saveState())
        settings.setValue(_MODEL, self.form.model.text())

    def restore_layout(self, settings: QSettings) -> None:
        """Lay it out as it was."""
        for key, splitter in ((_ACROSS, self._across), (_DOWN, self._splitter)):
            state = settings.value(key)
            if state is not None:
                splitter.restoreState(state)
        self.form.model.setText(str(settings.value(_MODEL) or ""))

    def lead_to_the_top(self) -> None:
        """Scroll the form back to its first field."""
        self._scroll.verticalScrollBar().setValue(0)

    def lead_to_preview(self) -> None:
        """Bring what a check has found into sight, wherever the form is scrolled to."""
        self._keep_in_sight(self.preview)

    def _keep_in_sight(self, widget: QWidget) -> None:
        # Once what has just been shown or hidden has its place.
        QTimer.singleShot(0, widget, lambda: self._scroll.ensureWidgetVisible(widget, 0, unit(self)))

    def _foot(self, step: int) -> QVBoxLayout:
        """Lay out what stays in sight below the fields: what one means, how far a check is, and the buttons."""
        foot, buttons = QVBoxLayout(), QHBoxLayout()
        foot.setContentsMargins(2 * step, step, step * 3 // 2, step * 3 // 2)
        foot.setSpacing(step)
        for widget in (self.form.help, self.preview.said, self.preview.progress):
            foot.addWidget(widget)
        buttons.setSpacing(step)
        buttons.addWidget(self.check)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.train, 1)
        foot.addLayout(buttons)
        return foot

    def _lay_out(self) -> None:
        step = unit(self)
        fields = QWidget()
        panel_ground(fields)
        column = QVBoxLayout(fields)
        column.setContentsMargins(2 * step, step * 3 // 2, step * 3 // 2, step)
        column.setSpacing(2 * step)
        column.addWidget(self.form)
        column.addWidget(self.preview)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(fields)
        quiet(scroll)
        self._left = QWidget()
        panel_ground(self._left)
        self._left.setMinimumWidth(44 * step)
        left = QVBoxLayout(self._left)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(scroll, 1)
        left.addWidget(Line())
        left.addLayout(self._foot(step))
        self._scroll = scroll
        self.form.explained.connect(lambda row: self._keep_in_sight(row))
        self.preview.keyboard_left.connect(self.take_keyboard)
        self._across = Splitter(Qt.Orientation.Horizontal, name="form and runs")
        self._across.addWidget(self._left)
        self._across.addWidget(self._right_side(step))
        self._across.setStretchFactor(0, 0)
        self._across.setStretchFactor(1, 1)
        self._across.setSizes([_LEFT_UNITS * step, 120 * step])
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._across)
        self.show_checking(checking=False)

    def _right_side(self, step: int) -> QWidget:
        self._splitter = Splitter(Qt.Orientation.Vertical, name="plots and runs")
        self._splitter.addWidget(self.board)
        self._splitter.addWidget(self.runs)
        self._splitter.setStretchFactor(0, 5)
        self._splitter.setStretchFactor(1, 2)
        self._splitter.setSizes([62 * step, 26 * step])
        self._right = QStackedWidget()
        self._right.addWidget(self.nothing)
        self._right.addWidget(self._splitter)
        right = QWidget()
        below = QVBoxLayout(right)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(self.link)
        below.addWidget(self.fetch)
        below.addWidget(self._right, 1)
        return right
