"""Following a run over its attempts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrstudio.training import scores, wire
from lrstudio.training.events import EventLog
from lrstudio.training.folder import RunFolder
from lrstudio.training.listing import row_of
from lrstudio.training.scores import Score, answer_key
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Kind, Phase, Spec, State


@pytest.mark.parametrize("often", [True, False])
def test_what_a_run_answers_before_its_first_step_stands_once(tmp_path: Path, often: bool) -> None:
    run = RunFolder.create(tmp_path / "run", Spec(run_id="run", recipe="dpo", model="m", command=("true",)))
    log, watch = EventLog(run.path / wire.EVENTS), RunWatch(run)
    said = []
    for attempt in (1, 2):
        log.append(Kind.ATTEMPT, attempt=attempt, from_step=0)
        for row_id in "ab":
            log.append(Kind.SAMPLE, attempt=attempt, step=0, row_id=row_id, text=f"said {attempt} times")
        if often:
            said.append([it.text for it in watch.poll().samples])
    said.append([it.text for it in watch.poll().samples])
    log.close()
    assert [(it.row_id, it.attempt) for it in watch.samples] == [("a", 2), ("b", 2)]
    assert said == ([["said 1 times"] * 2, ["said 2 times"] * 2, []] if often else [["said 2 times"] * 2])


def scored(run: RunFolder, step: int, reward: float, *, judge: str) -> None:
    key = answer_key("a", f"said at {step}")
    scores.add(run.path, [Score(step, "a", key, judge, reward)])


def test_rewards_are_held_against_the_margin_by_the_judge_of_the_last_score(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", Spec(run_id="run", recipe="dpo", model="m", command=("true",)))
    log, watch = EventLog(run.path / wire.EVENTS), RunWatch(run)
    log.append(Kind.ATTEMPT, attempt=1, from_step=0)
    for step in range(41):
        if step:
            log.append(Kind.METRIC, attempt=1, step=step, metrics={"loss": 1.0, "rewards/margins": 0.01 * step})
        if step % 10 == 0:
            log.append(Kind.SAMPLE, attempt=1, step=step, row_id="a", text=f"said at {step}")
    for step, reward in ((0, 8.0), (10, 8.0), (20, 6.0)):
        scored(run, step, reward, judge="strict")
    assert watch.poll().told == ()
    scored(run, 30, 6.0, judge="strict")
    (told,) = watch.poll().told
    assert (told.rule, told.step, told.kind) == ("judged", 30, "warning")
    assert "one held-out question 6.0 instead of 8.0 at step 0" in told.why
    assert "from 0.06 to 0.26" in told.why, "means of ten steps, at step 0 of the first ten"
    scored(run, 40, 6.0, judge="mild")
    assert watch.poll().told == (), "another judge's scores are not held against these"
    assert watch.findings == ()
    log.append(Kind.ATTEMPT, attempt=2, from_step=15)
    watch.poll()
    assert [it.step for it in watch.samples] == [0, 10]
    log.close()
    assert [it.rule for it in watch.told] == ["judged"]


@pytest.mark.parametrize(("of", "at", "left"), [(3, 1, None), (3, 3, 12.0), (0, 0, 12.0)])
def test_the_time_left_of_self_play_is_told_when_no_round_is_to_come(
    tmp_path: Path, of: int, at: int, left: float | None
) -> None:
    run = RunFolder.create(tmp_path / "r", Spec("r", "sppo", "none", ("true",), options={"rounds": of}))
    run.claim()
    run.write(wire.STATE, State(phase=Phase.RUNNING, attempt=1, time=wire.now(), step=4, steps=10, last_seq=0))
    log = EventLog(run.path / wire.EVENTS)
    said = {"loss": 1.0, "seconds": 2.0, **({"round": float(at)} if at else {})}
    log.append(Kind.METRIC, attempt=1, step=4, metrics=said)
    log.close()
    assert row_of(run).seconds_left == left
