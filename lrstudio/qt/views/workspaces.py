"""Which workspace is shown: Audit, or Pairs, which is made when it is first wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Qt, Signal

from lrstudio.qt.bridge.operations import Operations
from lrstudio.services.settings import Settings
from lrstudio.viewstate.facts import OF_AUDIT, Fact

if TYPE_CHECKING:
    from lrstudio.domain.verdicts import JudgeIdentity
    from lrstudio.qt.views.audit_controller import AuditController
    from lrstudio.qt.views.main_window import MainWindow
    from lrstudio.qt.views.pairs_controller import PairsController
    from lrstudio.qt.views.pairs_desk import PairsDesk
    from lrstudio.services.wiring import Project
    from lrstudio.viewstate.pairs_board import PairScreen

_DEEDS = (
    *("left", "right", "approve", "swap", "reject", "reason", "undo", "redo", "next", "previous", "other_left"),
    *("other_right", "next_question", "previous_question", "filter", "pane"),
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
        self.in_pairs = False
        self._stale = True
        window.top_bar.judge_chosen.connect(self._choose_judge)

    def use(self, project: Project | None) -> None:
        """Begin with the Audit workspace of this project."""
        self._project, self._judge, self._stale = project, None, True
        self.in_pairs = False
        if self.pairs is not None:
            self.pairs.use(None)
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
        if not self.in_pairs or self.pairs is None:
            return facts | {Fact.AUDIT}
        return (facts - OF_AUDIT) | {Fact.PAIRS} | self.pairs.facts

    def command_table(self) -> dict[str, Callable[[], object]]:
        """Return the commands that are carried out here."""
        table: dict[str, Callable[[], object]] = {
            "workspace.audit": self.show_audit,
            "workspace.pairs": self.show_pairs,
            "pairs.blind": self.turn_blind,
            "pairs.propose": lambda: self.desk.show_propose(),
            "pairs.sets": lambda: self.desk.show_sets(),
        }
        return table | {f"pairs.{name}": lambda it=f"pairs.{name}": self._do(it) for name in _DEEDS}

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
            self.in_pairs = False
            self._window.show_page(self._audit.view)
            self._audit.view.list.tree.setFocus(Qt.FocusReason.OtherFocusReason)
        self._mark()

    def show_pairs(self) -> None:
        """Show the Pairs workspace, with the question that Audit looks at where there is no pair yet."""
        if self._project is not None:
            pairs = self._build()
            self.in_pairs = True
            self._window.show_page(pairs.view)
            if self._stale:
                self._stale = False
                pairs.use(self._project, self._judge)
            pairs.view.take_keyboard()
        self._mark()

    def show_two(self, one: str, other: str) -> PairsController:
        """Show two candidates side by side in the Pairs workspace, and return what shows them."""
        if not self.in_pairs:
            self.show_pairs()
        pairs = self._build()
        pairs.show_two(one, other)
        return pairs

    def leave_pairs(self) -> None:
        """Show Audit where Pairs is shown."""
        if self.in_pairs:
            self.show_audit()

    def show_settings(self, settings: Settings) -> None:
        """Look as the settings say."""
        self._window.actions_["pairs.blind"].setChecked(settings.blind)
        if self.pairs is not None:
            self.pairs.set_blind(settings.blind)
            self.pairs.view.set_zoom(settings.zoom)

    def save_layout(self, settings: QSettings) -> None:
        """Write down how Pairs is laid out."""
        if self.pairs is not None:
            self.pairs.view.save_layout(settings)

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

    def _mark(self) -> None:
        self._window.actions_["workspace.audit"].setChecked(not self.in_pairs)
        self._window.actions_["workspace.pairs"].setChecked(self.in_pairs)
        self._window.top_bar.show_workspace(audit=not self.in_pairs and self._project is not None)
        self.facts_changed.emit()
