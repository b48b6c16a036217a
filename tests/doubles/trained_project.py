"""A project with a frozen set on several documents, and training with the toy worker."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.pairs import PairRule, PairState, RuleName
from lrstudio.domain.sets import Split
from lrstudio.services.training import Training
from lrstudio.services.wiring import Project, create_project
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from tests.doubles.rated_project import add_question, start_run

SET = "gold"
LONGEST = 3
"""The number of the document that is longer than the others."""
ROOT = Path(__file__).parents[2]
TOY = (str(Path(__file__).with_name("toy_worker.py")),)

WORDS = "The harbour of {name} was mined in 1943. A convoy of nine ships left {name} in May. The pilot was Anna Berg."
FILLER = "Chapter {0} tells of rope, tar and canvas, and of what {1} sailmakers were paid for {0} sails."


def trained_project(path: Path, *, documents: int = 8, chapters: int = 80) -> Project:
    """Make it: a question with two candidates on each document, all pairs in the set `gold`."""
    project = create_project(path, title="Harbours", reviewer="ann")
    store = project._store
    start_run(store)
    for number in range(documents):
        name = f"port{number}"
        more = 2 if number == LONGEST else 0
        filler = "\n\n".join(FILLER.format(it, it * 7) for it in range(1, chapters + more))
        answers = {f"{name}-a": f"The harbour of {name} was mined in 1943.", f"{name}-b": "It was never mined."}
        scores = {f"{name}-a": (9, 9, 9, 9), f"{name}-b": (2, 2, 2, 2)}
        add_question(
            store,
            scores,
            question_id=f"q{number}",
            document_id=name,
            texts=answers,
            licence="CC-BY-4.0",
            text=f"{filler}\n\n{WORDS.format(name=name)}\n\n{filler}",
        )
    project.pairs.propose(PairRule(RuleName.MARGIN))
    for row in list(project._store.pairs.stream(PairFilter())):
        project.pairs.approve(row.pair.pair_id)
    wanted = PairFilter(states=(PairState.GOLD,))
    project.sets.freeze(SET, wanted=wanted, split=Split((0.7, 0.3, 0.0), seed=2))
    return project


def trained_file(path: Path, *, documents: int = 8, chapters: int = 80) -> Path:
    """Lay down the file of a `trained_project`, a copy of the one that this process has made before."""
    path.write_bytes(_file_of(documents, chapters))
    return path


@cache
def _file_of(documents: int, chapters: int) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "p.lrs"
        trained_project(path, documents=documents, chapters=chapters).close()
        assert [it.name for it in path.parent.glob("*.lrs*")] == [path.name], "all of it is in the file"
        return path.read_bytes()


def toy_training(project: Project) -> Training:
    """Return the training of a project with the toy worker."""
    return Training(project._store, pairs=project.pairs, sets=project.sets, judging=project.judging, worker=TOY)


def ended(training: Training, run_id: str, *, seconds: float = 60.0) -> wire.Exit:
    """Wait until the latest attempt of a run has ended."""
    folder = RunFolder(training.home / run_id)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        said = folder.exit()
        if said is not None and said.attempt == len(folder.claims()):
            return said
        time.sleep(0.02)
    raise AssertionError(f"the run did not end: {folder.state()}")


def kill_all(home: Path) -> None:
    """End the supervisors of all runs of a project that still live."""
    for path in home.glob("[0-9]*") if home.is_dir() else ():
        for claim in RunFolder(path).claims():
            if claim.holder.alive():
                with suppress(ProcessLookupError):
                    os.kill(claim.holder.pid, signal.SIGKILL)


PYTHON = Path(sys.executable)
