"""Before a judge run: what is asked for on the left, what it will take on the right, and the button that starts it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QScrollArea, QWidget

from lrstudio.domain.errors import Refused
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Line, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.dialogs.judge_fields import JudgeFields
from lrstudio.qt.views.dialogs.plan_panel import PlanPanel
from lrstudio.qt.views.scroll import quiet
from lrstudio.services.judge_wish import JudgeWish
from lrstudio.services.settings import Settings
from lrstudio.viewstate.judge_plan import PlanView, no_plan

_PAUSE_MS = 250
"""A plan is made when filling in pauses this long."""


class JudgeDialog(Dialog):
    """The form.

    Signals:
        plan_wanted: a `JudgeWish` whose plan is to be shown.
        chosen: a `JudgeWish`; the form stays until it is told that the judge runs.
    """

    plan_wanted = Signal(object)
    chosen = Signal(object)

    def __init__(self, switch: ThemeSwitch, settings: Settings, *, one: bool, parent: QWidget | None = None) -> None:
        """Make the form.

        Args:
            switch: the theme.
            settings: what was used last.
            one: whether a candidate is on screen, so that it or its question can be judged alone.
            parent: the window.
        """
        super().__init__("Run a judge", parent, size=(140, 92))
        self._color = switch.theme.tokens["contradicted"]
        self.fields = JudgeFields(settings.http, settings.judge, one=one)
        self.plan = PlanPanel(switch)
        self._outgoing = QLabel()
        self._outgoing.setWordWrap(True)
        self.agreed = QCheckBox("Send it, for this run")
        self._problem = Problem(self._color)
        self.run = Button("Run", kind=Kind.PRIMARY)
        self.run.setDefault(True)
        cancel = Button("Cancel")
        cancel.clicked.connect(self.close)
        self.run.clicked.connect(self._choose)
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._pause.timeout.connect(lambda: self.plan_wanted.emit(self.fields.wish()))
        self._lay_out()
        self.add_buttons([cancel, self.run])
        self.fields.changed.connect(self._changed)
        # What was agreed to is what was said: another address or other candidates are another matter.
        fields = self.fields
        for changed in (
            fields.judge.currentIndexChanged,
            fields.place.currentIndexChanged,
            fields.host.currentIndexChanged,
            fields.scope.currentIndexChanged,
            fields.retrieval.currentIndexChanged,
            fields.url.textChanged,
            fields.embedding_base_url.textChanged,
        ):
            changed.connect(self._withdraw)
        self._withdraw()
        self._changed()
        self.take_room()

    @property
    def problem(self) -> str:
        """What has to be mended, as it is said."""
        return self._problem.text()

    def show_plan(self, view: PlanView) -> None:
        """Show what the run will take."""
        self.plan.show_view(view)

    def refuse(self, error: Refused) -> None:
        """Say what has to be mended, at its field where there is one."""
        self.fields.refuse(error.where, _sentence(error), self._color)
        self._problem.say(str(error))

    def refuse_plan(self, error: Refused) -> None:
        """Say calmly what is missing for a plan: the person is still filling in."""
        self.plan.show_view(no_plan(f"No plan yet: {error}."))

    def ask_consent(self, sentence: str) -> None:
        """Say what would go to another machine, and let the person agree."""
        self._outgoing.setText(sentence)
        self._outgoing.show()
        self.agreed.show()
        self.agreed.setFocus()

    def select_judge(self, name: str) -> None:
        """Choose a judge by its name."""
        self.fields.judge.select(name)

    def _choose(self) -> None:
        from dataclasses import replace

        self._problem.say("")
        self.fields.refuse("", "", self._color)
        wish: JudgeWish = self.fields.wish()
        self.chosen.emit(replace(wish, agreed=self.agreed.isChecked()))

    def _changed(self) -> None:
        self.plan.wait()
        self._pause.start()

    def _withdraw(self) -> None:
        self.agreed.setChecked(False)
        self.agreed.hide()
        self._outgoing.hide()

    def _lay_out(self) -> None:
        step = unit(self)
        form = QScrollArea()
        form.setFrameShape(QFrame.Shape.NoFrame)
        form.setWidgetResizable(True)
        form.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        form.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        quiet(form)
        self.fields.setContentsMargins(0, 0, step, 0)
        form.setWidget(self.fields)
        form.viewport().setAutoFillBackground(False)
        self.fields.setAutoFillBackground(False)
        across = QHBoxLayout()
        across.setSpacing(step)
        across.addWidget(form, 11)
        across.addWidget(Line(Qt.Orientation.Vertical))
        across.addWidget(self.plan, 10)
        self.column.addLayout(across, 1)
        self.column.addWidget(self._outgoing)
        self.column.addWidget(self.agreed)
        self.column.addWidget(self._problem)


def _sentence(error: Refused) -> str:
    text = error.sentence
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
