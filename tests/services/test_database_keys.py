"""Where the password of a shared database is looked for, in which order."""

from __future__ import annotations

import keyring
import keyring.backend
import keyring.errors
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.places import place_of
from lrstudio.services.database_keys import (
    find_database_password,
    keyring_name,
    password_file,
    store_database_password,
)

URL = place_of("postgresql://ada@db.example.org/work")


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def ring(monkeypatch):
    for name in ("PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    before, ring = keyring.get_keyring(), Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def write(text: str, mode: int = 0o600) -> None:
    password_file().write_text(text, encoding="utf-8")
    password_file().chmod(mode)


def test_the_variable_wins_then_the_file_then_the_keyring(ring, monkeypatch):
    assert find_database_password(URL) is None
    ring.set_password("lrstudio", "postgresql://ada@db.example.org:5432/work", "from the ring")
    assert keyring_name(URL) == "postgresql://ada@db.example.org:5432/work"
    assert find_database_password(URL) == "from the ring"
    write("db.example.org:5432:work:ada:from the file\n")
    assert find_database_password(URL) == "from the file"
    monkeypatch.setenv("PGPASSWORD", "from the variable")
    assert find_database_password(URL) == "from the variable"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("*:*:*:*:any", "any"),
        ("db.example.org:5433:*:*:other port", None),
        ("#db.example.org:*:*:*:commented", None),
        (r"*:*:*:ada:with\:colon and \\", "with:colon and \\"),
        ("localhost:*:*:*:local\n*:*:work:*:second", "second"),
        ("too:few:fields", None),
    ],
)
def test_the_first_line_that_fits_counts(line, found):
    write(line + "\n")
    assert find_database_password(URL) == found


def test_a_socket_is_localhost():
    write("localhost:*:*:*:local\n")
    assert find_database_password(place_of("postgresql://ada@/work?host=/run/postgresql")) == "local"


def test_a_file_that_others_can_read_is_refused():
    write("*:*:*:*:open\n", mode=0o640)
    with pytest.raises(Refused, match="chmod 600") as refused:
        find_database_password(URL)
    assert "open" not in refused.value.sentence
    password_file().write_bytes(b"\xff\xfe:\n")
    with pytest.raises(Environment, match="cannot be read"):
        find_database_password(URL)


def test_a_password_is_kept_in_the_keyring_or_not_at_all(ring):
    store_database_password(URL, "secret")
    assert ring.kept == {("lrstudio", keyring_name(URL)): "secret"}
    assert find_database_password(URL) == "secret"

    class Sieve(Ring):
        def set_password(self, service: str, username: str, password: str) -> None:
            pass

    class Locked(Ring):
        def set_password(self, service: str, username: str, password: str) -> None:
            raise keyring.errors.KeyringLocked("locked")

    for broken, said in ((Sieve(), "keeps nothing"), (Locked(), "no usable keyring")):
        keyring.set_keyring(broken)
        with pytest.raises(Environment, match=said) as caught:
            store_database_password(URL, "secret")
        assert "PGPASSWORD" in caught.value.sentence
        assert "secret" not in str(caught.value)
