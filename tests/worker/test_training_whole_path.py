"""From a frozen set through the real worker to judged answers, with the tiny model, on this computer's processor."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from lrstudio.domain.errors import Refused
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.training_places import VARIABLE
from lrstudio.services.wiring import Project
from lrstudio.training.runs import TrainWish
from lrstudio.training.wire import Phase
from tests.doubles.ready_workers import python
from tests.doubles.toy_runs import until
from tests.doubles.trained_project import SET, ended, kill_all, trained_project

if not os.environ.get(VARIABLE) and any(
    importlib.util.find_spec(it) is None for it in ("torch", "transformers", "peft")
):
    pytest.skip(f"torch is not here, and {VARIABLE} names no Python that has it", allow_module_level=True)

_OPTIONS = {"accumulation": 2, "dtype": "fp32", "save_every": 4, "sample_every": 4, "sample_tokens": 8}
_SMALL = {"sample_count": 1, "merged": False, "check_count": 1, "pilot": False}


@pytest.fixture(scope="module", autouse=True)
def forked() -> Iterator[None]:
    """Where this Python is the one that trains, its processes are forked from one that has imported torch."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get(VARIABLE):
            patch.setenv(VARIABLE, str(python()))
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lrstudio.cli.tiny_model import build_tiny_model

    return build_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = trained_project(tmp_path / "p.lrs", chapters=4)
    yield made
    kill_all(tmp_path / "p.runs")
    made.close()


def test_rounds_of_self_play_are_judged_in_the_project_and_trained_on(
    project: Project, tiny: Path, tmp_path: Path
) -> None:
    """The judge makes its verdicts up from the texts, so that it tells any two answers apart."""
    script = tmp_path / "script.json"
    script.write_text('{"name": "made up"}', encoding="utf-8")
    training = project.training
    options = {"rounds": 2, "answers": 2, "answer_tokens": 4, "max_steps": 1, "temperature": 1.0, "dtype": "fp32"}
    options |= {"round_questions": "parts"}
    options |= {"merged": False, "check_count": 0, "pilot": False, "engine": "plain", "accumulation": 1}
    run_id = training.launch(TrainWish(SET, "sppo", tiny, options=options, name="self-play"))
    judge = partial(training.judge_round, run_id, JudgeRequest("scripted", script=script), emit=lambda _event: None)
    watch = training.watch(run_id)
    judged = []
    for number in (1, 2):
        until(lambda: watch.poll().row.phase is Phase.WAITING_FOR_JUDGE, seconds=120.0)
        done = anyio.run(judge)
        assert done is not None
        judged.append(done.number)
        until(lambda number=number: len(watch.poll().points) + len(watch.curve.points) >= number, seconds=120.0)
    assert judged == [1, 2]
    assert ended(training, run_id, seconds=120.0).reason == "finished"
    watch.poll()
    assert [(step, it["round"]) for step, it in watch.curve.points.items()] == [(1, 1.0), (2, 2.0)]
    assert training.run(run_id).row.phase is Phase.FINISHED
    assert anyio.run(judge) is None


def test_one_row_that_is_too_long_must_be_accepted(project: Project, tiny: Path) -> None:
    training = project.training
    run_id = training.draft(TrainWish(SET, "dpo", tiny, options={**_OPTIONS, **_SMALL, "max_steps": 1}))
    longest = training.preflight(run_id).longest
    training.discard(run_id)
    options = {**_OPTIONS, **_SMALL, "max_steps": 1, "max_tokens": longest - 1}
    with pytest.raises(Refused, match=r"^accept_dropped: 1 row would be dropped; accept it \(accept_dropped=1\)"):
        training.launch(TrainWish(SET, "dpo", tiny, options=options))
    assert not list(training.home.glob("[0-9]*"))


def test_a_model_without_a_chat_template_ends_before_step_one(project: Project, tiny: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for path in tiny.iterdir():
        if path.name != "chat_template.jinja":
            (bare / path.name).symlink_to(path)
    with pytest.raises(Refused, match="no chat template; take an instruct model"):
        project.training.launch(TrainWish(SET, "dpo", bare, options=_SMALL))
    assert project.training.runs() == ()
