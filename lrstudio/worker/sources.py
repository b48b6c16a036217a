"""Where the rows of a run come from: its pairs, or with LongPO those that the model makes of their documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lrstudio.training import wire
from lrstudio.training.rows import Row, parts_of, rows_of

FOLDER: Final = "longpo"
"""The folder of a run with the data that its model has made."""

PAIRS: Final = "pairs.jsonl"


def makes_data(recipe: str, options: Mapping[str, Any]) -> bool:
    """Tell whether a run makes its own data."""
    return recipe == "longpo" and options["data"] == "self"


def source_rows(run: Path, recipe: str, options: Mapping[str, Any]) -> Iterator[Row]:
    """Read the rows that a run trains on.

    Before the data are made, each document stands for its rows, so that lengths can be looked at.
    """
    if not makes_data(recipe, options):
        yield from rows_of(run / wire.PAIRS)
    elif (run / FOLDER / PAIRS).exists():
        yield from rows_of(run / FOLDER / PAIRS)
    else:
        for row in documents_of(rows_of(run / wire.PAIRS)):
            yield replace(row, short=parts_of(row)[1], turns=())


def documents_of(rows: Iterator[Row]) -> list[Row]:
    """Return the first row of each document, in order."""
    first: dict[str, Row] = {}
    for row in rows:
        if not row.mixed:
            first.setdefault(parts_of(row)[0], row)
    return list(first.values())
