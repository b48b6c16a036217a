"""A table as CSV, written whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from lrstudio.formats.whole import whole_file


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | int | float | None]]) -> int:
    """Write a header and rows in UTF-8, missing cells empty, numbers with all their digits; return how many rows.

    Raises:
        Refused: `path` is a folder, a device or anything else that is no file.
        Environment: it cannot be written; it is then as it was before.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 - counted for the caller
        table.writerow(["" if cell is None else cell for cell in row])
    with whole_file(path) as file:
        file.write(text.getvalue().encode("utf-8", "backslashreplace"))
    return count
