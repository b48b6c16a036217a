"""The hosts of this profile and what is known of each: asked away from the GUI thread, for whoever shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from lrstudio.domain.errors import Refused, StudioError
from lrstudio.qt.bridge.hosts_door import HostsDoor
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.project_desk import Notice
from lrstudio.training.hosts.host import Host
from lrstudio.viewstate.hosts_found import PREPARING, PROBING, Standing, key_of
from lrstudio.viewstate.hosts_links import Lost, watched_hosts

if TYPE_CHECKING:
    from lrstudio.training.hosts.bootstrap import Prepared, Step
    from lrstudio.training.hosts.links import LinkState
    from lrstudio.training.hosts.probe import Probe
    from lrstudio.training.runs import RunRow

T = TypeVar("T")
V = TypeVar("V")
Progress = Callable[[str, float | None], None]
Cancelled = Callable[[], bool]


class HostsKnown(QObject):
    """One for the window.

    Signals:
        listed: there are other hosts than before.
        changed: the name of a host of which something else is known.
        told: a `Notice`.
    """

    listed = Signal()
    changed = Signal(str)
    told = Signal(object)
    _said = Signal(str, str, object)

    def __init__(self, operations: Operations, door: HostsDoor, parent: QObject) -> None:
        super().__init__(parent)
        self._operations = operations
        self._door = door
        self._stops: dict[str, Event] = {}
        self._standings: dict[str, Standing] = {}
        self.hosts: tuple[Host, ...] = ()
        self._said.connect(self._progressed)

    def standing(self, name: str) -> Standing:
        """Return what is known of a host."""
        return self._standings.get(name, Standing())

    def host(self, name: str) -> Host | None:
        """Return a host by its name."""
        return next((it for it in self.hosts if it.name == name), None)

    def load(self) -> None:
        """Read the list anew."""
        self._operations.query(lambda: self._door.service().list(), self._listed, slot="hosts", lasting=True)

    def save(self, host: Host, old: str, *, done: Callable[[], None], failed: Callable[[Refused], None]) -> None:
        """Keep a host; where it is reached or trains has changed it has to be asked anew."""
        before = self.host(old)

        def there(hosts: tuple[Host, ...]) -> None:
            self._drop(old)
            known = self._standings.pop(old, Standing()) if old else Standing()
            same = before is not None and replace(before, name=host.name, batch=host.batch) == host
            self._standings[host.name] = replace(known, doing="", said="", share=None) if same else Standing()
            self._listed(hosts)
            self.changed.emit(host.name)
            done()

        def work() -> tuple[Host, ...]:
            self._door.service().save(host, old_name=old)
            return self._door.service().list()

        self._operations.run(work, initiator=self, then=there, failed=lambda it: self._failed(it, failed))

    def remove(self, name: str) -> None:
        """Forget a host; nothing is removed there."""

        def there(hosts: tuple[Host, ...]) -> None:
            self._drop(name)
            self._standings.pop(name, None)
            self._listed(hosts)

        def work() -> tuple[Host, ...]:
            self._door.service().remove(name)
            return self._door.service().list()

        self._operations.run(work, initiator=self, then=there, failed=lambda it: self._failed(it, self._tell))

    def probe(self, name: str) -> None:
        """Ask a host what is there."""

        def there(found: Probe) -> None:
            self._set(name, replace(self._rested(name), probe=found, at=datetime.now(UTC).isoformat()))

        def work(progress: Progress, cancelled: Cancelled) -> Probe:
            hosts = self._door.service()
            hosts.try_now(name)
            return hosts.probe(name, progress=lambda said: progress(said, None), cancelled=cancelled)

        self._ask(name, PROBING, work, there)

    def prepare(self, name: str) -> None:
        """Make a host ready to train."""

        def there(_prepared: Prepared) -> None:
            self._set(name, self._rested(name))
            self.told.emit(Notice(f"{name} is ready to train."))
            self.probe(name)

        def work(progress: Progress, cancelled: Cancelled) -> Prepared:
            def step(it: Step) -> None:
                progress(it.said, it.done / it.whole if it.whole else None)

            hosts = self._door.service()
            hosts.try_now(name)
            return hosts.prepare(name, progress=step, cancelled=cancelled)

        self._ask(name, PREPARING, work, there)

    def accept(self, name: str, fingerprint: str) -> None:
        """Accept the key of a host that a person has compared, and ask it."""

        def there(_done: None) -> None:
            self._set(name, self._rested(name))
            self.probe(name)

        def work(_progress: Progress, _cancelled: Cancelled) -> None:
            self._door.service().accept_key(name, fingerprint)

        self._ask(name, PROBING, work, there)

    def cancel(self, name: str) -> None:
        """Leave what a host is being asked for: a question at once, preparing when the work there has ended."""
        if self.standing(name).doing == PREPARING:
            self._stops[name].set()
            self._set(name, replace(self.standing(name), said="is cancelled …", share=None))
        elif self.standing(name).doing:
            self._drop(name)
            self._set(name, self._rested(name))

    def close(self) -> None:
        """Leave everything under way."""
        for stop in self._stops.values():
            stop.set()

    def lost(self, rows: Sequence[RunRow]) -> tuple[Lost, ...]:
        """Return which hosts of these runs cannot be asked now; from any thread, and without asking any."""
        names = watched_hosts(rows)
        links = {name: self._door.service().link(name) for name in names}
        return tuple(_lost(name, it) for name, it in links.items() if it is not None and is_lost(it))

    def try_now(self, names: Iterable[str]) -> None:
        """Let the next question to these hosts go out at once; from any thread but the GUI's."""
        for name in names:
            with suppress(Refused):  # it was removed meanwhile
                self._door.service().try_now(name)

    # How it is asked

    def _drop(self, name: str) -> None:
        """Wait no longer for what a host is being asked for; it may say nothing for long."""
        stop = self._stops.pop(name, None)
        if stop is not None:
            stop.set()

    def _ask(
        self,
        name: str,
        doing: str,
        work: Callable[[Progress, Cancelled], T],
        there: Callable[[T], None],
    ) -> None:
        """Ask a host one thing at a time; what is under way goes on."""
        if self.standing(name).doing:
            return
        stop = self._stops[name] = Event()

        def wanted(deed: Callable[[V], None]) -> Callable[[V], None]:
            """Take an answer only while somebody waits for it."""
            return lambda value: deed(value) if self._stops.get(name) is stop else None

        self._set(name, replace(self._rested(name), doing=doing))
        self._operations.query(
            lambda: work(partial(self._said.emit, name), stop.is_set),
            wanted(there),
            slot=f"host {name}",
            failed=wanted(partial(self._not_asked, name, stop)),
            far=True,
            lasting=True,
        )

    def _rested(self, name: str) -> Standing:
        """Return what is known of a host without what its last question came to."""
        return replace(self.standing(name), doing="", said="", share=None, trouble="", key=None, refused_key=False)

    def _set(self, name: str, standing: Standing) -> None:
        self._standings[name] = standing
        self.changed.emit(name)

    def _progressed(self, name: str, said: str, share: float | None) -> None:
        known, stop = self.standing(name), self._stops.get(name)
        if known.doing and stop is not None and not stop.is_set():
            self._set(name, replace(known, said=said, share=share))

    def _not_asked(self, name: str, stop: Event, error: BaseException) -> None:
        rested = self._rested(name)
        if stop.is_set():
            self._set(name, rested)
        elif isinstance(error, StudioError):
            key, other = key_of(error)
            self._set(name, replace(rested, key=key, refused_key=other, trouble=error.sentence))
        else:
            self._set(name, rested)
            self._operations.announce(error, again=lambda: self.probe(name))

    def _listed(self, hosts: tuple[Host, ...]) -> None:
        self.hosts = hosts
        self.listed.emit()

    def _tell(self, error: Refused) -> None:
        self.told.emit(Notice(str(error), refused=True))

    def _failed(self, error: BaseException, failed: Callable[[Refused], None]) -> None:
        if isinstance(error, Refused):
            failed(error)
        else:
            self._operations.announce(error, again=self.load)


def is_lost(link: LinkState) -> bool:
    """Tell whether a link that somebody needs is down; one that nobody has asked for yet is not."""
    return not link.up and bool(link.generation or link.again)


def _lost(name: str, link: LinkState) -> Lost:
    since = datetime.fromtimestamp(link.since, UTC).isoformat()
    return Lost(name, since, link.why, max(0.0, link.again - time.time()) if link.again else None)
