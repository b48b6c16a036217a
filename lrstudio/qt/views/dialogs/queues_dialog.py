"""Review queues: those there are with how far one is, and a form for a new one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lrstudio.domain.queues import Purpose
from lrstudio.domain.summaries import JudgeChoice
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Line, bold, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.forms import Choice, FormRow, Whole
from lrstudio.qt.views.row_list import RowList
from lrstudio.services.queues import Wish
from lrstudio.viewstate.audit_headers import judge_labels
from lrstudio.viewstate.judge_fields import FieldWords
from lrstudio.viewstate.queues import PURPOSES, SIZE, QueueLine, missing, words_of

_MOST = 100_000


class QueuesDialog(Dialog):
    """The list of queues, and the form below it.

    Signals:
        chosen: the id of a queue to work through.
        wished: a `Wish` for a new queue.
    """

    chosen = Signal(str)
    wished = Signal(object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Review queues", parent, size=(92, 84))
        self._judges: tuple[JudgeIdentity, ...] = ()
        self.queues = RowList(("Queue", "done", "time each", "made"), name="Review queues")
        self._none = QLabel("No queue yet. Make one below: it collects what is worth a look.")
        self._none.setWordWrap(True)
        self.purpose = Choice([(it.purpose, it.name) for it in PURPOSES], name="Purpose")
        self.judge = Choice([], name="Judge")
        self.other = Choice([], name="Second judge")
        self.dimensions = {it: QCheckBox(it.value.capitalize()) for it in Dimension}
        self.size_ = Whole(name="Items at most", least=1, most=_MOST)
        self.size_.setValue(SIZE)
        self.problem = Problem(switch.theme.tokens["contradicted"])
        self.open_button = Button("Work through")
        self.make_button = Button("Make and begin", kind=Kind.PRIMARY)
        self.make_button.setDefault(True)
        self._purpose_row = FormRow(FieldWords("Purpose", " "), self.purpose)
        self._other_row = FormRow(FieldWords("Second judge", ""), self.other)
        self._lay_out()
        self._connect()
        self._show_purpose()
        self.take_room()

    def set_queues(self, lines: Sequence[QueueLine]) -> None:
        """Show the queues there are."""
        self.queues.set_rows([(it.queue_id, (it.name, it.done, it.time, it.made)) for it in lines])
        self._none.setVisible(not lines)
        self.queues.setVisible(bool(lines))
        self.open_button.setEnabled(bool(lines))

    def set_judges(self, judges: Sequence[JudgeChoice]) -> None:
        """Offer the judges that have spoken; the first two stand in the fields."""
        identities = tuple(it.identity for it in judges)
        if identities == self._judges and self.judge.count():
            return
        self._judges = identities
        for field, none in ((self.judge, "latest verdicts of any judge"), (self.other, "")):
            field.clear()
            if none:
                field.addItem(none, None)
            for at, name in enumerate(judge_labels(identities)):
                field.addItem(name, at)
        self._show_purpose()

    def wish(self) -> Wish:
        """Return what the form says."""
        words = words_of(Purpose(self.purpose.currentData()))
        return Wish(
            words.purpose,
            judge=self._identity(self.judge),
            other=self._identity(self.other) if words.other else None,
            dimensions=tuple(it for it, box in self.dimensions.items() if box.isChecked()),
            size=self.size_.value(),
        )

    def refuse(self, sentence: str) -> None:
        """Say why no queue was made."""
        self.problem.say(sentence)
        self.make_button.setEnabled(True)

    def _identity(self, field: Choice) -> JudgeIdentity | None:
        at = field.currentData()
        return self._judges[at] if isinstance(at, int) else None

    def _make(self) -> None:
        wish = self.wish()
        lacks = missing(words_of(wish.purpose), judge=wish.judge, other=wish.other, dimensions=wish.dimensions)
        self.problem.say(lacks)
        if not lacks:
            self.make_button.setEnabled(False)
            self.wished.emit(wish)

    def _show_purpose(self) -> None:
        words = words_of(Purpose(self.purpose.currentData()))
        self._purpose_row.explain(words.meaning)
        self._other_row.setVisible(words.other)
        if words.judge and self.judge.currentData() is None and self._judges:
            self.judge.select(0)
        if words.other and len(self._judges) > 1 and self.other.currentData() == self.judge.currentData():
            self.other.select(1)
        self.judge.setEnabled(words.purpose is not Purpose.SECOND_OPINION)
        self.problem.say("")

    def _open(self) -> None:
        if self.queues.current() is not None:
            self.chosen.emit(str(self.queues.current()))

    def _connect(self) -> None:
        self.purpose.currentIndexChanged.connect(self._show_purpose)
        self.queues.taken.connect(lambda queue_id: self.chosen.emit(str(queue_id)))
        self.open_button.clicked.connect(self._open)
        self.make_button.clicked.connect(self._make)

    def _lay_out(self) -> None:
        step = unit(self)
        self.column.addWidget(self._none)
        self.column.addWidget(self.queues, 1)
        self.column.addWidget(Line())
        heading = QLabel("A new queue")
        heading.setFont(bold(heading.font()))
        self.column.addWidget(heading)
        boxes = QWidget()
        across = QHBoxLayout(boxes)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(2 * step)
        for box in self.dimensions.values():
            box.setChecked(True)
            across.addWidget(box)
        across.addStretch(1)
        form = QVBoxLayout()
        form.setSpacing(step)
        for row in (
            self._purpose_row,
            FormRow(FieldWords("Judge", ""), self.judge),
            self._other_row,
            FormRow(FieldWords("Dimensions", ""), boxes),
            FormRow(FieldWords("Items at most", ""), self.size_),
        ):
            form.addWidget(row)
        self.column.addLayout(form)
        self.column.addWidget(self.problem)
        self.column.addStretch(0)  # takes the room only where there is no list
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([self.open_button, self.make_button, close])
