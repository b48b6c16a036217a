"""What the rounds of SPPO hand over: answers out, rewards in, and the win probabilities that rewards stand for.

    rounds/001/answers.jsonl   what the model of a run has answered; written by the trainer, whole, by rename
    rounds/001/judged.jsonl    the reward of every answer; written by whoever judges, whole, by rename

A trainer that waits says the phase waiting_for_judge. A reward is a number from 0 to 10, or null where the judge could
not score the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.folder import replace_file
from lrstudio.training.wire import to_json

ROUNDS: Final = "rounds"
ANSWERS: Final = "answers.jsonl"
JUDGED: Final = "judged.jsonl"

_HIGHEST = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and what the model answers to it, in the order of the samples.

    `row_id` is that of the row of pairs.jsonl that the question stands in, `prompt` the whole user turn.
    """

    row_id: str
    prompt: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The rewards of the answers to a question, in their order; None where an answer is unscored."""

    row_id: str
    scores: tuple[float | None, ...]


def round_folder(run: Path, number: int) -> Path:
    """Return the folder of a round, counted from 1."""
    return run / ROUNDS / f"{number:03d}"


def write_answers(run: Path, number: int, rows: Iterable[Answered]) -> None:
    """Hand the answers of a round over.

    Raises:
        Environment: they cannot be written.
    """
    _write(round_folder(run, number) / ANSWERS, rows)


def read_answers(run: Path, number: int) -> tuple[Answered, ...] | None:
    """Return the answers of a round, None while they are not there.

    Raises:
        Refused: a line is none; names file, line and field.
    """
    path = round_folder(run, number) / ANSWERS
    if not path.exists():
        return None
    found = []
    for row, where in _lines(path):
        answers = row.get("answers")
        if not (isinstance(answers, list) and all(isinstance(it, str) for it in answers)):
            raise Refused("the field answers is no list of texts", where=where)
        found.append(Answered(_text(row, "row_id", where), _text(row, "prompt", where), tuple(answers)))
    return tuple(found)


def write_judged(run: Path, number: int, rows: Iterable[Judged]) -> None:
    """Hand the rewards of a round back.

    Raises:
        Refused: there are no answers yet, or the rewards are not those of the answers; names the question.
        Environment: they cannot be written.
    """
    given = tuple(rows)
    answers = read_answers(run, number)
    if answers is None:
        raise Refused(f"round {number} of this run has no answers to judge yet", where=str(round_folder(run, number)))
    _fit(given, answers, [f"question {it.row_id}" for it in given])
    _write(round_folder(run, number) / JUDGED, given)


def read_judged(run: Path, number: int) -> tuple[Judged, ...] | None:
    """Return the rewards of a round in the order of its answers, None while they are not there.

    Raises:
        Refused: they are not those of the answers; names file, line and what does not fit.
    """
    path = round_folder(run, number) / JUDGED
    if not path.exists():
        return None
    found, places = [], []
    for row, where in _lines(path):
        scores = row.get("scores")
        if not isinstance(scores, list):
            raise Refused("the field scores is no list", where=where)
        found.append(Judged(_text(row, "row_id", where), tuple(_reward(it, where) for it in scores)))
        places.append(where)
    answers = read_answers(run, number) or ()
    _fit(found, answers, places)
    by_id = {it.row_id: it for it in found}
    return tuple(by_id[it.row_id] for it in answers)


def waiting_round(run: Path) -> int | None:
    """Return the number of the round that has answers and no rewards, None where none has."""
    for folder in sorted((run / ROUNDS).glob("[0-9][0-9][0-9]")):
        if (folder / ANSWERS).exists() and not (folder / JUDGED).exists():
            return int(folder.name)
    return None


def _fit(given: Sequence[Judged], answers: Sequence[Answered], places: Sequence[str]) -> None:
    wanted = {it.row_id: len(it.answers) for it in answers}
    seen: set[str] = set()
    for row, where in zip(given, places, strict=True):
        if row.row_id not in wanted:
            raise Refused(f"no answers were asked about for row {row.row_id!r}", where=where)
        if row.row_id in seen:
            raise Refused(f"row {row.row_id!r} is judged twice", where=where)
        if len(row.scores) != wanted[row.row_id]:
            said = f"row {row.row_id!r} has {wanted[row.row_id]} answers, and {len(row.scores)} scores are given"
            raise Refused(said, where=where)
        for score in row.scores:
            _reward(score, where)
        seen.add(row.row_id)
    missing = [row_id for row_id in wanted if row_id not in seen]
    if missing:
        some = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise Refused(f"{len(missing)} questions are not judged: {some}", where=JUDGED)


def _reward(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= _HIGHEST:
        raise Refused(f"a score is a number from 0 to 10, or null, not {value!r}", where=where)
    return float(value)


def _text(row: dict[str, Any], name: str, where: str) -> str:
    if not isinstance(row.get(name), str):
        raise Refused(f"the field {name} is missing or no text", where=where)
    return str(row[name])


def _lines(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path.parent.name}/{path.name} line {number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise Refused(f"not valid JSON ({error})", where=where) from error
            if not isinstance(row, dict):
                raise Refused("not a JSON object", where=where)
            yield row, where


def _write(path: Path, rows: Iterable[Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, "\n".join(to_json(row) for row in rows))
    except OSError as error:
        raise Environment(f"the round cannot be written: {error.strerror or error}", where=str(path)) from error


@dataclass(frozen=True, slots=True)
class Match:
    """The pair that a question gives: numbers of the answers, and their win probabilities.

    `win` is that of chosen against rejected, `chosen_win` and `rejected_win` those against the average answer, the
    answer itself among them.
    """

    chosen: int
    rejected: int
    win: float
    chosen_win: float
    rejected_win: float


def win_matrix(scores: Sequence[float], *, tau: float) -> tuple[tuple[float, ...], ...]:
    """Return the probability that the answer of each row beats that of each column: sigma((reward - reward) / tau).

    Bradley and Terry's model over rewards, as SPPO (arXiv 2405.00675, section 5) takes it over the scores of its
    ranker; `tau` is in points of reward.
    """
    return tuple(tuple(_sigma((ours - theirs) / tau) for theirs in scores) for ours in scores)


def match_of(scores: Sequence[float | None], *, tau: float) -> Match | None:
    """Return the pair of the highest and the lowest reward, the first of equals; None where nothing tells them apart.

    The win rate of an answer is its mean over all scored answers, itself at 1/2 among them (SPPO, section 5, and its
    scripts). Unscored answers take no part.
    """
    scored = [(number, it) for number, it in enumerate(scores) if it is not None]
    rewards = [it for _, it in scored]
    if len(rewards) < 2 or max(rewards) == min(rewards):
        return None
    wins = win_matrix(rewards, tau=tau)
    best, worst = rewards.index(max(rewards)), rewards.index(min(rewards))
    rates = [sum(row) / len(row) for row in wins]
    return Match(scored[best][0], scored[worst][0], wins[best][worst], rates[best], rates[worst])


def _sigma(value: float) -> float:
    return 1.0 / (1.0 + exp(-value)) if value >= 0 else exp(value) / (1.0 + exp(value))
