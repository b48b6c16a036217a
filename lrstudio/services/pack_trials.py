"""Trying a changed prompt pack on what people labelled, and the agreement with them before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, JudgeRun, Judgment, Support
from lrstudio.judge.packs import CallName, PromptPack
from lrstudio.judge.plan import Effort, Plan
from lrstudio.judge.protocol import Emit
from lrstudio.services.consent import Outgoing
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import JudgeOutcome, Judging
from lrstudio.services.label_matching import support_in
from lrstudio.services.labels import Label, LabelledSplit, Part, people_labels, split
from lrstudio.store.store import Store

if TYPE_CHECKING:  # numpy and scipy take long to import, and most commands need neither
    from lrstudio.analysis.paired import PairedLabels, PairedScores

SUPPORTS = (Support.NONE.word, Support.PARTIAL.word, Support.FULL.word)
"""The labels of claims and key points, in order."""

_CALLS_OF: Mapping[Dimension, frozenset[CallName]] = {
    Dimension.HELPFULNESS: frozenset({CallName.HELPFULNESS}),
    Dimension.LOGICALITY: frozenset({CallName.LOGICALITY}),
    Dimension.FAITHFULNESS: frozenset({CallName.CLAIMS, CallName.SUPPORT}),
    Dimension.COMPLETENESS: frozenset({CallName.KEY_POINTS, CallName.COMPLETENESS}),
}


@dataclass(frozen=True, slots=True)
class TrialChoice:
    """What is tried on what. `before` and `after` are folders of packs or of versions of one.

    `share` of the documents, chosen by `seed`, is to look at and the rest held out; `part` says which to judge.
    `dimensions` are those wanted, of which only those with labels are judged. `blind_only` leaves out decisions that
    were made with the judge's verdict in sight.
    """

    before: Path
    after: Path
    part: Part = Part.LOOK
    seed: int = 0
    share: float = 0.5
    blind_only: bool = False
    dimensions: tuple[Dimension, ...] = tuple(Dimension)


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """What a trial takes: the split, the versions, and for each of the two what is outstanding.

    A call that both make alike is paid once; where it can be told beforehand it is left out of `after`.
    """

    split: LabelledSplit
    versions: tuple[str, str]
    before: Plan
    after: Plan

    @property
    def total(self) -> Effort:
        """All calls that are outstanding, at most."""
        return sum([*self.before.outstanding.values(), *self.after.outstanding.values()], Effort())


@dataclass(frozen=True, slots=True)
class Comparison:
    """Agreement with people in one dimension: on its claims or key points, and on its scores; None without labels."""

    dimension: Dimension
    parts: PairedLabels | None
    scores: PairedScores | None


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """The two judge runs, and what they come to. `stopped` says what ended it before its time, "" where nothing did."""

    split: LabelledSplit
    before: JudgeRun
    after: JudgeRun | None
    comparisons: tuple[Comparison, ...]
    changes: Changes
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class PackUse:
    """Who used a version of a pack: judge runs, trials, and the latest verdicts that rest on it."""

    version: str
    runs: int
    trials: int
    judgments: int
    last: str


class PackTrials:
    """Tries prompt packs in one project."""

    def __init__(self, store: Store, judging: Judging) -> None:
        self._store = store
        self._judging = judging

    def split(self, choice: TrialChoice) -> LabelledSplit:
        """Return what people labelled, divided as chosen.

        Raises:
            Refused: the share is no share.
        """
        if not 0.0 < choice.share < 1.0:
            raise Refused(f"the share to look at lies between 0 and 1, not at {choice.share:g}", where="share")
        labels = people_labels(self._store, blind_only=choice.blind_only)
        wanted = [it for it in labels if it.target.dimension in choice.dimensions]
        return split(wanted, choice.part, seed=choice.seed, share=choice.share)

    def outgoing(self, request: JudgeRequest, choice: TrialChoice) -> tuple[Outgoing, ...]:
        """Return what a trial would send to each other machine."""
        return self._judging.outgoing(_asked(request, self._labelled(choice), choice.before))

    async def plan(self, request: JudgeRequest, choice: TrialChoice) -> TrialPlan:
        """Tell what a trial would take. Sends nothing and changes nothing.

        Raises:
            Refused: there is nothing to compare, or nothing to compare it on; names the field.
        """
        before, after = await to_thread.run_sync(_packs, choice)
        labelled = await to_thread.run_sync(self._labelled, choice)
        first = await self._judging.plan(_asked(request, labelled, choice.before))
        second = await self._judging.plan(_asked(request, labelled, choice.after))
        alike = _asked_alike(before, after)
        outstanding = {it: Effort() if it in alike else effort for it, effort in second.outstanding.items()}
        return TrialPlan(labelled, (before.version, after.version), first, replace(second, outstanding=outstanding))

    async def run(self, request: JudgeRequest, choice: TrialChoice, *, emit: Emit) -> TrialOutcome:
        """Judge the labelled candidates with both packs, as trials, and compare.

        A finished call is never sent again: what was judged with a pack before costs nothing, and a trial that was
        broken off goes on from there.

        Raises:
            Refused: as `plan`, or nobody agreed to what would be sent to another machine.
            Environment: another process judges this project, or the endpoint cannot be reached.
        """
        await to_thread.run_sync(_packs, choice)
        labelled = await to_thread.run_sync(self._labelled, choice)
        first = await self._judging.run(_asked(request, labelled, choice.before), emit=emit)
        if first.stopped:
            return TrialOutcome(labelled, first.run, None, (), first.changes, first.stopped)
        rest = _remaining(request, first)
        second = await self._judging.run(_asked(rest, labelled, choice.after), emit=emit)
        compared = partial(self.compare, labelled, before=first.run.run_id, after=second.run.run_id)
        return TrialOutcome(
            labelled,
            first.run,
            second.run,
            () if second.stopped else await to_thread.run_sync(compared),
            first.changes | second.changes,
            second.stopped,
        )

    def compare(self, labelled: LabelledSplit, *, before: str, after: str) -> tuple[Comparison, ...]:
        """Compare two judge runs, named by their ids, with what people say."""
        said = [self._said(run_id, labelled) for run_id in (before, after)]
        return tuple(_compare(it, labelled, said[0], said[1]) for it in labelled.dimensions)

    def uses(self) -> tuple[PackUse, ...]:
        """Return who used which version of which pack, the one used last first."""
        with self._store.reading():
            runs = {it.run_id: it for it in self._store.judging.runs() if it.identity.prompt_pack}
            latest = [it.run_id for it in self._store.judging.summaries() if it.run_id in runs]
        found = []
        for version in dict.fromkeys(it.identity.prompt_pack for it in runs.values()):
            of = [it for it in runs.values() if it.identity.prompt_pack == version]
            ids = {it.run_id for it in of}
            trials = sum(it.trial for it in of)
            judgments = sum(run_id in ids for run_id in latest)
            found.append(PackUse(version, len(of) - trials, trials, judgments, max(it.started for it in of)))
        return tuple(found)

    def _labelled(self, choice: TrialChoice) -> LabelledSplit:
        labelled = self.split(choice)
        if not labelled.labels:
            others = ", ".join(f"{labels} {part.words}" for part, labels, _ in labelled.counts if part is not Part.ALL)
            blind = " blind" if choice.blind_only else ""
            raise Refused(
                f"there is no{blind} decision to compare with in this part ({others}): decide on some claims, key "
                "points or scores first, or choose another part or seed",
                where="split",
            )
        return labelled

    def _said(self, run_id: str, labelled: LabelledSplit) -> dict[tuple[str, Dimension], Judgment]:
        found = self._store.judging.judgments(labelled.candidate_ids, run_id=run_id)
        return {(it.candidate_id, it.dimension): it for it in found}


def _packs(choice: TrialChoice) -> tuple[PromptPack, PromptPack]:
    before, after = PromptPack.load(choice.before), PromptPack.load(choice.after)
    if before.version == after.version:
        raise Refused(f"both are {before.version}: change something, or choose another version", where="after")
    return before, after


def _asked(request: JudgeRequest, labelled: LabelledSplit, pack: Path) -> JudgeRequest:
    if request.judge != "http":
        raise Refused(f"the {request.judge} judge has no prompts: choose one that asks a language model", where="judge")
    return replace(
        request,
        prompts=pack,
        candidate_ids=labelled.candidate_ids,
        dimensions=labelled.dimensions,
        limit=None,
        trial=True,
    )


def _remaining(request: JudgeRequest, first: JudgeOutcome) -> JudgeRequest:
    """Return the request with what the first run left of the spend limit."""
    if request.spend_limit is None:
        return request
    return replace(request, spend_limit=max(0.0, request.spend_limit - (first.run.cost or 0.0)))


def _asked_alike(before: PromptPack, after: PromptPack) -> frozenset[Dimension]:
    """Return the dimensions in which two packs send the same."""
    if (before.kind, before.material) != (after.kind, after.material):
        return frozenset()
    same = {it for it in CallName if before.templates[it] == after.templates[it]}
    if before.chinese != after.chinese:
        same -= set(before.chinese) | set(after.chinese)
    return frozenset(dimension for dimension, calls in _CALLS_OF.items() if calls <= same)


_Said = Mapping[tuple[str, Dimension], Judgment]


def _compare(dimension: Dimension, labelled: LabelledSplit, before: _Said, after: _Said) -> Comparison:
    of = [it for it in labelled.labels if it.target.dimension is dimension]
    parts = [it for it in of if it.support is not None]
    scored = [it for it in of if it.score is not None]
    return Comparison(
        dimension, _compare_parts(parts, before, after) if parts else None, _compare_scores(scored, before, after)
    )


def _compare_parts(labels: list[Label], before: _Said, after: _Said) -> PairedLabels:
    def column(said: _Said) -> list[str | None]:
        supports = [support_in(said.get((it.target.candidate_id, it.target.dimension)), it) for it in labels]
        return [it.word if it else None for it in supports]

    from lrstudio.analysis.paired import pair_labels

    return pair_labels(
        [it.support.word if it.support else None for it in labels],
        column(before),
        column(after),
        labels=SUPPORTS,
        documents=[it.group for it in labels],
    )


def _compare_scores(labels: list[Label], before: _Said, after: _Said) -> PairedScores | None:
    def column(said: _Said) -> list[float]:
        judged = [said.get((it.target.candidate_id, it.target.dimension)) for it in labels]
        return [float("nan") if it is None or it.score is None else it.score for it in judged]

    if not labels:
        return None
    from lrstudio.analysis.paired import pair_scores

    return pair_scores(
        [float("nan") if it.score is None else it.score for it in labels],
        column(before),
        column(after),
        documents=[it.group for it in labels],
    )
