"""Where a project is: a file of its own, or a PostgreSQL database that several people share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lrstudio.domain.errors import Refused

SCHEME: Final = "postgresql+pg8000"
_SCHEMES: Final = (SCHEME, "postgresql", "postgres")
_OPTIONS: Final = ("host", "sslmode", "sslrootcert")

SSL_MODES: Final = ("disable", "require", "verify-full")
"""No encryption; encryption without asking who answers; encryption with a certificate that names the host."""

PORT: Final = 5432


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A project in a PostgreSQL database. There is no place in it for a password, so that none can be shown.

    `host` is a name or address, or the folder of the server's socket, which starts with "/". `sslmode` "" leaves the
    choice to `encryption`.
    """

    host: str
    port: int
    database: str
    user: str
    sslmode: str = ""
    sslrootcert: str = ""

    def __str__(self) -> str:
        """Return the URL, as it can be given again."""
        from urllib.parse import quote, urlencode

        local = self.host.startswith("/")
        options = {"host": self.host if local else "", "sslmode": self.sslmode, "sslrootcert": self.sslrootcert}
        kept = {name: value for name, value in options.items() if value}
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        host = "" if local else (f"[{self.host}]" if ":" in self.host else self.host)
        port = "" if self.port == PORT else f":{self.port}"
        query = f"?{urlencode(kept, safe='/')}" if kept else ""
        return f"{SCHEME}://{user}{host}{port}/{quote(self.database, safe='')}{query}"

    @property
    def name(self) -> str:
        """What a person calls it, where the project has no title."""
        return self.database

    @property
    def stem(self) -> str:
        """The same: a database has no suffix."""
        return self.database

    @property
    def identity(self) -> str:
        """What tells the same database in other words: who asks and how does not count."""
        return f"postgresql://{self.host}:{self.port}/{self.database}"

    @property
    def is_local(self) -> bool:
        """Whether the server is this machine."""
        return self.host.startswith("/") or self.host in ("localhost", "127.0.0.1", "::1")

    @property
    def encryption(self) -> str:
        """The mode in force: this machine is trusted, another one must prove who it is."""
        return self.sslmode or ("disable" if self.is_local else "verify-full")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server said that was asked about a database: what is in it, and whether the line is encrypted.

    `title` is the project's, None where there is none; `tables` counts what else is there, 0 where it is empty.
    """

    title: str | None
    tables: int
    encrypted: bool


Place = Path | DatabaseUrl
"""Where a project is; `str` of it can be given to `place_of` again."""


def place_of(text: str) -> Place:
    """Read a place from a word of the command line or of the settings: a URL, else a path.

    Raises:
        Refused: the URL is of another kind, holds a password, or lacks the database. The sentence never repeats it.
    """
    scheme, sign, _ = text.partition("://")
    if not sign or "/" in scheme or "\\" in scheme:
        return Path(text)
    if scheme.lower() not in _SCHEMES:
        raise Refused(f"a shared project is given as {SCHEME}://USER@HOST/DATABASE", where="database URL")
    return _read(text)


def same_place(one: Place, other: Place) -> bool:
    """Tell whether two places are the same project."""
    if isinstance(one, DatabaseUrl) and isinstance(other, DatabaseUrl):
        return one.identity == other.identity
    if isinstance(one, Path) and isinstance(other, Path):
        return one.resolve() == other.resolve()
    return False


def whereabouts(place: Place) -> str:
    """Return the folder of a file or the server of a database, to be said beside the name."""
    return str(place.parent) if isinstance(place, Path) else place.host


def _read(text: str) -> DatabaseUrl:
    from urllib.parse import parse_qsl, unquote, urlsplit

    where = "database URL"
    try:
        parts = urlsplit(text)
        port = parts.port or PORT
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError as error:
        raise Refused("this is not a URL that can be read", where=where) from error
    if parts.password is not None or "password" in options:
        raise Refused(
            "leave the password out: everybody on this machine can read a command line, and URLs end in logs. It is "
            "taken from the variable PGPASSWORD, from the password file (.pgpass), or from the system keyring",
            where=where,
        )
    if unknown := sorted(set(options) - set(_OPTIONS)):
        raise Refused(f"unknown: {', '.join(unknown)}; known are {', '.join(_OPTIONS)}", where=where)
    if options.get("sslmode", SSL_MODES[0]) not in SSL_MODES:
        raise Refused(f"sslmode is one of {', '.join(SSL_MODES)}", where=where)
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise Refused(f"it names no database: {SCHEME}://USER@HOST/DATABASE", where=where)
    url = DatabaseUrl(
        host=options.get("host") or parts.hostname or "localhost",
        port=port,
        database=database,
        user=unquote(parts.username or ""),
        sslmode=options.get("sslmode", ""),
        sslrootcert=options.get("sslrootcert", ""),
    )
    return url if url.user else replace(url, user=login())


def login() -> str:
    """Return the name that this person is logged in with.

    Raises:
        Refused: the system knows none.
    """
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise Refused(f"it names no user: {SCHEME}://USER@HOST/DATABASE", where="database URL") from error
