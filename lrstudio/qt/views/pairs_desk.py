"""The forms of the Pairs workspace: propose pairs, freeze a set, write one out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.qt.views.project_desk import Notice
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.pairs_board import PairScreen, against_choices
from lrstudio.viewstate.pairs_list import listed_lines, proposal_text

if TYPE_CHECKING:
    from lrstudio.domain.length_choices import LengthChoice, LengthOutcome
    from lrstudio.domain.pair_lists import PairFilter
    from lrstudio.domain.reports import Remedy
    from lrstudio.domain.sets import FrozenSet, Verification
    from lrstudio.domain.verdicts import JudgeIdentity
    from lrstudio.qt.views.dialogs.propose_dialog import ProposeDialog, ProposeWish
    from lrstudio.qt.views.dialogs.sets_dialog import FreezeWish, SetsDialog
    from lrstudio.qt.views.main_window import MainWindow
    from lrstudio.services.proposals import ProposalReport
    from lrstudio.services.set_exports import SetExport, SetFormat
    from lrstudio.services.sets import Frozen
    from lrstudio.services.wiring import Project

Shown = Callable[[], tuple[PairScreen | None, str]]


class PairsDesk(Desk):
    """One of each form at most; closed with the project."""

    _progressed = Signal(int, int)

    def __init__(self, window: MainWindow, operations: Operations, switch: ThemeSwitch, *, shown: Shown) -> None:
        """Make one; `shown` returns what the Pairs workspace shows, and the id of its question."""
        super().__init__(window, operations, switch)
        self._shown = shown
        self._stop: Event | None = None
        self._judge: JudgeIdentity | None = None
        self._propose: ProposeDialog | None = None
        self._sets: SetsDialog | None = None
        self._progressed.connect(self._show_progress)

    def use(self, project: Project | None, judge: JudgeIdentity | None = None) -> None:
        """Work on this project; forms about another one are closed."""
        super().use(project)
        self._judge = judge

    def _let_go(self) -> None:
        self._stop_rule()
        for dialog in (self._propose, self._sets):
            if dialog is not None:
                dialog.close()

    # Proposing

    def show_propose(self) -> None:
        """Show the form that proposes pairs."""
        from lrstudio.qt.views.dialogs.propose_dialog import ProposeDialog

        if self._project is None:
            return
        if self._propose is None:
            dialog = self._propose = ProposeDialog(self._switch, self._window)
            dialog.wanted.connect(self._run_rule)
            dialog.cancelled.connect(self._stop_rule)
            dialog.destroyed.connect(self._forget_propose)
        self._offer_against()
        bring_up(self._propose)

    def _offer_against(self) -> None:
        """Offer the models of the project and the candidates on screen to compare with."""
        project, shown = self._project, self._shown()
        if project is None:
            return

        def read() -> tuple[str, ...]:
            return tuple(sorted({it.model for question in project.audit.questions() for it in question.candidates}))

        def there(models: tuple[str, ...]) -> None:
            if self._propose is not None:
                self._propose.offer(against_choices(models, *shown))

        self._operations.query(read, there, slot="propose models")

    def _stop_rule(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _run_rule(self, wish: ProposeWish) -> None:
        project, judge = self._project, self._judge
        if project is None:
            return
        stop = self._stop = Event()

        def work() -> ProposalReport:
            return project.pairs.propose(
                wish.rule,
                judge=judge,
                question_ids=wish.question_ids,
                replacing=wish.replacing,
                progress=self._progressed.emit,
                stop=stop.is_set,
            )

        self._operations.run(
            work,
            initiator=self,
            then=self._proposed,
            failed=self._not_proposed,
            long=True,
        )

    def _proposed(self, report: ProposalReport) -> None:
        text = proposal_text(
            questions=report.questions,
            new=report.new,
            same=report.same,
            withdrawn=report.withdrawn,
            of=report.of if report.stopped else None,
        )
        if self._propose is not None:
            self._propose.show_result(text, listed_lines(report.listed))
        else:
            self.told.emit(Notice(text))

    def _not_proposed(self, error: BaseException) -> None:
        if self._propose is not None and isinstance(error, Refused):
            self._propose.refuse(str(error))
            return
        if self._propose is not None:
            self._propose.refuse("")
        self._operations.announce(error, again=self.show_propose)

    def _show_progress(self, done: int, total: int) -> None:
        if self._propose is not None:
            self._propose.show_progress(f"{done:,} of {counted(total, 'question')}")

    def _forget_propose(self) -> None:
        self._propose = None

    # Sets

    def show_sets(self, remedy: Remedy | None = None) -> None:
        """Show the sets and the form that freezes one, filled in with a choice by length where one is suggested."""
        from lrstudio.qt.views.dialogs.sets_dialog import SetsDialog

        if self._project is None:
            return
        if self._sets is None:
            dialog = self._sets = SetsDialog(self._switch, self._window)
            dialog.freeze_wanted.connect(self._freeze)
            dialog.export_wanted.connect(self._choose_export)
            dialog.verify_wanted.connect(self._verify)
            dialog.lengths_wanted.connect(self._read_lengths)
            dialog.destroyed.connect(self._forget_sets)
        if remedy is not None:
            self._sets.suggest(remedy)
        else:
            self._sets.ask_lengths()
        self._read_sets()
        bring_up(self._sets)

    def _read_sets(self, chosen: str = "") -> None:
        project = self._project
        if project is None:
            return

        def there(sets: tuple[FrozenSet, ...]) -> None:
            if self._sets is not None:
                self._sets.show_sets(sets, chosen=chosen)

        self._operations.query(project.sets.all, there, slot="sets")

    def _read_lengths(self, wanted: PairFilter, choices: tuple[LengthChoice, ...]) -> None:
        project = self._project
        if project is None:
            return

        def there(outcomes: tuple[LengthOutcome, ...]) -> None:
            if self._sets is not None:
                self._sets.show_outcomes(outcomes)

        self._operations.query(lambda: project.reports.length_outcomes(wanted, choices), there, slot="set lengths")

    def _verify(self, name: str) -> None:
        project = self._project
        if project is None:
            return

        def there(found: Verification) -> None:
            if self._sets is not None:
                self._sets.show_verified(found)

        self._operations.query(lambda: project.sets.verify(name), there, slot="set verify", failed=self._not_frozen)

    def _freeze(self, wish: FreezeWish) -> None:
        project = self._project
        if project is None:
            return

        def then(frozen: Frozen) -> None:
            if self._sets is not None:
                self._sets.show_frozen(f"Frozen: {counted(frozen.set.card.pairs, 'pair')} in “{frozen.set.name}”.")
            self._read_sets(frozen.set.name)

        self._operations.run(
            lambda: project.sets.freeze(wish.name, wanted=wish.wanted, choice=wish.choice, split=wish.split),
            initiator=self,
            then=then,
            failed=self._not_frozen,
            long=True,
        )

    def _not_frozen(self, error: BaseException) -> None:
        if self._sets is not None and isinstance(error, Refused):
            self._sets.refuse(str(error))
            return
        if self._sets is not None:
            self._sets.refuse("")
        self._operations.announce(error, again=self.show_sets)

    def _choose_export(self, name: str, format: SetFormat) -> None:  # noqa: A002 - the word for it
        folder = format.value in ("datasets", "longreward")
        dialog = QFileDialog(self._sets, f"Export “{name}”")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog, False)
        if not folder:
            dialog.setNameFilters(["JSON lines (*.jsonl)", "Parquet (*.parquet)"])
            dialog.setDefaultSuffix("jsonl")
        dialog.selectFile(f"{name}-{format.value}" + ("" if folder else ".jsonl"))
        dialog.fileSelected.connect(lambda path: self.export(Path(path), name, format))
        dialog.open()

    def export(self, out: Path, name: str, format: SetFormat) -> None:  # noqa: A002
        """Write a set to a file or folder."""
        from lrstudio.services.set_exports import SetChoice

        project = self._project
        if project is None:
            return

        def then(done: SetExport) -> None:
            left_out = f" {'; '.join(done.left_out)}" if done.left_out else ""
            if self._sets is not None:
                self._sets.show_frozen(f"{counted(done.rows, 'row')} in {out}.{left_out}")

        self._operations.run(
            lambda: project.set_exports.export_set(out, name, choice=SetChoice(format=format)),
            initiator=self,
            then=then,
            failed=self._not_frozen,
            long=True,
        )

    def _changed(self, changes: Changes, initiator: object) -> None:
        if self._sets is None:
            return
        if initiator is not self and (changes.sets or changes.everything):
            self._read_sets(self._sets.chosen)
        if changes.pairs or changes.everything:
            self._sets.ask_lengths()

    def _forget_sets(self) -> None:
        self._sets = None
