"""JSON lines and JSON arrays of rows, compressed or not. Text fields are kept unchanged."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lrstudio.domain.errors import Refused
from lrstudio.formats.records import MAX_BYTES, MAX_MB, FormatName, ImportItem, Mapping, RowError
from lrstudio.formats.rows import Rows
from lrstudio.formats.shapes import row_items

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"
# What reading a compressed file raises where it is cut off or damaged.
BROKEN = (EOFError, gzip.BadGzipFile, zlib.error)
# By these a row of judgments or decisions is known (see `rows_out`).
_WRITTEN = (
    frozenset(["run_id", "judge", "candidate_id", "dimension", "claims"]),
    frozenset(["decision_id", "act", "candidate_id", "before", "after"]),
)


def read_jsonl(path: Path, *, mapping: Mapping | None = None, rows: Rows | None = None) -> Iterator[ImportItem]:
    """Yield the rows of a file of JSON lines, plain, gzip or zstd, one at a time.

    A line that is not JSON, or too long, is a row error and the rest is read. An archive that breaks off yields what
    came before the break and one row error. Row numbers are line numbers from 1.

    Args:
        path: the file.
        mapping: names of fields, where they are not the usual ones.
        rows: continues an import that reads several files as one.

    Raises:
        Refused: the file holds no line, breaks off before its first, or holds what `import` does not read: judgments or
            decisions that the studio wrote.
    """
    known = rows or Rows(file=path.name, format_name=FormatName.JSONL.value, mapping=mapping)
    number = 0
    try:
        with unpacked(path) as stream:
            for number, line in enumerate(_lines(stream), start=1):
                where = f"{path.name} row {number}"
                if isinstance(line, str):
                    yield RowError(where, line)
                elif line.strip():
                    yield from _items(line, known, where)
    except BROKEN as error:
        if number == 0:
            raise _broken(path, error) from error
        where = f"{path.name} row {number + 1}"
        yield RowError(where, f"the compressed file breaks off here ({error}); the rows before it were read")
    if number == 0:
        raise Refused("the file is empty", where=path.name)


def read_json(path: Path, *, mapping: Mapping | None = None) -> Iterator[ImportItem]:
    """Yield the rows of a JSON file that holds an array of rows, or a single row. Rows are numbered from 1.

    Raises:
        Refused: it is no JSON, or larger than can be read at once.
    """
    try:
        with unpacked(path) as stream:
            content = stream.read(MAX_BYTES + 1)
    except BROKEN as error:
        raise _broken(path, error) from error
    if len(content) > MAX_BYTES:
        sentence = f"a JSON array of {MAX_MB} MB or more cannot be read at once; write one row a line (JSON lines)"
        raise Refused(sentence, where=path.name)
    try:
        rows = parsed(content)
    except ValueError as error:
        raise Refused(f"this is not valid JSON: {error}", where=path.name) from error
    known = Rows(file=path.name, format_name=FormatName.JSON.value, mapping=mapping)
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        yield from row_items(known, row, where=f"{path.name} row {number}")


def parsed(data: bytes) -> Any:
    """Return what JSON in UTF-8 says, with a byte order mark or without.

    Raises:
        ValueError: it is none, or nested too deeply; says what is wrong and where.
    """
    try:
        return json.loads(data.removeprefix(_BOM).decode("utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacking gzip or zstd by its first bytes."""
    with path.open("rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        if start.startswith(GZIP):
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream  # type: ignore[misc]
        elif start == ZSTD:
            yield io.BufferedReader(_Zstd(raw))
        else:
            yield raw


class _Zstd(io.RawIOBase):
    """Unpacks zstd frames; says that a file is cut off, which the library's own reader does not."""

    def __init__(self, raw: IO[bytes]) -> None:
        import zstandard

        self._raw = raw
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._error = zstandard.ZstdError
        self._frame = self._new()
        self._began = False
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            data = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = self._new()
            packed = data or self._raw.read(1 << 16)
            if not packed:
                if self._began:
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
                return 0
            self._began = True
            try:
                self._ready = self._frame.decompress(packed)
            except self._error as error:
                raise EOFError(str(error)) from error
            self._began = not self._frame.eof
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


def _lines(stream: IO[bytes]) -> Iterator[bytes | str]:
    """Yield lines; a sentence in place of one that is longer than a document may be."""
    while line := stream.readline(MAX_BYTES + 1):
        if len(line) <= MAX_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(1 << 20)
        yield f"the row has {MAX_MB} MB or more, and a row must have less"


def _items(line: bytes, rows: Rows, where: str) -> Iterator[ImportItem]:
    try:
        row = parsed(line)
    except ValueError as error:
        yield RowError(where, f"not valid JSON: {error}")
        return
    if isinstance(row, dict) and any(row.keys() >= fields for fields in _WRITTEN) and not rows.field_of("query", row):
        sentence = "these are judgments or decisions; `export` without --what writes a file that `import` reads"
        raise Refused(sentence, where=rows.file)
    yield from row_items(rows, row, where=where)


def _broken(path: Path, error: Exception) -> Refused:
    return Refused(f"the compressed file breaks off ({error}); get a whole copy of it", where=path.name)
