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

from lrstudio.cli.common import Answer, AsJson, ProjectPath, one_of, opened, verb
from lrstudio.domain.verdicts import Dimension, Reason, State
from lrstudio.judge.protocol import JudgeEvent
from lrstudio.services.judges import JUDGES, JudgeRequest
from lrstudio.services.judging import JudgeOutcome
from lrstudio.services.keys import find_key
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import Project

_FAILED = f"{State.UNSCORED.value}: {Reason.CALL_FAILED.value}"


@verb
def judge(
    project: ProjectPath,
    judge: Annotated[str, one_of(JUDGES, help="Which judge.")] = "lexical",
    base_url: Annotated[str, typer.Option(help="http: the address of an OpenAI-compatible endpoint.")] = "",
    model: Annotated[str, typer.Option(help="http: the model's name there.")] = "",
    script: Annotated[Path | None, typer.Option(help="scripted: a JSON file with its verdicts.")] = None,
    prompts: Annotated[Path | None, typer.Option(help="http: a folder with another prompt pack.")] = None,
    tokenizer: Annotated[
        str, typer.Option(help="A tokenizer.json or hub id to chunk with, else the studio's own.")
    ] = "",
    dimension: Annotated[list[Dimension] | None, typer.Option(help="Only this dimension; may be repeated.")] = None,
    candidate: Annotated[list[str] | None, typer.Option(help="Only this candidate; may be repeated.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Calls in flight.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for one call.")] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="The judge run that another machine began here is over: go on.")
    ] = False,
    as_json: AsJson = False,
) -> Answer:
    """Judge all candidates, or finish the run of this judge that was broken off."""
    http = SettingsStore().load().http
    request = JudgeRequest(
        judge=judge,
        base_url=base_url or http.base_url,
        model=model or http.model,
        api_key=find_key() if judge == "http" else None,
        script=script,
        prompts=prompts or (Path(http.prompts) if http.prompts else None),
        tokenizer=tokenizer or (http.tokenizer if judge == "http" else ""),
        dimensions=tuple(dimension) if dimension else tuple(Dimension),
        candidate_ids=tuple(candidate) if candidate else None,
        concurrency=http.concurrency if concurrency is None else concurrency,
        timeout=http.timeout if timeout is None else timeout,
        input_price=http.input_price or None,
        output_price=http.output_price or None,
        take_over=take_over,
    )
    started = time.monotonic()
    with opened(project) as it:
        outcome = run_with_bar(it, request)
        path = it.path
    return answer(path, outcome, seconds=time.monotonic() - started)


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
        "seconds": round(seconds, 3),
    }
    lines = [f"{run.identity.judge}: {len(outcome.changes.judgments)} candidates, {run.calls} calls, {seconds:.1f} s"]
    for dimension, states in outcome.states.items():
        lines.append(
            f"  {dimension.value:<13} " + ", ".join(f"{count} {name}" for name, count in sorted(states.items()))
        )
    failed = sum(states.get(_FAILED, 0) for states in outcome.states.values())
    problems = (
        (f"lrstudio: {failed} judgments failed because a call did; judge again to try them anew",) if failed else ()
    )
    return Answer(data, "\n".join(lines), problems=problems, complete=not failed)
