"""Ten answers to one question on a 32k-token document: 10 claims each, 70 of the 100 distinct; 8 extraction chunks."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.judge.protocol import Task
from lrstudio.services.wiring import Project, create_project
from lrstudio.text.tokens import Tokenizer

ANSWERS, CLAIMS, DISTINCT, CHUNKS, TOKENS = 10, 10, 70, 8, 32_000
QUESTION = Question("q1", "d1", "Which goods did the ships land at the quays, and what did the harbour master note?")

_SHIPS = ("Alma", "Berta", "Cecilia", "Dagny", "Elna", "Freja", "Gerda", "Hilda")
_GOODS = ("timber", "salt", "barley", "herring", "coal", "wool", "tar", "glass")
_WINDS = ("north", "south", "west", "east")


@cache
def document() -> Document:
    """The harbour's journal, cut after the last whole line within the tokens."""
    rng = random.Random(11)
    lines = [
        f"On day {day} the ship {rng.choice(_SHIPS)} landed {rng.randint(3, 900)} barrels of {rng.choice(_GOODS)} at "
        f"quay {rng.randint(1, 9)} while the harbour master noted wind from the {rng.choice(_WINDS)}.\n"
        for day in range(1, 2000)
    ]
    starts, _ = Tokenizer.shipped().offsets("".join(lines))
    text = "".join(lines)[: int(starts[TOKENS])]
    return Document("d1", text[: text.rindex("\n") + 1])


@cache
def tasks() -> tuple[Task, ...]:
    """Every second answer repeats six sentences of the one before it."""
    sentences = iter((document().text or "").splitlines()[5::3])
    answers: list[list[str]] = []
    for number in range(ANSWERS):
        repeated = answers[-1][:6] if number % 2 else []
        answers.append([*repeated, *(next(sentences) for _ in range(CLAIMS - len(repeated)))])
    return tuple(
        Task(Candidate(f"c{number}", "q1", " ".join(answer)), QUESTION, document())
        for number, answer in enumerate(answers)
    )


def filled(path: Path, *, answers: int, lines: int | None = None) -> Project:
    """A project with the first of these answers, on so many lines of the document."""
    made = create_project(path, reviewer="ann")
    text = "".join((document().text or "").splitlines(keepends=True)[:lines])
    at = made.imports.add_document(title="Journal", text=text).id
    question = made.imports.add_question(document_id=at, query=QUESTION.query).id
    for task in tasks()[:answers]:
        made.imports.add_candidate(question_id=question, text=task.candidate.text)
    return made
