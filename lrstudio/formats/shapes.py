"""Which program wrote a row, told by the names of its fields, and reading it as that program meant it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lrstudio.formats import argilla, helpsteer, label_studio, longreward_in, trl_in, ultrafeedback
from lrstudio.formats.given import Place
from lrstudio.formats.records import ImportItem, RowError
from lrstudio.formats.rows import BadRow, Rows


@dataclass(frozen=True, slots=True)
class RowShape:
    """The rows of one program: how they are known, and how they are read."""

    name: str
    fits: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], Place], Iterator[ImportItem]]


SHAPES = (
    RowShape("longreward", longreward_in.fits_scored, longreward_in.read_scored),
    RowShape("longreward", longreward_in.fits_pair, longreward_in.read_pair),
    RowShape("trl", trl_in.fits, trl_in.read),
    RowShape("ultrafeedback", ultrafeedback.fits, ultrafeedback.read),
    RowShape("helpsteer", helpsteer.fits, helpsteer.read),
    RowShape("label-studio", label_studio.fits, label_studio.read),
    RowShape("argilla", argilla.fits, argilla.read),
)


def shape_of(row: Any) -> RowShape | None:
    """Return the shape that a row has; None where it is a plain row of a document, a question and answers."""
    if not isinstance(row, dict):
        return None
    return next((shape for shape in SHAPES if shape.fits(row)), None)


def row_items(rows: Rows, row: Any, *, where: str) -> Iterator[ImportItem]:
    """Yield what a row holds, of whatever shape; of one whose fields a person has named, what they named."""
    shape = None if rows.mapped else shape_of(row)
    if shape is None:
        yield from rows.items(row, where=where)
    else:
        yield from shaped_items(shape, row, file=rows.file, where=where)


def shaped_items(shape: RowShape, row: Mapping[str, Any], *, file: str, where: str) -> Iterator[ImportItem]:
    """Yield what a row holds, or why it holds nothing; never raises for a bad row."""
    try:
        # all of a row or nothing: what comes after a bad part must not be left alone
        yield from list(shape.read(row, Place(file, shape.name, where)))
    except BadRow as error:
        yield RowError(where, str(error))
