"""JSON lines on disk, written whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lrstudio.domain.errors import Environment, Refused


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write one JSON object a line, into a file beside `path` that takes its place only when complete.

    Of a link, the file that it leads to is replaced. A file that is replaced hands on its permissions.

    Returns:
        how many rows were written.

    Raises:
        Refused: `path` is a folder, a device or anything else that is no file.
        Environment: the folder cannot be written to; `path` is then as it was before.
    """
    count = 0
    target = Path(os.path.realpath(path))
    if os.path.lexists(target) and not target.is_file():
        raise Refused("this is a folder or a device; name a file", where=str(path))
    try:
        with _beside(target) as temporary:
            with temporary.open("xb") as raw, _packed(raw, path) as file:
                if target.exists():
                    temporary.chmod(target.stat().st_mode)
                for row in rows:
                    file.write(json.dumps(row, ensure_ascii=True, separators=(", ", ": ")).encode("ascii") + b"\n")
                    count += 1
            temporary.replace(target)
    except OSError as error:
        raise Environment(f"cannot be written: {error.strerror}", where=str(path)) from error
    return count


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a name beside `path` for what is not finished; whatever has it at the end is deleted."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _packed(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".gz":
        yield raw
        return
    # no time and no name inside: equal rows give equal bytes
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        yield packed  # type: ignore[misc]
