"""A whole project as JSON lines, out and in again: one domain record a line, told apart by `kind`.

The first line is a header. Records come in an order in which each finds what it refers to: documents, questions,
candidates, judge runs, judgments, decisions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lrstudio.domain.decisions import Decision
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import JudgeRun, Judgment
from lrstudio.formats.lines import open_lines, write_lines

HEADER = "lrstudio-project"
VERSION = 1

Record = Document | Question | Candidate | JudgeRun | Judgment | Decision

_KINDS: dict[str, type[Any]] = {
    "document": Document,
    "question": Question,
    "candidate": Candidate,
    "judge_run": JudgeRun,
    "judgment": Judgment,
    "decision": Decision,
}
_ADAPTERS = {kind: TypeAdapter(record) for kind, record in _KINDS.items()}
_KIND_OF = {record: kind for kind, record in _KINDS.items()}


def write_archive(path: Path, records: Iterable[Record]) -> int:
    """Write records, at once or not at all; a name that ends in .gz is compressed. Returns how many were written."""
    return write_lines(path, _rows(records)) - 1


def is_archive(first_line: str) -> bool:
    """Tell from its first line whether a JSON-lines file is a project written by `write_archive`."""
    try:
        row = json.loads(first_line)
    except ValueError:
        return False
    return isinstance(row, dict) and row.get("kind") == HEADER


def read_archive(path: Path) -> Iterator[Record]:
    """Yield the records of a project file in order.

    Raises:
        Refused: the file is no project, of a newer version, or a line of it cannot be read; names file and line.
    """
    with open_lines(path) as lines:
        for number, line in enumerate(lines, start=1):
            row = _row(path, number, line)
            kind = row.pop("kind", None)
            if number == 1:
                _check_header(path, kind, row)
                continue
            if kind not in _ADAPTERS:
                raise Refused(f"unknown kind {kind!r}", where=f"{path.name} line {number}")
            try:
                yield _ADAPTERS[kind].validate_python(row)
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"])
                raise Refused(f"{kind}: {field}: {first['msg']}", where=f"{path.name} line {number}") from error


def _rows(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    yield {"kind": HEADER, "version": VERSION}
    for record in records:
        kind = _KIND_OF[type(record)]
        row = _ADAPTERS[kind].dump_python(record, mode="json")
        if isinstance(record, Judgment):
            _drop_empty(row)
        yield {"kind": kind, **row}


def _drop_empty(row: dict[str, Any]) -> None:
    """Leave out what only repeated calls have: most judgments are made without, and have thousands of claims."""
    for part, name in ((row, "samples"), *((claim, "votes") for claim in row["claims"])):
        if not part[name]:
            del part[name]


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise Refused(f"not JSON: {error}", where=f"{path.name} line {number}") from error
    if not isinstance(row, dict):
        raise Refused("not a JSON object", where=f"{path.name} line {number}")
    return row


def _check_header(path: Path, kind: object, row: dict[str, Any]) -> None:
    if kind != HEADER:
        raise Refused("not a project written by LongReward Studio", where=path.name)
    version = row.get("version")
    if version != VERSION:
        raise Refused(
            f"written by another version of the format ({version}); this one reads {VERSION}: update the studio",
            where=path.name,
        )
