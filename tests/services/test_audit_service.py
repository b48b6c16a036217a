"""What is read of a project while it changes, and what is said of judge runs that did not end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest
import sqlalchemy as sa

from lrstudio.domain.decisions import Act, Target
from lrstudio.domain.summaries import DocumentSummary
from lrstudio.domain.text import Candidate, Document, Question, content_hash
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, JudgeRun, Judgment, RunState, State
from lrstudio.judge.protocol import JudgeEvent
from lrstudio.judge.scripted import Script, ScriptedJudge
from lrstudio.services.audit import JUDGE_LOCK, Audit
from lrstudio.services.decisions import Decisions
from lrstudio.services.exports import Exports
from lrstudio.services.imports import Imports
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import Judging
from lrstudio.store.records import CallRow, CallState
from lrstudio.store.store import Store

H = Dimension.HELPFULNESS


def start(store: Store, name: str, state: RunState = RunState.DONE, **more: Any) -> None:
    started = f"2026-01-01T00:00:00.{name:>06}Z"
    store.judging.start_run(JudgeRun(name, JudgeIdentity("scripted", name), tuple(Dimension), state, started, **more))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "p.lrs", title="Busy") as made:
        made.library.add_document(Document("d", "A text.", "Title"))
        made.library.add_question(Question("q", "d", "Why?"))
        yield made


@pytest.fixture
def busy(store: Store) -> Iterator[Store]:
    """The same project, into which somebody commits before every single statement with which it is read."""
    numbers = count(1)

    def commit() -> None:
        name = str(next(numbers))
        with store.writing():
            store.library.add_candidate(Candidate(f"c{name}", "q", f"Answer {name}."))
            start(store, name)
            for dimension in Dimension:
                store.judging.save_judgment(Judgment(name, f"c{name}", dimension, State.SCORED, score=5.0))
                store.judging.save_judgment(Judgment(name, "c1", dimension, State.SCORED, score=7.0))

    commit()
    with Store.open(store.path) as reader:

        @sa.event.listens_for(reader._connections._engine, "before_cursor_execute")
        def meanwhile(*_: object) -> None:
            commit()

        yield reader


def test_a_list_shows_one_state(busy: Store) -> None:
    (question,) = Audit(busy, reviewer=lambda: "ann").questions()
    assert question.candidates
    for row in question.candidates:
        assert all(summary.state is State.SCORED for summary in row.dimensions.values()), row.candidate_id


def test_a_candidate_is_shown_in_one_state(busy: Store) -> None:
    detail = Audit(busy, reviewer=lambda: "ann").candidate("c1")
    runs = [run.run_id for run in detail.runs.values() if run]
    assert len(runs) == len(Dimension)
    assert len(set(runs)) == 1, "each run judges all four at once"


@pytest.mark.parametrize("what", ["project", "judgments", "decisions"])
def test_an_export_holds_one_state(busy: Store, tmp_path: Path, what: str) -> None:
    Exports(busy).export(tmp_path / "out.jsonl", what=what, all_runs=True)
    if what == "project":
        with Store.create(tmp_path / "copy.lrs") as copy:
            report = Imports(copy).import_paths([tmp_path / "out.jsonl"])
            assert report.errors == ()
            assert copy.meta.title == "Busy"
            assert len(copy.library.candidates()) == len(copy.judging.runs()) > 0


def test_a_project_keeps_its_own_title(store: Store, tmp_path: Path) -> None:
    Exports(store).export(tmp_path / "out.jsonl")
    with Store.create(tmp_path / "copy.lrs", title="Mine") as copy:
        Imports(copy).import_paths([tmp_path / "out.jsonl"])
        assert copy.meta.title == "Mine"


def test_documents_are_listed_with_what_they_have(store: Store) -> None:
    expected = DocumentSummary("d", "Title", 7, content_hash("A text."), questions=1, candidates=0)
    assert Audit(store, reviewer=lambda: "ann").documents() == (expected,)


def test_only_the_run_that_the_lock_is_held_for_is_running(store: Store) -> None:
    audit = Audit(store, reviewer=lambda: "ann")
    for name, state in (("1", RunState.RUNNING), ("2", RunState.RUNNING), ("3", RunState.DONE)):
        start(store, name, state)

    def states() -> list[RunState]:
        return [run.state for run in audit.runs()]

    assert states() == [RunState.DONE, RunState.INTERRUPTED, RunState.INTERRUPTED]
    with store.locks.acquire(JUDGE_LOCK):
        assert states() == [RunState.DONE, RunState.INTERRUPTED, RunState.INTERRUPTED]
        store.locks.describe(JUDGE_LOCK, "2")
        assert states() == [RunState.DONE, RunState.RUNNING, RunState.INTERRUPTED]


def test_a_run_that_did_not_end_shows_the_calls_that_were_paid(store: Store) -> None:
    start(store, "1", RunState.RUNNING)
    start(store, "2", RunState.INTERRUPTED, calls=9, input_tokens=99)  # imported: its calls are elsewhere
    row = CallRow("key", "support", "1", "", "", "m", "pack", "{}", created="2026-01-01T00:00:00Z")
    store.calls.begin(row)
    store.calls.end(
        "key",
        state=CallState.DONE,
        reply="yes",
        finish_reason="stop",
        parse_state="parsed",
        input_tokens=20,
        output_tokens=3,
        cost=0.5,
        seconds=1.0,
        finished="2026-01-01T00:00:01Z",
    )
    elsewhere, here = Audit(store, reviewer=lambda: "ann").runs()
    assert (here.calls, here.input_tokens, here.output_tokens, here.cost) == (1, 20, 3, 0.5)
    assert (elsewhere.calls, elsewhere.input_tokens) == (9, 99)


def test_a_run_that_goes_on_is_the_running_one_and_not_finished(store: Store) -> None:
    for number in range(4):
        store.library.add_candidate(Candidate(f"c{number}", "q", f"The port was dredged in 187{number}."))
    start(store, "0", RunState.RUNNING)  # its process died
    audit = Audit(store, reviewer=lambda: "ann")
    judging = Judging(store, make_judge=lambda _: ScriptedJudge(Script.by_rule()))
    seen: list[dict[str, JudgeRun]] = []

    def watch(event: JudgeEvent, *, stop: Callable[[], None]) -> None:
        seen.append({run.run_id: run for run in audit.runs()})
        if event.progress.done == 5:
            stop()

    async def broken_off() -> None:
        async with anyio.create_task_group() as group:
            emit = partial(watch, stop=group.cancel_scope.cancel)
            await judging.run(JudgeRequest(judge="scripted", concurrency=1), emit=emit)

    anyio.run(broken_off)
    (cancelled,) = [run for run in store.judging.runs() if run.state is RunState.CANCELLED]
    assert cancelled.finished
    emit = partial(watch, stop=lambda: None)
    outcome = anyio.run(partial(judging.run, JudgeRequest(judge="scripted"), emit=emit))
    assert outcome.resumed
    for runs in seen:
        assert runs["0"].state is RunState.INTERRUPTED
        assert (runs[cancelled.run_id].state, runs[cancelled.run_id].finished) == (RunState.RUNNING, "")
    assert outcome.run.finished


def test_the_last_decision_is_that_of_this_process(store: Store) -> None:
    store.library.add_candidate(Candidate("c", "q", "So."))
    mine, other = Decisions(store, reviewer=lambda: "ann"), Decisions(store, reviewer=lambda: "ann")
    assert mine.last is None
    mine.set_score(Target("c", H), 4.0, reason="mine")
    other.set_score(Target("c", H), 8.0, reason="other")
    assert mine.last is not None
    assert (mine.last.decision_id, mine.last.reason) == (1, "mine")
    other.undo()
    assert other.last is not None
    assert (other.last.decision_id, other.last.act) == (3, Act.UNDO)
