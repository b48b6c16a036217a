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

from lrstudio.cli.common import Answer, AsJson, ProjectPath, Yes, announce, opened, say, stoppable, verb
from lrstudio.domain.verdicts import Dimension, RunState
from lrstudio.judge.protocol import JudgeEvent
from lrstudio.judge.transport import Transport
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import JudgeOutcome
from lrstudio.services.keys import find_embedding_key, find_key
from lrstudio.services.network import transport
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import Project


@verb
def judge(
    project: ProjectPath,
    judge: Annotated[str, typer.Option(help="lexical, scripted or http; http where --serve is given.")] = "",
    base_url: Annotated[str, typer.Option(help="http: the address of an OpenAI-compatible endpoint.")] = "",
    model: Annotated[str, typer.Option(help="http: the model's name there.")] = "",
    script: Annotated[Path | None, typer.Option(help="scripted: a JSON file with its verdicts.")] = None,
    prompts: Annotated[Path | None, typer.Option(help="http: a folder with another prompt pack.")] = None,
    tokenizer: Annotated[str, typer.Option(help="A tokenizer.json to chunk with, else the studio's own.")] = "",
    retrieval: Annotated[str, typer.Option(help="http: bm25, embeddings, local or fusion.")] = "bm25",
    embedding_model: Annotated[str, typer.Option(help="The embedding model's name, or its folder.")] = "",
    embedding_base_url: Annotated[str, typer.Option(help="Where it is, else where the judge is.")] = "",
    serve: Annotated[
        str, typer.Option(metavar="COMMAND", help="http: start this server on a free port, use it, stop it.")
    ] = "",
    serve_timeout: Annotated[float, typer.Option(help="Seconds until that server must be ready.")] = 900.0,
    dimension: Annotated[list[Dimension] | None, typer.Option(help="Only this dimension; may be repeated.")] = None,
    candidate: Annotated[list[str] | None, typer.Option(help="Only this candidate; may be repeated.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Calls in flight.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for one call.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> Answer:
    """Judge all candidates, or finish the run of this judge that was broken off."""
    http = SettingsStore().load().http
    judge = judge or ("http" if serve else "lexical")
    if judge == "http" and not base_url:
        serve = serve or http.serve
    request = JudgeRequest(
        judge=judge,
        base_url=base_url or http.base_url,
        model=model or ("" if serve else http.model),
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
        retrieval=retrieval,
        embedding_model=embedding_model,
        embedding_base_url=embedding_base_url,
        embedding_key=find_embedding_key() if embedding_base_url else None,
        serve=serve,
        serve_timeout=serve_timeout,
        transport=transport(http) if judge == "http" else Transport(),
        agreed=yes,
    )
    started = time.monotonic()
    with opened(project) as it:
        announce(it.judging.outgoing(request))
        if serve:
            say(f"lrstudio: the server's output goes to {it.judging.server_log()}")
        with stoppable():
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
        "seconds": round(seconds, 3),
    }
    lines = [f"{run.identity.judge}: {len(outcome.changes.judgments)} candidates, {run.calls} calls, {seconds:.1f} s"]
    for dimension, states in outcome.states.items():
        lines.append(
            f"  {dimension.value:<13} " + ", ".join(f"{count} {name}" for name, count in sorted(states.items()))
        )
    return Answer(data, "\n".join(lines), complete=run.state is RunState.DONE)
