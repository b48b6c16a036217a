"""Trials of a judge: kept, and never the latest word on a candidate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.domain.pairs import PairAct, PairEntry
from lrstudio.domain.text import Candidate, Question
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, JudgeRun, Judgment, RunState, State
from lrstudio.services.wiring import create_project
from lrstudio.store.store import Store

F = Dimension.FAITHFULNESS
RUN = JudgeRun("r", JudgeIdentity("http", "m", "pack@1"), (F,), RunState.DONE, "2026-01-01T00:00:00Z")
TRIAL = replace(RUN, run_id="t", started="2026-01-02T00:00:00Z", trial=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "p.lrs"
    with Store.create(path) as store:
        store.library.add_question(Question("q", None, "Why?"))
        store.library.add_candidate(Candidate("c", "q", "So."))
        for run, score in ((RUN, 3.0), (TRIAL, 9.0)):
            store.judging.start_run(run)
            store.judging.save_judgment(Judgment(run.run_id, "c", F, State.SCORED, score=score))
    return path


def test_a_trial_is_passed_over_where_the_latest_is_asked_for(path: Path) -> None:
    with Store.open(path) as store:
        said = store.judging
        for found in (said.summaries(), said.summaries(identity=RUN.identity), tuple(said.judgments())):
            assert [it.score for it in found] == [3.0]
        assert [it.score for it in said.summaries(run_id="t")] == [9.0]
        assert [it.score for it in said.judgments(run_id="t")] == [9.0]
        assert {it.run_id for it in said.judgments(latest=False)} == {"r", "t"}
        assert [it.trial for it in said.runs()] == [True, False]


def test_a_trial_that_was_broken_off_is_not_carried_on(path: Path) -> None:
    with Store.open(path) as store:
        for run_id in ("r", "t"):
            store.judging.set_run_state(run_id, RunState.CANCELLED)
        found = store.judging.unfinished_run(RUN.identity, (F,))
        assert found is not None
        assert found.run_id == "r"
        store.judging.set_run_state("r", RunState.DONE)
        assert store.judging.unfinished_run(RUN.identity, (F,)) is None


def test_a_trial_makes_no_pair_suspect(path: Path) -> None:
    with Store.open(path) as store:
        store.library.add_candidate(Candidate("d", "q", "Or so."))
        store.pairs.append([PairEntry(0, "p", "q", "c", "d", PairAct.APPROVED, "ann", "2026-01-03T00:00:00Z")])
        assert store.pairs.suspects() == ()
        store.judging.save_judgment(Judgment("t", "c", F, State.SCORED, score=1.0))
        assert store.pairs.suspects() == ()
        store.judging.save_judgment(Judgment("r", "c", F, State.SCORED, score=1.0))
        assert [it.pair_id for it in store.pairs.suspects()] == ["p"]


def test_a_trial_stays_one_in_a_project_that_is_written_out_and_read_in(path: Path, tmp_path: Path) -> None:
    from lrstudio.services.wiring import open_project

    out = tmp_path / "out.jsonl"
    project = open_project(path)
    project.exports.export(out, what="project")
    project.close()
    copy = create_project(tmp_path / "copy.lrs")
    copy.imports.import_paths([out])
    try:
        assert {it.run_id: it.trial for it in copy.audit.runs()} == {"r": False, "t": True}
        assert [it.identity for it in copy.audit.judges()] == [RUN.identity]
    finally:
        copy.close()
