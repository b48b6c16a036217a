"""A project written by `export` into this one: in batches, and what belongs to a refused record stays out with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lrstudio.domain.decisions import Decision
from lrstudio.domain.errors import Refused
from lrstudio.domain.labels import Label
from lrstudio.domain.marks import Guideline, Mark
from lrstudio.domain.pairs import PairEntry
from lrstudio.domain.places import DatabaseUrl, Place
from lrstudio.domain.queues import KeptQueue
from lrstudio.domain.sets import FrozenPair, FrozenSet
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension, JudgeRun, Judgment, RunState
from lrstudio.formats.archive import Record
from lrstudio.formats.records import RowError
from lrstudio.services.import_pairs import PairImporter, SetImporter
from lrstudio.services.import_report import Tally
from lrstudio.services.import_review import ReviewImporter
from lrstudio.store.records import Added
from lrstudio.store.store import Store


class ProjectImporter:
    """Adds the records of one project file, in their order: each finds what it refers to.

    A judge run counts as interrupted until all its judgments are in, so that an import broken off never passes for a
    finished run; importing again completes it.
    """

    def __init__(self, store: Store, *, file: str) -> None:
        self._store = store
        self._file = file
        self._out: set[tuple[str, str]] = set()
        self._judged: dict[str, set[tuple[str, Dimension]]] = {}
        self._unfinished: list[JudgeRun] = []
        self._renumbered: dict[int, int] = {}
        self._placed = ""
        # two equal entries of one journal differ in their place alone, so places are kept, first to last
        self._journal: dict[Decision, list[int]] = {}
        for entry in store.journal.decisions():
            self._journal.setdefault(_bare(entry), []).append(entry.decision_id)
        self._pairs = PairImporter(store, decisions=self._renumbered)
        self._sets = SetImporter(store)
        self._review = ReviewImporter(store)
        self._adders: dict[type[Any], Callable[[Any, Tally], None]] = {
            Document: self._document,
            Question: self._question,
            Candidate: self._candidate,
            JudgeRun: self._run,
            Judgment: self._judgment,
            Decision: self._decision,
            Label: self._label,
            PairEntry: self._pair_entry,
            FrozenSet: self._sets.start,
            FrozenPair: self._frozen_pair,
            Mark: self._review.mark,
            Guideline: self._review.guideline,
            KeptQueue: self._review.queue,
        }

    def add(self, record: Record, tally: Tally) -> None:
        """Add one record inside the caller's transaction and count it."""
        try:
            self._adders[type(record)](record, tally)
        except Refused as error:
            kind, name = _named(record)
            self._out.add((kind, name))
            if not isinstance(record, Judgment | Decision | Label | PairEntry | FrozenPair):
                tally.errors.append(RowError(f"{self._file} {kind} '{name}'", error.sentence))

    def finish(self, tally: Tally) -> None:
        """Give the judge runs the state they had, now that their judgments are in, and seal the sets."""
        self._pairs.finish()
        for name, sentence in self._sets.finish():
            tally.errors.append(RowError(f"{self._file} set '{name}'", sentence))
        for run in self._unfinished:
            self._store.judging.set_run_state(
                run.run_id,
                run.state,
                finished=run.finished,
                calls=run.calls,
                input_tokens=run.input_tokens,
                output_tokens=run.output_tokens,
                cost=run.cost,
            )

    def _document(self, document: Document, tally: Tally) -> None:
        _may_go(document, self._store.path)
        tally.note("documents", document.document_id, self._store.library.add_document(document))

    def _question(self, question: Question, tally: Tally) -> None:
        self._needs("document", question.document_id)
        tally.note("questions", question.question_id, self._store.library.add_question(question))

    def _candidate(self, candidate: Candidate, tally: Tally) -> None:
        self._needs("question", candidate.question_id)
        tally.note("candidates", candidate.candidate_id, self._store.library.add_candidate(candidate))

    def _pair_entry(self, entry: PairEntry, tally: Tally) -> None:
        for side in (entry.chosen_id, entry.rejected_id):
            self._needs("candidate", side)
        self._pairs.add(entry, tally)

    def _frozen_pair(self, pair: FrozenPair, tally: Tally) -> None:
        self._needs("set", pair.set_name)
        self._sets.add(pair)

    def _needs(self, kind: str, name: str | None) -> None:
        if name is not None and (kind, name) in self._out:
            raise Refused(f"its {kind} '{name}' was left out")

    def _run(self, run: JudgeRun, tally: Tally) -> None:
        judging = self._store.judging
        here = next((it for it in judging.runs() if it.run_id == run.run_id), None)
        self._judged[run.run_id] = judging.judged_pairs(run.run_id) if here else set()
        if here is None:
            judging.start_run(replace(run, state=RunState.INTERRUPTED))
        if here is None or here.state is not RunState.DONE:
            self._unfinished.append(run)
        tally.note("judge_runs", run.run_id, Added.SAME if here else Added.NEW)

    def _judgment(self, judgment: Judgment, tally: Tally) -> None:
        self._needs("candidate", judgment.candidate_id)
        known = (judgment.candidate_id, judgment.dimension) in self._judged[judgment.run_id]
        if not known:
            self._store.judging.save_judgment(judgment)
        name = f"{judgment.run_id} {judgment.candidate_id} {judgment.dimension.value}"
        added = Added.SAME if known else Added.NEW
        tally.note("judgments", name, added, touches=judgment.candidate_id)

    def _decision(self, decision: Decision, tally: Tally) -> None:
        self._needs("candidate", decision.target.candidate_id)
        undoes = None if decision.undoes is None else self._renumbered[decision.undoes]
        adjudicates = tuple(sorted(self._renumbered[it] for it in decision.adjudicates if it in self._renumbered))
        wanted = replace(decision, undoes=undoes, adjudicates=adjudicates)
        places = self._journal.get(_bare(wanted), [])
        added = Added.SAME if places else Added.NEW
        # It stands among the entries that are here as its own journal places it: by time, unless a clock went back.
        self._placed = max(self._placed, decision.time)
        here = places.pop(0) if places else self._store.journal.append(wanted, placed=self._placed).decision_id
        self._renumbered[decision.decision_id] = here
        tally.note("decisions", str(here), added, touches=decision.target.candidate_id)

    def _label(self, label: Label, tally: Tally) -> None:
        self._needs("candidate", label.candidate_id)
        tally.note("labels", f"{label.candidate_id} {label.reviewer} {label.name}", self._store.labels.add(label))


def _may_go(document: Document, place: Place) -> None:
    if document.local_only and isinstance(place, DatabaseUrl) and not place.is_local:
        raise Refused(f"it is marked to stay on this machine, and this project is on {place.host}")


def _bare(decision: Decision) -> Decision:
    return replace(decision, decision_id=0)


_NAMES: dict[type[Any], tuple[str, str]] = {
    Document: ("document", "document_id"),
    Question: ("question", "question_id"),
    Candidate: ("candidate", "candidate_id"),
    JudgeRun: ("judge run", "run_id"),
    Judgment: ("judgment", "candidate_id"),
    Decision: ("decision", "decision_id"),
    Label: ("label", "candidate_id"),
    PairEntry: ("pair", "pair_id"),
    FrozenSet: ("set", "name"),
    FrozenPair: ("frozen pair", "pair_id"),
    Mark: ("mark", "mark_id"),
    Guideline: ("guideline", "version"),
    KeptQueue: ("queue", "queue_id"),
}


def _named(record: Record) -> tuple[str, str]:
    kind, field = _NAMES[type(record)]
    return kind, str(getattr(record, field))
