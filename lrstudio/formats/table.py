"""CSV and Parquet with columns mapped to fields. Rows are numbered as a spreadsheet shows them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.formats.encoding import decode
from lrstudio.formats.jsonl import BROKEN, unpacked
from lrstudio.formats.records import MAX_BYTES, FormatName, ImportItem, Mapping, RowError
from lrstudio.formats.rows import ALSO_READ, USUAL, Rows, missing_field
from lrstudio.formats.shapes import row_items, shape_of

_SAMPLE = 1_000_000
_DELIMITERS = ",;\t|"
_BATCH = 64


def read_csv(path: Path, *, mapping: Mapping | None = None) -> Iterator[ImportItem]:
    """Yield the rows of a CSV file, one at a time; delimiter and encoding are found out, the first row names columns.

    An empty document cell stands for no document. Row numbers count the header as row 1.

    Raises:
        Refused: the file has no header, or no column for the question, the candidate or the document.
    """
    # A document in a cell is longer than the module's default of 131,072 characters.
    csv.field_size_limit(MAX_BYTES)
    with unpacked(path) as raw:
        sample = raw.read(_SAMPLE)
    encoding = decode(sample, where=path.name).encoding
    with unpacked(path) as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as lines:
        reader = csv.reader(lines, delimiter=_delimiter(sample.decode(encoding, "replace")), strict=True)
        header = [name.strip().removeprefix("\ufeff") for name in next(reader, [])]
        rows = Rows(file=path.name, format_name=FormatName.CSV.value, mapping=mapping)
        if len(set(header)) != len(header):
            raise Refused(f"two columns have one name; the header is: {', '.join(header)}", where=path.name)
        _require(rows, header, mapping, path)
        yield from _csv_items(reader, header, rows, path)


def read_parquet(path: Path, *, mapping: Mapping | None = None) -> Iterator[ImportItem]:
    """Yield the rows of a Parquet file, a few at a time. Row numbers count from 1.

    Raises:
        Refused: it is no Parquet file, or has no column for the question, the candidate or the document.
    """
    import pyarrow as pa
    from pyarrow import parquet

    rows = Rows(file=path.name, format_name=FormatName.PARQUET.value, mapping=mapping)
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            shaped = mapping is None and shape_of(dict.fromkeys(columns)) is not None
            if not shaped:
                _require(rows, columns, mapping, path)
            wanted = columns if shaped else _needed(rows, columns)
            for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield from row_items(rows, row, where=f"{path.name} row {number}")
    except (pa.ArrowException, OSError) as error:
        trouble = str(error).splitlines()[0] if str(error) else type(error).__name__
        if number == 0:
            raise Refused(f"this is not a readable Parquet file ({trouble})", where=path.name) from error
        yield RowError(f"{path.name} row {number + 1}", f"the file is damaged from here on ({trouble})")


def _csv_items(cells_of: Iterator[list[str]], header: Sequence[str], rows: Rows, path: Path) -> Iterator[ImportItem]:
    # An empty cell says nothing, but where a question or a candidate has to be it is worth a sentence.
    needed = {rows.field_of("query", header), rows.field_of("candidate", header)}
    for number in count(2):
        where = f"{path.name} row {number}"
        try:
            cells = next(cells_of, None)
        except csv.Error as error:
            yield RowError(where, f"not valid CSV: {error}")
            continue
        except (UnicodeDecodeError, *BROKEN) as error:
            yield RowError(where, f"the file cannot be read from here on ({error}); the rows before it were read")
            return
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(header):
            yield RowError(where, f"it has {len(cells)} cells and the header has {len(header)}")
            continue
        row = {name: cell for name, cell in zip(header, cells, strict=True) if cell or name in needed}
        yield from rows.items(row, where=where)


def _require(rows: Rows, columns: Sequence[str], mapping: Mapping | None, path: Path) -> None:
    named = mapping.named() if mapping else {}
    for field, name in named.items():
        if name not in columns:
            raise Refused(missing_field(field, columns, named=name), where=path.name)
    wanted = ["query"] if "candidates" in columns else ["query", "candidate"]
    wanted += [] if rows.field_of("document_id", columns) else ["document"]
    for field in wanted:
        if rows.field_of(field, columns) is None:
            sentence = f"{missing_field(field, columns, named=None)}; map one of them to '{field}'"
            raise Refused(sentence, where=path.name)


def _needed(rows: Rows, columns: Sequence[str]) -> list[str]:
    wanted = {rows.field_of(field, columns) for field in USUAL} | ALSO_READ
    return [name for name in columns if name in wanted]


def _delimiter(sample: str) -> str:
    """Return the delimiter that cuts the header into most columns."""
    header = sample.removeprefix("\ufeff").lstrip("\r\n")

    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=columns)
