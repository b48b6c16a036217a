"""`lrstudio queue`: make review queues, list them, list what is in one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, Reviewer, opened, usage, verb
from lrstudio.domain.errors import Refused
from lrstudio.domain.queues import Item, Purpose
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.services.queues import Progress, Wish
from lrstudio.services.wiring import Project
from lrstudio.viewstate.audit_headers import judge_labels
from lrstudio.viewstate.queues import SIZE, queue_line


class What(StrEnum):
    """What to do."""

    MAKE = "make"
    LIST = "list"
    ITEMS = "items"


@verb
def queue(
    project: ProjectPath,
    what: Annotated[What, typer.Argument(help="What to do.")] = What.LIST,
    queue_id: Annotated[str, typer.Argument(metavar="[QUEUE]", help="items: the queue's id.")] = "",
    purpose: Annotated[Purpose | None, typer.Option(help="make: what the queue is for.")] = None,
    judge: Annotated[str, typer.Option(metavar="NAME", help="make: whose verdicts; else the latest ones.")] = "",
    other: Annotated[str, typer.Option(metavar="NAME", help="make: the second judge of judges_disagree.")] = "",
    dimension: Annotated[
        list[Dimension] | None, typer.Option("--dimension", help="make: only these dimensions.")
    ] = None,
    size: Annotated[int, typer.Option(min=1, help="make: items at most.")] = SIZE,
    seed: Annotated[int | None, typer.Option(min=0, help="make: repeats a random audit.")] = None,
    reviewer: Reviewer = "",
    as_json: AsJson = False,
) -> Answer:
    """Make a review queue, list the queues with how far the reviewer is, or list the items of one."""
    with opened(project, reviewer=reviewer) as it:
        if what is What.ITEMS:
            if not queue_id:
                usage("items needs the id of a queue, as `list` prints it")
            return _items(it, queue_id)
        if what is What.LIST:
            return _listed(it)
        if purpose is None:
            usage(f"make needs --purpose {'|'.join(Purpose)}")
        wish = Wish(
            purpose,
            judge=_judge(it, judge) if judge else None,
            other=_judge(it, other) if other else None,
            dimensions=tuple(dimension or Dimension),
            size=size,
            seed=seed,
        )
        made = it.queues.progress(it.queues.make(wish).queue_id)
        return Answer({"project": str(project), "queue": _row(made)}, _line(made))


def _judge(project: Project, name: str) -> JudgeIdentity:
    """Return the judge of this name, as `list` of reports and the window name them."""
    identities = [it.identity for it in project.audit.judges()]
    named = dict(zip(judge_labels(identities), identities, strict=True))
    if name not in named:
        there = ", ".join(named) or "none has run yet"
        raise Refused(f"no judge of this project is called '{name}'; there are: {there}")
    return named[name]


def _listed(project: Project) -> Answer:
    found = project.queues.queues()
    words = "\n".join(map(_line, found)) or "no queue yet: lrstudio queue PROJECT make --purpose ..."
    return Answer({"project": str(project.path), "queues": [_row(it) for it in found]}, words)


def _items(project: Project, queue_id: str) -> Answer:
    progress = project.queues.progress(queue_id)
    finished = project.queues.finished(queue_id)
    rows = [_item(at, it, done=at in finished) for at, it in enumerate(project.queues.items(queue_id))]
    lines = [
        f"{'done' if it['finished'] else 'open'}  {it['candidate_id']} {it['dimension']} {it['part_id']}  {it['why']}"
        for it in rows
    ]
    data = {"project": str(project.path), "queue": _row(progress), "items": rows}
    return Answer(data, "\n".join(lines))


def _item(at: int, item: Item, *, done: bool) -> dict[str, Any]:
    target = item.target
    return {
        "ordinal": at,
        "candidate_id": target.candidate_id,
        "dimension": target.dimension.value,
        "part_id": target.part_id,
        "other_id": item.other_id,
        "weight": item.weight,
        "why": item.why,
        "inclusion_probability": item.inclusion_probability,
        "finished": done,
    }


def _row(it: Progress) -> dict[str, Any]:
    queue = it.queue
    return {
        "queue_id": queue.queue_id,
        "purpose": queue.purpose.value,
        "made": queue.made,
        "reviewer": queue.reviewer,
        "items": it.items,
        "finished": it.finished,
        "population": queue.population,
        "seed": queue.seed,
        "seconds": it.seconds,
    }


def _line(it: Progress) -> str:
    line = queue_line(it.queue, items=it.items, finished=it.finished, seconds=it.seconds)
    return f"{line.queue_id}  {line.name}: {line.done} done  {line.time}".rstrip()
