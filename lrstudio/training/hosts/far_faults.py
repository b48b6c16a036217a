"""What goes wrong between here and a host, as sentences."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.training.hosts.transport import Unreachable

if TYPE_CHECKING:
    from asyncssh import SFTPError

MISSING = "hosts are reached through the package asyncssh: pip install 'lrstudio[remote]'"


def need_asyncssh() -> None:
    """Refuse to go on without the extra `remote`.

    Raises:
        Refused: asyncssh is not installed.
    """
    try:
        import asyncssh  # noqa: F401
    except ImportError as error:
        raise Refused(MISSING) from error


@contextmanager
def told(name: str, *, path: str = "") -> Iterator[None]:
    """Say of a host what went wrong with what was asked of it.

    Raises:
        Unreachable: the link is lost or says nothing.
        Environment: the host says that it cannot; names the host and the path.
    """
    import asyncssh

    try:
        yield
    except StudioError:
        raise
    except (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, asyncssh.DisconnectError) as error:
        raise Unreachable(f"the link to {name} is lost ({error.reason})", where=path) from error
    except TimeoutError as error:
        raise Unreachable(f"{name} does not answer", where=path) from error
    except asyncssh.ChannelOpenError as error:
        raise Unreachable(f"{name} opens no further channel ({error.reason})", where=path) from error
    except asyncssh.SFTPError as error:
        raise Environment(_reason(error, name=name), where=f"{name}:{path}") from error
    except (asyncssh.Error, asyncio.IncompleteReadError, EOFError) as error:
        raise Unreachable(f"the link to {name} is lost ({error})", where=path) from error
    except OSError as error:
        raise Unreachable(f"the link to {name} is lost ({error.strerror or error})", where=path) from error


def unwritten(path: Path, error: OSError) -> Environment:
    """Say that a file on this machine cannot be written."""
    return Environment(f"this file cannot be written ({error.strerror or error})", where=str(path))


def _reason(error: SFTPError, *, name: str) -> str:
    import asyncssh

    if isinstance(error, asyncssh.SFTPPermissionDenied):
        return f"{name} gives no right to do this"
    if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
        return f"{name} has no such file or folder"
    if isinstance(error, asyncssh.SFTPNoSpaceOnFilesystem | asyncssh.SFTPQuotaExceeded):
        return f"the disk of {name} is full"
    return f"{name} says: {error.reason or 'failure'}"
