"""A real OpenSSH server of the tests' own on loopback, with keys of its own, that can be cut, frozen and restarted."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from lrstudio.training.hosts.host import Host

_SECONDS = 20


def program() -> str:
    """Return where sshd is, "" where it is not installed."""
    return (
        shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])) or ""
    )


class SshdServer:
    """Lets the person who runs the tests in with a key of the tests' own; `home(folder)` makes it known there.

    What it starts has the home of the person, as any login has; give commands and files absolute paths, or set `HOME`
    by `environment`.
    """

    def __init__(self, *, environment: dict[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lrstudio-sshd-"))
        self.user = getpass.getuser()
        with socket.socket() as line:
            line.bind(("127.0.0.1", 0))
            self.port: int = line.getsockname()[1]
        self.key = self._new_key("key")
        self.host_key = self._new_key("host")
        shutil.copy(self.key.with_suffix(".pub"), self.folder / "authorized_keys")
        self._environment = environment or {}
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def address(self) -> str:
        """Where it listens, as the address of a host."""
        return f"{self.user}@127.0.0.1:{self.port}"

    def host(self, name: str = "loopback", **changes: object) -> Host:
        """Describe it as a host."""
        fields: dict[str, object] = {
            "name": name,
            "address": self.address,
            "folder": str(self.folder / "far"),
        } | changes
        return Host(**fields)  # type: ignore[arg-type]

    def known(self) -> str:
        """Return the line of a known_hosts file that knows it."""
        kind, key = self.host_key.with_suffix(".pub").read_text().split()[:2]
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    def home(self, folder: Path, *, known: bool = True, key: bool = True, more: str = "") -> None:
        """Write `.ssh` into a home: the key that lets in, the known host, and lines of a config."""
        ssh = folder / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        identity = f"Host *\n  IdentityFile {self.key}\n  IdentitiesOnly yes\n" if key else ""
        # OpenSSH takes the home of the password database, whatever HOME says.
        files = f"Host *\n  UserKnownHostsFile {ssh / 'known_hosts'}\n  GlobalKnownHostsFile /dev/null\n"
        (ssh / "config").write_text(more + identity + files)
        if known:
            with (ssh / "known_hosts").open("a") as file:
                file.write(self.known())

    def start(self) -> None:
        """Listen, and wait until it answers."""
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            f"PidFile {self.folder / 'pid'}",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "AllowTcpForwarding yes",
            "MaxStartups 100:30:200",
            "LogLevel VERBOSE",
            "Subsystem sftp internal-sftp",
        ]
        if self._environment:
            said = " ".join(f'"{name}={value}"' for name, value in self._environment.items())
            lines.append(f"SetEnv {said}")
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = [program(), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + _SECONDS
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as line:
                if line.recv(4) == b"SSH-":
                    return
            if self._server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"sshd does not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def stop(self, *, sessions: bool = True) -> None:
        """Listen no longer; with `sessions` those that are connected are cut too. `start` carries on."""
        if sessions:
            self.cut()
        if self._server is not None:
            self._server.kill()
            self._server.wait(_SECONDS)
            self._server = None

    def cut(self) -> int:
        """Kill every session at once, as a network that drops them; what they started goes on. Return how many."""
        return len([self._signal(process, signal.SIGKILL) for process in self.sessions()])

    def freeze(self) -> None:
        """Let every session and the listener stand still: connections stay open, and nobody answers."""
        for process in [*self._listeners(), *self.sessions()]:
            self._signal(process, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        for process in [*self.sessions(), *self._listeners()]:
            self._signal(process, signal.SIGCONT)

    def change_key(self) -> None:
        """Become another machine at the same address, from the next `start` on."""
        self.host_key.unlink()
        self.host_key.with_suffix(".pub").unlink()
        self.host_key = self._new_key("host")

    def mend(self) -> None:
        """Undo what was done to it, and end its sessions."""
        self.thaw()
        self.cut()
        if self._server is None:
            self.start()

    def remove(self) -> None:
        """Stop and leave nothing."""
        self.thaw()
        self.stop()
        shutil.rmtree(self.folder)

    def log(self) -> str:
        """Return what it wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def sessions(self) -> list[psutil.Process]:
        """List its own processes of the connections that are open, none of what was started through them."""
        return [it for listener in self._listeners() for it in listener.children(recursive=True) if _is_sshd(it)]

    def _listeners(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return [psutil.Process(self._server.pid)] if self._server else []
        return []

    @staticmethod
    def _signal(process: psutil.Process, number: int) -> None:
        with suppress(psutil.Error):
            process.send_signal(number)

    def _new_key(self, name: str) -> Path:
        from cryptography.hazmat.primitives import serialization as s
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key, path = Ed25519PrivateKey.generate(), self.folder / name
        path.write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.OpenSSH, s.NoEncryption()))
        path.chmod(0o600)
        path.with_suffix(".pub").write_bytes(key.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH))
        return path


def _is_sshd(process: psutil.Process) -> bool:
    try:
        return process.name().startswith("sshd")
    except psutil.Error:
        return False
