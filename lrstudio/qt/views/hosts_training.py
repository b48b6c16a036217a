"""Hosts in the Training workspace: the target of the form, links that are lost, results fetched, runs attached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.hosts_known import HostsKnown
from lrstudio.qt.views.project_desk import Notice
from lrstudio.qt.views.training_view import TrainingView
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.hosts_found import lacks, target_words
from lrstudio.viewstate.hosts_links import Lost, attached_words, fetch_words, lost_words
from lrstudio.viewstate.training_runs import label_of

if TYPE_CHECKING:
    from lrstudio.services.training_touch import Touch
    from lrstudio.services.wiring import Project
    from lrstudio.training.runs import RunRow


class _Touching:
    """Keeps in touch with the hosts of a project, from whatever thread that is begun and ended."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._touch: Touch | None = None
        self._over = False

    def begin(self, project: Project, told: Callable[[], None]) -> None:
        """Begin, unless it was ended before."""
        with self._lock:
            if not self._over:
                self._touch = project.training.keep_in_touch(lambda _run_ids: told())

    def end(self) -> None:
        """End, and wait until nobody asks any more."""
        with self._lock:
            self._over, touch = True, self._touch
        if touch is not None:
            touch.close()


class TrainingHosts(QObject):
    """One project at a time.

    Signals:
        told: a `Notice`.
        moved: something was heard of a run on a host; it is to be looked at anew.
        facts_changed: `facts` says something else.
    """

    told = Signal(object)
    moved = Signal()
    facts_changed = Signal()
    _fetched_so_far = Signal(object, object)  # an int of a signal ends at 2 GiB

    def __init__(self, view: TrainingView, operations: Operations, known: HostsKnown, parent: QObject) -> None:
        super().__init__(parent)
        self._view = view
        self._operations = operations
        self._known = known
        self._project: Project | None = None
        self._touching: _Touching | None = None
        self._lost: tuple[Lost, ...] = ()
        self._asking = False
        self._fetching: Event | None = None
        self._fetched_of = ""
        known.listed.connect(self._listed)
        known.changed.connect(lambda _name: self._show_target())
        view.form.target.changed.connect(self._target_changed)
        self._fetched_so_far.connect(self._show_fetched)

    @property
    def facts(self) -> frozenset[Fact]:
        """What holds of hosts."""
        facts = {Fact.HOST_LOST} if self._lost else set()
        return frozenset(facts | ({Fact.FETCHING} if self._fetching is not None else set()))

    def use(self, project: Project | None) -> None:
        """Keep in touch with the runs that this project has on hosts, and no longer with another's."""
        if project is self._project:
            return
        self.drop_fetch()
        before, self._touching, self._project = self._touching, None, project
        self.show_lost(())
        if before is not None:
            # In the line of long work, which is carried out to its end whatever happens to the window.
            self._operations.run(before.end, long=True)
        if project is not None:
            self._known.load()
            touching = self._touching = _Touching()
            self._operations.on_worker(lambda: touching.begin(project, self.moved.emit))

    # The target of the form

    def check_target(self) -> None:
        """Ask the host that is chosen anew: something is in the way of a run there."""
        name = self._view.form.target.host
        if name and self._view.form.target.lacks:
            self._known.probe(name)

    def _listed(self) -> None:
        self._view.form.target.show_hosts(self._known.hosts)
        self._show_target()

    def _target_changed(self) -> None:
        name = self._view.form.target.host
        known = self._known.standing(name)
        if name and known.probe is None and known.key is None:
            self._known.probe(name)
        self._show_target()

    def _show_target(self) -> None:
        target = self._view.form.target
        host = self._known.host(target.host)
        if host is None:
            target.say("")
        else:
            standing = self._known.standing(host.name)
            target.say(target_words(host, standing), lacks=lacks(standing))

    # Links

    def lost(self, rows: Sequence[RunRow]) -> tuple[Lost, ...]:
        """Return which hosts of these runs cannot be asked; from any thread."""
        return self._known.lost(rows)

    def show_lost(self, lost: Sequence[Lost]) -> None:
        """Say which hosts cannot be asked."""
        had = bool(self._lost)
        self._lost = tuple(replace(it, next_try=None) for it in lost) if self._asking else tuple(lost)
        self._view.link.say(lost_words(self._lost))
        if had != bool(self._lost):
            self.facts_changed.emit()

    def ask_now(self) -> None:
        """Ask the hosts that are lost without waiting for the time of the next try."""
        project, lost = self._project, self._lost
        if project is None or self._asking:
            return

        def work() -> None:
            self._known.try_now(it.host for it in lost)
            project.training.sync()

        def there(_done: object) -> None:
            self._asking = False
            self.moved.emit()

        self._asking = True
        self.show_lost(lost)
        self._operations.query(work, there, slot="ask now", failed=there, far=True, lasting=True)

    # Results and runs

    def fetch(self, row: RunRow | None) -> None:
        """Bring the adapter that a run has made here."""
        project = self._project
        if row is None or project is None or self._fetching is not None:
            return
        stop = self._fetching = Event()
        self._fetched_of = label_of(row)
        self._show_fetched(0, 0)
        self.facts_changed.emit()

        def there(folder: Path) -> None:
            self._end_fetch()
            self.told.emit(
                Notice(f"The adapter of {label_of(row)} is here.", "Open its folder", partial(_show, folder))
            )
            self.moved.emit()

        def failed(error: BaseException) -> None:
            self._end_fetch()
            if stop.is_set():
                self.told.emit(Notice("Fetching was stopped; what is here already is not sent again."))
            elif isinstance(error, Refused):
                self.told.emit(Notice(str(error), refused=True))
            else:
                self._operations.announce(error, again=lambda: self.fetch(row))

        self._operations.query(
            lambda: project.training.fetch(row.run_id, progress=self._fetched_so_far.emit, cancelled=stop.is_set),
            there,
            slot="fetch",
            failed=failed,
            far=True,
        )

    def drop_fetch(self) -> None:
        """Fetch no longer; what is here already is not sent again."""
        if self._fetching is not None:
            self._fetching.set()
            self._view.fetch.show_share("Fetching stops …", None)

    def attach(self) -> None:
        """Show the runs on hosts that the project knows of and this computer does not."""
        project = self._project
        if project is None:
            return

        def there(found: Sequence[str]) -> None:
            self.told.emit(Notice(attached_words(len(found))))
            self.moved.emit()

        self._operations.query(project.training.attach, there, slot="attach", far=True)

    def _end_fetch(self) -> None:
        self._fetching = None
        self._view.fetch.say("")
        self.facts_changed.emit()

    def _show_fetched(self, done: int, whole: int) -> None:
        if self._fetching is not None and not self._fetching.is_set():
            text, share = fetch_words(self._fetched_of, done, whole)
            self._view.fetch.show_share(text, share)


def _show(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
