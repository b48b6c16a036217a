"""Projects to open in a window, and a window to drive by its keyboard."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TypeVar

import anyio
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from lrstudio.domain.decisions import Decision
from lrstudio.domain.places import DatabaseUrl, Place
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.app import make_window
from lrstudio.qt.views.audit_controller import AuditController
from lrstudio.qt.views.main_window import MainWindow
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.settings import Settings, SettingsStore
from lrstudio.services.wiring import create_project, open_project

AnyPlace = TypeVar("AnyPlace", Path, DatabaseUrl)
REVIEWER = "ada"
PATIENCE_MS = 60_000

REPORT = """The harbour of Skarrow was surveyed in 1870 by Commander Trenholme. He found seven feet over the bar.

The dredger Persistence began work in 1874 and was sold in 1903. She brought eleven feet over the bar by 1887.

The breakwater was begun in 1905 and finished in 1912. It cost 412,000 pounds and took the lives of nine men.

The Perseverance replaced her in 1908. By 1910 there were sixteen feet at low water of spring tides.

The fishing fleet counted 84 boats in 1881 and 31 in 1921. Herring was cured on the north quay until the curing sheds \
burned down in the winter of 1926, and the ice house stood empty for eleven years after that.

The railway reached the harbour in 1891, along a viaduct of fourteen arches. It carried coal to the staithes and \
returned with pit props from the Baltic, which were stacked on the ground that the dredgers had filled.

The light on the Great Bratt was first lit in 1853. It burned rape oil, then paraffin, and from 1913 acetylene. Its \
keepers recorded fog on 61 days of an average year and 88 days of the worst one.

The Commissioners borrowed 150,000 pounds in 1899 at four per cent and repaid the last of it in 1931. A second loan \
was refused in 1922, because the dues had fallen below the interest for three years running."""
QUESTION = "How did the depth over the bar change?"
ANSWERS = (
    "The harbour of Skarrow was surveyed in 1870 by Commander Trenholme. The dredger Persistence was sold in 1904. "
    "The breakwater was begun in 1905 and finished in 1912. Insurance rates doubled within the week.",
    "By 1910 there were sixteen feet at low water of spring tides. The Perseverance replaced her in 1908.",
)


def make_project(path: AnyPlace, *, judge: str | None = "lexical", answers: tuple[str, ...] = ANSWERS) -> AnyPlace:
    """Make a small project: one report, one question, two answers, judged or not."""
    project = create_project(path, title="Skarrow", reviewer=REVIEWER)
    document = project.imports.add_document(title="Report on Skarrow", text=REPORT, document_id="skarrow")
    question = project.imports.add_question(document_id=document.id, query=QUESTION)
    for number, answer in enumerate(answers, start=1):
        project.imports.add_candidate(question_id=question.id, text=answer, model=f"model-{number}")
    if judge:
        request = JudgeRequest(judge=judge)
        anyio.run(partial(project.judging.run, request, emit=lambda _event: None))
    project.close()
    return path


def project_file(path: Path) -> Path:
    """Lay down the small project, judged by the lexical judge: a copy of the one that this process has made before."""
    path.write_bytes(_small_project())
    return path


@cache
def _small_project() -> bytes:
    with TemporaryDirectory() as folder:
        path = make_project(Path(folder) / "p.lrs")
        assert [it.name for it in path.parent.glob("*.lrs*")] == [path.name], "all of it is in the file"
        return path.read_bytes()


class Driver:
    """A window, its keyboard, and ways to wait for what it does behind the scenes."""

    def __init__(self, app: QApplication, qtbot: QtBot, *, blind: bool = False) -> None:
        store = SettingsStore()
        store.save(Settings(reviewer=REVIEWER, theme="light", blind=blind))
        self.qtbot = qtbot
        self.crashes: list[str] = []
        self.closed = False
        self.window: MainWindow = make_window(app, store=store)
        self.window.works.operations.crashed.connect(lambda report: self.crashes.append(report.text))
        self.window.resize(1280, 800)

    def show(self, project: Place | None = None, *, sample: bool = False) -> None:
        """Show the window as the program does, and wait until the project is on screen."""
        self.window.painted.connect(lambda: self.window.begin(project, sample=sample))
        self.window.show()
        self.activate()
        if project is not None or sample:
            self.settle()

    @property
    def audit(self) -> AuditController:
        assert self.window.works.audit is not None
        return self.window.works.audit

    def settle(self) -> None:
        """Wait until everything asked for is on screen and every operation is done."""
        self.until(
            lambda: (
                self.window.works.audit is not None and self.audit.settled and not self.window.works.operations.is_busy
            )
        )

    def activate(self) -> None:
        """Give the window the keyboard, as a window manager does when a dialog is gone."""
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)

    def until(self, condition: Callable[[], bool], *, ms: int = PATIENCE_MS) -> None:
        self.qtbot.waitUntil(condition, timeout=ms)

    def press(self, *keys: str) -> None:
        """Press keys wherever the keyboard is, waiting after each until the window has caught up."""
        for key in keys:
            self.key(key)
            if self.window.works.audit is not None and self.window.works.desk.project is not None:
                self.settle()

    def press_now(self, key: str) -> None:
        """Press a key while something is under way."""
        self.key(key)

    def key(self, key: str, to: QWidget | None = None) -> None:
        """Press one key: a character, or a name with modifiers such as Ctrl+Shift+Z."""
        *held, name = key.split("+") if len(key) > 1 else [key]
        modifiers = Qt.KeyboardModifier.NoModifier
        for word in held:
            modifiers |= _MODIFIERS[word]
        target = to or QApplication.focusWidget() or self.window
        if len(name) == 1:
            if name.isupper() or name in "?+":
                modifiers |= Qt.KeyboardModifier.ShiftModifier
            self.qtbot.keyClick(target, name, modifiers)
        else:
            self.qtbot.keyClick(target, getattr(Qt.Key, f"Key_{name}"), modifiers)

    def type(self, text: str, to: QWidget | None = None) -> None:
        """Type a text wherever the keyboard is."""
        target = to or QApplication.focusWidget()
        assert target is not None
        self.qtbot.keyClicks(target, text)

    def turns_of_judging(self) -> list[bool]:
        """Return what is told from now on of a judge that begins (True) and ends (False)."""
        turns: list[bool] = []
        self.window.works.judging.running_changed.connect(turns.append)
        return turns

    def hold_up(self) -> Event:
        """Let nothing that takes long begin until this event is set, so that it can be cancelled before."""
        gate = Event()
        self.window.works.operations.run(lambda: gate.wait(60.0) and None, long=True)
        return gate

    def focus_part(self) -> str:
        """The text of the claim or key point in focus."""
        row = self.audit.screen.row if self.audit.screen else None
        return row.text if row else ""

    def close(self) -> None:
        """End as the program does, and destroy everything; a second time does nothing."""
        if self.closed:
            return
        self.closed = True
        for widget in QApplication.topLevelWidgets():
            if widget is not self.window and widget.parent() is self.window:
                widget.close()
        self.window.close()
        self.window.shut_down()
        self.window.deleteLater()
        for _ in range(3):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert self.crashes == []


_MODIFIERS = {
    "Ctrl": Qt.KeyboardModifier.ControlModifier,
    "Shift": Qt.KeyboardModifier.ShiftModifier,
    "Alt": Qt.KeyboardModifier.AltModifier,
}


def journal(path: Path) -> tuple[Decision, ...]:
    """Read a project's journal back from its file."""
    project = open_project(path, reviewer=REVIEWER)
    try:
        found: dict[int, Decision] = {}
        for question in project.audit.questions():
            for candidate in question.candidates:
                for decision in project.audit.candidate(candidate.candidate_id).decisions:
                    found[decision.decision_id] = decision
        return tuple(found[key] for key in sorted(found))
    finally:
        project.close()


def scores(path: Path, candidate_id: str, dimension: Dimension) -> float | None:
    """Read one effective score back from a project's file."""
    project = open_project(path, reviewer=REVIEWER)
    try:
        return project.audit.candidate(candidate_id).standings[dimension].score.score
    finally:
        project.close()
