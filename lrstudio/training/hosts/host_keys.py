"""What proves that a host is the one it was before: its key, in the files that OpenSSH keeps of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lrstudio.domain.errors import Environment, Refused

if TYPE_CHECKING:
    from asyncssh import SSHKey

_USERS: Final = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_EVERYBODYS: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
SSH_PORT: Final = 22


class UnknownHostKey(Refused):
    """A machine that nobody here has spoken to: a person compares the fingerprint and accepts it, once.

    `machine` is what known_hosts files call it, `line` what `accept` adds to `file`; `fingerprint` is `SHA256:...`.
    """

    def __init__(self, machine: str, *, kind: str, fingerprint: str, key: str, file: Path) -> None:
        super().__init__(
            f"this host is not known yet; its {kind} key has the fingerprint {fingerprint}. "
            "Compare it with what the host's owner says, and accept it",
            where=machine,
        )
        self.machine = machine
        self.kind = kind
        self.fingerprint = fingerprint
        self.line = f"{machine} {key}"
        self.file = file


class ChangedHostKey(Refused):
    """A machine that shows another key than before: it was set up anew, or it is not the one."""

    def __init__(
        self, machine: str, *, kind: str, fingerprint: str, before: Sequence[str], files: Sequence[Path]
    ) -> None:
        super().__init__(
            f"this host shows another key than before: {kind} {fingerprint} instead of {' or '.join(before)}. "
            "Either it was set up anew or somebody else answers in its place. Ask its owner; only when the new key is "
            f"right, take the old one out: ssh-keygen -R '{machine}' (known from {', '.join(map(str, files))})",
            where=machine,
        )
        self.machine = machine
        self.kind = kind
        self.fingerprint = fingerprint
        self.before = tuple(before)


class KnownHosts:
    """The keys that this computer knows.

    Args:
        users: the person's own files, as `~/.ssh/config` names them; none for OpenSSH's own.
        everybodys: the machine's files, likewise.
    """

    def __init__(self, *, users: Sequence[str] = (), everybodys: Sequence[str] = ()) -> None:
        self._users = _paths(users or _USERS)
        self._files = [path for path in (*self._users, *_paths(everybodys or _EVERYBODYS)) if path.is_file()]

    def match(self, machine: str) -> Any:
        """Return what is known of a machine, as asyncssh takes it.

        Raises:
            Refused: a file cannot be read.
        """
        import asyncssh

        try:
            known = asyncssh.read_known_hosts([str(path) for path in self._files])
        except (ValueError, OSError) as error:
            where = ", ".join(map(str, self._files))
            raise Refused(f"the known hosts cannot be read: {error}", where=where) from error
        return known.match(machine, "", None)

    def fault(self, machine: str, shown: SSHKey) -> UnknownHostKey | ChangedHostKey:
        """Say what is wrong with a key that is not known for a machine."""
        kind, fingerprint = shown.get_algorithm(), shown.get_fingerprint()
        if before := [key.get_fingerprint() for key in self.match(machine)[0]]:
            return ChangedHostKey(machine, kind=kind, fingerprint=fingerprint, before=before, files=self._files)
        key = " ".join(shown.export_public_key("openssh").decode("ascii").split()[:2])
        return UnknownHostKey(machine, kind=kind, fingerprint=fingerprint, key=key, file=self._users[0])


def machine_of(host: str, port: int, *, alias: str = "") -> str:
    """Return what known_hosts files call a machine."""
    return alias or (host if port == SSH_PORT else f"[{host}]:{port}")


def accept(unknown: UnknownHostKey) -> None:
    """Know a key from now on.

    Raises:
        Environment: the file cannot be written.
    """
    try:
        unknown.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = unknown.line.encode() + b"\n"
        with os.fdopen(os.open(unknown.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
    except OSError as error:
        raise Environment(f"the key cannot be kept ({error.strerror or error})", where=str(unknown.file)) from error


def not_let_in(machine: str, *, user: str) -> Refused:
    """Say that a host takes none of the keys that are here."""
    return Refused(
        f"this host does not let {user} in with the keys that are here. Put your public key there (ssh-copy-id); a key "
        "with a passphrase must be with the agent (ssh-add). Where it asks for more than a key, choose the way openssh "
        "and share a connection that you have opened (ControlMaster in ~/.ssh/config)",
        where=machine,
    )


def _paths(names: Sequence[str]) -> list[Path]:
    return [Path(name).expanduser() for name in names]
