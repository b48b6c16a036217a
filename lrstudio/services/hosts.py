"""The hosts that a person has: described once, kept in the profile, asked what they can do, and made able to train.

They are in `hosts.json` beside the settings. Nothing secret is there: keys, agents and passwords stay with SSH.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.settings import SettingsStore
from lrstudio.training.hosts.host import Host, check

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
        from lrstudio.training.folder import replace_file

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
    """The hosts of one profile. Safe from any thread."""

    def __init__(self, settings: SettingsStore) -> None:
        self._kept = HostList(settings.profile / "hosts.json")

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
        names = ", ".join(it.name for it in found)
        raise Refused(
            f"there is no host {name!r}; " + (f"there are {names}" if names else "add it first"), where="host"
        )

    def save(self, host: Host, *, old_name: str = "") -> None:
        """Add a host, or put it in the place of the one that is called `old_name`.

        Raises:
            Refused: it is no host, another has its name already, or there is none of the old name; names the field.
            Environment: the profile cannot be written.
        """
        check(host)
        before = self.list()
        if old_name:
            self.get(old_name)
        if any(it.name == host.name != old_name for it in before):
            raise Refused("another host has this name", where="name")
        after = [host if it.name == old_name else it for it in before]
        self._kept.write(tuple(after if old_name else [*after, host]))

    def remove(self, name: str) -> None:
        """Forget a host; what is on it stays there.

        Raises:
            Refused: there is none of this name.
            Environment: the profile cannot be written.
        """
        self.get(name)
        self._kept.write(tuple(it for it in self.list() if it.name != name))
