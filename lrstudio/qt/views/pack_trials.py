"""Plans and runs trials of prompt packs for the page that asks for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.jobs import Ended, JudgeJob
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.views.pack_trial_page import TrialForm, TrialPage
from lrstudio.viewstate.judge_progress import progress_line
from lrstudio.viewstate.pack_words import trial_rows
from lrstudio.viewstate.packs import plan_words, split_words

if TYPE_CHECKING:
    from lrstudio.judge.protocol import Emit
    from lrstudio.services.judges import JudgeRequest
    from lrstudio.services.pack_trials import TrialChoice, TrialOutcome
    from lrstudio.services.packs import Packs
    from lrstudio.services.settings import SettingsStore
    from lrstudio.services.wiring import Project

_LINE_MS = 250
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a form comes to: how the labels are divided, the plan, what leaves the machine, or why it cannot be."""

    split: str
    plan: str = ""
    outgoing: str = ""
    refused: str = ""


class TrialDesk(QObject):
    """Holds the trial of the window, at most one.

    Signals:
        done: a trial has ended.
    """

    done = Signal()

    def __init__(self, operations: Operations, portal: Portal, settings: SettingsStore, parent: QObject) -> None:
        super().__init__(parent)
        self._operations = operations
        self._portal = portal
        self._settings = settings
        self._project: Project | None = None
        self._page: TrialPage | None = None
        self._job: JudgeJob | None = None
        self._looking: JudgeJob | None = None
        self._line = QTimer(self, interval=_LINE_MS)
        self._line.timeout.connect(self._tell_line)

    @property
    def running(self) -> bool:
        """Whether a trial runs."""
        return self._job is not None

    @property
    def looking(self) -> bool:
        """Whether a plan is on its way."""
        return self._looking is not None

    def use(self, project: Project | None) -> None:
        """Try in this project."""
        if project is not self._project:
            self.cancel()
        self._project = project

    def attach(self, page: TrialPage) -> None:
        """Serve a page."""
        self._page = page
        http = self._settings.load().http
        page.base_url.setText(http.base_url)
        page.model.setText(http.model)
        page.asked.connect(self.look)
        page.wanted.connect(self._start)
        page.cancelled.connect(self.cancel)

    def detach(self) -> None:
        """The page is gone; a trial under way goes on and its replies are kept."""
        self._page = None

    def cancel(self) -> None:
        """Stop the trial; the replies that came are kept, and the next trial goes on from them."""
        for job in (self._job, self._looking):
            if job is not None:
                job.cancel()

    def wait(self) -> None:
        """Block a worker thread until what was cancelled has let go of the project."""
        for job in (self._job, self._looking):
            if job is not None:
                job.wait(_PATIENCE)

    def look(self) -> None:
        """Tell what the form comes to, before anything is sent."""
        page, project = self._page, self._project
        if page is None or self.running:
            return
        if project is None:
            page.refuse("Open a project with decisions first: a trial compares with what people decided.")
            return
        if self._looking is not None:
            self._looking.cancel()
        job = JudgeJob("plan", self._portal, self)
        self._looking = job
        job.ended.connect(partial(self._looked, job))
        job.start(partial(self._look, project, page.form), on_worker=self._operations.on_worker)

    async def _look(self, project: Project, form: TrialForm, *, emit: Emit) -> _Looked:
        from anyio import to_thread

        split = ""
        try:
            request, choice = await to_thread.run_sync(self._asked, project, form)
            counts = (await to_thread.run_sync(project.trials.split, choice)).counts
            divided = split_words((part.words, labels, documents) for part, labels, documents in counts)
            split = divided[:1].upper() + divided[1:]
            made = await project.trials.plan(request, choice)
            outgoing = await to_thread.run_sync(project.trials.outgoing, request, choice)
        except Refused as error:
            return _Looked(split, refused=str(error))
        total = made.total
        plan = plan_words(
            calls=total.calls,
            input_tokens=total.input_tokens,
            output_tokens=total.output_tokens,
            cost=total.cost,
            candidates=len(made.split.candidate_ids),
        )
        return _Looked(split, plan, ". ".join(str(it) for it in outgoing if not it.allowed))

    def _looked(self, job: JudgeJob, ended: Ended) -> None:
        job.deleteLater()
        if job is not self._looking:
            return
        self._looking = None
        page = self._page
        if ended.error is not None:
            self._operations.announce(ended.error, again=self.look)
        elif page is not None and ended.outcome is not None:
            looked: _Looked = ended.outcome
            page.show_plan(split=looked.split, plan=looked.plan, outgoing=looked.outgoing)
            if looked.refused:
                page.refuse(looked.refused)

    def _start(self, form: TrialForm) -> None:
        project = self._project
        if project is None or self.running:
            return
        if self._looking is not None:
            self._looking.cancel()
        job = JudgeJob("Trial", self._portal, self)
        job.ended.connect(partial(self._ended, job))
        self._job = job
        self._line.start()
        self._tell_line()
        if self._page is not None:
            self._page.show_rows(())
            self._page.problem.say("")
        job.start(partial(self._run, project, form), on_worker=self._operations.on_worker)

    async def _run(self, project: Project, form: TrialForm, *, emit: Emit) -> TrialOutcome:
        from anyio import to_thread

        request, choice = await to_thread.run_sync(self._asked, project, form)
        await to_thread.run_sync(self._packs(project).keep, form.before, form.after)
        return await project.trials.run(request, choice, emit=emit)

    def _asked(self, project: Project, form: TrialForm) -> tuple[JudgeRequest, TrialChoice]:
        """Turn the form into a request and a choice; reads files."""
        from lrstudio.services.labels import Part
        from lrstudio.services.network import http_request
        from lrstudio.services.pack_trials import TrialChoice

        request = replace(
            http_request(self._settings.load().http),
            base_url=form.base_url,
            model=form.model,
            agreed=form.agreed,
        )
        packs = self._packs(project)
        choice = TrialChoice(
            packs.folder(form.before),
            packs.folder(form.after),
            part=Part(form.part),
            seed=form.seed,
            blind_only=form.blind_only,
        )
        return request, choice

    def _packs(self, project: Project) -> Packs:
        from lrstudio.services.wiring import prompt_packs

        return prompt_packs(project.path, settings=self._settings)

    def _tell_line(self) -> None:
        job, page = self._job, self._page
        if page is not None:
            page.show_running(
                progress_line(job.name, job.progress, cancelling=job.cancelling).text if job is not None else ""
            )

    def _ended(self, job: JudgeJob, ended: Ended) -> None:
        self._line.stop()
        self._job = None
        job.deleteLater()
        self._tell_line()
        page = self._page
        changes = getattr(ended.outcome, "changes", None) or Changes(everything=True)
        self._operations.changed.emit(changes, self)
        if page is None:
            return
        if isinstance(ended.error, Refused):
            page.refuse(str(ended.error))
        elif ended.error is not None:
            self._operations.announce(ended.error, again=self.look)
        elif ended.cancelled:
            page.refuse("Cancelled. The replies that came are kept: trying again goes on from them.")
        else:
            outcome: TrialOutcome = ended.outcome
            page.show_rows(trial_rows((it.dimension, it.parts, it.scores) for it in outcome.comparisons))
            if outcome.stopped:
                page.refuse(outcome.stopped)
        self.done.emit()
