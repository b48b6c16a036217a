"""Following a run from the command line: a bar where there is a terminal, a line now and then where there is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lrstudio.cli.common import Answer, say
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.wiring import Project
from lrstudio.training.hosts.mirror import clock
from lrstudio.training.runs import RunNews, RunRow
from lrstudio.training.status import Life
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Phase

_TICK = 0.25
_LINE_SECONDS = 10.0
_STILL_SECONDS = 60.0


def follow(
    project: Project, run_id: str, *, whole: bool = False, between: Callable[[RunNews], None] = lambda _news: None
) -> RunWatch:
    """Follow a run until nobody works on it any more; warnings and what it answers are said as they come.

    Its answers to held-out questions are judged by the lexical judge on the way.

    Args:
        project: the project.
        run_id: the run.
        whole: say what it has printed, too.
        between: called with what is new.
    """
    watch = project.training.watch(run_id)
    score = partial(project.training.score_samples, run_id, JudgeRequest("lexical"), emit=lambda _event: None)
    with _shown() as show, in_touch(project, run_id):
        while True:
            news = watch.poll()
            for line in news.log if whole else ():
                say(line)
            for told in news.told:
                say(f"lrstudio: {f'step {told.step}: ' if told.step else ''}{told.why}")
            if watch.unscored():
                anyio.run(score)
            show(news.row)
            between(news)
            if not goes_on(news.row):
                watch.poll()
                return watch
            time.sleep(_TICK)


def goes_on(row: RunRow) -> bool:
    """Tell whether it is worth waiting for a run: it lives, or is on a host that may answer again."""
    return row.life is Life.ALIVE or (row.life is Life.UNKNOWN and bool(row.host))


@contextmanager
def in_touch(project: Project, run_id: str) -> Iterator[None]:
    """Ask the host of a run again and again meanwhile; nothing for a run of this machine."""
    if not project.training.run(run_id).row.host:
        yield
        return
    project.training.sync(run_id)
    with project.training.keep_in_touch(lambda _run_ids: None):
        yield


@contextmanager
def _shown() -> Iterator[Callable[[RunRow], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} {task.fields[said]}"),
    )
    terminal = sys.stderr.isatty()
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, disable=not terminal) as bar:
        task = bar.add_task("starting", total=None, said="")
        at, phase, step = float("-inf"), "", 0

        def show(row: RunRow) -> None:
            nonlocal at, phase, step
            bar.update(task, description=phase_words(row), completed=row.step, total=row.steps, said=_figures(row))
            now = time.monotonic()
            due = now - at >= (_LINE_SECONDS if row.step != step else _STILL_SECONDS)
            if not terminal and (phase_words(row) != phase or due):
                at, phase, step = now, phase_words(row), row.step
                say(f"lrstudio: {phase} {_steps(row)} {_figures(row)}".rstrip())

        yield show


def phase_words(row: RunRow) -> str:
    """Say where a run stands."""
    if row.life is Life.UNKNOWN:
        return f"unknown since {clock(row.since)}" if row.since else "unknown"
    return (row.phase.value if row.phase else "not started").replace("_", " ")


def _steps(row: RunRow) -> str:
    return f"{row.step}/{row.steps}" if row.steps else ""


def _figures(row: RunRow) -> str:
    loss = "" if row.loss is None else f"loss {row.loss:.4f}"
    left = "" if row.seconds_left is None else f"{time_words(row.seconds_left)} left"
    reward = "" if row.reward_last is None else f"reward {row.reward_last:.2f}"
    return ", ".join(part for part in (loss, reward, left) if part)


def time_words(seconds: float) -> str:
    """Say a time: 45 s, 3:20 min or 2:05 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02d} min" if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02d} h"


def run_data(row: RunRow) -> dict[str, Any]:
    """Return the row of a run as --json has it."""
    return {
        "run_id": row.run_id,
        "number": row.number,
        "name": row.name,
        "recipe": row.recipe,
        "set": row.set_name,
        "model": row.model,
        "created": row.created,
        "life": row.life.value,
        "phase": row.phase.value if row.phase else None,
        "why": row.why,
        "attempt": row.attempt,
        "step": row.step,
        "steps": row.steps,
        "loss": row.loss,
        "seconds_left": row.seconds_left,
        "seconds_per_pair": row.seconds_per_pair,
        "reward_first": row.reward_first,
        "reward_last": row.reward_last,
        "host": row.host,
        "since": row.since,
        "queued": row.queued,
        "can_resume": row.can_resume,
        "notes": row.notes,
    }


def followed(watch: RunWatch, project: Project) -> Answer:
    """Say how a run that was followed stands now; it is all done where it has finished."""
    row = watch.poll().row
    data: dict[str, Any] = {"project": str(project.path), **run_data(row), "engine": watch.engine}
    data["points"] = len(watch.curve.points)
    data["samples"] = [
        {"step": it.step, "row_id": it.row_id, "text": it.text, "reward": it.reward} for it in watch.samples
    ]
    data["told"] = [{"step": it.step, "rule": it.rule, "why": it.why} for it in watch.told]
    words = f"{row.name}: {phase_words(row)} {_steps(row)} {_figures(row)}".rstrip()
    if row.phase is Phase.FINISHED:
        return Answer(data, words)
    on = f"; go on with `lrstudio runs resume {project.path} {row.number}`" if row.can_resume else ""
    why = row.why or phase_words(row)
    return Answer(data, words, problems=(f"lrstudio: {row.name} has not finished: {why}{on}",), complete=False)
