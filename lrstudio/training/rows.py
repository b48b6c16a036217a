"""The rows of pairs.jsonl: what a trainer is given, in words; nothing is tokenised and nothing cut here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Refused
from lrstudio.training.wire import to_json

TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One question with its two answers, behind the first one of a row.

    `short` is the prompt, document part and question, that the reference of LongPO reads instead of the conversation.
    """

    question: str
    chosen: str
    rejected: str
    short: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A prompt and its two answers.

    `prompt` is the user's turn, `system` the system message ("" for none). `question` is what `prompt` ends with behind
    its document, however many paragraphs it has, "" where that is not known. `short` is LongPO's short prompt, "" where
    the recipe needs none; `turns` are further turns of the same conversation (LongPO). `win` is the probability that
    chosen beats rejected, `chosen_win` and `rejected_win` those of either against the average answer (SPPO). `mixed`
    marks a short-context row that was mixed in.
    """

    row_id: str
    prompt: str
    chosen: str
    rejected: str
    split: str = TRAIN
    system: str = ""
    question: str = ""
    short: str = ""
    turns: tuple[Turn, ...] = ()
    win: float | None = None
    chosen_win: float | None = None
    rejected_win: float | None = None
    mixed: bool = False


def parts_of(row: Row) -> tuple[str, str]:
    """Part a row's prompt into document and question; a prompt that is a question alone is both.

    Where the row does not say what its question is, it is taken to be the last paragraph.
    """
    if row.question and row.prompt.endswith(row.question):
        document, question = row.prompt[: -len(row.question)], row.question
    else:
        document, _, question = row.prompt.rstrip().rpartition("\n\n")
    document = document.removesuffix("\n\n")
    return (document, question) if document.strip() and question else (row.prompt, row.prompt)


_DEFAULTS = {name: it.default for name, it in Row.__dataclass_fields__.items()}


def line_of(row: Row) -> str:
    """Write a row as one line of JSON, without what is empty."""
    values = {name: getattr(row, name) for name in _DEFAULTS}
    kept = {name: value for name, value in values.items() if value != _DEFAULTS[name]}
    if row.turns:
        kept["turns"] = [{name: getattr(turn, name) for name in Turn.__dataclass_fields__} for turn in row.turns]
    return to_json(kept)


def rows_of(path: Path) -> Iterator[Row]:
    """Read the rows of a file.

    Raises:
        Refused: a line is no row; names file, line and field.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path.name} line {number}"
            try:
                row = json.loads(line)
            except ValueError as error:
                raise Refused(f"not valid JSON ({error})", where=where) from error
            if not isinstance(row, dict):
                raise Refused("not a JSON object", where=where)
            yield _row(row, where=where)


def _row(row: Mapping[str, Any], *, where: str) -> Row:
    for name in ("row_id", "prompt", "chosen", "rejected"):
        if not isinstance(row.get(name), str):
            raise Refused(f"the field {name} is missing or no text", where=where)
    for name in ("win", "chosen_win", "rejected_win"):
        value = row.get(name)
        if value is not None and not (isinstance(value, int | float) and 0.0 <= value <= 1.0):
            raise Refused(f"the field {name} is no probability: {value!r}", where=where)
    if not isinstance(row.get("question", ""), str):
        raise Refused("the field question is no text", where=where)
    try:
        turns = tuple(Turn(**turn) for turn in row.get("turns", ()))
        return Row(**{**row, "turns": turns})
    except TypeError as error:
        raise Refused(f"not a row of a run ({error})", where=where) from error
