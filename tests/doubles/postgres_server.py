"""A real PostgreSQL server of the tests' own: a cluster in a temporary folder that is gone afterwards."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from lrstudio.domain.errors import StudioError
from lrstudio.domain.places import DatabaseUrl
from lrstudio.store.postgres import connect

PASSWORD = "an open secret of the tests"
USER = "ada"
_SECONDS = 60


def program(name: str) -> str:
    """Return where a program of the server is, "" where it is not installed; Debian keeps them off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    beside = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    return shutil.which(name, path=beside) or ""


class PostgresServer:
    """Lets everybody in through its socket; over the network it asks for a password. Databases sort as a person does.

    The server refuses to run as root, so that root lends it to another user. It answers on 127.0.0.1 and, as if it were
    another machine, on 127.0.0.2; with `encrypted` it proves, by a certificate of its own making, to be the latter.
    """

    def __init__(self, *, encrypted: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lrstudio-postgres-"))
        self._before = self._as_somebody()
        with socket.socket() as line:
            line.bind(("127.0.0.1", 0))
            self.port = line.getsockname()[1]
        (self.folder / "password").write_text(PASSWORD)
        words = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--username={USER}", "--encoding=UTF8"]
        words += [f"--pwfile={self.folder / 'password'}", "--no-sync", "--locale=C"]
        by_language = ["--locale-provider=icu", "--icu-locale=en"]
        if self._initdb([*words, *by_language]) and (said := self._initdb(words)):
            raise RuntimeError(f"initdb: {said}")
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 127.0.0.0/8 scram-sha-256\n")
        self.certificate = self._certify() if encrypted else None
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {
            "fsync": "off",
            "full_page_writes": "off",
            "listen_addresses": "127.0.0.1,127.0.0.2",
            "port": self.port,
        }
        settings |= {"unix_socket_directories": self.folder, "max_connections": 60}
        if self.certificate:
            settings |= {"ssl": "on", "ssl_cert_file": self.certificate, "ssl_key_file": self.folder / "key.pem"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [*self._before, program("postgres"), "-D", str(self.folder / "data"), *words],
                cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        until = time.monotonic() + _SECONDS
        while True:
            try:
                connect(self.url("postgres")).close()
                return
            except StudioError:
                if self._server.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once, as a machine that loses its connections to everybody; `start` carries on."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # a fast shutdown
            self._server.wait(_SECONDS)
            self._server = None

    def remove(self) -> None:
        """Stop and leave nothing."""
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str, **changes: object) -> DatabaseUrl:
        """Return the URL of a database through the socket, which asks for no password."""
        fields: dict[str, object] = {"host": str(self.folder), "port": self.port, "user": USER} | changes
        return DatabaseUrl(database=database, **fields)  # type: ignore[arg-type]

    def new_database(self, *, options: str = "") -> DatabaseUrl:
        """Make an empty database."""
        name = f"p{secrets.token_hex(4)}"
        self.run(f'CREATE DATABASE "{name}" {options}')
        return self.url(name)

    def run(self, statement: str, *, on: DatabaseUrl | None = None) -> list[list[object]]:
        """Run one statement past the store."""
        connection = connect(on or self.url("postgres"))
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def _certify(self) -> Path:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a server of the tests")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.2"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files = {"key.pem": secret, "certificate.pem": made.public_bytes(serialization.Encoding.PEM)}
        for file, content in files.items():
            (self.folder / file).write_bytes(content)
            (self.folder / file).chmod(0o600 if file == "key.pem" else 0o644)
            os.chown(self.folder / file, self.folder.stat().st_uid, self.folder.stat().st_gid)
        return self.folder / "certificate.pem"

    def _as_somebody(self) -> list[str]:
        if os.geteuid():
            return []
        import pwd

        somebody = next(it for it in pwd.getpwall() if it.pw_name in ("postgres", "nobody"))
        os.chown(self.folder, somebody.pw_uid, somebody.pw_gid)
        self.folder.chmod(0o755)
        return ["setpriv", f"--reuid={somebody.pw_uid}", f"--regid={somebody.pw_gid}", "--clear-groups", "--"]

    def _initdb(self, words: list[str]) -> str:
        command = [*self._before, program("initdb"), "-D", str(self.folder / "data"), *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(self.folder / "data", ignore_errors=True)
        return done.stderr if done.returncode else ""
