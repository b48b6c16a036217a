"""What people and recorded judges said of imported candidates: decisions of those people, judge runs of those judges.

People are reviewers of their own, named by data set and number; they decided without a judge on screen. A judge that
was recorded elsewhere gets one judge run per data set, whose id is made of both, so that importing again adds nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from lrstudio.domain.decisions import Act, Decision, Shown, Target, Value, Wording
from lrstudio.domain.labels import Label
from lrstudio.domain.text import Candidate, Span
from lrstudio.domain.verdicts import (
    Claim,
    Dimension,
    Evidence,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    KeyPoint,
    Reason,
    RunState,
    State,
    Support,
    SupportReason,
    faithfulness_score,
    mean_support,
    part_id,
)
from lrstudio.formats.said import ImportedLabels, Said, SaidPart
from lrstudio.judge.claims import statements
from lrstudio.services.import_report import Tally
from lrstudio.services.import_verdicts import SURFACE
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.records import Added
from lrstudio.store.store import Store

RECORDED = "recorded"
"""The name of a judge that was run elsewhere; its model is the name it was recorded under."""

_Named = tuple[str, SaidPart]


class LabelImporter:
    """Adds what was said of candidates that were just added, inside the caller's transaction."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._now = clock()
        self._judged: dict[str, set[tuple[str, Dimension]]] = {}

    def add(self, item: ImportedLabels, candidate: Candidate, tally: Tally) -> None:
        """Add the decisions, judgments and labels of one candidate and count them."""
        journal = {_bare(entry) for entry in self._store.journal.decisions(candidate.candidate_id)}
        for said in item.people:
            for decision in self._decisions(said, candidate, item.where):
                self._decide(decision, journal, tally)
            for label in said.labels:
                made = Label(
                    candidate.candidate_id,
                    said.who,
                    label.name,
                    label.value,
                    label.lowest,
                    label.highest,
                    note=label.note,
                    origin=item.where,
                )
                name = f"{candidate.candidate_id} {said.who} {label.name}"
                tally.note("labels", name, self._store.labels.add(made))
        for said in item.judges:
            self._judge(said, candidate, item.dataset, tally)
        for name in item.kept:
            tally.notes[f"{item.dataset}: {name} is kept as a label; no report reads it"] = None

    def _decisions(self, said: Said, candidate: Candidate, where: str) -> Iterable[Decision]:
        parts = _whole_candidate(said, candidate) if said.gaps_only else said.parts
        for name, part in _named(parts, said.of, candidate.candidate_id):
            target = Target(candidate.candidate_id, said.of, name)
            wording = Wording(name, part.text, part.span)
            yield self._decision(Act.ADD, said.who, target, Value(wordings=(wording,)), where)
            if part.evidence:
                yield self._decision(Act.MARK_EVIDENCE, said.who, target, Value(evidence=part.evidence), where)
            if part.support is not None:
                after = Value(State.SCORED, part.support, part.support_reason)
                yield self._decision(Act.OVERRIDE, said.who, target, after, where, part.note)
        for score in said.scores:
            target = Target(candidate.candidate_id, score.dimension)
            after = Value(State.SCORED, score=score.score)
            yield self._decision(Act.OVERRIDE, said.who, target, after, where, score.note)

    def _decision(self, act: Act, who: str, target: Target, after: Value, where: str, reason: str = "") -> Decision:
        shown = Shown(judge_visible=False, surface=f"{SURFACE} {where}")
        return Decision(0, who, self._now, act, target, after=after, reason=reason, blind=True, shown=shown)

    def _decide(self, decision: Decision, journal: set[object], tally: Tally) -> None:
        known = _bare(decision) in journal
        if not known:
            self._store.journal.append(decision)
            journal.add(_bare(decision))
        target = decision.target
        name = f"{target.candidate_id} {target.dimension.value} {target.part_id} {decision.reviewer} {decision.act}"
        tally.note("decisions", name, Added.SAME if known else Added.NEW, touches=target.candidate_id)

    def _judge(self, said: Said, candidate: Candidate, dataset: str, tally: Tally) -> None:
        run_id = f"{RECORDED}-" + hashlib.sha256(f"{dataset}\x1f{said.who}".encode()).hexdigest()[:16]
        dimension = said.scores[0].dimension if said.scores else said.of
        if run_id not in self._judged:
            self._start(run_id, said.who, dataset, dimension, tally)
        known = (candidate.candidate_id, dimension) in self._judged[run_id]
        if not known:
            self._store.judging.save_judgment(_judgment(said, run_id, candidate, dimension))
            self._judged[run_id].add((candidate.candidate_id, dimension))
        added = Added.SAME if known else Added.NEW
        tally.note("judgments", f"{run_id} {candidate.candidate_id} {dimension}", added, touches=candidate.candidate_id)

    def _start(self, run_id: str, judge: str, dataset: str, dimension: Dimension, tally: Tally) -> None:
        here = any(run.run_id == run_id for run in self._store.judging.runs())
        self._judged[run_id] = self._store.judging.judged_pairs(run_id) if here else set()
        if not here:
            identity = JudgeIdentity(RECORDED, model=judge, parameters=json.dumps({"dataset": dataset}))
            run = JudgeRun(run_id, identity, (dimension,), RunState.DONE, started=self._now, finished=self._now)
            self._store.judging.start_run(run)
        tally.note("judge_runs", run_id, Added.SAME if here else Added.NEW)


def _bare(decision: Decision) -> object:
    """Return what makes an imported decision the same one: not when or from which file it came."""
    return (decision.reviewer, decision.act, decision.target, decision.after, decision.reason)


def _named(parts: Iterable[SaidPart], of: Dimension, candidate_id: str) -> Iterable[_Named]:
    """Name claims and key points by their content, so that people and judges who speak of one speak of the same id."""
    kind = "c" if of is Dimension.FAITHFULNESS else "k"
    for ordinal, part in enumerate(parts):
        yield part_id(kind, candidate_id, part.text, span=part.span, ordinal=ordinal), part


def _whole_candidate(said: Said, candidate: Candidate) -> list[SaidPart]:
    """Return the sentences of a candidate that was read whole: full, but where one touches a passage found wanting.

    They are cut as the studio's own judges cut them. A contradicted passage outweighs one that was not found.
    """
    made: list[SaidPart] = []
    for sentence in statements(candidate.text):
        gaps = [gap for gap in said.parts if gap.span and gap.span.overlaps(sentence.span)]
        if gaps:
            worst = next((it for it in gaps if it.support_reason is SupportReason.CONTRADICTED), gaps[0])
            note = "; ".join(f"“{gap.text}” {gap.note}".strip() for gap in gaps)
            made.append(SaidPart(sentence.text, sentence.span, Support.NONE, worst.support_reason, note=note))
        elif sentence.checkable:
            made.append(SaidPart(sentence.text, sentence.span, Support.FULL))
    return made


def _judgment(said: Said, run_id: str, candidate: Candidate, dimension: Dimension) -> Judgment:
    if said.scores:
        score = said.scores[0]
        note = score.note
        return Judgment(run_id, candidate.candidate_id, dimension, State.SCORED, score=score.score, explanation=note)
    named = list(_named(said.parts, dimension, candidate.candidate_id))
    if dimension is Dimension.COMPLETENESS:
        points = tuple(_key_point(name, part) for name, part in named)
        mean = mean_support(point.covered for point in points if point.covered is not None)
        state, reason = (State.SCORED, Reason.NONE) if mean is not None else (State.UNSCORED, Reason.NO_KEY_POINTS)
        return Judgment(
            run_id, candidate.candidate_id, dimension, state, reason, mean, aggregated=True, key_points=points
        )
    claims = tuple(_claim(name, part) for name, part in named)
    state, reason, mean = faithfulness_score(claims)
    return Judgment(run_id, candidate.candidate_id, dimension, state, reason, mean, aggregated=True, claims=claims)


def _claim(name: str, part: SaidPart) -> Claim:
    return Claim(
        name,
        part.text,
        part.span,
        State.UNSCORED if part.support is None else State.SCORED,
        part.reason,
        part.support,
        evidence=_evidence(part.evidence),
        explanation=part.note,
    )


def _evidence(spans: Iterable[Span]) -> tuple[Evidence, ...]:
    return tuple(Evidence(span, rank) for rank, span in enumerate(spans, start=1))


def _key_point(name: str, part: SaidPart) -> KeyPoint:
    state = State.UNSCORED if part.support is None else State.SCORED
    return KeyPoint(name, part.text, None, state=state, reason=part.reason, covered=part.support, explanation=part.note)
