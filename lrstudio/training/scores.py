"""What a judge gave to the answers that a run has said: scores.jsonl, kept by whoever owns the project.

One line for each answer and judge; of several lines for one answer the last one stands.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from lrstudio.domain.errors import Environment
from lrstudio.training.wire import to_json

SCORES: Final = "scores.jsonl"
"""Its name in a run folder."""


@dataclass(frozen=True, slots=True)
class Score:
    """The reward of one answer, 0-10, None where the judge could not score it; `judge` names who gave it."""

    step: int
    row_id: str
    answer: str
    judge: str
    reward: float | None


def answer_key(row_id: str, text: str) -> str:
    """Return what stands for an answer to a row's question: the same words are judged once."""
    return hashlib.sha256(f"{row_id}\x1f{text}".encode("utf-8", "surrogatepass")).hexdigest()[:24]


def add(run: Path, scores: Iterable[Score]) -> None:
    """Add scores, whole.

    Raises:
        Environment: they cannot be written.
    """
    data = "".join(to_json(score) + "\n" for score in scores).encode("ascii")
    path = run / SCORES
    try:
        with path.open("ab+") as file:
            if file.tell() and not _ends_whole(path):
                file.write(b"\n")
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Environment(f"the scores cannot be written: {error.strerror or error}", where=str(path)) from error


def read(run: Path, *, start: int = 0) -> tuple[tuple[Score, ...], int]:
    """Return the scores behind byte `start`, and where the last whole line ends. What is no score is passed over."""
    try:
        with (run / SCORES).open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return (), start
    whole = data[: data.rfind(b"\n") + 1]
    return tuple(_scores(whole.splitlines())), start + len(whole)


def by_step(scores: Sequence[Score]) -> dict[int, float]:
    """Return the mean reward of each step at which one was scored, by the judge of the last score, steps rising."""
    if not scores:
        return {}
    judge = scores[-1].judge
    latest = {(it.step, it.answer): it.reward for it in scores if it.judge == judge}
    found: dict[int, list[float]] = {}
    for (step, _), reward in latest.items():
        if reward is not None:
            found.setdefault(step, []).append(reward)
    return {step: fmean(found[step]) for step in sorted(found)}


def _scores(lines: Iterable[bytes]) -> Iterator[Score]:
    for line in lines:
        try:
            row = json.loads(line)
            yield Score(*(row[name] for name in Score.__dataclass_fields__))
        except (ValueError, KeyError, TypeError):
            continue


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
