"""Behind the form of review queues: which there are, and another one made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.summaries import JudgeChoice
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.viewstate.queues import QueueLine, queue_line

if TYPE_CHECKING:
    from lrstudio.domain.queues import Queue
    from lrstudio.qt.views.dialogs.queues_dialog import QueuesDialog
    from lrstudio.services.queues import Wish


class QueueForm(Desk):
    """One form at most.

    Signals:
        chosen: the id of the queue that is to be worked through.
    """

    chosen = Signal(str)

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch) -> None:
        super().__init__(window, operations, switch)
        self._dialog: QueuesDialog | None = None

    def _let_go(self) -> None:
        self.close()

    def show(self) -> None:
        """Show the queues there are, and the form for another."""
        from lrstudio.qt.views.dialogs.queues_dialog import QueuesDialog

        if self._project is None:
            return
        if self._dialog is None:
            dialog = self._dialog = QueuesDialog(self._switch, self._window)
            dialog.chosen.connect(self.chosen)
            dialog.wished.connect(self._make)
            dialog.destroyed.connect(self._forget)
        self._read()
        bring_up(self._dialog)

    def close(self) -> None:
        """Take the form away."""
        if self._dialog is not None:
            self._dialog.close()

    def _read(self) -> None:
        project = self._project
        if project is None:
            return

        def read() -> tuple[tuple[QueueLine, ...], tuple[JudgeChoice, ...]]:
            lines = tuple(
                queue_line(it.queue, items=it.items, finished=it.finished, seconds=it.seconds)
                for it in project.queues.queues()
            )
            return lines, project.audit.judges()

        def there(found: tuple[tuple[QueueLine, ...], tuple[JudgeChoice, ...]]) -> None:
            if self._dialog is not None:
                self._dialog.set_queues(found[0])
                self._dialog.set_judges(found[1])

        self._operations.query(read, there, slot="queues")

    def _make(self, wish: Wish) -> None:
        project = self._project
        if project is None:
            return

        def failed(error: BaseException) -> None:
            sentence = str(error) if isinstance(error, Refused) else ""
            if self._dialog is not None:
                self._dialog.refuse(sentence)
            if not sentence:
                self._operations.announce(error, again=lambda: self._make(wish))

        def made(queue: Queue) -> None:
            self.chosen.emit(queue.queue_id)

        self._operations.run(lambda: project.queues.make(wish), initiator=self, then=made, failed=failed)

    def _changed(self, changes: Changes, _initiator: object) -> None:
        if self._dialog is not None and (changes.queues or changes.everything):
            self._read()

    def _forget(self) -> None:
        self._dialog = None
