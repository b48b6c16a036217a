"""Judges what runs answer while they train: samples as they come, and the rounds that SPPO waits with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.jobs import Ended, JudgeJob, JudgeWork
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.views.project_desk import Notice
from lrstudio.training.wire import Phase
from lrstudio.viewstate.training_runs import label_of

if TYPE_CHECKING:
    from lrstudio.services.wiring import Project
    from lrstudio.training.runs import RunRow
    from lrstudio.viewstate.training_watch import RunScreen

_JUDGE = "lexical"
"""Free, and sends nothing anywhere; another judge sees the answers when a person asks it to."""
_HOW = "press j for the built-in one, or run `lrstudio runs judge` with another."


class TrainingJudging(QObject):
    """One job at a time, of the built-in judge.

    Signals:
        told: a `Notice`.
    """

    told = Signal(object)

    def __init__(self, operations: Operations, portal: Portal, parent: QObject) -> None:
        super().__init__(parent)
        self._operations = operations
        self._portal = portal
        self._project: Project | None = None
        self._job: JudgeJob | None = None
        self._seen: dict[str, int] = {}
        self._waited: dict[str, int] = {}

    def use(self, project: Project | None) -> None:
        """Judge in this project."""
        if project is not self._project:
            self._seen.clear()
            self._waited.clear()
            if self._job is not None:
                self._job.cancel()
        self._project = project

    def follow(self, screen: RunScreen) -> None:
        """Judge the answers of a run that are new, or the round that it waits with."""
        run_id, row = screen.row.run_id, screen.row
        if row.phase is Phase.WAITING_FOR_JUDGE and row.running:
            if self._waited.get(run_id) != screen.version and self._job is None:
                self._waited[run_id] = screen.version
                if row.judges_itself:
                    self.judge_round(row)
                else:
                    self.told.emit(Notice(f"{label_of(row).capitalize()} waits for its judge: {_HOW}"))
            return
        unjudged = sum(not it.sample.judged for it in screen.samples)
        if unjudged and len(screen.samples) > self._seen.get(run_id, 0) and self._job is None:
            self._seen[run_id] = len(screen.samples)
            self._start(run_id, "score_samples")

    def judge_round(self, row: RunRow | None) -> bool:
        """Judge the round that a run waits with; False where it waits with none."""
        if row is None or row.phase is not Phase.WAITING_FOR_JUDGE or not row.running:
            return False
        if self._job is None:
            self.told.emit(
                Notice(f"{label_of(row).capitalize()} waits for its judge: the lexical one reads its answers.")
            )
            self._start(row.run_id, "judge_round")
        return True

    def _start(self, run_id: str, what: str) -> None:
        from lrstudio.services.judges import JudgeRequest

        project = self._project
        if project is None:
            return
        training = project.training
        deed = training.score_samples if what == "score_samples" else training.judge_round
        work: JudgeWork = partial(deed, run_id, JudgeRequest(judge=_JUDGE))
        job = self._job = JudgeJob(_JUDGE, self._portal, self)
        job.ended.connect(self._ended)
        job.start(work, on_worker=self._operations.on_worker)

    def _ended(self, ended: Ended) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.deleteLater()
        if isinstance(ended.error, Refused):
            self.told.emit(Notice(str(ended.error), refused=True))
        elif ended.error is not None:
            self._operations.announce(ended.error, again=lambda: None)
