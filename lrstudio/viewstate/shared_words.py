"""The form for a shared project: what its fields mean, the place they name, and what a server answered."""

from __future__ import annotations

from dataclasses import dataclass

from lrstudio.domain.errors import Refused
from lrstudio.domain.places import PORT, Answered, DatabaseUrl, login, place_of
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.judge_fields import FieldWords

HOST = FieldWords("Host", "A name or address, the folder of a socket, or the whole URL of the project.")
DATABASE = FieldWords("Database", "")
USER = FieldWords("User", "The name at the server; your login where it is empty.")
PASSWORD = FieldWords(
    "Password", "Empty: taken from the variable PGPASSWORD, the password file (.pgpass) or this system's key store."
)
CERTIFICATE = FieldWords("Certificate", "The file of your own authority (sslrootcert), where the server has one.")
TITLE = FieldWords("Title", "For a new project only: what it is called.")
KEEP = "Keep it in the key store of this system"

ENCRYPTION = (
    ("", "Automatic"),
    ("verify-full", "Encrypted, the host proves its name (verify-full)"),
    ("require", "Encrypted, whoever answers (require)"),
    ("disable", "Not encrypted (disable)"),
)
_IN_FORCE = {
    "verify-full": "Encrypted; the server has to prove that it is {host}.",
    "require": "Encrypted; nobody asks who answers.",
    "disable": "Not encrypted: everything can be read and changed on the way.",
}
_HERE = "Not encrypted: the server is this machine."


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the fields."""

    host: str = ""
    port: int = PORT
    database: str = ""
    user: str = ""
    sslmode: str = ""
    sslrootcert: str = ""


def typed_place(typed: Typed) -> DatabaseUrl:
    """Return the place that the fields name; a URL in the field of the host says all of it.

    Raises:
        Refused: no database is named, or the URL is none of a database; says what to fill in.
    """
    if "://" in typed.host:
        place = place_of(typed.host.strip())
        if isinstance(place, DatabaseUrl):
            return place
        raise Refused("this is not the URL of a database", where=HOST.label)
    if not typed.database.strip():
        raise Refused("name the database", where=DATABASE.label)
    return DatabaseUrl(
        typed.host.strip() or "localhost",
        typed.port,
        typed.database.strip(),
        typed.user.strip() or login(),
        typed.sslmode,
        typed.sslrootcert.strip(),
    )


def typed_of(place: DatabaseUrl) -> Typed:
    """Return what the fields show for a place."""
    return Typed(place.host, place.port, place.database, place.user, place.sslmode, place.sslrootcert)


def encryption_words(typed: Typed) -> str:
    """Say what the choice comes to with this host."""
    host = typed.host.strip() or "localhost"
    url = DatabaseUrl(host, typed.port, "", "", typed.sslmode)
    if url.encryption == "disable" and url.is_local:
        return _HERE
    return _IN_FORCE[url.encryption].format(host=host)


def answer_words(answered: Answered) -> str:
    """Say what a server answered."""
    line = "encrypted" if answered.encrypted else "not encrypted"
    if answered.title is not None:
        what = f"the project “{answered.title}”" if answered.title else "a project"
        return f"It answers, {line}: {what} is there. Open it."
    if answered.tables:
        held = counted(answered.tables, "other table")
        return f"It answers, {line}, but the database holds {held}: take an empty one."
    return f"It answers, {line}: the database is empty. Create makes a project in it."
