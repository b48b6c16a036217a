"""Rows with named columns of few kinds, to Parquet or to JSON lines; both say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lrstudio.formats.lines import line_of, write_lines
from lrstudio.formats.whole import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_ROWS = 1000
_GROUP_CHARACTERS = 16_000_000
"""A row group is written at whichever comes first: what is held of rows does not grow with their number."""


class Kind(StrEnum):
    """What a column holds. Any may be null but the text of a message."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    FLAG = "flag"
    MESSAGES = "messages"


Columns = Mapping[str, Kind]
Row = dict[str, Any]


def write_table(path: Path, rows: Iterable[Row], *, columns: Columns) -> int:
    """Write rows to `path`, Parquet where its name ends in .parquet, else JSON lines; whole or not at all.

    Lone surrogates, which UTF-8 cannot hold, become U+FFFD in both.

    Returns:
        how many rows were written.

    Raises:
        Refused: `path` is no file.
        Environment: it cannot be written.
    """
    if path.suffix != ".parquet":
        return write_lines(path, map(writable, rows))
    with whole_file(path) as file, TableWriter(file, columns=columns, parquet=True) as table:
        for row in rows:
            table.add(row)
        return table.count


class TableWriter:
    """Adds rows to an open file; a context manager. Holds one row group at most."""

    def __init__(self, file: IO[bytes], *, columns: Columns, parquet: bool) -> None:
        """Write to `file`, which stays open."""
        self.count = 0
        self._file = file
        self._held: list[Row] = []
        self._characters = 0
        self._writer: Any = None
        if parquet:
            from pyarrow import parquet as pq

            self._schema = arrow_schema(columns)
            self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def add(self, row: Row) -> None:
        """Add a row with these columns and no others."""
        clean = writable(row)
        self.count += 1
        if self._writer is None:
            self._file.write(line_of(clean))
            return
        self._held.append(clean)
        self._characters += sum(_characters(value) for value in clean.values())
        if len(self._held) >= _GROUP_ROWS or self._characters >= _GROUP_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            self._writer.write_table(pa.Table.from_pylist(self._held, schema=self._schema))
        self._held = []
        self._characters = 0

    def __enter__(self) -> TableWriter:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what is held and the foot of the file; after an error only let go of it."""
        if self._writer is None:
            return
        if kind is None:
            self._flush()
        self._writer.close()


def arrow_schema(columns: Columns) -> pa.Schema:
    """Return the columns as an Arrow schema."""
    import pyarrow as pa

    message = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
    types = {
        Kind.TEXT: pa.string(),
        Kind.TEXTS: pa.list_(pa.string()),
        Kind.NUMBER: pa.float64(),
        Kind.FLAG: pa.bool_(),
        Kind.MESSAGES: pa.list_(message),
    }
    return pa.schema([pa.field(name, types[kind]) for name, kind in columns.items()])


def writable(row: Row) -> Row:
    """Return the row with U+FFFD in place of every lone surrogate, in texts, lists and messages alike."""
    return {name: _clean(value) for name, value in row.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(item) for name, item in value.items()}
    return value


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_characters(item) for item in value)
    return sum(_characters(item) for item in value.values()) if isinstance(value, dict) else 8
