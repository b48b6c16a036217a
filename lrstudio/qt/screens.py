"""Pictures of the window over a project, for the tour, the handbook and whoever looks after its looks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.summaries import QuestionSummary
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.main_window import MainWindow
from lrstudio.services.settings import Settings, SettingsStore
from lrstudio.viewstate.audit_signs import Sign, sign_of

_PATIENCE = 120.0
_LOOK_MS = 20
_REST_LOOKS = 4  # layouts and paints that are on their way happen meanwhile

Until = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Scene:
    """One picture: a name, and the commands that lead to it."""

    name: str
    commands: tuple[str, ...] = ()


_SCENES = (
    _Scene("audit"),
    _Scene("completeness", ("dimension.completeness",)),
    _Scene("helpfulness", ("dimension.helpfulness",)),
    _Scene("blind", ("dimension.faithfulness", "view.blind")),
)


class Shooting(QObject):
    """Takes the pictures while the application's loop runs: each step waits for what it needs.

    Signals:
        finished: all pictures are taken, or `trouble` says why not.
    """

    finished = Signal()

    def __init__(
        self, app: QApplication, project: Path, out: Path, *, sizes: Sequence[tuple[int, int]], themes: Sequence[str]
    ) -> None:
        """Prepare; see `lrstudio.qt.app.render_screens`."""
        super().__init__(app)
        if not project.is_file():
            raise Refused("there is no such project", where=str(project))
        self.pictures: list[Path] = []
        self.trouble = ""
        self._app = app
        self._project = project
        self._out = out
        self._profile = tempfile.TemporaryDirectory(prefix="lrstudio-screens-")
        self._window: MainWindow | None = None
        self._steps = self._script([(theme, size) for theme in themes for size in sizes])
        self._until: Until = lambda: True
        self._since = time.monotonic()
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        """Begin; the loop has to run."""
        self._out.mkdir(parents=True, exist_ok=True)
        self._timer.start()

    def clear(self) -> None:
        """Take everything down."""
        self._timer.stop()
        self._put_away()
        self._profile.cleanup()
        self.deleteLater()

    def _look(self) -> None:
        """Go on with the script when what it waits for is there."""
        late = time.monotonic() - self._since > _PATIENCE
        if not self.trouble and late:
            self.trouble = f"it did not come up within {_PATIENCE:.0f} seconds"
        if self.trouble:
            self._timer.stop()
            self.finished.emit()
        elif self._until():
            try:
                self._until = next(self._steps)
                self._since = time.monotonic()
            except StopIteration:
                self._timer.stop()
                self.finished.emit()

    def _script(self, views: Sequence[tuple[str, tuple[int, int]]]) -> Iterator[Until]:
        for theme, size in views:
            window = self._set_up(theme, size)
            yield _rest()
            self._take("start", theme, size)
            window.begin(self._project)
            yield lambda window=window: window.works.audit is not None and window.works.audit.settled  # type: ignore[misc]
            yield self._telling_candidate(window)
            self._go_to_telling_claim(window)
            for scene in _SCENES:
                for command in scene.commands:
                    window.actions_[command].trigger()
                yield lambda window=window: window.works.audit is not None and window.works.audit.settled  # type: ignore[misc]
                yield _rest()
                self._take(scene.name, theme, size)
            self._put_away()

    def _set_up(self, theme: str, size: tuple[int, int]) -> MainWindow:
        switch = ThemeSwitch(self._app, name=theme)
        profile = SettingsStore(Path(self._profile.name))
        window = MainWindow(switch, profile, Settings("tour", theme=theme))
        window.works.operations.crashed.connect(lambda report: self._note(report.text))
        window.works.operations.troubled.connect(lambda trouble: self._note(str(trouble.error)))
        window.works.desk.told.connect(lambda notice: self._note(notice.text if notice.refused else ""))
        window.setMinimumSize(1, 1)
        window.resize(*size)
        window.show()
        self._window = window
        return window

    def _put_away(self) -> None:
        window, self._window = self._window, None
        if window is not None:
            window.close()
            window.shut_down()
            window.deleteLater()

    def _telling_candidate(self, window: MainWindow) -> Until:
        """Go to the candidate with the most kinds of verdicts: it tells a newcomer most."""
        project, audit = window.works.desk.project, window.works.audit
        found = _telling(project.audit.questions()) if project else ""
        if audit is None or not found:
            return lambda: True
        audit.show_candidate(found)
        return lambda: audit.settled and audit.detail is not None and audit.detail.candidate.candidate_id == found

    def _go_to_telling_claim(self, window: MainWindow) -> None:
        """Go to a claim that has evidence and is not simply right."""
        audit = window.works.audit
        for sign in (Sign.CONTRADICTED, Sign.PARTIAL):
            for row in audit.rows if audit else ():
                if audit is not None and row.effective is sign and row.passages:
                    audit.go(replace(audit.focus, part_id=row.part_id, passage=0))
                    return

    def _take(self, name: str, theme: str, size: tuple[int, int]) -> None:
        path = self._out / f"{name}-{theme}-{size[0]}x{size[1]}.png"
        if self._window is None or not self._window.grab().save(str(path)):
            self._note(f"{path} cannot be written")
        else:
            self.pictures.append(path)

    def _note(self, text: str) -> None:
        self.trouble = self.trouble or text


def _rest() -> Until:
    """Return a condition that holds after a few looks."""
    looks = iter(range(_REST_LOOKS))
    return lambda: next(looks, None) is None


def _telling(questions: Sequence[QuestionSummary]) -> str:
    best, most = "", 0
    for question in questions:
        for candidate in question.candidates:
            glyphs = [glyph for summary in candidate.dimensions.values() for glyph in summary.glyphs]
            kinds = len({sign_of(it.state, it.support, it.support_reason) for it in glyphs})
            if kinds > most:
                best, most = candidate.candidate_id, kinds
    return best


def failure(trouble: str) -> Environment:
    """Return the error for pictures that could not be taken."""
    return Environment(f"the window could not be rendered: {trouble}")
