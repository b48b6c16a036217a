"""A file sent to a host by the resumable, verified upload, beside `scp` and asyncssh's own `put`, over loopback.

The upload hashes the file here and there, which the other two do not; they do not go on after a cut either. It needs
OpenSSH's server, which is a real one here.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import Case, Ratio, in_turns
from tests.doubles.sshd_server import SshdServer, program

SIZE = 64 << 20
ROUNDS = 3
BOUND_SCP = 4.0
BOUND_PUT = 2.0


def upload() -> list[Ratio]:
    """Seconds of the upload against both."""
    if not program():
        sys.stderr.write("host_transfers: skipped, OpenSSH's server is not installed here\n")
        return []
    kept = os.environ.get("HOME", "")
    with tempfile.TemporaryDirectory(prefix="lrstudio-home-") as home:
        os.environ["HOME"] = home
        server = SshdServer()
        try:
            server.home(Path(home))
            return _measured(server, Path(home))
        finally:
            server.remove()
            os.environ["HOME"] = kept


def _measured(server: SshdServer, home: Path) -> list[Ratio]:
    import asyncssh

    from lrstudio.training.hosts.connect import connect
    from lrstudio.training.hosts.loop import Loop

    source = home / "source"
    source.write_bytes(secrets.token_bytes(SIZE))
    loop = Loop()
    link = connect(server.host(), loop=loop)

    async def put(target: str) -> None:
        connecting = asyncssh.connect("127.0.0.1", server.port, username=server.user)
        async with connecting as connection, connection.start_sftp_client() as sftp:
            await sftp.put(str(source), target)

    def scp(target: str) -> None:
        words = ["scp", "-q", "-F", str(home / ".ssh" / "config"), "-P", str(server.port)]
        subprocess.run([*words, str(source), f"{server.user}@127.0.0.1:{target}"], check=True)

    def case(action: object) -> Case[str]:
        return Case(lambda: str(home / "target"), action, lambda path: Path(path).unlink())  # type: ignore[arg-type]

    ours, theirs, own = in_turns(
        case(lambda path: link.upload(source, path)),
        case(scp),
        case(lambda path: asyncio.run(put(path))),
        rounds=ROUNDS,
    )
    link.close()
    loop.close()
    mib = SIZE / (1 << 20)
    said = f"upload {mib / ours:.0f} MiB/s, scp {mib / theirs:.0f} MiB/s, put {mib / own:.0f} MiB/s"
    return [Ratio("upload / scp", ours / theirs, BOUND_SCP, said), Ratio("upload / put", ours / own, BOUND_PUT, said)]


BENCHMARKS = (upload,)
