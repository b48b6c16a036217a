"""Runs a judge from the window: what is asked, how far it is, how it ended."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.jobs import Batch, Ended, JudgeJob
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.judge_asking import JudgeAsking
from lrstudio.qt.views.project_desk import Notice
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.judge_progress import progress_line

if TYPE_CHECKING:
    from lrstudio.judge.protocol import Emit
    from lrstudio.services.judges import JudgeRequest
    from lrstudio.services.judging import JudgeOutcome
    from lrstudio.services.settings import SettingsStore
    from lrstudio.services.wiring import Project

_LINE_MS = 250
"""Counts that change faster cannot be read."""

_PATIENCE = 30.0
"""Seconds after which a project is closed under a judge that does not stop."""


class JudgeDesk(QObject):
    """Holds the judge job of the window, at most one.

    Signals:
        line_changed: a `ProgressLine`, None when no judge runs.
        running_changed: whether a judge runs.
        told: a `Notice`.
        summary_wanted: the id of a judge run whose summary is to be shown, "" for the latest.
    """

    line_changed = Signal(object)
    running_changed = Signal(bool)
    told = Signal(object)
    summary_wanted = Signal(str)

    def __init__(
        self,
        window: QWidget,
        operations: Operations,
        portal: Portal,
        settings: SettingsStore,
        switch: ThemeSwitch,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._portal = portal
        self._project: Project | None = None
        self._job: JudgeJob | None = None
        self._spend_limit: float | None = None
        self._asking = JudgeAsking(window, operations, portal, settings, switch)
        self._asking.ready.connect(lambda request, name: self.start(request, name=name))
        self._line = QTimer(self, interval=_LINE_MS)
        self._line.timeout.connect(self._tell_line)

    @property
    def running(self) -> bool:
        """Tell whether a judge runs."""
        return self._job is not None

    @property
    def done(self) -> int:
        """How many judgments the running judge has finished."""
        return self._job.progress.done if self._job is not None and self._job.progress is not None else 0

    def use(self, project: Project | None) -> None:
        """Judge in this project; a judge of the one before is cancelled."""
        if project is not self._project:
            self.cancel()
        self._project = project
        self._asking.use(project)

    def show_dialog(self, *, question_id: str, candidate_id: str) -> None:
        """Ask which judge is to run; the ids are of what is on screen, "" for nothing."""
        if not self.running:
            self._asking.show(question_id=question_id, candidate_id=candidate_id)

    def cancel(self) -> None:
        """Stop the judge; what is finished is kept."""
        if self._job is not None:
            self._job.cancel()
            self._tell_line()

    def wait(self) -> None:
        """Block a worker thread until a judge that was cancelled has let go of the project."""
        job = self._job
        if job is not None:
            job.wait(_PATIENCE)

    def start(self, request: JudgeRequest, *, name: str) -> None:
        """Run a judge."""
        project = self._project
        if project is None or self.running:
            return
        job = JudgeJob(name, self._portal, self)
        job.progressed.connect(self._progressed)
        job.ended.connect(partial(self._ended, job, request))
        self._job, self._spend_limit = job, request.spend_limit
        self.running_changed.emit(True)
        self._line.start()
        self._tell_line()
        job.start(partial(_run, project, request), on_worker=self._operations.on_worker)

    def _progressed(self, batch: Batch) -> None:
        if batch.candidate_ids and self._project is not None:
            self._operations.changed.emit(Changes(judgments=batch.candidate_ids), self)

    def _tell_line(self) -> None:
        job = self._job
        if job is None:
            self.line_changed.emit(None)
            return
        limit = self._spend_limit
        self.line_changed.emit(progress_line(job.name, job.progress, cancelling=job.cancelling, spend_limit=limit))

    def _ended(self, job: JudgeJob, request: JudgeRequest, ended: Ended) -> None:
        self._line.stop()
        self._job = None
        job.deleteLater()
        self._tell_line()
        self.running_changed.emit(False)
        self._operations.changed.emit(getattr(ended.outcome, "changes", None) or Changes(everything=True), self)
        done = job.progress.done if job.progress else 0
        outcome: JudgeOutcome | None = ended.outcome
        show = partial(self.summary_wanted.emit, outcome.run.run_id if outcome else "")
        if ended.cancelled and request.on:
            self.told.emit(
                Notice(let_go_sentence(job.name, request.on), "End it there", partial(self._end_on, request))
            )
        elif ended.cancelled:
            self.told.emit(
                Notice(f"Cancelled; {done:,} judgments are kept. Running {job.name} again goes on from there.")
            )
        elif isinstance(ended.error, Refused):
            self.told.emit(Notice(str(ended.error), refused=True))
        elif ended.error is not None:
            self._operations.announce(ended.error, again=lambda: self.start(request, name=job.name))
        elif outcome is not None:
            self.told.emit(Notice(ended_sentence(job.name, done, outcome), "Summary", show))

    def _end_on(self, request: JudgeRequest) -> None:
        """End what goes on at a host without this window."""
        project = self._project
        if project is None:
            return

        def there(_ended: object) -> None:
            self.told.emit(Notice(f"Ended on {request.on}. What was answered is taken in by the next run."))

        self._operations.query(
            lambda: project.judge_batches.end(request.on), there, slot="judge batch", failed=self._not_ended, far=True
        )

    def _not_ended(self, error: BaseException) -> None:
        if isinstance(error, Refused):
            self.told.emit(Notice(str(error), refused=True))
        else:
            self._operations.announce(error, again=lambda: None)


async def _run(project: Project, request: JudgeRequest, *, emit: Emit) -> JudgeOutcome:
    if request.on:
        return await project.judge_batches.run(request, emit=emit)
    return await project.judging.run(request, emit=emit)


def let_go_sentence(name: str, host: str) -> str:
    """Say what becomes of a judge run on a host whose window let go of it."""
    return f"Let go of. What {host} has of {name} goes on there; run it again to take the replies in."


def ended_sentence(name: str, done: int, outcome: JudgeOutcome) -> str:
    """Say what a judge run that ended came to."""
    if outcome.stopped:
        return f"{name}: {outcome.stopped}. {done:,} judgments are kept."
    left = f" {counted(outcome.left, 'candidate')} left: run again to go on." if outcome.left else ""
    return f"{name} has judged: {done:,} judgments.{left}"
