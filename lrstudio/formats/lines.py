"""JSON lines on disk: read as they stand, written whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lrstudio.domain.errors import Environment

_GZIP = b"\x1f\x8b"


@contextmanager
def open_lines(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 file of lines, gzip or not by its first bytes.

    Only a line feed ends a line: JSON strings may hold every other separator.
    """
    with path.open("rb") as raw:
        start = raw.read(2)
        raw.seek(0)
        with _unpacked(raw, packed=start == _GZIP) as stream, io.TextIOWrapper(stream, "utf-8", newline="\n") as lines:
            yield lines


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write one JSON object a line, into a file beside `path` that takes its place only when complete.

    Returns:
        how many rows were written.

    Raises:
        Environment: the folder cannot be written to; `path` is then as it was before.
    """
    count = 0
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise Environment(f"cannot write here: {error.strerror}", where=str(path.parent)) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw, _packed(raw, path) as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=True, separators=(", ", ": ")).encode("ascii") + b"\n")
                count += 1
        temporary.replace(path)
    except OSError as error:
        raise Environment(f"cannot be written: {error.strerror}", where=str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


@contextmanager
def _unpacked(raw: IO[bytes], *, packed: bool) -> Iterator[IO[bytes]]:
    if not packed:
        yield raw
        return
    with gzip.GzipFile(fileobj=raw) as stream:
        yield stream  # type: ignore[misc]


@contextmanager
def _packed(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".gz":
        yield raw
        return
    # no time and no name inside: equal rows give equal bytes
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        yield packed  # type: ignore[misc]
