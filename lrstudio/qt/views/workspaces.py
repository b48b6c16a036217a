"""Which workspace is shown: Audit, or Pairs or Training, which are made when they are first wanted."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Qt, Signal

from lrstudio.qt.bridge.operations import Operations
from lrstudio.services.settings import Settings
from lrstudio.viewstate.facts import OF_AUDIT, Fact

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from lrstudio.domain.verdicts import JudgeIdentity
    from lrstudio.qt.views.audit_controller import AuditController
    from lrstudio.qt.views.main_window import MainWindow
    from lrstudio.qt.views.pairs_controller import PairsController
    from lrstudio.qt.views.pairs_desk import PairsDesk
    from lrstudio.qt.views.training_controller import TrainingController
    from lrstudio.services.wiring import Project
    from lrstudio.viewstate.pairs_board import PairScreen


class Shown(Enum):
    """Which workspace is shown."""

    AUDIT = "audit"
    PAIRS = "pairs"
    TRAINING = "training"


_DEEDS = (
    *("left", "right", "approve", "swap", "reject", "reason", "undo", "redo", "next", "previous", "other_left"),
    *("other_right", "next_question", "previous_question", "filter", "pane"),
)
_TRAINING_DEEDS = (
    *("train", "check", "cancel", "advanced", "stop", "kill", "resume", "judge", "overlay", "compare", "notes"),
    *("fetch", "drop_fetch", "ask_now", "attach"),
    *("folder", "remove", "page_next", "page_previous", "reset", "export", "log", "samples", "pane"),
)


class Workspaces(QObject):
    """Switches between the arrangements of the window.

    Signals:
        facts_changed: other commands make sense now; see `facts`.
        told: a `Notice`.
    """

    facts_changed = Signal()
    told = Signal(object)

    def __init__(self, window: MainWindow, operations: Operations, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self._operations = operations
        self._project: Project | None = None
        self._judge: JudgeIdentity | None = None
        self._audit: AuditController | None = None
        self._desk: PairsDesk | None = None
        self.pairs: PairsController | None = None
        self.training: TrainingController | None = None
        self.shown = Shown.AUDIT
        self._stale = True
        window.top_bar.judge_chosen.connect(self._choose_judge)

    def use(self, project: Project | None) -> None:
        """Begin with the Audit workspace of this project."""
        self._project, self._judge, self._stale = project, None, True
        self.shown = Shown.AUDIT
        if self.pairs is not None:
            self.pairs.use(None)
        if self.training is not None:
            self.training.use(project)
        if self._desk is not None:
            self._desk.use(project)
        self._mark()

    def follow(self, audit: AuditController) -> None:
        """Start from what this workspace looks at."""
        self._audit = audit

    def facts(self, facts: frozenset[Fact]) -> frozenset[Fact]:
        """Return the facts that hold in the workspace shown, of those that hold in Audit."""
        if Fact.PROJECT not in facts:
            return facts
        if self.shown is Shown.PAIRS and self.pairs is not None:
            return (facts - OF_AUDIT) | {Fact.PAIRS} | self.pairs.facts
        if self.shown is Shown.TRAINING and self.training is not None:
            return (facts - OF_AUDIT) | {Fact.TRAINING} | self.training.facts
        return facts | {Fact.AUDIT}

    def command_table(self) -> dict[str, Callable[[], object]]:
        """Return the commands that are carried out here."""
        table: dict[str, Callable[[], object]] = {
            "workspace.audit": self.show_audit,
            "workspace.pairs": self.show_pairs,
            "workspace.training": self.show_training,
            "pairs.blind": self.turn_blind,
            "pairs.propose": lambda: self.desk.show_propose(),
            "pairs.sets": lambda: self.desk.show_sets(),
        }
        table |= {f"pairs.{name}": partial(self._do, f"pairs.{name}") for name in _DEEDS}
        return table | {f"training.{name}": partial(self._do_training, name) for name in _TRAINING_DEEDS}

    @property
    def desk(self) -> PairsDesk:
        """The forms for proposing, freezing and exporting."""
        if self._desk is None:
            from lrstudio.qt.views.pairs_desk import PairsDesk

            self._desk = PairsDesk(self._window, self._operations, self._window.switch, shown=self._on_screen)
            self._desk.told.connect(self.told)
        self._desk.use(self._project, self._judge)
        return self._desk

    def show_audit(self) -> None:
        """Show the Audit workspace."""
        if self._audit is not None and self._project is not None:
            self._show(Shown.AUDIT, self._audit.view)
            self._audit.view.list.tree.setFocus(Qt.FocusReason.OtherFocusReason)
        self._mark()

    def show_pairs(self) -> None:
        """Show the Pairs workspace, with the question that Audit looks at where there is no pair yet."""
        if self._project is not None:
            pairs = self._build()
            self._show(Shown.PAIRS, pairs.view)
            if self._stale:
                self._stale = False
                pairs.use(self._project, self._judge)
            pairs.view.take_keyboard()
        self._mark()

    def show_two(self, one: str, other: str) -> PairsController:
        """Show two candidates side by side in the Pairs workspace, and return what shows them."""
        if self.shown is not Shown.PAIRS:
            self.show_pairs()
        pairs = self._build()
        pairs.show_two(one, other)
        return pairs

    def leave_pairs(self) -> None:
        """Show Audit where Pairs is shown."""
        if self.shown is Shown.PAIRS:
            self.show_audit()

    def show_training(self) -> None:
        """Show the Training workspace."""
        if self._project is not None:
            training = self._build_training()
            self._show(Shown.TRAINING, training.view)
            training.view.take_keyboard()
        self._mark()

    def show_settings(self, settings: Settings) -> None:
        """Look as the settings say."""
        self._window.actions_["pairs.blind"].setChecked(settings.blind)
        if self.pairs is not None:
            self.pairs.set_blind(settings.blind)
            self.pairs.view.set_zoom(settings.zoom)

    def save_layout(self, settings: QSettings) -> None:
        """Write down how Pairs and Training are laid out."""
        if self.pairs is not None:
            self.pairs.view.save_layout(settings)
        if self.training is not None:
            self.training.view.save_layout(settings)

    def _build(self) -> PairsController:
        if self.pairs is None:
            from lrstudio.qt.views.pairs_controller import PairsController
            from lrstudio.qt.views.pairs_view import PairsView

            window, settings = self._window, self._window.settings
            view = PairsView(window.switch, window.actions_)
            self.pairs = PairsController(
                view, self._operations, blind=settings.blind, first_question=self._question_in_audit, parent=self
            )
            self.pairs.facts_changed.connect(self.facts_changed)
            window.add_page(view)
            view.set_zoom(settings.zoom)
            view.restore_layout(window.layout_settings())
            window.actions_["pairs.blind"].setChecked(settings.blind)
        return self.pairs

    def _build_training(self) -> TrainingController:
        if self.training is None:
            from lrstudio.qt.views.training_controller import TrainingController
            from lrstudio.qt.views.training_view import TrainingView

            window = self._window
            view = TrainingView(window.switch, window.actions_)
            beside = window.works.beside
            self.training = TrainingController(
                view, self._operations, window.store, window.works.portal, self, hosts=beside.known_hosts
            )
            view.form.target.hosts_wanted.connect(lambda name: beside.hosts.show(name))
            self.training.judge_wanted.connect(self._judge_candidates)
            view.preview.stale_wanted.connect(self._show_stale)
            self.training.facts_changed.connect(self.facts_changed)
            self.training.told.connect(self.told)
            window.add_page(view)
            view.restore_layout(window.layout_settings())
            self.training.use(self._project)
        return self.training

    def _question_in_audit(self) -> str:
        detail = self._audit.detail if self._audit is not None else None
        return detail.question.question_id if detail is not None else ""

    def _on_screen(self) -> tuple[PairScreen | None, str]:
        return self.pairs.shown if self.pairs is not None else (None, "")

    def _choose_judge(self, judge: JudgeIdentity | None) -> None:
        self._judge = judge
        if self.pairs is not None and self._project is not None and not self._stale:
            self.pairs.use(self._project, judge)

    def turn_blind(self) -> None:
        """Hide what the judge said, or show it again, in every workspace."""
        self._window.actions_["view.blind"].setEnabled(True)
        self._window.actions_["view.blind"].trigger()
        self.facts_changed.emit()

    def _do(self, command_id: str) -> None:
        if self.pairs is not None:
            self.pairs.deeds[command_id]()

    def _judge_candidates(self, candidate_ids: tuple[str, ...]) -> None:
        """Let the judge that needs nobody's leave see these candidates, else ask which one is to."""
        from lrstudio.services.judges import JudgeRequest

        judging = self._window.works.judging
        if self._window.settings.judge.judge in ("", "lexical"):
            judging.start(JudgeRequest(candidate_ids=candidate_ids), name="lexical")
        else:
            judging.show_dialog(question_id="", candidate_id=candidate_ids[0])

    def _show_stale(self) -> None:
        """Show the stale pairs in Pairs."""
        self.show_pairs()
        if self.pairs is not None:
            self.pairs.view.list.stale.setChecked(True)

    def _do_training(self, name: str) -> None:
        if self.training is not None:
            self.training.deeds[name]()

    def _show(self, workspace: Shown, page: QWidget) -> None:
        self.shown = workspace
        if self.training is not None:
            self.training.set_shown(shown=workspace is Shown.TRAINING)
        self._window.show_page(page)

    def _mark(self) -> None:
        for workspace in Shown:
            self._window.actions_[f"workspace.{workspace.value}"].setChecked(workspace is self.shown)
        audit = self.shown is Shown.AUDIT and self._project is not None
        self._window.top_bar.show_workspace(audit=audit)
        self.facts_changed.emit()
