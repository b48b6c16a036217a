"""The top of the window: which project, whose verdicts, the running judge, and the commands used most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QActionGroup, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QProgressBar, QSizePolicy, QWidget

from lrstudio.qt.actions import Actions
from lrstudio.qt.views.binding import bind, fill_menu
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Tag, Words, accent, line_color, panel_ground, unit

if TYPE_CHECKING:
    from lrstudio.domain.summaries import JudgeChoice
    from lrstudio.domain.verdicts import JudgeIdentity
    from lrstudio.viewstate.judge_progress import ProgressLine

LATEST = "Latest verdicts"


class ThinBar(QProgressBar):
    """A progress bar as a rounded line."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the line and the part that is done."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        height = max(4, unit(self) // 2)
        box = QRectF(0, (self.height() - height) / 2, self.width(), height)
        painter.setBrush(line_color(self))
        painter.drawRoundedRect(box, height / 2, height / 2)
        span = self.maximum() - self.minimum()
        if span > 0 and self.value() > self.minimum():
            box.setWidth(max(height, self.width() * (self.value() - self.minimum()) / span))
            painter.setBrush(accent(self))
            painter.drawRoundedRect(box, height / 2, height / 2)


class TopBar(QWidget):
    """The bar.

    Signals:
        judge_chosen: the JudgeIdentity whose verdicts are to be shown, None for the latest ones.
    """

    judge_chosen = Signal(object)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        panel_ground(self)
        self._project = Words("LongReward Studio", strong=True)
        self.workspaces = tuple(Button(name, kind=Kind.FLAT) for name in ("Audit", "Pairs", "Training"))
        self.local = Tag(tooltip="No document of this project may leave this machine.")
        self.judge_button = Button(LATEST, kind=Kind.FLAT)
        self.judge_button.setAccessibleName("Whose verdicts are shown")
        self._progress = Words("", quiet=True)
        self._progress.setAccessibleName("Progress of the judge")
        self._bar = ThinBar()
        self._bar.setAccessibleName("Share of the judging that is done")
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self.cancel_button = Button("Cancel")
        self.run_button = Button("Run judge", kind=Kind.PRIMARY)
        self.find_button = Button("Find", kind=Kind.PLAIN)
        self.blind_button = Button("Blind", kind=Kind.PLAIN)
        self.theme_button = Button(kind=Kind.FLAT)
        self.more_button = Button("⋯", kind=Kind.FLAT)
        self.more_button.setAccessibleName("All commands")
        self.more_button.setToolTip("All commands")
        self._bind(actions)
        self._lay_out()
        self.set_project("")
        self.set_progress(None)

    def set_project(self, title: str) -> None:
        """Name the project; "" where none is open."""
        self._project.setText(title or "LongReward Studio")
        self.set_local(False)
        for widget in (*self.workspaces, self.judge_button, self.run_button, self.find_button, self.blind_button):
            widget.setVisible(bool(title))

    def show_workspace(self, *, audit: bool) -> None:
        """Offer what makes sense in Audit only while that is shown."""
        for widget in (self.find_button, self.blind_button):
            widget.setVisible(audit)

    def set_local(self, local: bool) -> None:
        """Say whether the whole project stays on this machine."""
        self.local.say("local only" if local else "")

    def set_judges(self, judges: Sequence[JudgeChoice], *, chosen: JudgeIdentity | None) -> None:
        """Offer the judges that have spoken."""
        from lrstudio.viewstate.audit_headers import judge_description, judge_labels
        from lrstudio.viewstate.audit_signs import counted

        old = self.judge_button.menu()
        menu = QMenu(self.judge_button)
        group = QActionGroup(menu)
        identities = [choice.identity for choice in judges]
        names = judge_labels(identities)
        entries: list[tuple[str, JudgeIdentity | None, str]] = [
            (LATEST, None, "The last judge that read each candidate")
        ]
        entries += [
            (
                f"{name}  ({counted(choice.candidates, 'candidate')})",
                choice.identity,
                judge_description(choice.identity),
            )
            for name, choice in zip(names, judges, strict=True)
        ]
        for text, identity, tooltip in entries:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setToolTip(tooltip)
            action.setChecked(identity == chosen)
            action.triggered.connect(lambda _on=False, it=identity: self.judge_chosen.emit(it))
            group.addAction(action)
        menu.setToolTipsVisible(True)
        self.judge_button.setMenu(menu)
        if old is not None:
            old.deleteLater()
        shown = names[identities.index(chosen)] if chosen in identities else LATEST
        self.judge_button.setText(shown)
        self.judge_button.setToolTip(judge_description(chosen) if chosen else entries[0][2])
        self.judge_button.setEnabled(bool(judges))
        self.judge_button.updateGeometry()

    def set_progress(self, line: ProgressLine | None) -> None:
        """Show how far a running judge is; None when none is running."""
        for widget in (self._progress, self._bar, self.cancel_button):
            widget.setVisible(line is not None)
        if line is None:
            return
        self._progress.setText(line.text)
        self._progress.setToolTip(line.tooltip)
        self._progress.updateGeometry()
        self._bar.setValue(0 if line.share is None else round(1000 * line.share))
        self._bar.setToolTip(line.tooltip)

    def _bind(self, actions: Actions) -> None:
        for button, name in zip(self.workspaces, ("audit", "pairs", "training"), strict=True):
            bind(button, actions[f"workspace.{name}"])
        bind(self.run_button, actions["judge.run"])
        bind(self.cancel_button, actions["judge.cancel"])
        bind(self.find_button, actions["view.find"])
        bind(self.blind_button, actions["view.blind"])
        bind(self.theme_button, actions["view.theme"])
        self.more_button.clicked.connect(lambda: self._open_menu(actions))

    def _open_menu(self, actions: Actions) -> None:
        menu = QMenu(self.more_button)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(menu, actions)
        menu.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))

    def _lay_out(self) -> None:
        step = unit(self)
        self._bar.setFixedWidth(12 * step)
        self._bar.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._progress.setAlignment(Qt.AlignmentFlag.AlignRight)
        row = QHBoxLayout(self)
        row.setContentsMargins(step * 3 // 2, step * 3 // 4, step, step * 3 // 4)
        row.setSpacing(step)
        row.addWidget(self._project)
        row.addSpacing(step)
        for button in self.workspaces:
            row.addWidget(button)
        row.addWidget(self.local)
        row.addSpacing(step)
        row.addWidget(self.judge_button)
        row.addStretch(1)
        row.addWidget(self._progress, 4)
        row.addWidget(self._bar)
        row.addWidget(self.cancel_button)
        row.addWidget(self.run_button)
        row.addWidget(self.find_button)
        row.addWidget(self.blind_button)
        row.addWidget(self.theme_button)
        row.addWidget(self.more_button)
