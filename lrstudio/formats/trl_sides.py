"""Preference rows of TRL as prompt, chosen and rejected alone: for training on them, nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Environment, Refused
from lrstudio.formats.jsonl import BROKEN, parsed, unpacked
from lrstudio.formats.rows import BadRow, kind_of
from lrstudio.formats.trl_in import fits, sides_of

_BATCH = 256
_BLANK_LINE = "\n\n"


def read_sides(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield prompt, chosen and rejected of each row of a file of JSON lines, compressed or not, or of a Parquet file.

    Raises:
        Refused: there is no such file, or a row is no preference row; names file and row.
        Environment: it cannot be read.
    """
    rows = _parquet(path) if path.suffix == ".parquet" else _lines(path)
    try:
        for number, row in enumerate(rows, start=1):
            where = f"{path.name} row {number}"
            if not isinstance(row, dict):
                raise Refused(f"a row must be an object with named fields, not {kind_of(row)}", where=where)
            if not fits(row):
                raise Refused("a preference row has the fields prompt, chosen and rejected", where=where)
            try:
                prompt, chosen, rejected = sides_of(row)
            except BadRow as error:
                raise Refused(str(error), where=where) from error
            yield prompt.removesuffix(_BLANK_LINE), chosen, rejected
    except FileNotFoundError as error:
        raise Refused("there is no such file", where=str(path)) from error
    except OSError as error:
        raise Environment(f"the file cannot be read ({error.strerror or error})", where=str(path)) from error


def _lines(path: Path) -> Iterator[Any]:
    try:
        with unpacked(path) as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    yield parsed(line)
                except ValueError as error:
                    raise Refused(f"not valid JSON: {error}", where=f"{path.name} row {number}") from error
    except BROKEN as error:
        raise Refused(f"the compressed file breaks off ({error}); get a whole copy of it", where=path.name) from error


def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise Refused("this is not a readable Parquet file", where=path.name) from error
