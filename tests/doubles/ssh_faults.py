"""An SSH server in this process, with real files and commands, whose faults come exactly where a test wants them."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import asyncssh

from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.loop import Loop

_USER = "ada"


class FaultyServer:
    """Lets `ada` in with a key of the tests' own. Its home is `far`, commands are run by /bin/sh in it.

    `noise` is what its login shell writes before every command, `sent` the bytes of files that clients wrote so far.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lrstudio-ssh-"))
        self.far = self.folder / "far"
        self.far.mkdir()
        self.noise = b""
        self.path = os.environ.get("PATH", os.defpath)
        self.sent = 0
        self.free: int | None = None
        self.fills_at: int | None = None
        self.lies = False
        self.port = 0
        self.logins = 0
        self._cut_after: int | None = None
        self._thaw = threading.Event()
        self._thaw.set()
        self._loop = Loop()
        self._server: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(self.folder / "key")
        key.write_public_key(self.folder / "key.pub")
        self.start()

    def host(self, name: str = "faulty", **changes: Any) -> Host:
        """Describe it as a host."""
        fields: dict[str, Any] = {"name": name, "address": f"{_USER}@127.0.0.1:{self.port}", "folder": str(self.far)}
        return Host(**fields | changes)

    def home(self, folder: Path) -> None:
        """Write `.ssh` into a home: the key that lets in, and the known host."""
        ssh = folder / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        config = f"Host *\n  IdentityFile {self.folder / 'key'}\n  IdentitiesOnly yes\n"
        (ssh / "config").write_text(f"{config}  UserKnownHostsFile {ssh / 'known_hosts'}\n")
        public = self._host_key.export_public_key("openssh").decode().split()
        (ssh / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public[0]} {public[1]}\n")

    def start(self) -> None:
        """Listen, at the same port as before."""
        self._server = self._loop.run(self._listen())
        self.port = self._server.get_port()

    def stop(self) -> None:
        """Listen no longer, and cut who is connected."""
        self._loop.run(self._end())

    def cut(self) -> None:
        """Cut who is connected."""
        self._loop.run(self._abort())

    def cut_after(self, count: int) -> None:
        """Cut who is connected when so many more bytes of files went either way."""
        self._cut_after = count

    def freeze(self) -> None:
        """Stand still: connections stay open, and nobody answers."""
        self._thaw.clear()
        self._loop.submit(self._stand())

    def thaw(self) -> None:
        """Go on."""
        self._thaw.set()

    def remove(self) -> None:
        """Stop and leave nothing."""
        self.thaw()
        self.stop()
        self._loop.close()
        shutil.rmtree(self.folder)

    def count(self, data: bytes) -> bytes:
        """Let bytes of a file pass, or cut everybody off."""
        if self._cut_after is not None:
            self._cut_after -= len(data)
            if self._cut_after < 0:
                self._cut_after = None
                for connection in list(self._connections):
                    connection.abort()
        return data

    async def _listen(self) -> asyncssh.SSHAcceptor:
        far = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                self._connection = conn
                far._connections.add(conn)
                far.logins += 1

            def connection_lost(self, exc: Exception | None) -> None:
                far._connections.discard(self._connection)

        return await asyncssh.create_server(
            Server,
            "127.0.0.1",
            self.port,
            server_host_keys=[self._host_key],
            authorized_client_keys=str(self.folder / "key.pub"),
            process_factory=self._run,
            sftp_factory=lambda chan: _Files(chan, self),
            encoding=None,
        )

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(self.noise)
        words, home = ("/bin/sh", "-c", process.command or "exit"), {"HOME": str(self.far), "PATH": self.path}
        child = await asyncio.create_subprocess_exec(
            *words, stdin=-1, stdout=-1, stderr=-1, cwd=self.far, env=os.environ | home, start_new_session=True
        )
        try:
            out, err = await child.communicate(await process.stdin.read())
        except asyncio.CancelledError:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
            child._transport.close()  # type: ignore[attr-defined]
            raise
        process.stdout.write(out)
        process.stderr.write(err)
        status = child.returncode or 0
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)

    async def _stand(self) -> None:
        self._thaw.wait()

    async def _abort(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    async def _end(self) -> None:
        await self._abort()
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None


class _Files(asyncssh.SFTPServer):
    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], far: FaultyServer) -> None:
        super().__init__(chan)
        self._far = far

    def map_path(self, path: bytes) -> bytes:
        return os.path.join(os.fsencode(self._far.far), path)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return self._far.count(super().read(file_obj, offset, size))  # type: ignore[arg-type]

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self._far.fills_at is not None and self._far.sent + len(data) > self._far.fills_at:
            self._far.free = 0  # somebody else took what was left
        if self._far.free is not None:
            if self._far.free < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._far.free -= len(data)
        self._far.sent += len(self._far.count(data))
        return super().write(file_obj, offset, b"\0" * len(data) if self._far.lies else data)  # type: ignore[return-value]

    def statvfs(self, path: bytes) -> Any:
        found = super().statvfs(path)
        if self._far.free is None:
            return found
        free = self._far.free
        return asyncssh.SFTPVFSAttrs(bsize=1, frsize=1, blocks=free, bfree=free, bavail=free)
