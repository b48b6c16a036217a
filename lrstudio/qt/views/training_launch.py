"""From the form to a run: a draft is looked over in the Python that trains, accepted where need be, and started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.training_view import TrainingView
from lrstudio.training.preflight import Preflight
from lrstudio.training.runs import Estimate, TrainWish
from lrstudio.viewstate.training_form import Typed, field_of
from lrstudio.viewstate.training_preview import Preview, accepted, missing, preview, share_of, trouble_text

if TYPE_CHECKING:
    from lrstudio.services.wiring import Project
    from lrstudio.viewstate.training_preview import Acceptance

_CHECK, _START = "training check", "training start"


@dataclass(frozen=True, slots=True)
class _Checked:
    """A draft that was looked over: for which form, and what was found."""

    typed: Typed
    run_id: str
    found: Preflight
    estimate: Estimate
    left_out: tuple[str, ...]

    @property
    def shown(self) -> Preview:
        return preview(self.found, estimate=self.estimate, left_out=self.left_out)


class TrainingLaunch(QObject):
    """One draft at a time; it is thrown away when the form says something else.

    Signals:
        checking_changed: a check begins or ends.
        started: the id of a run that was started.
        lacking: the form is not whole, or the host that is chosen not ready.
    """

    checking_changed = Signal()
    lacking = Signal()
    started = Signal(str)
    _said = Signal(str)

    def __init__(self, view: TrainingView, operations: Operations, parent: QObject) -> None:
        super().__init__(parent)
        self._view = view
        self._operations = operations
        self._project: Project | None = None
        self._stop: Event | None = None
        self._checked: _Checked | None = None
        self._said.connect(self._show_progress)
        view.form.changed.connect(self._form_changed)
        view.preview.ids_wanted.connect(self._show_ids)
        view.preview.accepted_changed.connect(lambda: view.preview.problems.say(""))

    @property
    def checking(self) -> bool:
        """Tell whether a check or a start is under way."""
        return self._stop is not None

    def use(self, project: Project | None) -> None:
        """Train in this project."""
        self.cancel()
        self._drop()
        self._project = project
        self._end()
        self._view.preview.show_found(None)

    def check(self, *, then_train: bool = False) -> None:
        """Look the form over; what is wrong with a field stands beside it."""
        project, form = self._project, self._view.form
        if project is None or self.checking:
            return
        if form.problems(shown=True):
            self.lacking.emit()
            return
        typed = form.typed
        self._drop()
        wish = TrainWish(
            typed.set_name,
            typed.recipe,
            Path(typed.model.strip()),
            preset=typed.preset,
            options=form.given(),
            name=typed.name,
            queue=typed.queue,
            host=typed.host,
        )
        stop = self._stop = Event()
        self._view.preview.show_found(None)
        self._show_progress("writing the rows")
        self.checking_changed.emit()

        def work() -> _Checked:
            training = project.training
            run_id = training.draft(wish, progress=self._said.emit, cancelled=stop.is_set)
            try:
                found = training.preflight(run_id, progress=self._said.emit, cancelled=stop.is_set)
                return _Checked(typed, run_id, found, training.estimate(run_id), training.run(run_id).left_out)
            except BaseException:
                training.discard(run_id)
                raise

        def there(checked: _Checked) -> None:
            self._end()
            if checked.typed != form.typed:  # somebody typed on meanwhile
                self._discard(checked)
                return
            self._checked = checked
            self._view.preview.show_found(checked.shown)
            self._view.lead_to_preview()
            if then_train:
                self.train()

        self._operations.query(work, there, slot=_CHECK, failed=self._failed, far=bool(typed.host))

    def train(self) -> None:
        """Start what the form says, after a check; ask only where rows have to be accepted."""
        project, checked = self._project, self._checked
        if project is None or self.checking:
            return
        if checked is None or checked.typed != self._view.form.typed:
            self.check(then_train=True)
            return
        shown, ticked = checked.shown, self._view.preview.ticked
        if not shown.ok:
            self._view.preview.problems.say("\n".join(checked.found.problems))
            return
        if left := missing(shown, ticked):
            self._view.preview.ask(left)
            return
        numbers, name = accepted(shown, ticked), self._view.form.typed.name
        self._stop = Event()
        self._show_progress("starting the run")
        self.checking_changed.emit()

        def work() -> str:
            project.training.accept(checked.run_id, numbers, name=name)
            project.training.start(checked.run_id)
            return checked.run_id

        def there(run_id: str) -> None:
            self._checked = None
            self._end()
            self._view.preview.show_found(None)
            self._view.form.name.clear()
            self._view.lead_to_the_top()
            self.started.emit(run_id)

        self._operations.query(work, there, slot=_START, failed=self._failed, far=bool(checked.typed.host))

    def cancel(self) -> None:
        """End the check under way; nothing of it is left."""
        if self._stop is not None:
            self._stop.set()
            self._show_progress("stopping")

    def _failed(self, error: BaseException) -> None:
        from lrstudio.services.training_preflight import PreflightCancelled

        self._end()
        if isinstance(error, PreflightCancelled):
            return
        if not isinstance(error, Refused):
            self._operations.announce(error, again=self.train)
            return
        field = field_of(error.where, model=self._view.form.typed.model)
        if not (field and self._view.form.refuse(field, str(error))):
            self._view.preview.show_found(None, problems=trouble_text(error.sentence))
            self._view.lead_to_preview()

    def _form_changed(self) -> None:
        if self._checked is not None and self._checked.typed != self._view.form.typed:
            self._drop()
            self._view.preview.show_found(None)
        elif self._checked is None and not self.checking:
            self._view.preview.problems.say("")

    def _drop(self) -> None:
        checked, self._checked = self._checked, None
        if checked is not None:
            self._discard(checked)

    def _discard(self, checked: _Checked) -> None:
        project = self._project
        if project is not None:
            training, ignore = project.training, lambda _what: None
            self._operations.query(
                lambda: training.discard(checked.run_id),
                ignore,
                slot=f"discard {checked.run_id}",
                failed=ignore,
                far=bool(checked.typed.host),
            )

    def _end(self) -> None:
        self._stop = None
        self._view.preview.show_progress("")
        self.checking_changed.emit()

    def _show_progress(self, said: str) -> None:
        if self._stop is not None:
            self._view.preview.show_progress(f"Checking: {said}", share_of(said))

    def _show_ids(self, of: Acceptance) -> None:
        from lrstudio.qt.views.dialogs.training_dialogs import RowIdsDialog

        RowIdsDialog(of.words, of.row_ids, self._view.window()).show()
