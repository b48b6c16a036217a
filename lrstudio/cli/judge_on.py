"""`lrstudio judge --on HOST`: the calls are answered by batch files on a host."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lrstudio.cli.common import Answer, say, stoppable
from lrstudio.judge.protocol import Emit, JudgeEvent
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import JudgeOutcome
from lrstudio.services.wiring import Project
from lrstudio.store.records import JudgeBatch

_LINE_SECONDS = 10.0


def run_on(project: Project, request: JudgeRequest) -> JudgeOutcome:
    """Judge on a host; where the command is ended, say that the batch is not."""
    batches = project.judge_batches
    try:
        with stoppable(), _shown(request.model) as emit:
            return anyio.run(partial(batches.run, request, emit=emit))
    except KeyboardInterrupt:
        for batch in batches.under_way():
            say(
                f"lrstudio: {batch.calls:,} calls of wave {batch.wave} go on at {batch.host}; the same words again "
                "take their replies in, with --end they are ended"
            )
        raise


def end_on(project: Project, *, on: str) -> Answer:
    """End what is under way on a host."""
    ended = project.judge_batches.end(on)
    words = [f"wave {batch.wave}: {batch.calls:,} calls ended on {on}" for batch in ended]
    data = {"project": str(project.path), "host": on, "ended": [_row(batch) for batch in ended]}
    return Answer(data, "\n".join([*words, "judge again to take in what was answered"]))


def with_waves(answer: Answer, project: Project, *, on: str) -> Answer:
    """Add to what a judge run came to which waves it took."""
    batches = project.judge_batches.of_run(answer.data["run_id"])
    data = answer.data | {"host": on, "waves": [_row(batch) for batch in batches]}
    words = [f"wave {it.wave}: {it.calls:,} calls on {it.host}" + (f" ({it.why})" if it.why else "") for it in batches]
    return Answer(data, "\n".join([answer.words, *words]), answer.problems, answer.complete)


def _row(batch: JudgeBatch) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "wave": batch.wave,
        "host": batch.host,
        "model": batch.model,
        "calls": batch.calls,
        "files": len(batch.files),
        "state": batch.state.value,
        "why": batch.why,
        "created": batch.created,
    }


@contextmanager
def _shown(name: str) -> Iterator[Emit]:
    """Show a bar where there is a terminal, else a line now and then."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} judgments"))
    terminal = sys.stderr.isatty()
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, disable=not terminal) as bar:
        line = bar.add_task(name, total=None)
        said, at = "", float("-inf")

        def emit(event: JudgeEvent) -> None:
            nonlocal said, at
            now = event.progress
            bar.update(line, description=now.stage or name, completed=now.done, total=now.total)
            kind = "".join(letter for letter in now.stage if not letter.isdigit())
            if not terminal and now.stage and (kind != said or time.monotonic() - at > _LINE_SECONDS):
                said, at = kind, time.monotonic()
                say(f"lrstudio: {now.stage}")

        yield emit
