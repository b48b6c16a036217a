"""`lrstudio judge --plan`, `--batch-out` and `--batch-in`: what is said before and beside a judge run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from lrstudio.cli.common import Answer
from lrstudio.domain.verdicts import Dimension
from lrstudio.judge.plan import Effort
from lrstudio.services.batches import BatchRead
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.wiring import Project

_NAMED = 5


def plan(project: Project, request: JudgeRequest) -> Answer:
    """Say what a judge run would take."""
    made = anyio.run(project.judge_batches.plan if request.on else project.judging.plan, request)
    data = {
        "candidates": made.candidates,
        "outstanding": _efforts(made.outstanding, made.embedding),
        "without_log": _efforts(made.without_log, made.embedding_without_log),
        "embedded_texts": {
            "outstanding": made.embedded,
            "without_log": made.embedded_without_log,
            "tokens": made.embedding.input_tokens,
            "tokens_without_log": made.embedding_without_log.input_tokens,
            "cost": made.embedding.cost,
            "cost_without_log": made.embedding_without_log.cost,
        },
        "assumptions": list(made.assumptions),
    }
    head = f"{'':<14}{'calls':>9}{'input tokens':>15}{'output tokens':>15}{'cost':>12}"
    lines = [f"{request.judge}: {made.candidates} candidates outstanding"]
    for title, efforts, embedding in (
        ("to be made", made.outstanding, made.embedding),
        ("without the call log", made.without_log, made.embedding_without_log),
    ):
        lines += ["", f"calls {title}", head, *_table(efforts, embedding)]
    if made.embedded_without_log:
        lines += ["", f"texts to be embedded: {made.embedded} of {made.embedded_without_log}"]
    lines += ["", *(f"- {sentence}" for sentence in made.assumptions)]
    if any(effort.guessed for effort in made.without_log.values()):
        lines.append("~ is an estimate")
    return Answer(data, "\n".join(lines))


def batch_out(project: Project, request: JudgeRequest, out: Path, *, rows: int, size: int) -> Answer:
    """Write the outstanding calls, and say what comes after them."""
    written = anyio.run(partial(project.judging.batch_out, request, out, rows=rows, size=size))
    total = sum(written.calls.values())
    data = {
        "files": [str(path) for path in written.files],
        "calls": total,
        "purposes": dict(written.calls),
        "wave": written.wave,
        "waves_left": written.waves_left,
    }
    if not total:
        return Answer(data, "no call is outstanding")
    purposes = ", ".join(f"{count} {purpose}" for purpose, count in written.calls.items())
    after = "one wave follows, made of the replies to this one" if written.waves_left else "no wave follows"
    files = ", ".join(str(path) for path in written.files)
    return Answer(data, f"wave {written.wave}: {total} calls ({purposes}) in {files}; {after}")


def with_batch(answer: Answer, read: BatchRead) -> Answer:
    """Add to what a judge run came to what became of the rows of its results."""
    data = answer.data | {
        "batch": {
            "replies": read.replies,
            "known": read.known,
            "repeated": read.repeated,
            "unknown": list(read.unknown),
            "errors": list(read.errors),
            "outstanding": read.outstanding,
        }
    }
    line = f"{read.replies} replies read, {read.known} known already, {read.repeated} repeated"
    problems = [*answer.problems]
    for what, names in (("rows answer no call of this judge", read.unknown), ("calls brought nothing", read.errors)):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            problems.append(f"lrstudio: {len(names)} {what}: {', '.join(names[:_NAMED])}{more}")
    return Answer(data, f"{answer.words}\n{line}", tuple(problems), answer.complete)


def _efforts(efforts: Mapping[Dimension, Effort], embedding: Effort) -> dict[str, Any]:
    rows = {dimension.value: effort for dimension, effort in efforts.items()}
    rows["total"] = sum(efforts.values(), embedding)
    return {
        name: {
            "calls": effort.calls,
            "estimated_calls": effort.guessed,
            "input_tokens": effort.input_tokens,
            "output_tokens": effort.output_tokens,
            "cost": effort.cost,
        }
        for name, effort in rows.items()
    }


def _table(efforts: Mapping[Dimension, Effort], embedding: Effort) -> list[str]:
    rows = [(dimension.value, effort) for dimension, effort in efforts.items()]
    rows += [("embeddings", embedding)] if embedding.input_tokens else []
    lines = []
    for name, effort in [*rows, ("total", sum(efforts.values(), embedding))]:
        about = "~" if effort.guessed else ""
        cost = "unknown" if effort.cost is None and effort.input_tokens else f"{about}{effort.cost or 0:.4f}"
        calls, tokens = f"{about}{effort.calls}", f"{about}{effort.input_tokens}"
        lines.append(f"{name:<14}{calls:>9}{tokens:>15}{f'~{effort.output_tokens}':>15}{cost:>12}")
    return lines
