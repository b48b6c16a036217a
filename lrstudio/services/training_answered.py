"""What the runs of a project answer, judged beside it, taken into it, and handed back to those that wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from anyio import to_thread

from lrstudio.services.sets import Sets
from lrstudio.services.training_away import TrainingAway
from lrstudio.store.store import Store
from lrstudio.training.hosts.mirror import is_mirror

if TYPE_CHECKING:
    from lrstudio.judge.protocol import Emit
    from lrstudio.services.consent import Outgoing
    from lrstudio.services.judges import JudgeRequest
    from lrstudio.services.judging import JudgeOutcome, Judging
    from lrstudio.services.training_answers import RoundJudged, TakenIn, TrainingAnswers
    from lrstudio.services.training_hosts import HostDoor


class TrainingAnswered(TrainingAway):
    """The part of `Training` that has to do with what runs answer."""

    def __init__(self, store: Store, *, sets: Sets, judging: Judging, hosts: Callable[[], HostDoor] | None) -> None:
        super().__init__(store, hosts=hosts)
        self._sets = sets
        self._judging = judging

    @cached_property
    def answers(self) -> TrainingAnswers:
        """What runs answer: judged beside the project, or taken into it."""
        from lrstudio.services.training_answers import TrainingAnswers

        return TrainingAnswers(self._store, sets=self._sets, judging=self._judging)

    def take_in_answers(self, run_id: str) -> TakenIn:
        """Make candidates of what a run answers to held-out questions; see `TrainingAnswers.take_in`."""
        return self.answers.take_in(self._folder(run_id))

    def outgoing(self, run_id: str, request: JudgeRequest) -> tuple[Outgoing, ...]:
        """Return what judging a run's answers would send to each other machine."""
        return self.answers.outgoing(self._folder(run_id), request)

    async def judge_answers(self, run_id: str, request: JudgeRequest, *, emit: Emit) -> JudgeOutcome:
        """Take a run's answers to held-out questions into the project and judge them there.

        Raises:
            Refused: it has answered none, or as a judge run.
            Environment: as a judge run.
        """
        taken = await to_thread.run_sync(self.take_in_answers, run_id)
        outcome = await self._judging.run(replace(request, candidate_ids=taken.candidate_ids), emit=emit)
        return replace(outcome, changes=outcome.changes | taken.changes)

    async def judge_round(self, run_id: str, request: JudgeRequest, *, emit: Emit) -> RoundJudged | None:
        """Judge the round that an SPPO run waits with; None where it waits with none."""
        folder = self._folder(run_id)
        judged = await self.answers.judge_round(folder, request, emit=emit)
        if judged is not None and is_mirror(folder.path):
            await to_thread.run_sync(self.sync, run_id)
        return judged

    async def score_samples(self, run_id: str, request: JudgeRequest, *, emit: Emit) -> int:
        """Judge what a run said to held-out questions while it trained; returns how many answers were new."""
        return await self.answers.score(self._folder(run_id), request, emit=emit)
