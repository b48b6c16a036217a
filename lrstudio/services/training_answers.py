"""What runs answer: judged beside the project as they train, handed back to SPPO's rounds, taken into the project."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import anyio
from anyio import to_thread

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.reward import reward
from lrstudio.domain.text import Candidate, Document, Question, content_hash
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, Judgment, State
from lrstudio.judge.protocol import Emit, Task
from lrstudio.services.consent import Consent, Outgoing
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import Judging, Rated
from lrstudio.services.sets import Sets
from lrstudio.store.records import Added
from lrstudio.store.store import Store
from lrstudio.training import rounds, scores, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.results import held_out_answers
from lrstudio.training.runs import Sample
from lrstudio.training.scores import Score, answer_key
from lrstudio.training.status import Life, status_of
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Request

LOCK: Final = "runs judge"
"""One process at a time does it, so that no call is paid for twice; it is called as the verb that does it is."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """The candidates that a run's answers have become: all of them, how many are new, and what changed."""

    candidate_ids: tuple[str, ...]
    model: str
    new: int
    changes: Changes


@dataclass(frozen=True, slots=True)
class RoundJudged:
    """A round that was judged: its number from 1, its answers, and how many of them are unscored."""

    number: int
    answers: int
    unscored: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of a run with its answers."""

    question: Question
    answers: tuple[str, ...]


class TrainingAnswers:
    """Judges what runs answer. What is paid for is in the project's call log, so that nothing is paid for twice."""

    def __init__(self, store: Store, *, sets: Sets, judging: Judging) -> None:
        self._store = store
        self._sets = sets
        self._judging = judging
        self._consent = Consent(store)

    def outgoing(self, folder: RunFolder, request: JudgeRequest) -> tuple[Outgoing, ...]:
        """Return what judging a run's answers would send to each other machine."""
        questions = {it.question_id for it in self._questions(folder.spec()).values()}
        return self._consent.outgoing(request.addresses(), questions=questions)

    def take_in(self, folder: RunFolder) -> TakenIn:
        """Make candidates of a run's answers to held-out questions; those that are there already stay as they are.

        They are the answers of its result, of a run without one those of the latest step that it answered them at.

        Raises:
            Refused: it has answered none, or its questions are not in this project.
        """
        spec = folder.spec()
        samples = held_out_answers(folder)
        if not samples:
            raise Refused(
                "this run has answered no held-out question; set sample_every and freeze a set with a share for "
                "validation",
                where=spec.run_id,
            )
        asked = self._questions(spec)
        last = max(it.step for it in samples)
        ended = folder.exit()
        finished = ended is not None and ended.reason == "finished" and ended.last_step == last
        model = spec.name if finished else f"{spec.name}, step {last}"
        ids, new = [], set()
        with self._store.writing():
            for sample in samples:
                question = asked.get(sample.row_id)
                if question is None:
                    continue
                name = _candidate_id(question, model, sample.text)
                if name in ids:
                    continue
                ids.append(name)
                origin = {"from": "run", "run": spec.run_id, "step": sample.step, "recipe": spec.recipe}
                origin |= {"set": spec.set_name, "set_hash": spec.set_hash, "base": spec.model}
                candidate = Candidate(name, question.question_id, sample.text, model)
                if self._store.library.add_candidate(candidate, origin=json.dumps(origin)) is Added.NEW:
                    new.add(name)
        if not ids:
            raise Refused("the questions that this run answered are not in this project", where=spec.run_id)
        return TakenIn(tuple(ids), model, len(new), Changes(candidates=frozenset(new)))

    async def score(self, folder: RunFolder, request: JudgeRequest, *, emit: Emit) -> int:
        """Judge the answers to held-out questions that no judge has seen, keep the rewards beside them, and count them.

        They do not enter the project.

        Raises:
            Refused, Environment: as a judge run.
        """
        spec = await to_thread.run_sync(folder.spec)
        samples = await to_thread.run_sync(_unscored, folder)
        if not samples:
            return 0
        questions = await to_thread.run_sync(self._questions, spec)
        new = {answer_key(it.row_id, it.text): it for it in samples}  # the same words at two steps are judged once
        asked = [_Asked(questions.get(it.row_id) or _alone(it.row_id, it.question), (it.text,)) for it in new.values()]
        judge, found = await self._judged(spec.run_id, asked, request, emit=emit)
        rewards = {key: rewards_of(it)[0] for key, it in zip(new, found, strict=True)}
        keyed = [(it, answer_key(it.row_id, it.text)) for it in samples]
        made = [Score(it.step, it.row_id, key, judge, rewards[key]) for it, key in keyed]
        await to_thread.run_sync(scores.add, folder.path, made)
        await to_thread.run_sync(_stop_where_they_fall, folder, {it.step for it in made})
        return len(made)

    async def judge_round(self, folder: RunFolder, request: JudgeRequest, *, emit: Emit) -> RoundJudged | None:
        """Judge the round of answers that a run waits with, hand the rewards back, and say what came of it.

        None where it waits with none. Broken off, what was paid for is in the call log, and nothing is handed back.

        Raises:
            Refused, Environment: as a judge run, or another process judges what runs answer here.
        """
        number = await to_thread.run_sync(rounds.waiting_round, folder.path)
        if number is None:
            return None
        held = await to_thread.run_sync(partial(self._store.locks.acquire, LOCK, take_over=request.take_over))
        try:
            answered = await to_thread.run_sync(rounds.read_answers, folder.path, number) or ()
            if await to_thread.run_sync(rounds.read_judged, folder.path, number) is not None:
                return None  # another process was faster
            spec = await to_thread.run_sync(folder.spec)
            questions = await to_thread.run_sync(self._questions, spec)
            asked = [_Asked(questions.get(it.row_id) or _alone(it.row_id, it.prompt), it.answers) for it in answered]
            _, found = await self._judged(spec.run_id, asked, request, emit=emit)
            judged = [
                rounds.Judged(it.row_id, rewards_of(judgments)) for it, judgments in zip(answered, found, strict=True)
            ]
            await to_thread.run_sync(rounds.write_judged, folder.path, number, judged)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(held.release)
        given = [score for it in judged for score in it.scores]
        return RoundJudged(number, len(given), sum(score is None for score in given))

    async def _judged(
        self, run_id: str, asked: Sequence[_Asked], request: JudgeRequest, *, emit: Emit
    ) -> tuple[str, list[list[list[Judgment]]]]:
        """Judge answers; returns the judge's name, and for each question the judgments of each of its answers."""
        dimensions = tuple(it for it in Dimension if it in request.dimensions)
        document = lru_cache(1)(self._document)
        tasks = {
            _candidate_id(it.question, run_id, text): (it.question, text)
            for it in sorted(asked, key=lambda it: it.question.document_id or "")
            for text in it.answers
        }
        ready = (
            Task(Candidate(name, question.question_id, text), question, document(question.document_id), dimensions)
            for name, (question, text) in tasks.items()
        )
        questions = {it.question.question_id for it in asked}
        rated = Rated(f"train-{run_id}", ready, len(tasks), len(tasks) * len(dimensions), questions)
        identity, judgments = await self._judging.rate(request, rated, emit=emit)
        of: dict[str, list[Judgment]] = {}
        for judgment in judgments:
            of.setdefault(judgment.candidate_id, []).append(judgment)
        found = [[of.get(_candidate_id(it.question, run_id, text), []) for text in it.answers] for it in asked]
        return _named(identity), found

    def _questions(self, spec: wire.Spec) -> dict[str, Question]:
        """Return the questions of a run by row: those of the set's pairs that are in the project."""
        known = {question.question_id: question for question in self._store.library.questions()}
        pairs = self._sets.pairs(spec.set_name)
        return {pair.pair_id: known[pair.question_id] for pair in pairs if pair.question_id in known}

    def _document(self, document_id: str | None) -> Document | None:
        return self._store.library.document(document_id) if document_id else None


def rewards_of(judgments: Sequence[Iterable[Judgment]]) -> tuple[float | None, ...]:
    """Return the rewards of the answers to one question, None for one that cannot be compared with the others.

    They are means over the dimensions in which at least half of the answers are scored; one that lacks any of these has
    none, because a mean over other dimensions says nothing beside them.
    """
    scored = [_scores(it) for it in judgments]
    common = [it for it in Dimension if 2 * sum(it in one for one in scored) >= max(1, len(scored))]
    found = [reward({it: one[it] for it in common}) if all(it in one for it in common) else None for one in scored]
    return tuple(it.value if it else None for it in found)


def _scores(judgments: Iterable[Judgment]) -> Mapping[Dimension, float]:
    return {it.dimension: it.score for it in judgments if it.state is State.SCORED and it.score is not None}


def _unscored(folder: RunFolder) -> tuple[Sample, ...]:
    watch = RunWatch(folder)
    watch.poll()
    return watch.unscored()


def _stop_where_they_fall(folder: RunFolder, steps: Container[int]) -> None:
    """Ask a run to save and stop where its rule over judged answers says so of these steps."""
    watch = RunWatch(folder)
    watch.poll()
    found = next((it for it in watch.findings if it.stops and it.step in steps), None)
    if found is not None and status_of(folder).life is not Life.DEAD:
        folder.ask(Request.STOP, save=True, why=found.why)


def _alone(row_id: str, prompt: str) -> Question:
    return Question(row_id, None, prompt)


def _candidate_id(question: Question, model: str, text: str) -> str:
    digest = content_hash(f"{model}\x1f{text}")
    return f"{question.question_id}-{digest[:12]}"


def _named(identity: JudgeIdentity) -> str:
    return " ".join(part for part in (identity.judge, identity.model, identity.prompt_pack) if part)
