"""Judge runs through the service: the scripted judge on a real project, cancelled, resumed, locked."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Dimension, RunState, State
from lrstudio.judge.protocol import JudgeEvent
from lrstudio.judge.scripted import Script, ScriptedJudge
from lrstudio.services.audit import JUDGE_LOCK
from lrstudio.services.judges import JudgeRequest, make_judge
from lrstudio.services.judging import JudgeOutcome, Judging
from lrstudio.services.wiring import Project, create_project
from lrstudio.store.store import Store

TEXT = "The port was dredged in 1871. It cost £150,000. Nobody was hurt. The mud was sold."
REQUEST = JudgeRequest(judge="scripted")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    document = made.imports.add_document(title="Port", text=TEXT).id
    question = made.imports.add_question(document_id=document, query="What happened?").id
    for number in range(8):
        made.imports.add_candidate(question_id=question, text=f"It cost £{number},000. The port was dredged.")
    yield made
    made.close()


def judge(project: Project, request: JudgeRequest = REQUEST) -> JudgeOutcome:
    return anyio.run(partial(project.judging.run, request, emit=lambda _: None))


def test_every_candidate_is_judged_in_every_dimension(project: Project) -> None:
    events: list[JudgeEvent] = []
    outcome = anyio.run(partial(project.judging.run, REQUEST, emit=events.append))
    assert (outcome.run.state, outcome.resumed) == (RunState.DONE, False)
    assert len(outcome.changes.judgments) == 8
    assert {dimension: sum(states.values()) for dimension, states in outcome.states.items()} == dict.fromkeys(
        Dimension, 8
    )
    assert events[-1].progress.done == events[-1].progress.total == 32
    rows = project.audit.questions()[0].candidates
    assert all(row.dimensions[dimension].run_id == outcome.run.run_id for row in rows for dimension in Dimension)
    assert project.audit.judges()[0].candidates == 8


def test_only_what_is_asked_is_judged(project: Project) -> None:
    name = project.audit.questions()[0].candidates[2].candidate_id
    request = JudgeRequest(judge="scripted", dimensions=(Dimension.FAITHFULNESS,), candidate_ids=(name,))
    outcome = judge(project, request)
    assert outcome.changes.judgments == {name}
    detail = project.audit.candidate(name)
    assert detail.standings[Dimension.FAITHFULNESS].judgment is not None
    assert detail.standings[Dimension.HELPFULNESS].score.state is State.NOT_CHECKED


def test_a_cancelled_run_keeps_what_is_done_and_goes_on_there(project: Project) -> None:
    with Store.open(project.path) as store:
        slow = Judging(store, make_judge=lambda _: ScriptedJudge(Script.by_rule(), delay=0.02))
        done: list[str] = []

        async def broken_off() -> None:
            async with anyio.create_task_group() as group:

                def emit(event: JudgeEvent) -> None:
                    if event.judgment:
                        done.append(event.judgment.candidate_id)
                    if len(done) == 5:
                        group.cancel_scope.cancel()

                await slow.run(JudgeRequest(judge="scripted", concurrency=2), emit=emit)

        anyio.run(broken_off)
        (run,) = store.judging.runs()
        assert run.state is RunState.CANCELLED
        assert run.finished
        kept = store.judging.judged_pairs(run.run_id)
        assert 5 <= len(kept) < 32
        assert store.locks.holder(JUDGE_LOCK) is None, "the lock is let go"
        outcome = anyio.run(partial(slow.run, REQUEST, emit=lambda _: None))
        assert (outcome.resumed, outcome.run.run_id, outcome.run.state) == (True, run.run_id, RunState.DONE)
        assert len(store.judging.judged_pairs(run.run_id)) == 32


def test_one_judge_run_at_a_time(project: Project) -> None:
    with Store.open(project.path) as store, store.locks.acquire(JUDGE_LOCK):
        assert "process" in (project.judging.holder() or "")
        with pytest.raises(Environment, match="process"):
            judge(project)
    assert project.judging.holder() is None
    assert judge(project).run.state is RunState.DONE


def test_what_cannot_be_judged_is_refused_before_anything_starts(project: Project, tmp_path: Path) -> None:
    for request, said in [
        (JudgeRequest(judge="oracle"), "unknown judge"),
        (JudgeRequest(judge="http"), "address"),
        (JudgeRequest(judge="http", base_url="ftp://x", model="m"), "http://"),
        (JudgeRequest(judge="http", base_url="http://127.0.0.1:9/v1"), "name of a model"),
        (JudgeRequest(concurrency=0), "at least one"),
        (JudgeRequest(judge="scripted", dimensions=()), "at least one dimension"),
        (JudgeRequest(judge="scripted", candidate_ids=("nope",)), "no candidate 'nope'"),
        (JudgeRequest(judge="lexical", tokenizer=str(tmp_path / "none.json")), "none.json"),
    ]:
        with pytest.raises(Refused, match=said):
            judge(project, request)
    empty = create_project(tmp_path / "empty.lrs")
    with pytest.raises(Refused, match="nothing to judge"):
        judge(empty)
    empty.close()


def test_the_lexical_judge_scores_longreward_and_every_span_slices(tmp_path: Path, eval_data: Path) -> None:
    project = create_project(tmp_path / "l.lrs")
    project.imports.import_paths([eval_data / "longreward"])
    outcome = judge(project, JudgeRequest(judge="lexical"))
    assert sum(outcome.states[Dimension.FAITHFULNESS].values()) == 10
    text = project.audit.document_text("11") or ""
    for row in project.audit.questions()[0].candidates:
        detail = project.audit.candidate(row.candidate_id)
        claims = detail.standings[Dimension.FAITHFULNESS].claims
        assert claims
        for it in claims:
            assert it.claim.span is not None
            assert it.claim.span.of(detail.candidate.text) == it.claim.text
            assert all(entry.span.of(text).strip() for entry in it.claim.evidence)
    project.close()


def test_make_judge_names_its_parts() -> None:
    lexical = make_judge(JudgeRequest()).identity
    assert (lexical.judge, lexical.prompt_pack) == ("lexical", "")
    assert lexical.tokenizer.startswith("lrstudio-bpe@")
    http = make_judge(JudgeRequest(judge="http", base_url="http://127.0.0.1:9/v1", model="m")).identity
    assert http.prompt_pack.startswith("longreward-studio@")
