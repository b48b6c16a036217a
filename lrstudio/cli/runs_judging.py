"""`lrstudio runs judge`: a judge for what a run answers, without a window."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lrstudio.cli.common import Answer, announce, say, stoppable
from lrstudio.cli.following import goes_on, in_touch
from lrstudio.cli.judge import answer as judged_answer
from lrstudio.judge.protocol import Emit, JudgeEvent
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.training_answers import RoundJudged
from lrstudio.services.wiring import Project
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase
from lrstudio.viewstate.audit_signs import counted

_TICK = 0.5

T = TypeVar("T")


def judge_run(project: Project, run_id: str, request: JudgeRequest, *, to_the_end: bool) -> Answer:
    """Judge what a run answers: the round that an SPPO run waits with, else its answers to held-out questions.

    Args:
        project: the project.
        run_id: the run.
        request: the judge.
        to_the_end: of an SPPO run every round that comes, until it is over.
    """
    announce(project.training.outgoing(run_id, request))
    detail = project.training.run(run_id)
    over = detail.row.life is Life.DEAD
    if detail.spec.recipe == "sppo" and not (over and detail.row.phase is Phase.FINISHED):
        return _rounds(project, run_id, request, to_the_end=to_the_end)
    started = time.monotonic()
    with stoppable(), _bar(request.judge) as emit:
        outcome = _run(partial(project.training.judge_answers, run_id, request, emit=emit))
    return judged_answer(project.path, outcome, seconds=time.monotonic() - started)


def _rounds(project: Project, run_id: str, request: JudgeRequest, *, to_the_end: bool) -> Answer:
    done: list[RoundJudged] = []
    with stoppable(), in_touch(project, run_id):
        while True:
            with _bar(request.judge) as emit:
                found = _run(partial(project.training.judge_round, run_id, request, emit=emit))
            if found is not None:
                done.append(found)
                say(f"lrstudio: round {found.number}: {counted(found.answers, 'answer')}, {found.unscored} unscored")
            if not to_the_end or (found is None and not goes_on(project.training.run(run_id).row)):
                break
            time.sleep(_TICK)
    rounds = [{"round": it.number, "answers": it.answers, "unscored": it.unscored} for it in done]
    data: dict[str, Any] = {"project": str(project.path), "run_id": run_id, "rounds": rounds}
    return Answer(data, f"{counted(len(done), 'round')} judged" if done else "the run waits for no judge now")


def _run(work: Callable[[], Awaitable[T]]) -> T:
    return anyio.run(work)


@contextmanager
def _bar(name: str) -> Iterator[Emit]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        line = bar.add_task(name, total=None)

        def emit(event: JudgeEvent) -> None:
            bar.update(line, completed=event.progress.done, total=event.progress.total)

        yield emit
