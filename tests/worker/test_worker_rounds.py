"""Rounds of self-play through the real process: answers, a scripted judge, pairs, training, and a kill in each part."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training import checkpoints, rounds, wire  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.training.recipes import recipe  # noqa: E402
from lrstudio.training.rounds import Answered, Judged  # noqa: E402
from lrstudio.training.rows import Row, line_of, rows_of  # noqa: E402
from lrstudio.worker import sppo_rounds  # noqa: E402
from lrstudio.worker.starting import wanted  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from tests.doubles.ready_workers import Worker, worker  # noqa: E402

torch.set_num_threads(1)
OPTIONS: dict[str, Any] = {
    "dtype": "fp32", "accumulation": 1, "max_steps": 3, "learning_rate": 3e-3, "save_every": 2, "lora_dropout": 0.1,
    "lora_r": 4, "rounds": 2, "answers": 3, "answer_tokens": 6, "temperature": 1.0, "judge_tau": 2.0,
    "optimizer": "adamw_torch", "warmup": 0.0,
    "merged": False, "check_count": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def questions() -> list[Row]:
    made = [Row(row_id=f"q{it}", prompt=f"Mud, {it} tons. Whose?", chosen="a", rejected="b") for it in range(3)]
    return [*made, Row(row_id="twice", prompt=made[0].prompt, chosen="c", rejected="d")]


def run_of(path: Path, model: Path, **options: Any) -> RunFolder:
    spec = wire.Spec(
        run_id=path.name, recipe="sppo", model=str(model), command=(sys.executable, "-m", "lrstudio.worker"),
        options=OPTIONS | options, threads=1,
    )  # fmt: skip
    return RunFolder.create(path, spec, pairs=[line_of(row) for row in questions()])


def until(done: Callable[[], bool], process: Worker, run: RunFolder) -> None:
    end = time.monotonic() + 300
    while not done():
        assert process.poll() is None, (run.path / wire.LOG).read_text()
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def judge(run: RunFolder, number: int) -> None:
    """Longer is better, and the last question is a tie."""
    answers = rounds.read_answers(run.path, number)
    assert answers is not None
    judged = [
        Judged(it.row_id, tuple(5.0 if it.row_id == "q2" else len(text) % 11 for text in it.answers)) for it in answers
    ]
    rounds.write_judged(run.path, number, judged)


def said(run: RunFolder, attempt: int = 1) -> list[dict[str, Any]]:
    path = run.spool(attempt)
    lines = path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def curve(run: RunFolder, *attempts: int) -> dict[int, str]:
    events = [it for attempt in attempts for it in said(run, attempt) if it["kind"] == "metric"]
    return {it["step"]: float(it["metrics"]["loss"]).hex() for it in events}


def waits(run: RunFolder, number: int, *, attempt: int = 1) -> Callable[[], bool]:
    start = f"round {number}: "
    return lambda: any(
        it.get("phase") == "waiting_for_judge" and it["why"].startswith(start) for it in said(run, attempt)
    )


@pytest.fixture(scope="module")
def unbroken(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = run_of(tmp_path_factory.mktemp("runs") / "unbroken", tiny)
    with worker(run, 1) as process:
        for number in (1, 2):
            until(waits(run, number), process, run)
            judge(run, number)
        assert process.wait(300) == 0, (run.path / wire.LOG).read_text()
    return run


def test_two_rounds_answer_wait_pair_and_train_from_the_new_policy(unbroken: RunFolder) -> None:
    events = said(unbroken)
    phases = [it["phase"] for it in events if it["kind"] == "phase"]
    assert phases.count("waiting_for_judge") == 2
    waiting = [it["why"] for it in events if it.get("phase") == "waiting_for_judge"]
    assert waiting[0] == "round 1: 3 answers to each of 3 questions wait for the judge"
    metrics = {it["step"]: it["metrics"] for it in events if it["kind"] == "metric"}
    assert [(step, it["round"]) for step, it in metrics.items()] == [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2)]
    for first in (1, 4):
        assert metrics[first]["rewards/chosen"] == pytest.approx(0, abs=2e-4), "the reference is the policy itself"
        start = (metrics[first]["targets/chosen"] ** 2 + metrics[first]["targets/rejected"] ** 2) / 2
        assert metrics[first]["loss/scaled"] == pytest.approx(start, rel=0.02)
    assert abs(metrics[3]["rewards/chosen"]) > 1e-4, "the policy has moved"
    answers = [rounds.read_answers(unbroken.path, it) for it in (1, 2)]
    assert answers[0] is not None
    assert [it.row_id for it in answers[0]] == ["q0", "q1", "q2"]
    assert answers[0] != answers[1]
    rows = list(rows_of(rounds.round_folder(unbroken.path, 1) / sppo_rounds.PAIRS))
    assert [row.row_id for row in rows] == ["q0", "q1"]
    for row in rows:
        found = next(it for it in answers[0] if it.row_id == row.row_id)
        scores = [len(text) % 11 for text in found.answers]
        match = rounds.match_of(scores, tau=2.0)
        assert match is not None
        assert (row.chosen, row.rejected) == (found.answers[match.chosen], found.answers[match.rejected])
        assert (row.win, row.chosen_win, row.rejected_win) == (match.win, match.chosen_win, match.rejected_win)
    assert not (rounds.round_folder(unbroken.path, 1) / sppo_rounds.PARTS).exists()
    card = (unbroken.path / "result" / "card.md").read_text()
    assert "- pairs of round 1: 2" in card


def first_part(run: RunFolder) -> bool:
    return any((rounds.round_folder(run.path, 2) / sppo_rounds.PARTS).glob("*.json"))


@pytest.mark.parametrize(
    ("moment", "judged"),
    [
        (first_part, 1),
        (lambda run: rounds.waiting_round(run.path) == 2, 1),
        (lambda run: 1 in curve(run, 1), 1),
        (lambda run: 5 in curve(run, 1), 2),
    ],
    ids=["while it answers", "while it waits", "in round 1", "in round 2"],
)
def test_a_run_that_is_killed_goes_on_to_the_same_numbers(
    moment: Callable[[RunFolder], bool], judged: int, tiny: Path, unbroken: RunFolder, tmp_path: Path
) -> None:
    run = run_of(tmp_path / "killed", tiny)
    with worker(run, 1) as process:
        for number in range(1, judged + 1):
            until(waits(run, number), process, run)
            judge(run, number)
        until(lambda: moment(run), process, run)
        process.kill()
        process.wait()
    with worker(run, 2) as process:
        if judged == 1:
            until(waits(run, 2, attempt=2), process, run)
            judge(run, 2)
        assert process.wait(300) == 0, (run.path / wire.LOG).read_text()
    assert curve(run, 1, 2) == curve(unbroken, 1)
    for number in (1, 2):
        assert rounds.read_answers(run.path, number) == rounds.read_answers(unbroken.path, number)


def test_stop_is_heard_while_it_waits_and_it_goes_on_waiting_afterwards(tiny: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "stopped", tiny, rounds=1, max_steps=1)
    for attempt in (1, 2):
        with worker(run, attempt) as process:
            until(waits(run, 1, attempt=attempt), process, run)
            process.stdin.write(b"stop\n")
            process.stdin.flush()
            assert process.wait(300) == 0
    assert checkpoints.latest(run.path) is None
    judge(run, 1)
    with worker(run, 3) as process:
        assert process.wait(300) == 0, (run.path / wire.LOG).read_text()
    assert list(curve(run, 3)) == [1]
    assert not [it for it in said(run, 3) if it.get("phase") == "waiting_for_judge"]


def test_rewards_that_do_not_fit_end_the_run_with_the_line_and_mended_ones_let_it_go_on(
    tiny: Path, tmp_path: Path
) -> None:
    run = run_of(tmp_path / "wrong", tiny, rounds=1, max_steps=1)
    with worker(run, 1) as process:
        until(waits(run, 1), process, run)
        wrong = rounds.round_folder(run.path, 1) / rounds.JUDGED
        prepared = wrong.with_suffix(".new")
        prepared.write_text('{"row_id":"q0","scores":[1]}\n')
        prepared.rename(wrong)
        assert process.wait(300) == 1
    error = said(run)[-1]
    assert (error["kind"], error["reason"]) == ("error", "refused")
    assert "001/judged.jsonl line 1: row 'q0' has 3 answers, and 1 scores are given" in error["why"]
    judge(run, 1)
    with worker(run, 2) as process:
        assert process.wait(300) == 0, (run.path / wire.LOG).read_text()


def test_ties_everywhere_leave_nothing_to_train_on(tiny: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "tied", tiny, rounds=1)
    with worker(run, 1) as process:
        until(waits(run, 1), process, run)
        answers = rounds.read_answers(run.path, 1) or ()
        rounds.write_judged(run.path, 1, [Judged(it.row_id, (5.0, 5.0, None)) for it in answers])
        assert process.wait(300) == 1
    assert "no round gave a pair" in said(run)[-1]["why"]


def test_each_round_takes_questions_of_its_own_where_that_is_asked() -> None:
    options = recipe("sppo").settle({"round_questions": "parts", "rounds": 2})
    parts = [[row.row_id for row in sppo_rounds.round_questions(questions(), it, options)] for it in (1, 2)]
    assert parts == [["q0", "q2"], ["q1"]]
    with pytest.raises(Refused, match="3 questions are too few for 4 rounds"):
        sppo_rounds.round_questions(questions(), 4, {**options, "rounds": 4})


def test_two_answers_with_the_same_words_are_no_pair(tmp_path: Path) -> None:
    rounds.write_answers(tmp_path, 1, [Answered("q0", "p", ("same", "same"))])
    rounds.write_judged(tmp_path, 1, [Judged("q0", (1.0, 9.0))])
    rows, words = sppo_rounds.pair(tmp_path, 1, questions(), tau=1.0)
    assert rows == []
    assert words == "0 pairs from 1 questions; 1 have no two answers that the judge tells apart"


def test_rounds_have_no_pairs_to_evaluate_on(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="set evaluate_every to 0") as refused:
        wanted(run_of(tmp_path / "run", tmp_path, evaluate_every=2).path)
    assert refused.value.where == "evaluate_every"
