"""What a PostgreSQL server says, told apart by who can mend it, by its SQLSTATE codes. Passwords are in none of it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.domain.places import DatabaseUrl
from lrstudio.store.faults import told_by

NO_TABLE = "42P01"

_BUSY = (Environment, "another program is writing to this project; try again in a moment")
_GONE = (Environment, "the connection to the server was lost; try again in a moment")
_PASSWORD = (
    Refused,
    "the server does not let this user in with the password that was found. Give it in the variable PGPASSWORD, in the "
    "password file (.pgpass), or in the system keyring",
)
_READ_ONLY = (Environment, "this project cannot be written to: the server takes no changes from this user")
_FAULTS: Mapping[str, tuple[type[StudioError], str]] = {
    "55P03": _BUSY,
    "40001": _BUSY,
    "40P01": _BUSY,
    "08": _GONE,
    "57P01": _GONE,
    "57P02": _GONE,
    "57P03": (Environment, "the server is starting up or shutting down; try again in a moment"),
    "28P01": _PASSWORD,
    "28": (Refused, "the server does not let this user in from here; its administrator sets that in pg_hba.conf"),
    "3D000": (Refused, "the server has no database of this name; make one first (createdb)"),
    "42501": _READ_ONLY,
    "25006": _READ_ONLY,
    "53100": (Environment, "the server's disk is full; nothing was changed"),
    "53300": (Environment, "the server takes no more connections; try again when somebody else has closed the project"),
    "53": (Environment, "the server lacks memory or disk; try again later"),
    "54": (Refused, "a text is larger than a project can hold (1 GB)"),
    "58": (Environment, "the server's disk reported an error"),
    "XX001": (Refused, "this database is damaged; restore a backup of it"),
    "XX002": (Refused, "this database is damaged; restore a backup of it"),
}


@contextmanager
def told(url: DatabaseUrl, *, also: Mapping[str, tuple[type[StudioError], str]] | None = None) -> Iterator[None]:
    """Turn the errors of the driver inside into a sentence about the project at `url`."""
    faults = {**_FAULTS, **(also or {})}
    with told_by(lambda error: _known(error, url, faults), *_bare()):
        yield


@contextmanager
def told_of_network(url: DatabaseUrl) -> Iterator[None]:
    """Turn what keeps a connection from being opened into a sentence."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Environment(
            f"the server does not prove that it is {url.host} ({error.verify_message}); name the file of its authority "
            "with ?sslrootcert=FILE",
            where=str(url),
        ) from error
    except OSError as error:
        raise _unreached(url) from error


def is_loss(error: BaseException | None) -> bool:
    """Tell whether the connection is gone, as the driver or the server says."""
    said = error.args[0] if error is not None and error.args else None
    if isinstance(said, dict):
        return str(said.get("C", ""))[:2] in ("08", "57") and said.get("S") in ("FATAL", "PANIC")
    return isinstance(error, OSError) or "network error" in str(said) or "connection is closed" in str(said)


def lost(url: DatabaseUrl) -> Environment:
    """Say that the connection is gone."""
    return Environment(_GONE[1], where=str(url))


def _unreached(url: DatabaseUrl) -> Environment:
    return Environment(f"no PostgreSQL server answers on {url.host}, port {url.port}", where=str(url))


def _bare() -> tuple[type[Exception], ...]:
    from pg8000.exceptions import Error

    return (Error,)


def _known(
    error: BaseException | None, url: DatabaseUrl, faults: Mapping[str, tuple[type[StudioError], str]]
) -> StudioError | None:
    said = error.args[0] if error is not None and error.args else None
    if isinstance(said, dict):
        code = str(said.get("C", ""))
        found = faults.get(code) or faults.get(code[:2])
        return found[0](found[1], where=str(url)) if found else None
    text = str(said)
    if "refuses SSL" in text:
        sentence = "the server takes no encrypted connections; where the network can be trusted, add ?sslmode=disable"
        return Environment(sentence, where=str(url))
    if "requires a password" in text or "password" in text:
        return _PASSWORD[0](_PASSWORD[1], where=str(url))
    return lost(url) if is_loss(error) else None
