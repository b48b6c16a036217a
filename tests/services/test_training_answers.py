"""What runs answer: scored beside the project, taken into it and judged, handed back to a round of SPPO."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Dimension, Judgment, State
from lrstudio.judge.protocol import JudgeEvent
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.training import Training
from lrstudio.services.training_answers import LOCK, rewards_of
from lrstudio.services.wiring import Project
from lrstudio.training import rounds, scores
from lrstudio.training.folder import RunFolder
from lrstudio.training.runs import TrainWish
from lrstudio.training.wire import Phase
from tests.doubles.chat_server import ChatServer
from tests.doubles.toy_runs import until
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import SET, ended, kill_all, toy_training, trained_project

LEXICAL = JudgeRequest("lexical")


def quiet(_event: JudgeEvent) -> None:
    pass


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = trained_project(tmp_path / "p.lrs")
    yield made
    kill_all(tmp_path / "p.runs")
    made.close()


@pytest.fixture
def training(project: Project) -> Training:
    return toy_training(project)


def trained(training: Training, folder: Path, *, answer: str, steps: int = 4) -> str:
    model = toy_model(folder / "model", answer=answer)
    options = {"max_steps": steps, "sample_every": 2, "sample_count": 2}
    run_id = training.launch(TrainWish(SET, "dpo", model, options=options, name="mine"))
    ended(training, run_id)
    return run_id


def test_samples_are_scored_once_and_seen_by_who_watches(training: Training, tmp_path: Path) -> None:
    run_id = trained(training, tmp_path, answer="The pilot was Anna Berg.")
    watch = training.watch(run_id)
    assert [it.reward for it in watch.poll().samples] == [None] * 4
    assert training.run(run_id).row.reward_first is None
    score = partial(training.score_samples, run_id, LEXICAL, emit=quiet)
    assert anyio.run(score) == 4
    news = watch.poll()
    rewards = [it.reward for it in news.samples]
    assert len(rewards) == 4
    assert all(it is not None and it > 5.0 for it in rewards), rewards
    assert (news.row.reward_first, news.row.reward_last) == (pytest.approx(rewards[0]), pytest.approx(rewards[-1]))
    assert watch.unscored() == ()
    assert watch.poll().samples == ()
    before = (training.home / run_id / scores.SCORES).read_bytes()
    assert anyio.run(score) == 0
    assert (training.home / run_id / scores.SCORES).read_bytes() == before


def test_a_better_answer_has_a_higher_reward_at_a_later_step(training: Training, tmp_path: Path) -> None:
    run_id = trained(training, tmp_path, answer="It was mined in {step}943, and nobody knows the {step} pilots.")
    anyio.run(partial(training.score_samples, run_id, LEXICAL, emit=quiet))
    found = scores.by_step(scores.read(training.home / run_id)[0])
    assert list(found) == [2, 4]


@pytest.mark.parametrize("does", ["warn", "stop"])
def test_answers_that_a_judge_likes_less_while_the_margin_rises_are_told_of_and_stop_a_run_that_is_to(
    training: Training, tmp_path: Path, does: str
) -> None:
    ways = {"answer": "The pilot was Anna Berg.", "later": "Whales sang of nine moons.", "later_from": 6}
    model = toy_model(tmp_path / "model", seconds=0.02, **ways)
    options = {"max_steps": 5000 if does == "stop" else 12, "sample_every": 2, "sample_count": 2, "save_every": 1000}
    options |= {"health_judged": does, "health_steps": 2}
    run_id = training.launch(TrainWish(SET, "dpo", model, options=options))
    watch = training.watch(run_id)
    until(lambda: len({it.step for it in watch.poll().samples} | {it.step for it in watch.samples}) >= 5)
    anyio.run(partial(training.score_samples, run_id, LEXICAL, emit=quiet))
    watch.poll()
    (told,) = (it for it in watch.told if it.rule == "judged")
    assert told.step == 8
    assert "the judge lexical" in told.why
    assert "2 held-out questions" in told.why
    assert ended(training, run_id).reason == ("stopped" if does == "stop" else "finished")
    assert training.run(run_id).row.why == (told.why if does == "stop" else "")
    again = training.watch(run_id)
    assert [it.step for it in again.poll().told if it.rule == "judged"] == [8], "who comes later is told, too"


def test_what_a_run_answers_becomes_candidates_that_are_judged(
    project: Project, training: Training, tmp_path: Path
) -> None:
    run_id = trained(training, tmp_path, answer="The pilot was Anna Berg, at step {step}.")
    before = len(project._store.library.candidates())
    outcome = anyio.run(partial(training.judge_answers, run_id, LEXICAL, emit=quiet))
    held_out = {pair.question_id for pair in project.sets.pairs(SET) if pair.part == "validation"}
    new = [it for it in project._store.library.candidates() if it.model == "mine"]
    assert len(new) == len(project._store.library.candidates()) - before == 2
    assert {it.question_id for it in new} <= held_out
    assert {it.text for it in new} == {"The pilot was Anna Berg, at step 4."}
    assert outcome.changes.candidates == outcome.changes.judgments == {it.candidate_id for it in new}
    assert outcome.states[Dimension.FAITHFULNESS] == {"scored": 2}
    again = training.take_in_answers(run_id)
    assert (again.new, set(again.candidate_ids)) == (0, {it.candidate_id for it in new})


def test_a_run_that_answered_nothing_says_what_to_do(training: Training, tmp_path: Path) -> None:
    run_id = training.launch(TrainWish(SET, "dpo", toy_model(tmp_path / "model"), options={"max_steps": 2}))
    ended(training, run_id)
    with pytest.raises(Refused, match="set sample_every"):
        training.take_in_answers(run_id)
    assert anyio.run(partial(training.score_samples, run_id, LEXICAL, emit=quiet)) == 0


def test_the_answers_of_the_result_stand_in_where_none_was_asked_for_on_the_way(
    project: Project, training: Training, tmp_path: Path
) -> None:
    run_id = training.launch(
        TrainWish(SET, "dpo", toy_model(tmp_path / "model"), options={"max_steps": 2}, name="mine")
    )
    ended(training, run_id)
    (pair, *_) = (it for it in project.sets.pairs(SET) if it.part == "validation")
    result = training.home / run_id / "result"
    result.mkdir()
    said = {"row_id": pair.pair_id, "tokens": 4, "texts": ["Anna Berg.", "Anna Berg!"]}
    (result / "check.json").write_text(json.dumps({"asked": "held-out", "questions": [said]}))
    taken = training.take_in_answers(run_id)
    (candidate,) = (it for it in project._store.library.candidates() if it.candidate_id in taken.candidate_ids)
    assert (candidate.text, candidate.model, candidate.question_id) == ("Anna Berg.", "mine", pair.question_id)
    (result / "check.json").write_text(json.dumps({"asked": "trained", "questions": [said]}))
    with pytest.raises(Refused, match="set sample_every"):
        training.take_in_answers(run_id)
    (result / "check.json").write_text("[]")
    with pytest.raises(Refused, match="not what a trainer says"):
        training.take_in_answers(run_id)


def test_a_round_is_judged_and_the_run_goes_on(training: Training, tmp_path: Path) -> None:
    wish = TrainWish(SET, "sppo", toy_model(tmp_path / "model"), options={"max_steps": 3})
    run_id = training.launch(wish)
    until(lambda: training.run(run_id).row.phase is Phase.WAITING_FOR_JUDGE)
    done = anyio.run(partial(training.judge_round, run_id, LEXICAL, emit=quiet))
    assert done is not None
    folder = training.home / run_id
    answered = rounds.read_answers(folder, 1)
    assert answered is not None
    assert (done.number, done.answers) == (1, 2 * len(answered))
    judged = rounds.read_judged(folder, 1)
    assert judged is not None
    assert [it.row_id for it in judged] == [it.row_id for it in answered]
    assert done.unscored == sum(score is None for it in judged for score in it.scores)
    assert ended(training, run_id).reason == "finished"
    assert anyio.run(partial(training.judge_round, run_id, LEXICAL, emit=quiet)) is None


def test_a_round_that_breaks_off_pays_only_for_what_is_missing(
    project: Project, training: Training, tmp_path: Path
) -> None:
    run_id = training.launch(TrainWish(SET, "sppo", toy_model(tmp_path / "model"), options={"max_steps": 1}))
    until(lambda: training.run(run_id).row.phase is Phase.WAITING_FOR_JUDGE)
    with ChatServer() as server:
        request = JudgeRequest(
            "http",
            base_url=server.base_url,
            model="m",
            dimensions=(Dimension.HELPFULNESS,),
            concurrency=1,
        )

        async def broken_off() -> None:
            with anyio.CancelScope() as scope:

                def emit(event: JudgeEvent) -> None:
                    if event.progress.done == 3:
                        scope.cancel()

                await training.judge_round(run_id, request, emit=emit)

        anyio.run(broken_off)
        assert rounds.waiting_round(training.home / run_id) == 1
        paid = len(server.requests)
        assert paid >= 3
        done = anyio.run(partial(training.judge_round, run_id, request, emit=quiet))
        assert done is not None
        assert len(server.requests) <= done.answers + 1
    assert ended(training, run_id).reason == "finished"


def test_one_process_judges_a_round(project: Project, training: Training, tmp_path: Path) -> None:
    run_id = training.launch(TrainWish(SET, "sppo", toy_model(tmp_path / "model"), options={"max_steps": 1}))
    until(lambda: training.run(run_id).row.phase is Phase.WAITING_FOR_JUDGE)
    held = project._store.locks.acquire(LOCK)
    with pytest.raises(Environment):
        anyio.run(partial(training.judge_round, run_id, LEXICAL, emit=quiet))
    held.release()
    training.stop(run_id)
    assert ended(training, run_id).reason == "stopped"


def judgment(candidate: str, dimension: Dimension, score: float | None) -> Judgment:
    state = State.UNSCORED if score is None else State.SCORED
    return Judgment("r", candidate, dimension, state, score=score)


def test_rewards_are_compared_over_the_same_dimensions() -> None:
    faithful, complete = Dimension.FAITHFULNESS, Dimension.COMPLETENESS
    both = [[judgment("a", faithful, 8.0), judgment("a", complete, 4.0)] for _ in range(2)]
    assert rewards_of(both) == (6.0, 6.0)
    lacking = [*both, [judgment("b", faithful, 10.0), judgment("b", complete, None)]]
    assert rewards_of(lacking) == (6.0, 6.0, None)
    rare = [*[[judgment("a", faithful, 8.0)] for _ in range(3)], both[0]]
    assert rewards_of(rare) == (8.0, 8.0, 8.0, 8.0)
    assert rewards_of([[], []]) == (None, None)


def test_scores_survive_a_line_that_was_cut_off(tmp_path: Path) -> None:
    one = scores.Score(2, "r", "key", "lexical", 5.0)
    scores.add(tmp_path, [one])
    with (tmp_path / scores.SCORES).open("ab") as file:
        file.write(b'{"step": 3, "row')
    other = scores.Score(4, "r", "other", "lexical", None)
    scores.add(tmp_path, [other])
    found, end = scores.read(tmp_path)
    assert found == (one, other)
    assert scores.read(tmp_path, start=end) == ((), end)
    assert scores.by_step([one, other]) == {2: 5.0}
    assert scores.by_step([one, scores.Score(2, "r", "key", "other", 7.0)]) == {2: 7.0}
    assert json.loads((tmp_path / scores.SCORES).read_text().splitlines()[0])["reward"] == 5.0


def test_a_run_folder_that_changed_under_a_watch_is_told(training: Training, tmp_path: Path) -> None:
    run_id = trained(training, tmp_path, answer="x")
    watch = training.watch(run_id)
    watch.poll()
    events = RunFolder(training.home / run_id).path / "events.jsonl"
    with events.open("ab") as file:
        file.write(b'{"v":1,"seq":1,"time":"t","kind":"metric","attempt":1}\n')
    with pytest.raises(Refused, match="open it anew"):
        watch.poll()
