"""A whole project as JSON lines, out and in again: one domain record a line, told apart by `kind`.

The first line is a header with the project's title. Records come in an order in which each finds what it refers to:
documents, questions, candidates, judge runs, judgments, decisions, labels, entries about pairs, each set with its
pairs, marks, guidelines, review queues.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lrstudio.domain.decisions import Decision
from lrstudio.domain.errors import Refused
from lrstudio.domain.labels import Label
from lrstudio.domain.marks import Guideline, Mark
from lrstudio.domain.pairs import PairEntry
from lrstudio.domain.queues import KeptQueue
from lrstudio.domain.sets import FrozenPair, FrozenSet
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import JudgeRun, Judgment
from lrstudio.formats.jsonl import BROKEN, parsed, unpacked
from lrstudio.formats.lines import write_lines

HEADER = "lrstudio-project"
VERSION = 1

Record = (
    Document
    | Question
    | Candidate
    | JudgeRun
    | Judgment
    | Decision
    | Label
    | PairEntry
    | FrozenSet
    | FrozenPair
    | Mark
    | Guideline
    | KeptQueue
)

_KINDS: dict[str, type[Any]] = {
    "document": Document,
    "question": Question,
    "candidate": Candidate,
    "judge_run": JudgeRun,
    "judgment": Judgment,
    "decision": Decision,
    "pair_entry": PairEntry,
    "set": FrozenSet,
    "frozen_pair": FrozenPair,
    "label": Label,
    "mark": Mark,
    "guideline": Guideline,
    "queue": KeptQueue,
}
_ADAPTERS = {kind: TypeAdapter(record) for kind, record in _KINDS.items()}
_KIND_OF = {record: kind for kind, record in _KINDS.items()}
_START = re.compile(rb'\{\s*"kind"\s*:\s*"' + HEADER.encode("ascii") + rb'"')


def write_archive(path: Path, records: Iterable[Record], *, title: str = "") -> int:
    """Write records, at once or not at all; a name that ends in .gz is compressed. Returns how many were written."""
    return write_lines(path, _rows(records, title=title)) - 1


def is_archive(start: bytes) -> bool:
    """Tell from its first bytes whether a JSON-lines file is a project written by `write_archive`."""
    return _START.match(start) is not None


def read_title(path: Path) -> str:
    """Return what a project file calls its project, "" where it does not say.

    Raises:
        Refused: the file is no project, or of a newer version.
    """
    for _, row in _read_rows(path):
        _check_header(path, row)
        title = row.get("title")
        return title if isinstance(title, str) else ""
    return ""


def read_archive(path: Path) -> Iterator[Record]:
    """Yield the records of a project file in order.

    Raises:
        Refused: the file is no project, of a newer version, or a line of it cannot be read; names file and line.
    """
    for number, row in _read_rows(path):
        if number == 1:
            _check_header(path, row)
            continue
        kind = row.pop("kind", None)
        if kind not in _ADAPTERS:
            raise Refused(f"unknown kind {kind!r}", where=f"{path.name} line {number}")
        try:
            yield _ADAPTERS[kind].validate_python(row)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise Refused(f"{kind}: {field}: {first['msg']}", where=f"{path.name} line {number}") from error


def _rows(records: Iterable[Record], *, title: str) -> Iterator[dict[str, Any]]:
    yield {"kind": HEADER, "version": VERSION, "title": title}
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


def _read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    try:
        with unpacked(path) as stream:
            for number, line in enumerate(stream, start=1):
                yield number, _row(path, number, line)
    except BROKEN as error:
        sentence = f"the compressed file breaks off here ({error}); get a whole copy of it"
        raise Refused(sentence, where=f"{path.name} line {number + 1}") from error


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = parsed(line)
    except ValueError as error:
        raise Refused(f"not valid JSON: {error}", where=f"{path.name} line {number}") from error
    if not isinstance(row, dict):
        raise Refused("not a JSON object", where=f"{path.name} line {number}")
    return row


def _check_header(path: Path, row: dict[str, Any]) -> None:
    if row.get("kind") != HEADER:
        raise Refused("not a project written by LongReward Studio", where=path.name)
    version = row.get("version")
    if version != VERSION:
        raise Refused(
            f"written by another version of the format ({version}); this one reads {VERSION}: update the studio",
            where=path.name,
        )
