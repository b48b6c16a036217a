"""Judging on a host: waves of batch files, answered there by a real process, whatever comes in between."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, RunState
from lrstudio.judge.protocol import JudgeEvent
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import JudgeOutcome
from lrstudio.services.wiring import Project, open_project
from lrstudio.store.records import BatchState, CallState
from lrstudio.store.tables import judge_batch
from tests.doubles.batch_host import BatchHost
from tests.doubles.chat_server import ChatServer, Policy, plausible
from tests.doubles.run_batch import unsteady
from tests.doubles.ten_answers import filled
from tests.doubles.toy_runs import until

KEPT, LINES = 2, 70
MODEL = "/models/judge"
ROOM = 1 << 20


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = filled(tmp_path / "p.lrs", answers=KEPT, lines=LINES)
    yield made
    made.close()


@pytest.fixture
def box(tmp_path: Path) -> BatchHost:
    return BatchHost(tmp_path / "box")


def request(**more: Any) -> JudgeRequest:
    return JudgeRequest(judge="http", **{"model": MODEL, "on": "box", "context": ROOM} | more)


class Told:
    """What a run tells; `on` is called with every stage."""

    def __init__(self, on: Callable[[str], None] = lambda _: None) -> None:
        self.stages: list[str] = []
        self.events: list[JudgeEvent] = []
        self._on = on

    def __call__(self, event: JudgeEvent) -> None:
        self.events.append(event)
        if not self.stages or self.stages[-1] != event.progress.stage:
            self.stages.append(event.progress.stage)
            self._on(event.progress.stage)


def judge(
    project: Project, box: BatchHost, wanted: JudgeRequest, told: Told | None = None, *, rows: int = 10_000
) -> JudgeOutcome:
    run = partial(box.batches(project, rows=rows).run, wanted, emit=told or Told())
    return anyio.run(run)


def let_go(project: Project, box: BatchHost, wanted: JudgeRequest, *, at: str, rows: int = 10_000) -> list[str]:
    """Run until a stage is told whose words hold `at`, then lose the link and let go, as a closed window does."""
    reached = threading.Event()

    def on(stage: str) -> None:
        if at in stage:
            box.link.down = True
            reached.set()

    async def run() -> list[str]:
        told = Told(on)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def watch() -> None:
                    while not reached.is_set():
                        await anyio.sleep(0.001)
                    scope.cancel()

                group.start_soon(watch)
                await box.batches(project, rows=rows).run(wanted, emit=told)
        assert scope.cancelled_caught, told.stages
        return told.stages

    stages = anyio.run(run)
    box.link.down = False
    return stages


def exported(project: Project, out: Path) -> list[dict[str, Any]]:
    project.exports.export(out, what="judgments")
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "run_id"} for row in rows]


def same_as_a_direct_run(project: Project, tmp_path: Path, wanted: JudgeRequest, policy: Policy = plausible) -> None:
    other = filled(tmp_path / "direct.lrs", answers=KEPT, lines=LINES)
    with ChatServer(policy) as server:
        direct = JudgeRequest("http", base_url=server.base_url, model=wanted.model, samples=wanted.samples)
        anyio.run(partial(other.judging.run, direct, emit=lambda _: None))
    expected = exported(other, tmp_path / "d.jsonl")
    other.close()
    assert len(expected) == 4 * KEPT
    assert exported(project, tmp_path / "b.jsonl") == expected


def test_a_run_on_a_host_ends_where_a_direct_run_does(project: Project, box: BatchHost, tmp_path: Path) -> None:
    box.play(unsteady=True)
    told = Told()
    done = judge(project, box, request(samples=2), told, rows=6)
    assert (done.run.state, done.stopped) == (RunState.DONE, "")
    same_as_a_direct_run(project, tmp_path, request(samples=2), unsteady)
    computed = box.computed()
    assert len(computed) == len(set(computed)) == done.run.calls == told.events[-1].progress.calls
    assert told.events[-1].progress.done == told.events[-1].progress.total == 4 * KEPT
    batches = box.batches(project).of_run(done.run.run_id)
    assert [batch.wave for batch in batches] == list(range(1, len(batches) + 1))
    assert len(batches) >= 3, "unreadable replies came again"
    assert len(batches[0].files) > 1, "more rows than a file may hold"
    assert {batch.state for batch in batches} == {BatchState.TAKEN}
    assert any("calls on box" in stage for stage in told.stages)
    assert box.folders() == [], "documents do not stay on the host"
    assert list((tmp_path / "p.runs" / ".batch").iterdir()) == []
    calls = list(project._store.calls.all())
    assert {(call.state, call.attempts) for call in calls} == {(CallState.DONE, 1)}
    assert all(json.loads(call.request)["model"] == MODEL and call.reply and call.input_tokens for call in calls)
    again = judge(project, box, request(samples=2))
    assert again.run.run_id != done.run.run_id
    assert box.computed() == computed, "every reply was in the log"


@pytest.mark.parametrize("at", ["preparing", "sent to", "calls on"])
def test_a_window_that_closes_between_or_in_waves_loses_nothing(
    project: Project, box: BatchHost, tmp_path: Path, at: str
) -> None:
    box.play(hold=True)
    let_go(project, box, request(), at=at)
    listed = box.batches(project).under_way()
    assert [batch.state for batch in listed] == {
        "preparing": [],
        "sent to": [BatchState.WRITTEN],
        "calls on": [BatchState.STARTED],
    }[at]
    box.play()
    if at == "calls on":
        until(lambda: (box.folders()[0] / "exit.json").exists())
        assert len(box.computed()) == 7, "it went on by itself"
    reopened = open_project(project.path)
    done = judge(reopened, box, request())
    assert (done.run.state, done.resumed) == (RunState.DONE, True)
    assert len(box.computed()) == len(set(box.computed())) == done.run.calls
    if listed:
        assert box.batches(reopened).of_run(done.run.run_id)[0].batch_id == listed[0].batch_id
    same_as_a_direct_run(reopened, tmp_path, request())
    reopened.close()


def test_a_lost_link_is_not_a_lost_batch(project: Project, box: BatchHost) -> None:
    box.play(hold=True)

    def on(stage: str) -> None:
        if "calls on" in stage and not box.link.calls.count("lost"):
            box.link.calls.append("lost")
            box.link.down = True
        if "unknown since" in stage:
            box.link.down = False
            box.play()

    told = Told(on)
    done = judge(project, box, request(), told)
    assert done.run.state is RunState.DONE
    assert any("unknown since" in stage and "box cannot be asked" in stage for stage in told.stages)
    assert len(box.computed()) == len(set(box.computed()))


def test_a_killed_batch_keeps_its_parts(project: Project, box: BatchHost) -> None:
    wanted = request(dimensions=(Dimension.HELPFULNESS, Dimension.LOGICALITY))
    killed: list[int] = []

    def on(stage: str) -> None:
        if "3/4" in stage and not killed:
            (folder,) = box.folders()
            assert (folder / "out-001.jsonl").exists()
            killed.append(json.loads((folder / "child.json").read_text())["pid"])
            runner = int(next((folder / "job").iterdir()).read_text().split()[0])
            os.kill(runner, signal.SIGKILL)

    box.play(hold_at=["in-002.jsonl", 2])
    stopped = judge(project, box, wanted, Told(on), rows=2)
    assert stopped.stopped == "the batch was killed on box; 2 calls outstanding, run again to go on"
    assert stopped.run.state is RunState.CANCELLED
    until(lambda: not Path(f"/proc/{killed[0]}").exists())
    assert len(exported(project, project.path.with_suffix(".jsonl"))) == 2
    before = box.computed()
    box.play()
    done = judge(project, box, wanted, rows=2)
    assert (done.run.state, done.run.run_id) == (RunState.DONE, stopped.run.run_id)
    assert len(box.computed()) == len(before) + 2


def test_calls_that_bring_nothing_are_said_and_stay_outstanding(project: Project, box: BatchHost) -> None:
    wanted = request(dimensions=(Dimension.HELPFULNESS,))
    first = judge(project, box, wanted)
    keys = sorted(set(box.computed()))
    assert first.run.state is RunState.DONE
    wanted = request(dimensions=(Dimension.LOGICALITY,))
    let_go(project, box, wanted, at="sent to")
    (batch,) = box.batches(project).under_way()
    lines = (project.path.with_suffix(".runs") / ".batch" / batch.batch_id / "in-001.jsonl").read_text().splitlines()
    keys = [json.loads(line)["custom_id"] for line in lines]
    box.play(lost=keys[:1], failed=keys[1:])
    stopped = judge(project, box, wanted)
    assert stopped.run.state is RunState.CANCELLED
    assert stopped.stopped.startswith("2 calls brought nothing and can be sent again: ")
    errors = {call.key: call.error for call in project._store.calls.all() if call.state is CallState.FAILED}
    assert errors == {keys[0]: "the results hold no line for it", keys[1]: "status 500: out of memory 500"}
    box.play(fails=0)
    stopped = judge(project, box, wanted)
    assert "ended with status 3: RuntimeError: the engine is dead" in stopped.stopped
    box.play()
    assert judge(project, box, wanted).run.state is RunState.DONE
    assert {project._store.calls.get(key).attempts for key in keys} == {3}


def test_a_batch_is_ended_and_another_run_does_not_come_between(project: Project, box: BatchHost) -> None:
    wanted = request(dimensions=(Dimension.HELPFULNESS,))
    with pytest.raises(Refused, match="no judge run is under way on box"):
        box.batches(project).end("box")
    box.play(hold=True)
    let_go(project, box, wanted, at="calls on", rows=1)
    other = request(dimensions=(Dimension.HELPFULNESS, Dimension.LOGICALITY))
    with pytest.raises(Refused, match="another judge run is under way on box: 2 calls with /models/judge"):
        judge(project, box, other)
    (ended,) = box.batches(project).end("box")
    assert ended.calls == 2
    assert box.batches(project).under_way() == ()
    box.play()
    assert judge(project, box, other).run.state is RunState.DONE
    again = judge(project, box, wanted)
    assert (again.resumed, again.run.state) == (True, RunState.DONE)
    assert len(box.computed()) == 4


def test_a_project_that_calls_a_batch_by_a_path_has_nothing_removed(project: Project, box: BatchHost) -> None:
    wanted = request(dimensions=(Dimension.HELPFULNESS,))
    box.play(hold=True)
    let_go(project, box, wanted, at="calls on", rows=1)
    (batch,) = box.batches(project).under_way()
    with project._store.judge_batches._at.write() as connection:
        connection.execute(judge_batch.update().values(batch_id="../../elsewhere"))
    for what in (box.batches(project).under_way, partial(judge, project, box, wanted)):
        with pytest.raises(Refused, match="not written by the studio"):
            what()
    with project._store.judge_batches._at.write() as connection:
        connection.execute(judge_batch.update().values(batch_id=batch.batch_id))
    box.batches(project).end("box")


def test_ending_it_ends_the_wait_of_another_window(project: Project, box: BatchHost) -> None:
    box.play(hold=True)
    told = Told(lambda stage: box.batches(project).end("box") if "calls on" in stage else None)
    stopped = judge(project, box, request(dimensions=(Dimension.COMPLETENESS,)), told)
    assert stopped.stopped == "the batch was ended on box; 1 call outstanding, run again to go on"
    assert box.computed() == []
    assert box.folders() == []


def test_prompts_without_room_are_not_sent(project: Project, box: BatchHost, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    shipped = Path(__file__).parents[2] / "resources" / "tokenizer" / "lrstudio-bpe.json"
    (model / "tokenizer.json").write_bytes(shipped.read_bytes())
    (model / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 3800}}))
    wanted = request(model=str(model), context=0, dimensions=(Dimension.HELPFULNESS, Dimension.COMPLETENESS))
    run = partial(box.batches(project).run, wanted, emit=Told())
    done = anyio.run(run)
    assert done.run.state is RunState.DONE
    assert done.states == {
        Dimension.HELPFULNESS: {"scored": 2},
        Dimension.COMPLETENESS: {"unscored: context_overflow": 2},
    }
    assert len(box.computed()) == 2
    refused = [call for call in project._store.calls.all() if call.parse_state == "context_overflow"]
    assert len(refused) == 1
    assert all(call.attempts == 1 and "the model has room for 3,800" in call.error for call in refused)


def test_a_prompt_that_may_be_too_long_spoils_no_other(project: Project, tmp_path: Path) -> None:
    box = BatchHost(tmp_path / "box", words=("--max-model-len", "3000", "--raises"))
    wanted = request(context=0, dimensions=(Dimension.HELPFULNESS, Dimension.COMPLETENESS))
    stopped = anyio.run(partial(box.batches(project).run, wanted, emit=Told()))
    assert "ValueError: This model's maximum context length is 3000 tokens" in stopped.stopped
    assert stopped.states == {Dimension.HELPFULNESS: {"scored": 2}}, "what surely fits went in a file of its own"


def test_what_a_host_does_not_do_is_refused(project: Project, box: BatchHost, tmp_path: Path) -> None:
    def refusal(wanted: JudgeRequest, at: BatchHost = box) -> str:
        with pytest.raises(Refused) as caught:
            anyio.run(partial(at.batches(project).run, wanted, emit=Told()))
        return str(caught.value)

    with pytest.raises(Refused, match="only a project's candidates are judged on a host"):
        anyio.run(partial(project.judging.run, request(), emit=Told()))
    assert "only the http judge" in refusal(JudgeRequest("lexical", on="box"))
    assert "no server is started" in refusal(request(serve="vllm"))
    assert "an absolute folder there, or a name" in refusal(request(model="~/judge"))
    assert "leave the limit out" in refusal(request(spend_limit=1.0, input_price=1.0))
    assert "a batch embeds no passages" in refusal(request(retrieval="embeddings", embedding_model="e"))
    assert "how long a prompt of /models/judge may be is not known" in refusal(request(context=0))
    away = BatchHost(tmp_path / "away", address="ann@gpu.example:2222")
    assert "gpu.example is another machine; it would be sent 1 document" in refusal(request(), away)
    project.consent.keep_local(True)
    assert "must stay on this machine" in refusal(request(agreed=True), away)
    assert box.computed() == away.computed() == []
