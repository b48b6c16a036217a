"""Training from the command line, in real processes, with the toy worker in place of the one with a model."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.training.folder import RunFolder
from tests.doubles.toy_runs import until
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import ROOT, SET, TOY, kill_all, trained_project

Run = Callable[..., Any]

# `python -m lrstudio.worker ...` becomes the toy, anything else goes to the real Python.
_TOY_PYTHON = (
    '#!/bin/sh\nif [ "$2" = lrstudio.worker ]; then shift 2; exec {python} {toy} "$@"; fi\nexec {python} "$@"\n'
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    made = trained_project(tmp_path / "p.lrs")
    made.close()
    yield made.path
    kill_all(tmp_path / "p.runs")


@pytest.fixture
def python(tmp_path: Path) -> Path:
    made = tmp_path / "python"
    made.write_text(_TOY_PYTHON.format(python=sys.executable, toy=TOY[0]))
    made.chmod(0o755)
    return made


@pytest.fixture
def train(project: Path, python: Path, tmp_path: Path, lrstudio: Run) -> Run:
    def run(*words: object, recipe: str = "dpo", ways: dict[str, Any] | None = None, steps: int = 6) -> Any:
        model = toy_model(tmp_path / "model", **(ways or {}))
        asked = ("--set", SET, "--recipe", recipe, "--model", model, "--python", python)
        return lrstudio("train", project, *asked, "--option", f"max_steps={steps}", *words)

    return run


def test_a_run_that_is_watched_to_its_end(train: Run, project: Path, lrstudio: Run) -> None:
    words = ("--option", "sample_every=3", "--option", "sample_count=1", "--name", "mine", "--watch", "--json")
    done = train(*words, ways={"answer": "The pilot was Anna Berg."})
    assert done.status == 0, done.err
    assert "finished 6/6" in done.err
    data = done.data
    assert (data["name"], data["phase"], data["step"], data["points"]) == ("mine", "finished", 6, 6)
    assert [it["step"] for it in data["samples"]] == [3, 6]
    assert all(it["reward"] > 5.0 for it in data["samples"])

    (listed,) = lrstudio("runs", "list", project, "--json").data["runs"]
    assert (listed["run_id"], listed["phase"], listed["reward_last"]) == (
        data["run_id"],
        "finished",
        pytest.approx(10.0),
    )
    assert "finished" in lrstudio("runs", project, "list").out
    shown = lrstudio("runs", project, "show", "mine", "--json").data
    assert (shown["options"]["max_steps"], shown["provenance"]["set"]["name"]) == (6, SET)
    assert shown["preflight"]["rows"] == 8
    attached = lrstudio("runs", "attach", project, "mine")
    assert attached.status == 0
    assert "goes on behind step 0" in attached.err

    judged = lrstudio("runs", project, "judge", "mine", "--json")
    assert judged.status == 0, judged.err
    assert (judged.data["judge"], judged.data["candidates"]) == ("lexical", 1)
    assert "mine" in lrstudio("show", project, "--json").out
    assert lrstudio("runs", project, "note", "mine", "good").out == "mine: good\n"
    assert lrstudio("runs", project, "remove", "mine").status == 0
    assert lrstudio("runs", project, "list").out == "no run yet; `lrstudio train` starts one\n"


def test_started_stopped_and_gone_on_with(train: Run, project: Path, lrstudio: Run) -> None:
    begun = train("--json", ways={"seconds": 0.05, "wait_at": [200]}, steps=300)
    assert begun.status == 0, begun.err
    folder = RunFolder(Path(begun.data["folder"]))
    until(
        lambda: (folder.path / "events.jsonl").exists() and b'"step":4' in (folder.path / "events.jsonl").read_bytes()
    )
    again = lrstudio("runs", project, "resume", "1")
    assert (again.status, "going on" in again.err) == (1, True)
    stopped = lrstudio("runs", project, "stop", "--json").data
    assert (stopped["phase"], stopped["can_resume"]) == ("stopped", True)
    assert 4 <= stopped["step"] < 300
    watched = lrstudio("runs", project, "watch", "1")
    assert watched.status == 1
    assert f"go on with `lrstudio runs resume {project} 1`" in watched.err
    done = lrstudio("runs", project, "resume", "1", "--watch", "--json")
    assert done.status == 0, done.err
    assert (done.data["phase"], done.data["attempt"], done.data["points"]) == ("finished", 2, 300)


def test_ctrl_c_leaves_the_run_running(train: Run, project: Path, lrstudio: Run) -> None:
    begun = train("--json", ways={"seconds": 0.05}, steps=100_000)
    assert begun.status == 0, begun.err
    watching = subprocess.Popen(
        [sys.executable, "-m", "lrstudio", "runs", str(project), "watch"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert watching.stderr is not None
    assert "running" in "".join(watching.stderr.readline() for _ in range(1)) + watching.stderr.readline()
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=60)
    assert (watching.returncode, "the run goes on" in said) == (130, True)
    assert lrstudio("runs", project, "list", "--json").data["runs"][0]["life"] == "alive"
    assert lrstudio("runs", project, "stop", "--now", "--json").data["phase"] == "stopped"


def test_a_look_alone_starts_nothing(train: Run, project: Path) -> None:
    done = train("--preflight", "--json", ways={"dropped": "one"})
    assert (done.status, done.data["ok"], done.data["to_accept"]) == (1, True, {"accept_dropped": 1})
    assert "--accept-dropped 1" in done.err
    fine = train("--preflight", "--accept-dropped", "1", ways={"dropped": "one"})
    assert fine.status == 0, fine.err
    assert "8 rows, 7 kept" in fine.out
    assert "memory: about 1.0 of 8.0 GiB on toy" in fine.out
    assert not list((project.parent / "p.runs").glob("[0-9]*"))


@pytest.mark.parametrize(
    ("words", "ways", "sentence"),
    [
        (("--model", "/no/such/folder"), {}, "no model folder"),
        (("--python", "/no/such/python"), {}, "no Python here"),
        (("--set", "silver"), {}, "silver"),
        (("--preset", "best"), {}, "no preset 'best'"),
        (("--option", "bet=1"), {}, "no option 'bet'"),
        ((), {"refuse": "the model has no chat template; take an instruct model"}, "take an instruct model"),
        ((), {"fails": "the disk has 1 GiB left; free some"}, "free some"),
        ((), {"dropped": "one"}, "1 row would be dropped"),
    ],
)
def test_what_cannot_be_ends_before_step_one_with_a_sentence(
    train: Run, project: Path, words: tuple[str, ...], ways: dict[str, Any], sentence: str
) -> None:
    done = train(*words, ways=ways)
    assert (done.status, done.out) == (1, "")
    assert sentence in done.err
    assert not list((project.parent / "p.runs").glob("[0-9]*"))


def test_words_that_do_not_fit(train: Run, project: Path, lrstudio: Run) -> None:
    assert train("--option", "beta").status == 2
    assert train(recipe="ppo").status == 2
    assert lrstudio("runs", project, "dance").status == 2
    assert lrstudio("runs", project, "compare", "1").status == 2
    assert lrstudio("runs", project, "watch").status == 1
    assert lrstudio("runs", project, "stop", "7").status == 1


def test_rounds_are_judged_without_a_window(train: Run, project: Path, lrstudio: Run) -> None:
    begun = train("--json", recipe="sppo")
    assert begun.status == 0, begun.err
    folder = Path(begun.data["folder"])
    until(lambda: (folder / "rounds" / "001" / "answers.jsonl").exists())
    done = lrstudio("runs", "judge", project, "1", "--follow", "--json")
    assert done.status == 0, done.err
    (judged,) = done.data["rounds"]
    assert (judged["round"], judged["answers"]) == (1, 12)
    assert lrstudio("runs", project, "list", "--json").data["runs"][0]["phase"] == "finished"
    assert lrstudio("runs", project, "judge", "1").status == 1  # it has answered no held-out question


def test_runs_are_compared(train: Run, project: Path, lrstudio: Run) -> None:
    assert train("--watch", "--queue").status == 0
    assert train("--watch", "--queue", "--option", "beta=0.3").status == 0
    assert lrstudio("runs", project, "compare", "1", "2").out == "beta  0.15  |  0.3\n"


def test_stale_pairs_are_told_before_the_launch(train: Run, project: Path, lrstudio: Run) -> None:
    decide = ("decide", project, "--candidate", "port0-a", "--dimension", "helpfulness", "--score", "0")
    assert lrstudio(*decide).status == 0
    done = train("--preflight")
    assert "1 pair of the set went stale since it was frozen" in done.err


def test_a_tiny_model_needs_torch(tmp_path: Path, lrstudio: Run) -> None:
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    done = lrstudio("tiny-model", tmp_path / "tiny", "--python", bare)
    assert done.status == 1
    assert "missing" in done.err
    assert not (tmp_path / "tiny").exists()
