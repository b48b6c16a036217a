"""Proxy, headers and certificates on real sockets."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.judge.http_embedder import HttpEmbedder
from lrstudio.judge.limits import Limits
from lrstudio.judge.transport import Transport
from tests.doubles.call_log import MemoryCallLog


class _Handler(BaseHTTPRequestHandler):
    """Answers every POST with one vector and notes what it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        body = json.dumps({"data": [{"embedding": [1.0, 2.0]}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(context: ssl.SSLContext | None = None) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.seen = []  # type: ignore[attr-defined]
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def embed(base_url: str, transport: Transport) -> list[list[float]]:
    async def run() -> list[list[float]]:
        limits = Limits(timeout=5.0, retries=0)
        made = HttpEmbedder.open(base_url=base_url, model="e", limits=limits, transport=transport)
        try:
            rows: list[list[float]] = (await made.embed(["a"], calls=MemoryCallLog())).tolist()
            return rows
        finally:
            await made.aclose()

    return anyio.run(run)


def test_a_proxy_and_headers_are_used_for_other_machines() -> None:
    with answering() as proxy:
        transport = Transport(f"http://127.0.0.1:{proxy.server_port}", {"X-Team": "audit"})
        assert embed("http://vectors.example/v1", transport) == [[1, 2]]
        ((path, headers),) = proxy.seen  # type: ignore[attr-defined]
    assert path == "http://vectors.example/v1/embeddings"
    assert headers["X-Team"] == "audit"


def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with answering() as server:
        base_url = f"http://localhost:{server.server_port}/v1"
        assert embed(base_url, Transport("http://127.0.0.1:1")) == [[1, 2]]
        assert server.seen[0][0] == "/v1/embeddings"  # type: ignore[attr-defined]


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate of this test")
def test_an_own_certificate_authority_is_trusted_and_only_where_it_is_named(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run([*words.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with answering(context) as server:
        base_url = f"https://localhost:{server.server_port}/v1"
        assert embed(base_url, Transport(ca_file=certificate)) == [[1, 2]]
        with pytest.raises((Environment, Refused), match="certificate"):
            embed(base_url, Transport())
