"""`lrstudio sample`: draw candidates from models."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Annotated

import anyio
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lrstudio.cli.common import Answer, AsJson, ProjectPath, Yes, announce, opened, stoppable, usage, verb
from lrstudio.domain.places import Place
from lrstudio.services.keys import find_key
from lrstudio.services.network import transport
from lrstudio.services.sampling import SampleOutcome, SamplePlan, SampleRequest
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import Project


@verb
def sample(
    project: ProjectPath,
    question: Annotated[list[str] | None, typer.Option(help="For this question; may be repeated.")] = None,
    every: Annotated[bool, typer.Option("--all", help="For all questions.")] = False,
    base_url: Annotated[str, typer.Option(help="The address of an OpenAI-compatible endpoint.")] = "",
    model: Annotated[list[str] | None, typer.Option(help="A model's name there; may be repeated.")] = None,
    count: Annotated[int, typer.Option(help="Answers of each model to each question.")] = 1,
    temperature: Annotated[float, typer.Option(help="How freely they are drawn.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the first answer; the next ones count up.")] = 0,
    system: Annotated[str, typer.Option(metavar="TEXT", help="A system message.")] = "",
    max_tokens: Annotated[int, typer.Option(help="The longest answer.")] = 1024,
    concurrency: Annotated[int | None, typer.Option(help="Calls in flight.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for one call.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what it would take, and send nothing.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> Answer:
    """Draw answers to questions from models and keep them as candidates; what was drawn before is not drawn again."""
    if bool(question) == every:
        usage("name the questions with --question, or take --all")
    http = SettingsStore().load().http
    request = SampleRequest(
        base_url=base_url or http.base_url,
        models=tuple(dict.fromkeys(model or ([http.model] if http.model else []))),
        question_ids=None if every else tuple(question or ()),
        count=count,
        temperature=temperature,
        seed=seed,
        system=system,
        max_tokens=max_tokens,
        api_key=find_key(),
        concurrency=http.concurrency if concurrency is None else concurrency,
        timeout=http.timeout if timeout is None else timeout,
        input_price=http.input_price or None,
        output_price=http.output_price or None,
        transport=transport(http),
        agreed=yes,
    )
    started = time.monotonic()
    with opened(project) as it:
        announce(it.sampling.outgoing(request))
        if plan:
            return _planned(project, anyio.run(it.sampling.plan, request))
        with stoppable():
            outcome = _run_with_bar(it, request)
    return _answer(project, outcome, seconds=time.monotonic() - started)


def _run_with_bar(project: Project, request: SampleRequest) -> SampleOutcome:
    columns = (TextColumn("answers"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        line = bar.add_task("answers", total=None)

        def told(done: int, total: int) -> None:
            bar.update(line, completed=done, total=total)

        return anyio.run(partial(project.sampling.run, request, told=told))


def _planned(path: Place, plan: SamplePlan) -> Answer:
    data = {
        "project": str(path),
        "calls": plan.calls,
        "logged": plan.logged,
        "input_tokens": plan.input_tokens,
        "output_tokens_at_most": plan.output_tokens,
        "cost_at_most": plan.cost,
        "without_text": list(plan.without_text),
    }
    cost = "" if plan.cost is None else f", {plan.cost:.2f} $ at most"
    words = (
        f"{plan.calls} calls to send, {plan.logged} in the log; about {plan.input_tokens:,} tokens in, "
        f"{plan.output_tokens:,} out at most{cost}"
    )
    problems = tuple(f"{name}: its document has no text here" for name in plan.without_text)
    return Answer(data, words, problems=problems)


def _answer(path: Place, outcome: SampleOutcome, *, seconds: float) -> Answer:
    failed = {reason.value: count for reason, count in outcome.failed.items()}
    data = {
        "project": str(path),
        "new": outcome.new,
        "same": outcome.same,
        "failed": failed,
        "calls": outcome.calls,
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "cost": outcome.cost,
        "seconds": round(seconds, 3),
    }
    words = f"{outcome.new} new candidates, {outcome.same} there already; {outcome.calls} calls, {seconds:.1f} s"
    problems = tuple(f"{count} answers left out: {reason.words}" for reason, count in outcome.failed.items())
    return Answer(data, words, problems=problems, complete=not outcome.failed)
