"""Judge runs from above, read from a project file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, Reason, State, Support
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.wiring import Project, create_project

DOCUMENT = "The tower is 21 metres high. It was built in 1870."
ANSWER = "The tower is 21 metres high. It was built in 1907."


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ada")
    document = made.imports.add_document(title="T", text=DOCUMENT, document_id="t")
    question = made.imports.add_question(document_id=document.id, query="How high?")
    for number in range(2):
        made.imports.add_candidate(question_id=question.id, text=f"{ANSWER} {number}", model="x")
    yield made
    made.close()


def judged(project: Project, folder: Path, name: str, helpfulness: float, support: str) -> str:
    (first, second) = project.audit.questions()[0].candidates
    claims = [{"text": "It was built in 1907.", "support": support}]
    script = {
        "name": name,
        "scores": {
            first.candidate_id: {"helpfulness": helpfulness},
            second.candidate_id: {"helpfulness": {"unscored": "refused"}},
        },
        "claims": {first.candidate_id: claims},
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(script))
    request = JudgeRequest("scripted", script=path, dimensions=(Dimension.HELPFULNESS, Dimension.FAITHFULNESS))
    return anyio.run(partial(project.judging.run, request, emit=lambda _: None)).run.run_id


def test_the_report_of_a_run_has_a_fact_for_each_judgment(project: Project, tmp_path: Path) -> None:
    assert project.overview.report() is None
    run_id = judged(project, tmp_path, "one", 8.0, "full")
    report = project.overview.report()
    assert report is not None
    assert report.run.run_id == run_id
    helped = [it for it in report.judgments if it.dimension is Dimension.HELPFULNESS]
    assert [(it.state, it.reason, it.score) for it in helped] == [
        (State.SCORED, Reason.NONE, 8.0),
        (State.UNSCORED, Reason.REFUSED, None),
    ]
    with pytest.raises(Refused, match="no judge run"):
        project.overview.report("nobody")


def test_two_judges_are_compared_on_their_latest_verdicts_and_on_single_runs(project: Project, tmp_path: Path) -> None:
    first = judged(project, tmp_path, "one", 8.0, "full")
    judged(project, tmp_path, "two", 3.0, "contradicted")
    sources = project.overview.sources()
    assert [bool(it.run_id) for it in sources] == [False, False, True, True]
    assert {it.candidates for it in sources} == {2}
    latest = [it for it in sources if not it.run_id]
    two, one = project.overview.verdicts(latest)
    name = project.audit.questions()[0].candidates[0].candidate_id
    scores = [
        next(it.score for it in said.judgments if (it.candidate_id, it.dimension) == (name, Dimension.HELPFULNESS))
        for said in (one, two)
    ]
    assert scores == [8.0, 3.0]
    supports = [next(it.support for it in said.claims if it.candidate_id == name) for said in (one, two)]
    assert supports == [Support.FULL, Support.NONE]
    run = next(it for it in sources if it.run_id == first)
    (alone,) = project.overview.verdicts([run])
    assert alone.judgments == one.judgments
    whole = project.overview.claims(name, latest)
    assert [claims[0].text for claims in whole] == ["It was built in 1907."] * 2


def test_of_a_judge_that_ran_twice_the_latest_verdict_counts(project: Project, tmp_path: Path) -> None:
    judged(project, tmp_path, "one", 8.0, "full")
    again = judged(project, tmp_path, "one", 8.0, "full")
    latest = next(it for it in project.overview.sources() if not it.run_id)
    (said,) = project.overview.verdicts([latest])
    assert {it.run_id for it in said.judgments} == {again}
    assert len(said.judgments) == 4


def test_a_trial_of_a_judge_is_not_its_latest_verdict(project: Project, tmp_path: Path) -> None:
    first = judged(project, tmp_path, "one", 8.0, "full")
    report = project.overview.report(first)
    assert report is not None
    trial = replace(report.run, run_id="trial", started="2999-01-01T00:00:00Z", trial=True)
    store = project.overview._store
    store.judging.start_run(trial)
    old = next(store.judging.judgments([report.judgments[0].candidate_id], run_id=first))
    store.judging.save_judgment(replace(old, run_id="trial"))
    latest = next(it for it in project.overview.sources() if not it.run_id)
    (said,) = project.overview.verdicts([latest])
    assert {it.run_id for it in said.judgments} == {first}
    (tried,) = project.overview.verdicts([it for it in project.overview.sources() if it.run_id == "trial"])
    assert len(tried.judgments) == 1
