"""Runs a judge from the window: what is asked, how far it is, how it ended."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Environment, Refused
from lrstudio.qt.bridge.jobs import Batch, Ended, JudgeJob
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.project_desk import Notice
from lrstudio.viewstate.judge_progress import progress_line

if TYPE_CHECKING:
    from lrstudio.qt.views.dialogs.judge_dialog import JudgeChoiceMade, JudgeDialog
    from lrstudio.services.judges import JudgeRequest
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
    """

    line_changed = Signal(object)
    running_changed = Signal(bool)
    told = Signal(object)

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
        self._settings = settings
        self._switch = switch
        self._project: Project | None = None
        self._job: JudgeJob | None = None
        self._dialog: JudgeDialog | None = None
        self._here = ("", "")
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

    def show_dialog(self, *, question_id: str, candidate_id: str) -> None:
        """Ask which judge is to run; the ids are of what is on screen, "" for nothing."""
        from lrstudio.qt.views.dialogs.judge_dialog import JudgeDialog

        if self._project is None or self.running:
            return
        if self._dialog is not None:
            self._dialog.raise_()
            self._dialog.activateWindow()
            return
        self._here = (question_id, candidate_id)
        http = self._settings.load().http
        dialog = JudgeDialog(self._switch, http, one=bool(candidate_id), parent=self._window)
        if http.base_url:
            dialog.select_judge("http")
        dialog.chosen.connect(self._chosen)
        dialog.destroyed.connect(self._forget_dialog)
        self._dialog = dialog
        dialog.show()

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
        self._job = job
        self.running_changed.emit(True)
        self._line.start()
        self._tell_line()
        job.start(partial(project.judging.run, request), on_worker=self._operations.on_worker)

    def _chosen(self, made: JudgeChoiceMade) -> None:
        """Turn what was chosen into a request: candidates are looked up and the key is asked for off the GUI thread."""
        project, (question_id, candidate_id), settings = self._project, self._here, self._settings
        if project is None:
            return

        def request() -> tuple[JudgeRequest, str]:
            from lrstudio.services.judges import JudgeRequest
            from lrstudio.services.keys import ApiKey, store_key
            from lrstudio.services.network import http_request

            ids: tuple[str, ...] | None = None
            if made.scope == "candidate":
                ids = (candidate_id,)
            elif made.scope == "question":
                listed = {it.question_id: it.candidates for it in project.audit.questions()}
                ids = tuple(it.candidate_id for it in listed.get(question_id, ()))
            if made.judge != "http":
                plain = JudgeRequest(made.judge, dimensions=made.dimensions, candidate_ids=ids, script=made.script)
                return plain, ""
            if not made.http.base_url.startswith(("http://", "https://")):
                raise Refused("an address starts with http:// or https://", where="Base URL")
            if not made.http.model:
                raise Refused("the endpoint needs the name of a model", where="Model")
            settings.save(replace(settings.load(), http=made.http))
            asked = replace(http_request(made.http), dimensions=made.dimensions, candidate_ids=ids, agreed=made.agreed)
            if made.key:
                asked = replace(asked, api_key=ApiKey(made.key, "typed for this session"))
                with suppress(Environment):  # without a keyring the key lives as long as this run
                    store_key(made.key)
            unasked = () if made.agreed else project.judging.outgoing(asked)
            return asked, ". ".join(str(it) for it in unasked if not it.allowed)

        name = made.http.model if made.judge == "http" else made.judge
        self._operations.query(request, lambda it: self._begin(it, name), slot="judge request", failed=self._refused)

    def _begin(self, ready: tuple[JudgeRequest, str], name: str) -> None:
        """Run the judge, or ask first whether documents may go where it is."""
        request, outgoing = ready
        if self._dialog is not None and outgoing:
            self._dialog.ask_consent(f"{outgoing}.")
            return
        if self._dialog is not None:
            self._dialog.close()
        self.start(request, name=name)

    def _refused(self, error: BaseException) -> None:
        if isinstance(error, Refused) and self._dialog is not None:
            self._dialog.refuse(str(error))
        else:
            self._operations.announce(error, again=lambda: None)

    def _forget_dialog(self) -> None:
        self._dialog = None

    def _progressed(self, batch: Batch) -> None:
        if batch.candidate_ids and self._project is not None:
            self._operations.changed.emit(Changes(judgments=batch.candidate_ids), self)

    def _tell_line(self) -> None:
        job = self._job
        self.line_changed.emit(progress_line(job.name, job.progress, cancelling=job.cancelling) if job else None)

    def _ended(self, job: JudgeJob, request: JudgeRequest, ended: Ended) -> None:
        self._line.stop()
        self._job = None
        job.deleteLater()
        self._tell_line()
        self.running_changed.emit(False)
        self._operations.changed.emit(getattr(ended.outcome, "changes", None) or Changes(everything=True), self)
        done = job.progress.done if job.progress else 0
        if ended.cancelled:
            self.told.emit(
                Notice(f"Cancelled; {done:,} judgments are kept. Running {job.name} again goes on from there.")
            )
        elif isinstance(ended.error, Refused):
            self.told.emit(Notice(str(ended.error), refused=True))
        elif ended.error is not None:
            self._operations.announce(ended.error, again=lambda: self.start(request, name=job.name))
        else:
            self.told.emit(Notice(f"{job.name} has judged: {done:,} judgments."))
