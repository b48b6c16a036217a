"""The rounds of SPPO: answer the questions, wait for the judge, pair, train, and again from the new policy.

arXiv 2405.00675, algorithm 1. Everything of a round is a file under rounds/, so that a run that is killed at any moment
goes on where it was: answers question by question, then the rewards, the pairs, the reference's log-probabilities, and
from there on the checkpoints of the training. Reference of a round is the policy at its start.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import torch

from lrstudio.domain.errors import Refused
from lrstudio.training import rounds
from lrstudio.training.folder import replace_file
from lrstudio.training.rounds import Answered
from lrstudio.training.rows import Row, line_of, rows_of
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind, Phase, to_json
from lrstudio.worker import generate, loading
from lrstudio.worker.conversations import Conversation, conversation
from lrstudio.worker.generate import Sampling
from lrstudio.worker.prefix import Engine
from lrstudio.worker.ranks import ALONE, Ranks

PARTS: Final = "parts"
"""The folder of a round with the answers so far, one file for each question; gone when all are there."""

PAIRS: Final = "pairs.jsonl"
"""The rows of a round."""

_REFERENCE: Final = "reference.json"
_LOOK_SECONDS: Final = 0.5

Sums = tuple[float, float]


class Steps(Protocol):
    """The training loop, as the rounds need it."""

    step: int
    round: int
    began: int

    def begin_round(self, number: int, began: int) -> None:
        """Begin a round behind a step, or go on with it."""
        ...

    def run(self, rows: Sequence[Conversation], sums: Sequence[Sums], *, training: int) -> bool:
        """Train on rows; False where it was stopped."""
        ...


@dataclass(frozen=True, slots=True)
class SelfPlay:
    """What the rounds of a run work with."""

    run: Path
    options: Mapping[str, Any]
    model: Any
    tokenizer: Any
    engine: Engine
    spool: Spool
    orders: Orders
    numbers: Callable[[], AbstractContextManager[Any]]
    ranks: Ranks = ALONE
    """The processes that train; the first one samples, waits and asks the reference for all."""

    def train(self, loop: Steps, questions: Sequence[Row]) -> bool:
        """Run the rounds that are left; False where it was stopped before the end.

        Args:
            loop: where the last checkpoint, or nothing, has left it.
            questions: the rows whose prompts are answered; what was answered there before is not read.

        Raises:
            Refused: the rewards do not fit the answers, no round gave a pair, or files of a round are gone.
        """
        round_questions(questions, self.options["rounds"], self.options)  # refused before anything is sampled
        number, began = max(1, loop.round), loop.began
        while number <= self.options["rounds"]:
            fresh = loop.step == began
            rows = self.ranks.lead(partial(self._pairs, number, questions, fresh=fresh))
            if rows is None:
                return False
            if rows:
                loop.begin_round(number, began)
                ready = [conversation(row, self.tokenizer) for row in rows]
                sums = self.ranks.lead(partial(self._reference, number, ready, fresh=fresh))
                if sums is None or not loop.run(ready, sums, training=len(ready)):
                    return False
            number, began = number + 1, loop.step
        if loop.step == 0:
            raise Refused("no round gave a pair: the judge told no two answers apart", where=rounds.ROUNDS)
        return True

    def _pairs(self, number: int, questions: Sequence[Row], *, fresh: bool) -> list[Row] | None:
        """Return the rows of a round, made as far as they are not there; None where told to stop."""
        folder = rounds.round_folder(self.run, number)
        path = folder / PAIRS
        if path.exists():
            return list(rows_of(path))
        if not fresh:
            raise Refused(f"the pairs of round {number} are gone, so this run cannot go on", where=str(path))
        chosen = round_questions(questions, number, self.options)
        if not (self._answer(number, chosen) and self._wait(number)):
            return None
        rows, said = pair(self.run, number, chosen, tau=self.options["judge_tau"])
        replace_file(path, "\n".join(line_of(row) for row in rows))
        self.spool.phase(Phase.RUNNING, why=f"round {number}: {said}")
        if not rows:
            self.spool.say(Kind.WARNING, rule="rounds", why=f"round {number} has nothing to train on: {said}")
        return rows

    def _answer(self, number: int, questions: Sequence[Row]) -> bool:
        """Sample the answers of a round, question by question; False where told to stop."""
        if rounds.read_answers(self.run, number) is not None:
            return True
        parts = rounds.round_folder(self.run, number) / PARTS
        parts.mkdir(parents=True, exist_ok=True)
        found = []
        for place, row in enumerate(questions):
            path = parts / f"{place:06d}.json"
            if not path.exists():
                if self.orders.stop.is_set():
                    return False
                done = f"{place} of {len(questions)} questions"
                self.spool.phase(Phase.RUNNING, why=f"round {number} answers: {done}")
                replace_file(path, to_json(Answered(row.row_id, row.prompt, self._samples(number, row))))
            kept = json.loads(path.read_text(encoding="utf-8"))
            found.append(Answered(kept["row_id"], kept["prompt"], tuple(kept["answers"])))
        rounds.write_answers(self.run, number, found)
        shutil.rmtree(parts)
        return True

    def _samples(self, number: int, row: Row) -> tuple[str, ...]:
        options = self.options
        sampling = Sampling(options["answer_tokens"], options["temperature"], options["top_p"])
        seeds = [generate.seed_of(options["seed"], number, row.row_id, it) for it in range(options["answers"])]
        prompt = generate.prompt_tokens(self.tokenizer, row.prompt, system=row.system)
        with generate.ready(self.model), self.numbers():
            found = generate.generate(self.model, self.tokenizer, prompt, sampling, seeds=seeds)
        return tuple(it.text for it in found)

    def _wait(self, number: int) -> bool:
        """Wait until the answers are judged; False where told to stop, with all that there is on disk already."""
        path = rounds.round_folder(self.run, number) / rounds.JUDGED
        if not path.exists():
            count = len(rounds.read_answers(self.run, number) or ())
            why = f"round {number}: {self.options['answers']} answers to each of {count} questions wait for the judge"
            self.spool.phase(Phase.WAITING_FOR_JUDGE, why=why)
        while not path.exists():
            if self.orders.stop.wait(_LOOK_SECONDS):
                return False
        return True

    def _reference(self, number: int, rows: Sequence[Conversation], *, fresh: bool) -> list[Sums] | None:
        """Return the sums of the policy at the round's start, kept in the round's folder; None where told to stop."""
        path = rounds.round_folder(self.run, number) / _REFERENCE
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            return [(chosen, rejected) for chosen, rejected in kept]
        if not fresh:
            raise Refused(f"the reference of round {number} is gone, so this run cannot go on", where=str(path))
        found: list[Sums] = []
        training = self.model.training
        self.model.eval()
        try:
            for row in rows:
                if self.orders.stop.is_set():
                    return None
                with torch.no_grad(), self.numbers(), loading.narrow_inputs(self.model, self.options):
                    chosen, rejected = self.engine.score(row.policy).sums().tolist()
                found.append((chosen, rejected))
        finally:
            self.model.train(training)
        replace_file(path, json.dumps(found))
        return found


def round_questions(rows: Iterable[Row], number: int, options: Mapping[str, Any]) -> list[Row]:
    """Return the rows whose questions a round answers: the first of each prompt, all of them or this round's part."""
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        first.setdefault((row.system, row.prompt), row)
    questions = list(first.values())
    if options["round_questions"] == "all":
        return questions
    part = questions[number - 1 :: options["rounds"]]
    if not part:
        raise Refused(
            f"{len(questions)} questions are too few for {options['rounds']} rounds with questions of their own; set "
            "round_questions to all",
            where="round_questions",
        )
    return part


def pair(run: Path, number: int, questions: Sequence[Row], *, tau: float) -> tuple[list[Row], str]:
    """Make the rows of a round from its answers and rewards, and say how many there are and what was left out.

    Raises:
        Refused: the rewards do not fit the answers; names file and line.
    """
    by_id = {row.row_id: row for row in questions}
    answered, judged = rounds.read_answers(run, number) or (), rounds.read_judged(run, number) or ()
    rows, tied = [], 0
    for its, rewards in zip(answered, judged, strict=True):
        match = rounds.match_of(rewards.scores, tau=tau)
        if match is None or its.answers[match.chosen] == its.answers[match.rejected]:
            tied += 1
            continue
        rows.append(
            replace(
                by_id[its.row_id],
                chosen=its.answers[match.chosen],
                rejected=its.answers[match.rejected],
                win=match.win,
                chosen_win=match.chosen_win,
                rejected_win=match.rejected_win,
                turns=(),
                short="",
            )
        )
    said = f"{len(rows)} pairs from {len(answered)} questions"
    return rows, said + (f"; {tied} have no two answers that the judge tells apart" if tied else "")
