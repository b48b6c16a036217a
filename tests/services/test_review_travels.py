"""Marks, guidelines and review queues travel with an exported project, and coming twice changes nothing."""

from __future__ import annotations

from pathlib import Path

from lrstudio.domain.marks import Place, Thing
from lrstudio.domain.queues import Outcome, Purpose
from lrstudio.domain.text import Candidate, Document, Question, Span
from lrstudio.domain.verdicts import Claim, Dimension, JudgeIdentity, JudgeRun, Judgment, RunState, State, Support
from lrstudio.services.exports import Exports
from lrstudio.services.imports import Imports
from lrstudio.services.marking import Marking
from lrstudio.services.queues import Queues, Wish
from lrstudio.store.store import Store

JUDGE = JudgeIdentity("lexical")


def fill(store: Store) -> None:
    store.library.add_document(Document("d", "A text of one line.", "Title"))
    store.library.add_question(Question("q", "d", "Why?"))
    store.library.add_candidate(Candidate("a", "q", "Because."))
    store.judging.start_run(
        JudgeRun("r", JUDGE, (Dimension.FAITHFULNESS,), RunState.DONE, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    )
    claim = Claim("c1", "Because.", None, State.SCORED, support=Support.FULL, support_probability=0.6)
    store.judging.save_judgment(
        Judgment("r", "a", Dimension.FAITHFULNESS, State.SCORED, score=10.0, aggregated=True, claims=(claim,))
    )
    marking = Marking(store, reviewer=lambda: "ann")
    marking.tag([Place(Thing.CANDIDATE, "a"), Place(Thing.DOCUMENT, "d", span=Span(2, 6))], "odd")
    marking.note([Place(Thing.PART, "a", "c1")], "see \ud800")
    marking.bookmark([Place(Thing.QUESTION, "q")])
    (first, *_) = marking.marks()
    marking.remove(first.mark_id)
    marking.write_guideline("one")
    marking.write_guideline("two")
    queues = Queues(store, reviewer=lambda: "ann")
    audit = queues.make(Wish(Purpose.RANDOM_AUDIT, JUDGE, size=1, seed=3))
    queues.make(Wish(Purpose.LOW_CONFIDENCE, JUDGE))
    queues.visited(audit.queue_id, 0, opened="t", seconds=4.5, outcome=Outcome.DECIDED)


def test_they_travel(tmp_path: Path) -> None:
    first, again = tmp_path / "first.jsonl", tmp_path / "again.jsonl"
    with Store.create(tmp_path / "a.lrs") as store, Store.create(tmp_path / "b.lrs") as other:
        fill(store)
        Exports(store).export(first)
        report = Imports(other).import_paths([first])
        assert (report.new.marks, report.new.guidelines, report.new.queues) == (3, 2, 2)
        assert report.changes.marks == {"a", "d", "q"}
        assert not report.errors
        (progress, _) = reversed(Queues(other, reviewer=lambda: "ann").queues())
        assert (progress.finished, progress.seconds, progress.queue.seed) == (1, 4.5, 3)
        Exports(other).export(again)
        assert again.read_bytes() == first.read_bytes()
        twice = Imports(other).import_paths([first])
        assert not twice.new
        assert (twice.same.marks, twice.same.guidelines, twice.same.queues) == (3, 2, 2)
        Exports(other).export(again)
        assert again.read_bytes() == first.read_bytes()
