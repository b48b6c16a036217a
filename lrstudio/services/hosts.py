"""The hosts that a person has: described once, kept in the profile, asked what they can do, and made able to train.

They are in `hosts.json` beside the settings. Nothing secret is there: keys, agents and passwords stay with SSH.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.settings import SettingsStore
from lrstudio.training.folder import replace_file
from lrstudio.training.hosts.bootstrap import (
    Bootstrap,
    Cancelled,
    Prepared,
    Step,
    Timing,
    Wanted,
    training_wanted,
    unless,
)
from lrstudio.training.hosts.facts import NoPython, ask
from lrstudio.training.hosts.host import Host, check
from lrstudio.training.hosts.probe import Finding, Probe
from lrstudio.training.hosts.probe_findings import probe_of, wish_of
from lrstudio.training.hosts.transport import Transport

if TYPE_CHECKING:
    from lrstudio.training.hosts.links import Links, LinkState, Listener

VERSION: Final = 1


class HostList:
    """The file itself: every change reads it anew and replaces it whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Host, ...]:
        """Return the hosts in the order in which they were added.

        Raises:
            Refused: the file is no list of hosts, or one of them is none; names the file, the host and the field.
            Environment: it cannot be read.
        """
        try:
            raw = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise Environment(f"the hosts cannot be read: {error.strerror}", where=str(self.path)) from error
        except ValueError as error:
            raise Refused(f"not valid JSON ({error}); mend or delete the file", where=str(self.path)) from error
        rows = raw.get("hosts") if isinstance(raw, dict) else None
        if not isinstance(rows, list):
            raise Refused("this is no list of hosts; mend or delete the file", where=str(self.path))
        if raw.get("v") != VERSION:
            raise Refused("a newer studio wrote this list of hosts; use that one", where=str(self.path))
        return tuple(self._host(number, row) for number, row in enumerate(rows, 1))

    def write(self, hosts: tuple[Host, ...]) -> None:
        """Replace the file whole.

        Raises:
            Environment: it cannot be written; it is then as it was before.
        """
        text = json.dumps({"v": VERSION, "hosts": [it.row() for it in hosts]}, indent=2)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, text)
        except OSError as error:
            raise Environment(f"the hosts cannot be written: {error.strerror}", where=str(self.path)) from error

    def _host(self, number: int, row: Any) -> Host:
        if not isinstance(row, dict):
            raise Refused(f"host {number}: this is no description of one; mend the file", where=str(self.path))
        try:
            return Host.read(row)
        except Refused as error:
            raise Refused(f"host {row.get('name', number)!r}: {error}; mend the file", where=str(self.path)) from error


class Hosts:
    """The hosts of one profile, each with one connection that is kept. Safe from any thread; close it at the end."""

    def __init__(
        self,
        settings: SettingsStore,
        *,
        links: Links | None = None,
        wanted: Wanted | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Prepare; nobody is asked yet.

        Args:
            settings: tells the profile.
            links: connections that are there already; they are left open by `close`.
            wanted: what an environment on a host must have, else what training needs.
            timing: how often a host is asked while it installs.
        """
        self._kept = HostList(settings.profile / "hosts.json")
        self._given = links
        self._own: Links | None = None
        self._wanted = wanted
        self._timing = timing
        self._lock = threading.Lock()

    def list(self) -> tuple[Host, ...]:
        """Return the hosts in the order in which they were added; this machine is not among them.

        Raises:
            Refused: the file that holds them is none.
        """
        return self._kept.read()

    def get(self, name: str) -> Host:
        """Return a host.

        Raises:
            Refused: there is none of this name; says which there are.
        """
        found = self.list()
        for host in found:
            if host.name == name:
                return host
        known = f"there are {', '.join(it.name for it in found)}" if found else "add it first"
        raise Refused(f"there is no host {name!r}; {known}", where="host")

    def save(self, host: Host, *, old_name: str = "") -> None:
        """Add a host, or put it in the place of the one that is called `old_name`.

        Raises:
            Refused: it is no host, another has its name already, or there is none of the old name; names the field.
            Environment: the profile cannot be written.
        """
        check(host)
        if old_name:
            self.get(old_name)
        with self._lock:
            before = self.list()
            if any(it.name == host.name != old_name for it in before):
                raise Refused("another host has this name", where="name")
            after = [host if it.name == old_name else it for it in before]
            self._kept.write(tuple(after if old_name else [*after, host]))
        if old_name not in ("", host.name):
            self._links.forget(old_name)

    def remove(self, name: str) -> None:
        """Forget a host; what is on it stays there.

        Raises:
            Refused: there is none of this name.
            Environment: the profile cannot be written.
        """
        self.get(name)
        with self._lock:
            self._kept.write(tuple(it for it in self.list() if it.name != name))
        self._links.forget(name)

    def transport(self, name: str) -> Transport:
        """Return the way to a host; it connects when it is first asked something."""
        return self._links.transport(self.get(name))

    def link(self, name: str) -> LinkState | None:
        """Tell how the connection to a host stands, None where nothing was asked of it yet."""
        return self._links.state(name)

    def try_now(self, name: str) -> None:
        """Let the next question to a host try to connect, however short ago the last try was.

        Raises:
            Refused: there is none of this name.
        """
        self._links.transport(self.get(name)).try_now()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell of every connection that comes or goes; call what is returned to end that."""
        return self._links.listen(listener)

    def accept_key(self, name: str, fingerprint: str) -> None:
        """Know the key of a host whose fingerprint (SHA256:...) a person has compared.

        Raises:
            Refused: it shows another key, or lets nobody in.
            Unreachable: it does not answer.
        """
        self._links.accept(self.get(name), fingerprint)

    def probe(
        self, name: str, *, progress: Callable[[str], None] = lambda _said: None, cancelled: Cancelled = lambda: False
    ) -> Probe:
        """Look at what a host has, and change nothing there.

        Raises:
            UnknownHostKey: nobody has accepted its key; see `accept_key`.
            PrepareCancelled: `cancelled` said yes.
            Refused, Unreachable: it lets nobody in, or does not answer.
        """
        host, transport = self.get(name), self.transport(name)
        unless(cancelled)
        progress("asking what is there")
        began = time.time()
        try:
            facts = ask(host, transport, wish_of(host))
        except NoPython as error:
            return Probe((Finding("python", False, error.said, error.todo),))
        skew = facts["time"] - min(max(facts["time"], began), time.time())
        unless(cancelled)
        progress("looking for an environment that trains")
        prepared = self._bootstrap(host).look(facts) is not None
        unless(cancelled)
        return probe_of(host, facts, skew=skew, prepared=prepared)

    def prepared(self, name: str) -> Prepared | None:
        """Return what is ready on a host, None where it must be prepared first; nothing is changed there.

        Raises:
            Refused, Unreachable: it lets nobody in, or does not answer.
        """
        return self._bootstrap(self.get(name)).look()

    def prepare(
        self,
        name: str,
        *,
        progress: Callable[[Step], None] = lambda _step: None,
        cancelled: Cancelled = lambda: False,
    ) -> Prepared:
        """Make a host able to train, going on where an earlier try ended; what is ready is only looked at.

        Raises:
            PrepareCancelled: `cancelled` said yes; nothing that is half made counts as ready.
            Refused: something is wrong that a person can mend; says what to do.
            Environment: the host's disk or network is in the way.
            Unreachable: the link is lost; what was begun there goes on, and another call finds it.
        """
        return self._bootstrap(self.get(name)).prepare(progress=progress, cancelled=cancelled)

    def close(self) -> None:
        """Close the connections that were made here; what goes on there goes on."""
        with self._lock:
            own, self._own = self._own, None
        if own:
            own.close()

    @property
    def _links(self) -> Links:
        if self._given:
            return self._given
        with self._lock:
            if self._own is None:
                from lrstudio.training.hosts.links import Links

                self._own = Links()
            return self._own

    def _bootstrap(self, host: Host) -> Bootstrap:
        wanted = self._wanted or training_wanted()
        return Bootstrap(host, self._links.transport(host), wanted=wanted, timing=self._timing)
