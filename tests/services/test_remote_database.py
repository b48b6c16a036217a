"""A server that counts as another machine: it must prove who it is, and marked documents do not go there."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.places import DatabaseUrl
from lrstudio.domain.text import Document, Question
from lrstudio.services.merging import merge
from lrstudio.services.wiring import ask_database
from lrstudio.store.store import Store
from tests.doubles.postgres_server import PASSWORD, PostgresServer, program

pytestmark = [
    pytest.mark.server("postgresql"),
    pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address of this machine on Linux alone"),
]


@pytest.fixture(scope="module")
def encrypted() -> Iterator[PostgresServer]:
    pytest.importorskip("cryptography", reason="makes the certificate")
    if not program("initdb"):
        pytest.skip("PostgreSQL's server is not installed")
    server = PostgresServer(encrypted=True)
    yield server
    server.remove()


def remote(server: PostgresServer, **changes: str) -> DatabaseUrl:
    return server.url(server.new_database().database, **({"host": "127.0.0.2"} | changes))


def create(url: DatabaseUrl) -> Store:
    return Store.create(url, password=lambda _url: PASSWORD)


def test_another_machine_must_prove_who_it_is(encrypted):
    with pytest.raises(Environment, match=r"does not prove that it is 127\.0\.0\.2 .*sslrootcert"):
        create(remote(encrypted))
    known = str(encrypted.certificate)
    with pytest.raises(Environment, match=r"does not prove that it is 127\.0\.0\.1"):
        create(remote(encrypted, host="127.0.0.1", sslmode="verify-full", sslrootcert=known))
    with create(remote(encrypted, sslrootcert=known)) as store, store._connections.read() as connection:
        used = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert connection.exec_driver_sql(used).scalar_one() is True
    required = remote(encrypted, sslmode="require")
    create(required).close()
    assert ask_database(required, password=PASSWORD).encrypted
    with pytest.raises(Refused, match="no file with a certificate"):
        create(remote(encrypted, sslrootcert="/nowhere.pem"))


def test_a_marked_document_does_not_go_to_another_machine(postgres, tmp_path):
    with Store.create(tmp_path / "p.lrs") as here, create(remote(postgres, sslmode="disable")) as there:
        here.library.add_document(Document("open", "A text.\n"))
        here.library.add_document(Document("secret", "Another text.\n", local_only=True))
        here.library.add_question(Question("q", "secret", "Why?"))
        report = merge(there, here)
        assert [it.where for it in report.differing] == ["p.lrs document 'secret'", "p.lrs question 'q'"]
        assert "marked to stay on this machine" in report.differing[0].sentence
        assert [it.document_id for it in there.library.documents()] == ["open"]
        local = postgres.new_database()
        with Store.create(local) as beside:
            assert merge(beside, here).new.documents == 2
