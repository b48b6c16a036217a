"""Where a host is, as a person writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lrstudio.domain.errors import Refused

_ADDRESS = re.compile(r"(?:(?P<user>[^@]+)@)?(?:\[(?P<ip>[^\]]+)\]|(?P<machine>[^@:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Address:
    """An alias or machine, and what was said of user and port ("" and None: nothing)."""

    machine: str
    user: str = ""
    port: int | None = None

    @classmethod
    def read(cls, text: str) -> Address:
        """Read `[user@]machine[:port]`.

        Raises:
            Refused: it is no address.
        """
        found = _ADDRESS.fullmatch(text)
        port = int(found["port"]) if found and found["port"] else None
        if not found or text.startswith("-") or (port is not None and not 0 < port < 65536):
            raise Refused("an address is an alias of ~/.ssh/config, or [user@]machine[:port]", where=text)
        return cls(found["ip"] or found["machine"], found["user"] or "", port)
