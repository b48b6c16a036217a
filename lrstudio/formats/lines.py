"""JSON lines on disk, written whole or not at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lrstudio.formats.whole import whole_file


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write one JSON object a line, into a file beside `path` that takes its place only when complete.

    A name that ends in .gz is compressed.

    Returns:
        how many rows were written.

    Raises:
        Refused: `path` is a folder, a device or anything else that is no file.
        Environment: the folder cannot be written to; `path` is then as it was before.
    """
    count = 0
    with whole_file(path) as raw, _packed(raw, path) as file:
        for row in rows:
            file.write(line_of(row))
            count += 1
    return count


def line_of(row: dict[str, Any]) -> bytes:
    """Return a row as one line of ASCII: what is not ASCII, lone surrogates included, is escaped."""
    return json.dumps(row, ensure_ascii=True, separators=(", ", ": ")).encode("ascii") + b"\n"


@contextmanager
def _packed(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".gz":
        yield raw
        return
    # no time and no name inside: equal rows give equal bytes
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        yield packed  # type: ignore[misc]
