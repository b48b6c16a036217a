"""What the Training workspace does: reads runs off the GUI thread a few times a second, and shows what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.hosts_known import HostsKnown
from lrstudio.qt.views.hosts_training import TrainingHosts
from lrstudio.qt.views.training_deeds import TrainingDeeds
from lrstudio.qt.views.training_judging import TrainingJudging
from lrstudio.qt.views.training_launch import TrainingLaunch
from lrstudio.qt.views.training_runs import LOG, SAMPLES
from lrstudio.qt.views.training_sources import TrainingSources
from lrstudio.qt.views.training_view import TrainingView
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.hosts_links import Lost
from lrstudio.viewstate.training_runs import label_of, plot_chip, run_cells, run_facts, state_chip
from lrstudio.viewstate.training_watch import RunScreen, Watched

if TYPE_CHECKING:
    from lrstudio.qt.bridge.portal import Portal
    from lrstudio.services.settings import SettingsStore
    from lrstudio.services.wiring import Project
    from lrstudio.training.runs import RunRow

TICK_MS = 220
"""Plots move four to five times a second."""
LIST_TICKS = 9
"""The list of runs is read anew at every so many ticks."""
_MOST_OVERLAID = 4


@dataclass(frozen=True, slots=True)
class _Polled:
    """What one look at the run folders found; `rows` None where the list was not read."""

    rows: tuple[RunRow, ...] | None
    screens: dict[str, RunScreen]
    gone: tuple[str, ...]
    lost: tuple[Lost, ...]


class TrainingController(QObject):
    """One project at a time.

    Signals:
        facts_changed: other commands make sense now; see `facts`.
        told: a `Notice`.
        judge_wanted: the ids of candidates that a judge is to see.
        audit_wanted: the id of a candidate that is to be shown in Audit.
    """

    facts_changed = Signal()
    told = Signal(object)
    judge_wanted = Signal(object)

    def __init__(
        self,
        view: TrainingView,
        operations: Operations,
        store: SettingsStore,
        portal: Portal,
        parent: QObject,
        *,
        hosts: HostsKnown,
    ) -> None:
        super().__init__(parent)
        self.view = view
        self._operations = operations
        self._project: Project | None = None
        self._shown = False
        self._polling = False
        self._ticks = 0
        self._focus = ""
        self._overlaid: list[str] = []
        self._watched: dict[str, Watched] = {}
        self.screens: dict[str, RunScreen] = {}
        self.rows: tuple[RunRow, ...] = ()
        self._drawn: tuple[tuple[str, int], ...] = ()
        self._told_facts: frozenset[Fact] = frozenset()
        self.sources = TrainingSources(view, operations, store, self)
        self.launch = TrainingLaunch(view, operations, self)
        self.doing = TrainingDeeds(view, operations, self)
        self.judging = TrainingJudging(operations, portal, self)
        self.hosts = TrainingHosts(view, operations, hosts, self)
        self.deeds = self._deed_table()
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._connect()

    @property
    def facts(self) -> frozenset[Fact]:
        """What holds of the form and of the run looked at."""
        mine = Fact.CHECKING if self.launch.checking else Fact.NOT_CHECKING
        return run_facts(self.row) | self.hosts.facts | {mine}

    @property
    def row(self) -> RunRow | None:
        """The run that is looked at."""
        return next((it for it in self.rows if it.run_id == self._focus), None)

    @property
    def drawn_runs(self) -> tuple[str, ...]:
        """The ids of the runs in the plots, the one looked at first."""
        return tuple(dict.fromkeys(filter(None, (self._focus, *self._overlaid))))

    def use(self, project: Project | None) -> None:
        """Show the runs of this project, and follow them again wherever they stand."""
        if project is not self._project:
            self._watched, self.screens, self.rows = {}, {}, ()
            self._focus, self._overlaid, self._drawn = "", [], ()
            self.view.runs.show_rows((), chosen="")
            self.view.runs.show_screen(None)
            self.view.board.show_runs(())
        self._polling = False
        self._project = project
        for part in (self.sources, self.launch, self.doing, self.judging, self.hosts):
            part.use(project)
        if project is None:
            self._timer.stop()
            return
        self.set_shown(shown=self._shown)

    def set_shown(self, *, shown: bool) -> None:
        """Look at run folders only while somebody can see it."""
        self._shown = shown
        if shown and self._project is not None:
            self._ticks = 0
            self._timer.start()
            self._tick()
        else:
            self._timer.stop()

    def look_at(self, run_id: str) -> None:
        """Look at a run; it is drawn first, and is no longer one beside another."""
        if run_id != self._focus:
            self._focus = run_id
            self._overlaid = [it for it in self._overlaid if it != run_id]
            self._show_runs()
            self._ticks = 0
            self._tick()
        self.facts_changed.emit()

    def overlay(self, run_id: str) -> None:
        """Draw a run beside the one looked at, or no longer."""
        if run_id in self._overlaid:
            self._overlaid.remove(run_id)
        elif run_id != self._focus:
            self._overlaid = [*self._overlaid, run_id][-(_MOST_OVERLAID - 1) :]
        self._show_runs()
        self._tick()

    # Reading

    def _tick(self) -> None:
        """Look at the folders, unless the last look is still under way."""
        project = self._project
        if project is None or self._polling:
            return
        self._polling = True
        listed = self._ticks % LIST_TICKS == 0
        self._ticks += 1
        wanted = [it for it in self.drawn_runs if listed or self._lives(it) or it not in self.screens]
        watched, known = self._watched, self.rows

        def work() -> _Polled:
            rows = project.training.runs() if listed else None
            lost = self.hosts.lost(known if rows is None else rows)
            screens, gone = {}, []
            for run_id in wanted:
                try:
                    if run_id not in watched:
                        watched[run_id] = Watched(project.training.watch(run_id))
                    screens[run_id] = watched[run_id].poll()
                except Refused:
                    watched.pop(run_id, None)
                    gone.append(run_id)
            return _Polled(rows, screens, tuple(gone), lost)

        self._operations.query(work, self._polled, slot="training", failed=self._not_polled)

    def _lives(self, run_id: str) -> bool:
        screen = self.screens.get(run_id)
        return screen is None or screen.row.running

    def _not_polled(self, error: BaseException) -> None:
        self._polling = False
        self._timer.stop()
        self._operations.announce(error, again=lambda: self.set_shown(shown=self._shown))

    def _polled(self, found: _Polled) -> None:
        self._polling = False
        self.screens |= found.screens
        for run_id in found.gone:
            self.screens.pop(run_id, None)
            self._overlaid = [it for it in self._overlaid if it != run_id]
        if found.rows is not None:
            self.rows = tuple(sorted(found.rows, key=lambda it: it.number, reverse=True))
            ids = {it.run_id for it in self.rows}
            if self._focus not in ids:
                alive = (it.run_id for it in self.rows if it.running)
                self._focus = next(alive, self.rows[0].run_id if self.rows else "")
        fresher = {run_id: it.row for run_id, it in found.screens.items()}
        self.rows = tuple(fresher.get(it.run_id, it) for it in self.rows)
        self.hosts.show_lost(found.lost)
        facts = self.facts
        self._show_runs()
        if facts != self._told_facts:
            self._told_facts = facts
            self.facts_changed.emit()
        self.doing.follow(self.rows)
        for screen in found.screens.values():
            self.judging.follow(screen)
        if self._focus and self._focus not in self.screens:
            self._tick()

    # Showing

    def _show_runs(self) -> None:
        view = self.view
        if not self.rows:
            view.show_nothing(any_set=self.sources.any_set)
            return
        view.runs.show_rows([run_cells(it) for it in self.rows], chosen=self._focus)
        if not view.has_runs:
            view.show_runs()
            if view.form.set.hasFocus():  # where nobody has gone on from yet
                view.take_keyboard()
        known = {it.run_id: it for it in self.rows}
        drawn = [it for it in self.drawn_runs if it in known]
        screens = [self.screens[it] for it in drawn if it in self.screens]
        versions = tuple((it.row.run_id, it.version) for it in screens)
        if versions != self._drawn:
            self._drawn = versions
            view.board.show_runs([it.lines for it in screens])
        view.runs.show_screen(self.screens.get(self._focus))
        chips = [(it, plot_chip(known[it], alone=len(drawn) == 1)) for it in drawn]
        others = [(it.run_id, f"{label_of(it)} · {state_chip(it).word}") for it in self.rows if it.run_id not in drawn]
        view.board.show_chips(chips, others)

    # Putting together

    def _started(self, run_id: str) -> None:
        self._overlaid = []
        self._focus = run_id
        self._ticks = 0
        self._tick()

    def _connect(self) -> None:
        view = self.view
        view.runs.run_chosen.connect(self.look_at)
        view.board.overlaid.connect(self.overlay)
        view.board.export_wanted.connect(self.doing.choose_export)
        self.launch.started.connect(self._started)
        self.launch.checking_changed.connect(self._show_checking)
        self.doing.done.connect(self._look_again)
        self.doing.told.connect(self.told)
        self.doing.judge_wanted.connect(self.judge_wanted)
        self.judging.told.connect(self.told)
        self.sources.told.connect(self.told)
        self.hosts.told.connect(self.told)
        self.hosts.moved.connect(self._list_soon)
        self.hosts.facts_changed.connect(self.facts_changed)
        self.launch.lacking.connect(self.hosts.check_target)
        self.sources.sets_read.connect(self._show_runs)

    def _look_again(self) -> None:
        self._ticks = 0
        self._tick()  # a look under way is not run into, as both would read on from one place; the next follows soon

    def _list_soon(self) -> None:
        """Read the list at the next tick; a look under way is not begun anew, as hosts may tell of something often."""
        self._ticks = 0

    def _show_checking(self) -> None:
        held = self.view.buttons_hold_the_keyboard
        self.facts_changed.emit()  # which enables and disables the buttons
        self.view.show_checking(checking=self.launch.checking, lead=held)

    def _deed_table(self) -> dict[str, Callable[[], object]]:
        view, doing = self.view, self.doing
        return {
            "train": self.launch.train,
            "check": self.launch.check,
            "cancel": self.launch.cancel,
            "advanced": view.form.advanced.toggle,
            "stop": lambda: doing.stop(self.row),
            "kill": lambda: doing.ask_kill(self.row),
            "resume": lambda: doing.resume(self.row),
            "judge": self._judge,
            "overlay": lambda: self.overlay(self._focus),
            "compare": lambda: doing.compare(self._to_compare()),
            "notes": lambda: doing.write_notes(self.row),
            "folder": lambda: doing.open_folder(self.row),
            "remove": lambda: doing.ask_remove(self.row),
            "fetch": lambda: self.hosts.fetch(self.row),
            "drop_fetch": self.hosts.drop_fetch,
            "ask_now": self.hosts.ask_now,
            "attach": self.hosts.attach,
            "page_next": lambda: view.board.turn_page(1),
            "page_previous": lambda: view.board.turn_page(-1),
            "reset": view.board.reset,
            "export": doing.choose_export,
            "log": lambda: view.runs.turn_to(LOG),
            "samples": lambda: view.runs.turn_to(SAMPLES),
            "pane": view.next_pane,
        }

    def _judge(self) -> None:
        if not self.judging.judge_round(self.row):
            self.doing.take_in(self.row)

    def _to_compare(self) -> tuple[RunRow, ...]:
        """Return the runs in the plots; where it is one alone, with the one before it."""
        chosen = [it for run_id in self.drawn_runs for it in self.rows if it.run_id == run_id]
        if len(chosen) == 1:
            at = self.rows.index(chosen[0])
            beside = self.rows[at + 1 : at + 2] or self.rows[max(0, at - 1) : at]
            chosen += beside
        return tuple(chosen)
