"""What judges and people said elsewhere, into the project: judge runs of their own, and decisions in the journal."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lrstudio.domain.decisions import Act, Decision, Shown, Target, Value
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Span, content_hash
from lrstudio.domain.verdicts import (
    Claim,
    Dimension,
    Evidence,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    KeyPoint,
    RunState,
    State,
    part_id,
)
from lrstudio.formats.records import ImportedClaim, ImportedDecision, ImportedJudgment
from lrstudio.judge.placing import place
from lrstudio.services.import_report import Tally
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.records import Added
from lrstudio.store.store import Store

SURFACE = "import"


class VerdictImporter:
    """Adds judgments and decisions of one file or folder; what is there already is counted and passed over.

    Each judge, model and file is a judge run, whose id is made of the three. It counts as interrupted until `finish`,
    so that an import broken off never passes for a finished run.
    """

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._judged: dict[str, set[tuple[str, Dimension]]] = {}
        self._text: tuple[str, str] = ("", "")

    def judgment(self, item: ImportedJudgment, candidate: Candidate, tally: Tally) -> None:
        """Add a judgment inside the caller's transaction and count it.

        Raises:
            Refused: the same judge run has another judgment of this candidate in this dimension.
        """
        made = self._made(item, candidate, run_id=self._run(item, tally))
        known = (candidate.candidate_id, item.dimension) in self._judged[made.run_id]
        if not known:
            self._store.judging.save_judgment(made)
            self._judged[made.run_id].add((candidate.candidate_id, item.dimension))
        else:
            here = self._store.judging.judgment(made.run_id, candidate.candidate_id, item.dimension)
            if here is None or (here.score, here.explanation) != (made.score, made.explanation):
                raise Refused(f"{item.judge} has judged the {item.dimension.value} of this candidate otherwise before")
        name = f"{made.run_id} {candidate.candidate_id} {item.dimension.value}"
        tally.note("judgments", name, Added.SAME if known else Added.NEW, touches=candidate.candidate_id)

    def decision(self, item: ImportedDecision, candidate: Candidate, tally: Tally) -> None:
        """Add a decision inside the caller's transaction and count it; one without a time gets that of the import."""
        wanted = Decision(
            decision_id=0,
            reviewer=item.reviewer,
            time=item.time or self._clock(),
            act=Act.OVERRIDE,
            target=Target(candidate.candidate_id, item.dimension),
            after=Value(state=State.SCORED, score=item.score),
            reason=item.reason,
            blind=item.blind,
            shown=Shown(judge_visible=not item.blind, surface=SURFACE),
        )
        here = (it for it in self._store.journal.decisions(candidate.candidate_id) if _same(it, wanted, item))
        known = next(here, None)
        stored = known or self._store.journal.append(wanted)
        added = Added.SAME if known else Added.NEW
        tally.note("decisions", str(stored.decision_id), added, touches=candidate.candidate_id)

    def finish(self) -> None:
        """Say of the judge runs that they are done, now that all their judgments are in."""
        for run_id in self._judged:
            self._store.judging.set_run_state(run_id, RunState.DONE, finished=self._clock())

    def _run(self, item: ImportedJudgment, tally: Tally) -> str:
        parameters = json.dumps({"imported": item.file}, sort_keys=True)
        identity = JudgeIdentity(judge=item.judge, model=item.model, parameters=parameters)
        run_id = f"import-{content_hash(repr((item.judge, item.model, item.file)))[:12]}"
        if run_id not in self._judged:
            here = any(run.run_id == run_id for run in self._store.judging.runs())
            if not here:
                run = JudgeRun(run_id, identity, tuple(Dimension), RunState.INTERRUPTED, self._clock())
                self._store.judging.start_run(run)
            self._judged[run_id] = self._store.judging.judged_pairs(run_id) if here else set()
            tally.note("judge_runs", run_id, Added.SAME if here else Added.NEW)
        return run_id

    def _made(self, item: ImportedJudgment, candidate: Candidate, *, run_id: str) -> Judgment:
        return Judgment(
            run_id=run_id,
            candidate_id=candidate.candidate_id,
            dimension=item.dimension,
            state=State.UNSCORED if item.score is None else State.SCORED,
            reason=item.reason,
            score=item.score,
            aggregated=bool(item.claims),
            claims=self._claims(item.claims, candidate),
            key_points=tuple(
                KeyPoint(part_id("k", candidate.candidate_id, wording, span=None, ordinal=number), wording, chunk=None)
                for number, wording in enumerate(item.key_points)
            ),
            explanation=item.explanation,
            reference_score=item.reference_score,
        )

    def _claims(self, given: Sequence[ImportedClaim], candidate: Candidate) -> tuple[Claim, ...]:
        spans = place([[claim.text] for claim in given], candidate.text)
        return tuple(
            Claim(
                claim_id=part_id("c", candidate.candidate_id, claim.text, span=span, ordinal=number),
                text=claim.text,
                span=span,
                state=State.SCORED,
                support=claim.support,
                evidence=self._evidence(claim.passages, candidate.question_id),
                explanation=claim.explanation,
            )
            for number, (claim, span) in enumerate(zip(given, spans, strict=True))
        )

    def _evidence(self, passages: Sequence[str], question_id: str) -> tuple[Evidence, ...]:
        """Find passages in the document; one that was cut inside a character is looked for without its broken ends."""
        text = self._document_text(question_id) if passages else ""
        found: list[Evidence] = []
        for passage in passages:
            wanted = passage.strip("\ufffd")
            start = text.find(wanted) if wanted.strip() else -1
            if start >= 0:
                found.append(Evidence(Span(start, start + len(wanted)), rank=len(found) + 1))
        return tuple(found)

    def _document_text(self, question_id: str) -> str:
        document_id = self._store.library.question(question_id).document_id or ""
        if document_id != self._text[0]:
            self._text = (document_id, self._store.library.text(document_id) or "")
        return self._text[1] if document_id else ""


def _same(here: Decision, wanted: Decision, item: ImportedDecision) -> bool:
    """Tell whether a decision came in before; of one without a time the time of the import is no part of it."""
    return (here.reviewer, here.act, here.target, here.after, here.reason) == (
        wanted.reviewer,
        wanted.act,
        wanted.target,
        wanted.after,
        wanted.reason,
    ) and (not item.time or here.time == wanted.time)
