"""Training on a host from the command line: a real OpenSSH server on loopback, real processes, the toy worker."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lrstudio.training.far import imports
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts.bootstrap import NEEDED
from tests.doubles.sshd_server import SshdServer
from tests.doubles.toy_runs import until
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import ROOT, SET, TOY, trained_project

Run = Callable[..., Any]

# `python -m lrstudio.worker ...` becomes the toy, which needs none of the packages that are asked for: that they load
# is said at once, as it takes seconds. Anything else goes to the real Python.
_TOY_PYTHON = """#!/bin/sh
if [ "$2" = lrstudio.training.far.imports ]; then echo '{loads}'; exit; fi
if [ "$2" = lrstudio.worker ]; then shift 2; export PYTHONPATH={root}; exec {python} {toy} "$@"; fi
exec {python} "$@"
"""
_LOADS = imports.MARK + json.dumps(
    {"python": sys.version_info[:3], "versions": dict.fromkeys(NEEDED, "1"), "fails": {}}
)


@pytest.fixture
def far(sshd: SshdServer, tmp_path: Path) -> Iterator[Path]:
    """The folder of the studio on the host."""
    folder = tmp_path / "a far $(folder)"
    yield folder
    for path in folder.glob("runs/*/[0-9]*"):
        for claim in RunFolder(path).claims():
            if claim.holder.alive():
                with suppress(ProcessLookupError):
                    os.kill(claim.holder.pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def project(sshd: SshdServer, far: Path, tmp_path: Path, lrstudio: Run) -> Path:
    made = trained_project(tmp_path / "p.lrs")
    made.close()
    python = tmp_path / "toy python"
    python.write_text(_TOY_PYTHON.format(python=sys.executable, toy=TOY[0], root=ROOT, loads=_LOADS))
    python.chmod(0o755)
    added = lrstudio("hosts", "add", "box", sshd.address, "--folder", far, "--python", f"'{python}'")
    assert added.status == 0, added.err
    assert isinstance(made.path, Path)
    return made.path


def train(lrstudio: Run, project: Path, *words: object, steps: int = 6, **ways: Any) -> Any:
    model = toy_model(project.parent / "model", **ways)
    asked = ("--set", SET, "--recipe", "dpo", "--model", model, "--host", "box", "--option", f"max_steps={steps}")
    return lrstudio("train", project, *asked, *words)


def test_a_run_on_a_host_is_followed_stopped_gone_on_with_and_removed(
    lrstudio: Run, project: Path, far: Path, tmp_path: Path
) -> None:
    done = train(lrstudio, project, "--name", "away", "--watch", "--json")
    assert done.status == 0, done.err
    assert "sends the rows to box" in done.err
    assert (done.data["host"], done.data["phase"], done.data["points"]) == ("box", "finished", 6)

    slow = train(lrstudio, project, "--name", "slow", "--json", steps=2000, seconds=0.1)
    assert slow.status == 0, slow.err
    assert slow.data["life"] == "alive"
    run = next(far.glob("runs/*/002-*"))
    until(lambda: (state := RunFolder(run).state()) is not None and state.phase.value == "running")
    first, second = lrstudio("runs", project, "list", "--json").data["runs"]
    assert (first["phase"], second["host"], second["life"]) == ("finished", "box", "alive")
    assert " box " in lrstudio("runs", project, "list").out
    stopped = lrstudio("runs", project, "stop", "slow", "--json")
    assert stopped.status == 0, stopped.err
    assert (stopped.data["phase"], stopped.data["can_resume"]) == ("stopped", True)
    no = lrstudio("runs", project, "fetch", "slow")
    assert no.status != 0
    assert "no result yet" in no.err

    for model in far.glob("models/*/toy.json"):
        model.write_text("{}")  # from now on it is quick
    shutil.rmtree(project.with_suffix(".runs"))  # as on another computer
    resumed = lrstudio("runs", project, "resume", "2", "--watch", "--json")
    assert resumed.status == 0, resumed.err
    assert (resumed.data["phase"], resumed.data["attempt"], resumed.data["points"]) == ("finished", 2, 2000)

    (run / "result" / "adapter").mkdir(parents=True)
    (run / "result" / "card.md").write_text("what it came to")
    fetched = lrstudio("runs", project, "fetch", "2", "--json")
    assert fetched.status == 0, fetched.err
    assert (Path(fetched.data["result"]) / "card.md").read_text() == "what it came to"
    assert lrstudio("runs", project, "remove", "1", "2").status == 0
    assert not list(far.glob("runs/*/*"))
    assert lrstudio("runs", project, "list", "--json").data["runs"] == []


def test_a_host_that_cannot_be_asked_is_said_so_and_a_run_there_can_be_forgotten(
    lrstudio: Run, project: Path, far: Path, sshd: SshdServer
) -> None:
    assert train(lrstudio, project, "--name", "away", steps=4000, seconds=0.1).status == 0
    sshd.stop()
    (row,) = lrstudio("runs", project, "list", "--json").data["runs"]
    until(lambda: lrstudio("runs", project, "list", "--json").data["runs"][0]["life"] == "unknown", pause=0.5)
    (row,) = lrstudio("runs", project, "list", "--json").data["runs"]
    assert (row["life"], row["can_resume"]) == ("unknown", False)
    assert row["since"]
    assert "unknown since" in lrstudio("runs", project, "list").out
    assert lrstudio("runs", project, "remove", "away").status != 0
    gone = lrstudio("runs", project, "remove", "away", "--forget")
    assert gone.status == 0, gone.err
    assert RunFolder(next(far.glob("runs/*/001-*"))).exit() is None
