"""Asks, before a judge runs, what is to be judged: shows the plan as the form is filled in, and asks for consent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.errors import Environment, Refused
from lrstudio.qt.bridge.asks import Asker
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.services.judge_wish import JudgeWish, remember, request_of
from lrstudio.viewstate.judge_plan import no_plan, plan_view

if TYPE_CHECKING:
    from lrstudio.judge.plan import Plan
    from lrstudio.qt.views.dialogs.judge_dialog import JudgeDialog
    from lrstudio.services.consent import Outgoing
    from lrstudio.services.judges import JudgeRequest
    from lrstudio.services.settings import SettingsStore
    from lrstudio.services.wiring import Project


@dataclass(frozen=True, slots=True)
class _Planned:
    wish: JudgeWish
    plan: Plan
    kept_back: str


class JudgeAsking(QObject):
    """Holds the form, at most one.

    Signals:
        ready: `(JudgeRequest, name)`: a judge is to run.
    """

    ready = Signal(object, str)

    def __init__(
        self, window: QWidget, operations: Operations, portal: Portal, settings: SettingsStore, switch: ThemeSwitch
    ) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._settings = settings
        self._switch = switch
        self._project: Project | None = None
        self._dialog: JudgeDialog | None = None
        self._here = ("", "")
        self._asker = Asker(portal, on_worker=operations.on_worker, parent=self)
        self._asker.answered.connect(self._planned)
        self._asker.failed.connect(self._not_planned)

    def use(self, project: Project | None) -> None:
        """Ask about this project; a form about another one is closed."""
        if project is not self._project:
            self._asker.drop()
            if self._dialog is not None:
                self._dialog.close()
        self._project = project

    def show(self, *, question_id: str, candidate_id: str) -> None:
        """Show the form; the ids are of what is on screen, "" for nothing."""
        from lrstudio.qt.views.dialogs.judge_dialog import JudgeDialog

        if self._project is None:
            return
        if self._dialog is not None:
            self._dialog.raise_()
            self._dialog.activateWindow()
            return
        self._here = (question_id, candidate_id)
        dialog = JudgeDialog(self._switch, self._settings.load(), one=bool(candidate_id), parent=self._window)
        dialog.plan_wanted.connect(self._plan)
        dialog.chosen.connect(self._chosen)
        dialog.destroyed.connect(self._forget)
        self._dialog = dialog
        dialog.show()
        self._offer_packs(self._project)
        self._offer_hosts()

    def _offer_hosts(self) -> None:
        """Offer the hosts that could answer."""

        def names() -> list[str]:
            from lrstudio.services.hosts import Hosts

            return [host.name for host in Hosts(self._settings).list()]

        def there(found: list[str]) -> None:
            if self._dialog is not None:
                self._dialog.fields.offer_hosts(found)

        self._operations.query(names, there, slot="judge hosts")

    def _offer_packs(self, project: Project) -> None:
        """Offer the prompt packs that a judge could use, by name."""

        def packs() -> list[tuple[str, str]]:
            from lrstudio.services.packs import Origin
            from lrstudio.services.wiring import prompt_packs

            known = [it for it in prompt_packs(project.path, settings=self._settings).known() if it.version]
            return [(it.name, "" if it.origin is Origin.SHIPPED else str(it.folder)) for it in known]

        def there(found: list[tuple[str, str]]) -> None:
            if self._dialog is not None:
                self._dialog.fields.offer_packs(found)

        self._operations.query(packs, there, slot="judge packs")

    # The plan

    def _plan(self, wish: JudgeWish) -> None:
        """Reckon on the loop: the next change of the form cancels what is no longer wanted."""
        project = self._project
        if project is None:
            return
        wish = self._placed(wish)

        async def plan() -> Any:
            from anyio import to_thread

            request = await to_thread.run_sync(request_of, wish, project.audit)
            judging = project.judge_batches if request.on else project.judging
            made = await judging.plan(request)
            outgoing = await to_thread.run_sync(judging.outgoing, request)
            return _Planned(wish, made, kept_back(outgoing))

        self._asker.ask(plan)

    def _planned(self, planned: _Planned) -> None:
        if self._dialog is None:
            return
        view = plan_view(planned.plan, calls_model=planned.wish.judge == "http", spend_limit=planned.wish.spend_limit)
        if planned.kept_back:
            view = replace(view, warning=planned.kept_back)
        self._dialog.show_plan(view)

    def _not_planned(self, error: BaseException) -> None:
        if self._dialog is None:
            return
        if isinstance(error, Refused):
            self._dialog.refuse_plan(error)
        elif isinstance(error, Environment):
            self._dialog.show_plan(no_plan(f"No plan: {error}"))
        else:
            self._dialog.show_plan(no_plan("No plan: something went wrong."))
            self._operations.announce(error, again=lambda: None)

    # The run

    def _chosen(self, wish: JudgeWish) -> None:
        """Turn what was chosen into a request: candidates are looked up and the key is asked for off the GUI thread."""
        project, settings = self._project, self._settings
        if project is None:
            return
        wish = self._placed(wish)

        def request() -> tuple[JudgeRequest, str]:
            import anyio

            asked = request_of(wish, project.audit)
            judging = project.judge_batches if asked.on else project.judging
            anyio.run(judging.check, asked)
            outgoing = judging.outgoing(asked)
            if refusal := kept_back(outgoing):
                raise Refused(refusal)
            settings.save(remember(wish, settings.load()))
            unasked = () if wish.agreed else outgoing
            return asked, ". ".join(str(it) for it in unasked if not it.allowed)

        self._operations.query(
            request, lambda it: self._begin(it, wish.name), slot="judge request", failed=self._refused
        )

    def _begin(self, found: tuple[JudgeRequest, str], name: str) -> None:
        """Run the judge, or ask first whether documents may go where it is."""
        request, outgoing = found
        if self._dialog is not None and outgoing:
            self._dialog.ask_consent(f"{outgoing}.")
            return
        if self._dialog is not None:
            self._dialog.close()
        self.ready.emit(request, name)

    def _refused(self, error: BaseException) -> None:
        if isinstance(error, Refused) and self._dialog is not None:
            self._dialog.refuse(error)
        else:
            self._operations.announce(error, again=lambda: None)

    def _placed(self, wish: JudgeWish) -> JudgeWish:
        question_id, candidate_id = self._here
        return replace(wish, question_id=question_id, candidate_id=candidate_id)

    def _forget(self) -> None:
        self._dialog = None
        self._asker.drop()


def kept_back(outgoing: tuple[Outgoing, ...]) -> str:
    """Say which documents may not go where a run would send them, and what to do; "" where none is kept back."""
    for it in outgoing:
        if it.kept_back:
            more = f" and {len(it.kept_back) - 1} more" if len(it.kept_back) > 1 else ""
            return (
                f"{it.kept_back[0]}{more} must stay on this machine, and {it.host} is another one. Choose a judge on "
                "this machine, other candidates, or take the mark off in the Project menu."
            )
    return ""
