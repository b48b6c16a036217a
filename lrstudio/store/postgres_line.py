"""The driver's connection, and its end: imported only where a server is spoken to."""

from __future__ import annotations

from contextlib import suppress

from pg8000 import Connection
from pg8000.exceptions import InterfaceError


class Line(Connection):  # type: ignore[misc]
    """A connection that closes in whatever state it is, and then holds no socket any more."""

    def close(self) -> None:
        """Say goodbye where somebody still listens."""
        stream = self._sock
        with suppress(InterfaceError, OSError):
            super().close()
        if stream is not None:
            # The driver leaves it open, and with it the socket, when what it held back cannot be sent.
            with suppress(OSError, ValueError):
                stream.close()
