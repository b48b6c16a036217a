"""What the Audit workspace reads: lists and details, handed over whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lrstudio.domain.decisions import Decision, standing, undo_and_redo
from lrstudio.domain.errors import Refused
from lrstudio.domain.reward import reward
from lrstudio.domain.summaries import (
    CallView,
    CandidateDetail,
    CandidateSummary,
    DimensionSummary,
    DocumentInfo,
    DocumentSummary,
    Glyph,
    JudgeChoice,
    QuestionSummary,
)
from lrstudio.domain.text import Document
from lrstudio.domain.verdicts import (
    Dimension,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    Reason,
    RunState,
    State,
    SupportReason,
)
from lrstudio.services.who_when import ReviewerName
from lrstudio.store.records import CandidateInfo, Summary
from lrstudio.store.store import Store

JUDGE_LOCK = "judge"


class Audit:
    """Questions, candidates, judgments and decisions as they stand. Reads only; safe from any thread."""

    def __init__(self, store: Store, *, reviewer: ReviewerName) -> None:
        self._store = store
        self._reviewer = reviewer

    def questions(self, judge: JudgeIdentity | None = None) -> tuple[QuestionSummary, ...]:
        """Return every question with its candidates; `judge` chooses whose verdicts, None takes the latest ones."""
        with self._store.reading():
            return self._questions(judge)

    def _questions(self, judge: JudgeIdentity | None) -> tuple[QuestionSummary, ...]:
        summaries = _by_candidate(self._store.judging.summaries(identity=judge))
        journal = self._store.journal.by_candidate()
        spread = self._disagreement()
        titles = {info.document_id: info.title for info in self._store.library.documents()}
        rows: dict[str, list[CandidateInfo]] = defaultdict(list)
        for info in self._store.library.candidate_infos():
            rows[info.question_id].append(info)
        made = []
        for question in self._store.library.questions():
            candidates = tuple(
                self._candidate_summary(
                    info,
                    summaries=summaries.get(info.candidate_id, {}),
                    decisions=journal.get(info.candidate_id, ()),
                    disagreement=spread.get(info.candidate_id),
                )
                for info in rows[question.question_id]
            )
            title = titles.get(question.document_id or "", "")
            made.append(QuestionSummary(question.question_id, question.document_id, title, question.query, candidates))
        return tuple(made)

    def candidate(self, candidate_id: str, judge: JudgeIdentity | None = None) -> CandidateDetail:
        """Return one candidate with everything that stands on it.

        Raises:
            Refused: there is no candidate of that id.
        """
        with self._store.reading():
            return self._candidate(candidate_id, judge)

    def _candidate(self, candidate_id: str, judge: JudgeIdentity | None) -> CandidateDetail:
        candidate = self._store.library.candidate(candidate_id)
        question = self._store.library.question(candidate.question_id)
        decisions = self._store.journal.decisions(candidate_id)
        runs = {run.run_id: run for run in self.runs()}
        said = judgments_of(self._store, candidate_id, identity=judge)
        standings = {dimension: standing(dimension, said.get(dimension), decisions) for dimension in Dimension}
        ran = {dimension: runs[said[dimension].run_id] if dimension in said else None for dimension in Dimension}
        siblings = [it.candidate_id for it in self._store.library.candidates(question.question_id)]
        return CandidateDetail(
            candidate=candidate,
            question=question,
            document=self._document_info(question.document_id),
            label=label(siblings.index(candidate_id) + 1),
            standings=standings,
            runs=ran,
            decisions=decisions,
        )

    def documents(self) -> tuple[DocumentSummary, ...]:
        """Return every document without its text, in the order in which they were imported."""
        return self._store.library.documents()

    def document(self, document_id: str) -> Document:
        """Return a document with its text.

        Raises:
            Refused: there is no document of that id.
        """
        return self._store.library.document(document_id)

    def document_text(self, document_id: str) -> str | None:
        """Return the text of a document, None where its source publishes none."""
        return self._store.library.text(document_id)

    def judges(self) -> tuple[JudgeChoice, ...]:
        """Return the judges that have spoken, the latest first."""
        chosen: dict[JudgeIdentity, JudgeChoice] = {}
        for run in self._store.judging.runs():
            if run.identity not in chosen and not run.trial:
                judged = {candidate_id for candidate_id, _ in self._store.judging.judged_pairs(run.run_id)}
                if judged:
                    chosen[run.identity] = JudgeChoice(run.identity, len(judged), run.run_id)
        return tuple(chosen.values())

    def runs(self) -> tuple[JudgeRun, ...]:
        """Return the judge runs, trials too, the latest first; one whose process died is shown as interrupted.

        A run that has not ended shows what its calls come to so far.
        """
        with self._store.reading():
            holder = self._store.locks.holder(JUDGE_LOCK)
            running = holder.about if holder and holder.alive is not False else ""
            return tuple(self._as_it_stands(run, running=run.run_id == running) for run in self._store.judging.runs())

    def _as_it_stands(self, run: JudgeRun, *, running: bool) -> JudgeRun:
        if run.state not in (RunState.RUNNING, RunState.INTERRUPTED):
            return run
        run = replace(run, state=RunState.RUNNING if running else RunState.INTERRUPTED)
        so_far = self._store.calls.totals(run.run_id)
        if not so_far.calls:
            return run  # it never called a model, or did so in the project that it was imported from
        return replace(
            run,
            calls=so_far.calls,
            input_tokens=so_far.input_tokens,
            output_tokens=so_far.output_tokens,
            cost=so_far.cost,
        )

    def call(self, key: str) -> CallView | None:
        """Return one call to a model as it was kept, None where the verdict rests on none."""
        row = self._store.calls.get(key) if key else None
        if row is None:
            return None
        return CallView(
            key=row.key,
            purpose=row.purpose,
            state=row.state.value,
            model=row.model,
            prompt_pack=row.prompt_pack,
            request=row.request,
            reply=row.reply,
            finish_reason=row.finish_reason,
            parse_state=row.parse_state,
            error=row.error,
            attempts=row.attempts,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost=row.cost,
            seconds=row.seconds,
            created=row.created,
        )

    def undo_redo(self) -> tuple[Decision | None, Decision | None]:
        """Return what undo and redo would act on for this reviewer."""
        return undo_and_redo(self._store.journal.decisions(), reviewer=self._reviewer())

    def _candidate_summary(
        self,
        info: CandidateInfo,
        *,
        summaries: Mapping[Dimension, Summary],
        decisions: Sequence[Decision],
        disagreement: float | None,
    ) -> CandidateSummary:
        touched = {decision.target.dimension for decision in decisions}
        dimensions = {
            dimension: self._decided(info.candidate_id, dimension, summaries.get(dimension), decisions)
            if dimension in touched
            else _judged(dimension, summaries.get(dimension))
            for dimension in Dimension
        }
        return CandidateSummary(
            candidate_id=info.candidate_id,
            question_id=info.question_id,
            label=label(info.ordinal),
            model=info.model,
            length=info.characters,
            dimensions=dimensions,
            reward=reward({dimension: summary.score for dimension, summary in dimensions.items()}),
            disagreement=disagreement,
        )

    def _decided(
        self, candidate_id: str, dimension: Dimension, summary: Summary | None, decisions: Sequence[Decision]
    ) -> DimensionSummary:
        """Fold the journal over the whole judgment: only candidates that a person touched pay for it."""
        run_id = summary.run_id if summary else ""
        judgment = self._store.judging.judgment(run_id, candidate_id, dimension) if run_id else None
        now = standing(dimension, judgment, decisions)
        glyphs = (
            *(Glyph(it.state, it.support, it.support_reason, it.decision is not None) for it in now.claims),
            *(Glyph(it.state, it.covered, SupportReason.UNSTATED, it.decision is not None) for it in now.key_points),
        )
        score = now.score
        return DimensionSummary(dimension, score.state, score.reason, score.score, score.decided, glyphs, run_id)

    def _document_info(self, document_id: str | None) -> DocumentInfo | None:
        if document_id is None:
            return None
        document = self._store.library.document(document_id, with_text=False)
        (info,) = self._store.library.documents(document_id)
        return DocumentInfo(document_id, info.title, info.length, document.source, info.text_hash)

    def _disagreement(self) -> dict[str, float]:
        """Return, per candidate, the largest difference between two judges' latest scores in one dimension."""
        scores: dict[tuple[str, Dimension], list[float]] = defaultdict(list)
        judges = self.judges()
        if len(judges) < 2:
            return {}
        for choice in judges:
            for summary in self._store.judging.summaries(identity=choice.identity):
                if summary.score is not None:
                    scores[summary.candidate_id, summary.dimension].append(summary.score)
        widest: dict[str, float] = {}
        for (candidate_id, _), values in scores.items():
            if len(values) > 1:
                widest[candidate_id] = max(widest.get(candidate_id, 0.0), max(values) - min(values))
        return widest


def judgments_of(
    store: Store, candidate_id: str, *, identity: JudgeIdentity | None = None, run_id: str = ""
) -> dict[Dimension, Judgment]:
    """Return the latest judgment of a candidate in each dimension, of one judge or one judge run where it is named."""
    found = store.judging.judgments([candidate_id], identity=identity, run_id=run_id or None)
    return {judgment.dimension: judgment for judgment in found}


def label(ordinal: int) -> str:
    """Return the letters of the n-th candidate of a question, from 1: A ... Z, AA, AB ...

    Raises:
        Refused: there is no such ordinal.
    """
    if ordinal < 1:
        raise Refused(f"candidates count from 1, not {ordinal}")
    letters = ""
    while ordinal:
        ordinal, rest = divmod(ordinal - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _by_candidate(summaries: Iterable[Summary]) -> dict[str, dict[Dimension, Summary]]:
    grouped: dict[str, dict[Dimension, Summary]] = defaultdict(dict)
    for summary in summaries:
        grouped[summary.candidate_id][summary.dimension] = summary
    return grouped


def _judged(dimension: Dimension, summary: Summary | None) -> DimensionSummary:
    if summary is None:
        return DimensionSummary(dimension, State.NOT_CHECKED, Reason.NONE, None, decided=False)
    glyphs = tuple(Glyph(part.state, part.support, part.support_reason, decided=False) for part in summary.parts)
    return DimensionSummary(
        dimension, summary.state, summary.reason, summary.score, decided=False, glyphs=glyphs, run_id=summary.run_id
    )
