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

from lrstudio.cli import judge_ahead
from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, usage, verb
from lrstudio.domain.verdicts import Dimension
from lrstudio.judge.batch import BYTES, ROWS
from lrstudio.judge.protocol import JudgeEvent
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import JudgeOutcome
from lrstudio.services.keys import find_key
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import Project


@verb
def judge(
    project: ProjectPath,
    judge: Annotated[str, typer.Option(help="lexical, scripted or http.")] = "lexical",
    base_url: Annotated[str, typer.Option(help="http: the address of an OpenAI-compatible endpoint.")] = "",
    model: Annotated[str, typer.Option(help="http: the model's name there.")] = "",
    script: Annotated[Path | None, typer.Option(help="scripted: a JSON file with its verdicts.")] = None,
    prompts: Annotated[Path | None, typer.Option(help="http: a folder with another prompt pack.")] = None,
    tokenizer: Annotated[str, typer.Option(help="A tokenizer.json to chunk with, else the studio's own.")] = "",
    dimension: Annotated[list[Dimension] | None, typer.Option(help="Only this dimension; may be repeated.")] = None,
    candidate: Annotated[list[str] | None, typer.Option(help="Only this candidate; may be repeated.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Calls in flight, at most.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for one call.")] = None,
    samples: Annotated[int, typer.Option(help="http: how often each scoring and support call is made.")] = 1,
    limit: Annotated[int | None, typer.Option(help="Only the first N candidates that are outstanding.")] = None,
    spend_limit: Annotated[float | None, typer.Option(help="http: stop before more than this is spent.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print calls, tokens and cost; send nothing.")] = False,
    batch_out: Annotated[Path | None, typer.Option(help="http: write the outstanding calls as a batch file.")] = None,
    batch_in: Annotated[list[Path] | None, typer.Option(help="http: read batch results; may be repeated.")] = None,
    batch_rows: Annotated[int, typer.Option(min=1, help="Calls in one batch file, at most.")] = ROWS,
    batch_bytes: Annotated[int, typer.Option(min=1, help="Bytes of one batch file, at most.")] = BYTES,
    as_json: AsJson = False,
) -> Answer:
    """Judge all candidates, or finish the run of this judge that was broken off."""
    if sum((plan, batch_out is not None, bool(batch_in))) > 1:
        usage("--plan, --batch-out and --batch-in are three different things: give one of them")
    http = SettingsStore().load().http
    request = JudgeRequest(
        judge=judge,
        base_url=base_url or http.base_url,
        model=model or http.model,
        api_key=find_key() if judge == "http" else None,
        script=script,
        prompts=prompts,
        tokenizer=tokenizer,
        dimensions=tuple(dimension) if dimension else tuple(Dimension),
        candidate_ids=tuple(candidate) if candidate else None,
        concurrency=http.concurrency if concurrency is None else concurrency,
        timeout=http.timeout if timeout is None else timeout,
        input_price=http.input_price or None,
        output_price=http.output_price or None,
        samples=samples,
        limit=limit,
        spend_limit=spend_limit,
        requests_per_minute=http.requests_per_minute,
        tokens_per_minute=http.tokens_per_minute,
    )
    started = time.monotonic()
    with opened(project) as it:
        if plan:
            return judge_ahead.plan(it, request)
        if batch_out:
            return judge_ahead.batch_out(it, request, batch_out, rows=batch_rows, size=batch_bytes)
        if batch_in:
            outcome, read = anyio.run(it.judging.batch_in, request, batch_in)
            return judge_ahead.with_batch(answer(project, outcome, seconds=time.monotonic() - started), read)
        outcome = run_with_bar(it, request)
    return answer(project, outcome, seconds=time.monotonic() - started)


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


def answer(path: Path, outcome: JudgeOutcome, *, seconds: float) -> Answer:
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
    problems = (f"lrstudio: {outcome.stopped}",) if outcome.stopped else ()
    return Answer(data, "\n".join(lines), problems, complete=not outcome.stopped)
