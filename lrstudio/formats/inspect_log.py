"""Logs of Inspect (inspect_ai): one JSON file, or an .eval archive with a file for each sample.

A scorer whose name, or whose value's key, has one of the four dimensions in it is a judge. Its values are letters
(C is 10, P is 5, I and N are 0) or numbers; numbers are 0-1 if none in the log is above 1, else 0-10. A score that
somebody edited later is a decision of that person.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension
from lrstudio.formats.given import (
    Asked,
    Place,
    dimension_in,
    messages,
    number,
    optional_text,
    record,
    records,
    split_prompt,
    transcript,
)
from lrstudio.formats.jsonl import parsed
from lrstudio.formats.records import (
    MAX_BYTES,
    MAX_MB,
    FormatName,
    ImportedDecision,
    ImportedJudgment,
    ImportItem,
    RowError,
)
from lrstudio.formats.rows import USUAL, BadRow, kind_of

HEADERS = ("header.json", "_journal/start.json")
"""What an archive says of the evaluation; the second while it runs, or where it was broken off."""

_LETTERS = {"C": 10.0, "P": 5.0, "I": 0.0, "N": 0.0}
Samples = Callable[[], Iterator[tuple[str, Any]]]


def read_inspect(path: Path) -> Iterator[ImportItem]:
    """Yield of every sample its document, question and answer, then judgments and decisions.

    The archive is gone through twice, the first time for the scale of each scorer.

    Raises:
        Refused: it is no such log, damaged, or a part of it is larger than can be read at once.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            header = _header(archive, path)
            yield from _read(path, header, lambda: _archived(archive, path))
        return
    log = _whole(path)
    samples = log.get("samples") or []
    if not isinstance(samples, list):
        raise Refused("its samples are no list", where=path.name)
    yield from _read(path, log, lambda: ((f"{path.name} sample {n}", it) for n, it in enumerate(samples, start=1)))


@dataclass(frozen=True, slots=True)
class _Log:
    """What the log says of all its samples: who answered, under which id, and the scale of each scorer."""

    file: str
    name: str
    model: str
    scales: Mapping[str, float | None]


def _read(path: Path, header: Mapping[str, Any], samples: Samples) -> Iterator[ImportItem]:
    said = header.get("eval")
    if not isinstance(said, dict):
        raise Refused("this is no Inspect log: it does not say what was evaluated", where=path.name)
    most: dict[str, int | float] = {}
    for _, sample in samples():
        for name, value in _values(sample):
            most[name] = max(most.get(name, 0.0), value)
    scales = {name: 10.0 if top <= 1.0 else (1.0 if top <= 10.0 else None) for name, top in most.items()}
    name = str(said.get("eval_id") or f"{said.get('run_id', '')}-{said.get('task_id', '')}")
    log = _Log(path.name, name, str(said.get("model") or ""), scales)
    foreign: set[str] = set()
    for where, sample in samples():
        try:
            yield from _sample(sample, log, Place(path.name, FormatName.INSPECT.value, where))
            foreign |= {it for it in _scorers(sample) if not _dimensions(it, record(sample, "scores")[it])}
        except BadRow as error:
            yield RowError(where, str(error))
    for scorer in sorted(foreign):
        sentence = f"the scores of '{scorer}' were left out: it names none of the four dimensions"
        yield RowError(path.name, sentence)


def _sample(sample: Any, log: _Log, place: Place) -> Iterator[ImportItem]:
    if not isinstance(sample, dict):
        raise BadRow(f"a sample must be an object, not {kind_of(sample)}")
    asked = _asked(sample)
    answer = _answer(sample)
    index = f"{log.name}-{optional_text(sample, 'id')}-{optional_text(sample, 'epoch') or '1'}"
    candidate = asked.candidate(answer, place, model=log.model, candidate_id=index)
    said = [item for scorer in _scorers(sample) for item in _scores(sample, scorer, candidate.candidate_id, log, place)]
    yield from asked.items(place)
    yield candidate
    yield from said


def _asked(sample: Mapping[str, Any]) -> Asked:
    given = sample.get("input")
    prompt = given if isinstance(given, str) else transcript(messages(given, "input"))
    if not prompt.strip():
        raise BadRow("input is empty")
    metadata = record(sample, "metadata")
    documents = [metadata[name] for name in USUAL["document"] if isinstance(metadata.get(name), str)]
    document, query = (documents[0], prompt) if documents and documents[0].strip() else split_prompt(prompt)
    target = sample.get("target")
    targets = [target] if isinstance(target, str) else target if isinstance(target, list) else []
    answers = tuple(it for it in targets if isinstance(it, str) and it.strip())
    return Asked(query=query, document=document, answers=answers)


def _answer(sample: Mapping[str, Any]) -> str:
    choices = records(record(sample, "output"), "choices")
    turns = messages([record(choices[0], "message")], "output") if choices else []
    if not turns or not turns[0][1].strip():
        failed = optional_text(record(sample, "error"), "message")
        raise BadRow("the sample has no answer" + (f": {failed}" if failed else ""))
    return turns[0][1]


def _scores(
    sample: Mapping[str, Any], scorer: str, candidate_id: str, log: _Log, place: Place
) -> Iterator[ImportedJudgment | ImportedDecision]:
    score = record(record(sample, "scores"), scorer)
    # An edited score says in `history` what it was, first to last; the first is the scorer's own.
    history = records(score, "history") or [score]
    for dimension, key in _dimensions(scorer, history[0]):
        yield ImportedJudgment(
            candidate_id=candidate_id,
            dimension=dimension,
            score=_on_scale(history[0], scorer, key, log),
            judge=f"inspect {scorer}",
            where=place.where,
            file=place.file,
            explanation=optional_text(history[0], "explanation"),
        )
        for edit in history[1:]:
            made = record(edit, "provenance")
            if edit.get("value") in (None, "UNCHANGED") or not made:
                continue
            yield ImportedDecision(
                candidate_id=candidate_id,
                dimension=dimension,
                score=_on_scale(edit, scorer, key, log),
                reviewer=optional_text(made, "author") or "someone",
                where=place.where,
                time=optional_text(made, "timestamp"),
                reason=optional_text(made, "reason"),
            )


def _on_scale(score: Mapping[str, Any], scorer: str, key: str, log: _Log) -> float:
    value = score.get("value")
    if key and isinstance(value, dict):
        value = value.get(key)
    name = f"the score of '{scorer}'"
    if isinstance(value, str) and value in _LETTERS:
        return _LETTERS[value]
    if isinstance(value, bool):
        return 10.0 if value else 0.0
    found, scale = number(value, name), log.scales.get(scorer, 1.0)
    if scale is None or found < 0.0:
        raise BadRow(f"{name} is {found:g}; in this log it is neither on 0-1 nor on 0-10")
    return found * scale


def _scorers(sample: Any) -> list[str]:
    scores = sample.get("scores") if isinstance(sample, dict) else None
    return [name for name in scores if isinstance(scores[name], dict)] if isinstance(scores, dict) else []


def _dimensions(scorer: str, score: Any) -> list[tuple[Dimension, str]]:
    """Return the dimensions that a score speaks of, each with its key in the value, "" for the value itself."""
    if own := dimension_in(scorer):
        return [(own, "")]
    value = score.get("value") if isinstance(score, dict) else None
    keys = list(value) if isinstance(value, dict) else []
    return [(dimension, key) for key in keys if (dimension := dimension_in(key))]


def _values(sample: Any) -> Iterator[tuple[str, int | float]]:
    """Yield every number that a scorer gave, edits included, to tell its scale by."""
    for scorer in _scorers(sample):
        score = sample["scores"][scorer]
        history = score.get("history")
        for entry in [score, *(history if isinstance(history, list) else [])]:
            value = entry.get("value") if isinstance(entry, dict) else None
            for one in value.values() if isinstance(value, dict) else [value]:
                if isinstance(one, int | float) and not isinstance(one, bool):
                    yield scorer, one


def _whole(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_BYTES:
        raise Refused(
            f"a log in JSON of {MAX_MB} MB or more cannot be read at once; write it as .eval", where=path.name
        )
    try:
        log = parsed(path.read_bytes())
    except ValueError as error:
        raise Refused(f"this is not valid JSON: {error}", where=path.name) from error
    if not isinstance(log, dict):
        raise Refused("this is no Inspect log: it is a list", where=path.name)
    return log


def _header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    names = set(archive.namelist())
    found = next((name for name in HEADERS if name in names), None)
    header = _member(archive, found, path) if found else None
    if not isinstance(header, dict):
        raise Refused("this is no Inspect log: it has no header", where=path.name)
    return header


def _archived(archive: zipfile.ZipFile, path: Path) -> Iterator[tuple[str, Any]]:
    for name in sorted(archive.namelist()):
        if name.startswith("samples/") and name.endswith(".json"):
            yield f"{path.name} {name}", _member(archive, name, path)


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    where = f"{path.name} {name}"
    if archive.getinfo(name).file_size > MAX_BYTES:
        raise Refused(f"it would unpack to {MAX_MB} MB or more", where=where)
    try:
        return parsed(archive.read(name))
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise Refused(f"this is damaged: {error}", where=where) from error
