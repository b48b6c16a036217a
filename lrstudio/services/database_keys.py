"""The password of a shared database: from a variable, the password file or the keyring, never from a command line."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.places import DatabaseUrl

VARIABLE = "PGPASSWORD"
FILE_VARIABLE = "PGPASSFILE"
_SERVICE = "lrstudio"
_INSTEAD = f"the password file (.pgpass) or the variable {VARIABLE} are the other ways"
_FIELD = re.compile(r"((?:[^\\:]|\\.)*)(?::|$)")


def find_database_password(url: DatabaseUrl) -> str | None:
    """Return the password for a database, None where none is kept: the server may ask for none.

    The variable wins, then the first line of the password file that fits, as for every program of PostgreSQL, then the
    keyring.

    Raises:
        Refused: the password file can be read by others.
        Environment: the password file cannot be read.
    """
    return os.environ.get(VARIABLE) or _from_file(url) or _from_keyring(url)


def store_database_password(url: DatabaseUrl, value: str) -> None:
    """Keep the password for a database in the keyring.

    Raises:
        Environment: there is no usable keyring; says what to do instead.
    """
    import keyring
    import keyring.errors

    try:
        keyring.set_password(_SERVICE, keyring_name(url), value)
        kept = keyring.get_password(_SERVICE, keyring_name(url)) == value
    except keyring.errors.KeyringError as error:
        raise Environment(f"this system has no usable keyring ({error}); {_INSTEAD}") from error
    if not kept:
        raise Environment(f"this system's keyring keeps nothing; {_INSTEAD}")


def keyring_name(url: DatabaseUrl) -> str:
    """Return the name under which the keyring, in the service `lrstudio`, keeps the password."""
    return f"postgresql://{url.user}@{url.host}:{url.port}/{url.database}"


def password_file() -> Path:
    """Return where the password file is: PGPASSFILE, else where PostgreSQL's programs look."""
    if named := os.environ.get(FILE_VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", "")) / "postgresql" / "pgpass.conf"
    return Path.home() / ".pgpass"


def _from_file(url: DatabaseUrl) -> str | None:
    path = password_file()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        open_to_others = sys.platform != "win32" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Environment("the password file cannot be read", where=str(path)) from error
    if open_to_others:
        raise Refused("the password file can be read by others; chmod 600 it", where=str(path))
    wanted = ("localhost" if url.host.startswith("/") else url.host, str(url.port), url.database, url.user)
    for line in lines:
        fields = [re.sub(r"\\(.)", r"\1", field) for field in _FIELD.findall(line)[:5]]
        if line.startswith("#") or len(fields) < 5:
            continue
        if all(field in ("*", value) for field, value in zip(fields, wanted, strict=False)):
            return fields[4]
    return None


def _from_keyring(url: DatabaseUrl) -> str | None:
    import keyring
    import keyring.errors

    try:
        return keyring.get_password(_SERVICE, keyring_name(url))
    except keyring.errors.KeyringError:
        return None  # no keyring here: the variable and the file are the other ways
