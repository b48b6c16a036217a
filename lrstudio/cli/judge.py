"""`lrstudio judge`: run a judge over the candidates of a project."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lrstudio.cli import judge_ahead, judge_on
from lrstudio.cli.common import Answer, AsJson, ProjectPath, announce, opened, say, stoppable, usage, verb, with_options
from lrstudio.cli.judge_options import JudgeOptions
from lrstudio.domain.places import Place
from lrstudio.domain.verdicts import Reason, State
from lrstudio.judge.batch import BYTES, ROWS
from lrstudio.judge.protocol import JudgeEvent
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import JudgeOutcome
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import Project

_FAILED = f"{State.UNSCORED.value}: {Reason.CALL_FAILED.value}"


@verb
@with_options(JudgeOptions)
def judge(
    project: ProjectPath,
    options: JudgeOptions,
    *,
    plan: Annotated[bool, typer.Option("--plan", help="Print calls, tokens and cost; send nothing.")] = False,
    batch_out: Annotated[Path | None, typer.Option(help="http: write the outstanding calls as a batch file.")] = None,
    batch_in: Annotated[list[Path] | None, typer.Option(help="http: read batch results; may be repeated.")] = None,
    batch_rows: Annotated[int, typer.Option(min=1, help="Calls in one batch file, at most.")] = ROWS,
    batch_bytes: Annotated[int, typer.Option(min=1, help="Bytes of one batch file, at most.")] = BYTES,
    on: Annotated[str, typer.Option(metavar="HOST", help="http: let this host answer the calls, by batch files.")] = "",
    context: Annotated[int, typer.Option(min=0, help="--on: tokens that prompt and reply may have there.")] = 0,
    end: Annotated[bool, typer.Option("--end", help="--on: end what is under way there.")] = False,
    as_json: AsJson = False,
) -> Answer:
    """Judge all candidates, or finish the run of this judge that was broken off."""
    if sum((plan, batch_out is not None, bool(batch_in))) > 1:
        usage("--plan, --batch-out and --batch-in are three different things: give one of them")
    if on and (batch_out or batch_in or options.base_url):
        usage("--on takes the place of an address and of batch files of one's own: leave those out")
    if (end or context) and not on:
        usage("--end and --context go with --on HOST")
    request = options.request(SettingsStore().load().http, on=on, context=context)
    started = time.monotonic()
    with opened(project) as it:
        if plan:
            return judge_ahead.plan(it, request)
        if end:
            return judge_on.end_on(it, on=on)
        if on:
            announce(it.judge_batches.outgoing(request))
            outcome = judge_on.run_on(it, request)
            return judge_on.with_waves(answer(it.path, outcome, seconds=time.monotonic() - started), it, on=on)
        announce(it.judging.outgoing(request))
        if batch_out:
            return judge_ahead.batch_out(it, request, batch_out, rows=batch_rows, size=batch_bytes)
        if batch_in:
            outcome, read = anyio.run(it.judging.batch_in, request, batch_in)
            return judge_ahead.with_batch(answer(it.path, outcome, seconds=time.monotonic() - started), read)
        if request.serve:
            say(f"lrstudio: the server's output goes to {it.judging.server_log()}")
        with stoppable():
            outcome = run_with_bar(it, request)
        return answer(it.path, outcome, seconds=time.monotonic() - started)


def run_with_bar(project: Project, request: JudgeRequest) -> JudgeOutcome:
    """Run the judge with a progress bar on standard error, where that is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} {task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        line = bar.add_task(request.judge, total=None, counts="")

        def emit(event: JudgeEvent) -> None:
            now = event.progress
            cost = "" if now.cost is None else f", {now.cost:.2f} $"
            bar.update(line, completed=now.done, total=now.total, counts=f"({now.calls} calls{cost})")

        return anyio.run(partial(project.judging.run, request, emit=emit))


def answer(path: Place, outcome: JudgeOutcome, *, seconds: float) -> Answer:
    """Say what a judge run came to."""
    run = outcome.run
    data = {
        "project": str(path),
        "run_id": run.run_id,
        "judge": run.identity.judge,
        "model": run.identity.model,
        "prompt_pack": run.identity.prompt_pack,
        "tokenizer": run.identity.tokenizer,
        "state": run.state.value,
        "resumed": outcome.resumed,
        "candidates": len(outcome.changes.judgments),
        "calls": run.calls,
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "cost": run.cost,
        "states": {dimension.value: dict(states) for dimension, states in outcome.states.items()},
        "left": outcome.left,
        "stopped": outcome.stopped,
        "seconds": round(seconds, 3),
    }
    lines = [f"{run.identity.judge}: {len(outcome.changes.judgments)} candidates, {run.calls} calls, {seconds:.1f} s"]
    for dimension, states in outcome.states.items():
        lines.append(
            f"  {dimension.value:<13} " + ", ".join(f"{count} {name}" for name, count in sorted(states.items()))
        )
    if outcome.left:
        lines.append(f"{outcome.left} candidates are left; run again to go on")
    problems = [f"lrstudio: {outcome.stopped}"] if outcome.stopped else []
    if failed := sum(states.get(_FAILED, 0) for states in outcome.states.values()):
        problems.append(f"lrstudio: {failed} judgments failed because a call did; judge again to try them anew")
    return Answer(data, "\n".join(lines), tuple(problems), complete=not problems)
