"""`lrstudio runs`: list, follow, stop, go on with, judge, compare and remove runs."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from lrstudio.cli.common import (
    Answer,
    AsJson,
    ProjectPath,
    opened,
    place,
    stoppable,
    usage,
    verb,
    with_options,
)
from lrstudio.cli.following import in_touch, phase_words, run_data, time_words
from lrstudio.cli.judge_options import JudgeOptions
from lrstudio.cli.runs_judging import judge_run
from lrstudio.cli.train import watched
from lrstudio.domain.errors import Refused
from lrstudio.domain.places import Place
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import Project
from lrstudio.training.runs import RunRow
from lrstudio.training.status import Life

ACTS = ("list", "show", "watch", "attach", "stop", "resume", "fetch", "judge", "compare", "note", "remove")
_STOP_TICK = 0.1


@verb
@with_options(JudgeOptions)
def runs(
    project: ProjectPath,
    options: JudgeOptions,
    *,
    act: Annotated[str, typer.Argument(metavar="|".join(ACTS), help="What to do.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Its number, name or id; note: and the text. Else the one that runs."),
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="stop: at once, without saving.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="resume: follow it to its end.")] = False,
    follow_it: Annotated[
        bool, typer.Option("--follow", help="judge: every round of an SPPO run, until it is over.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="remove: leave what is on its host, and do not ask it.")
    ] = False,
    as_json: AsJson = False,
) -> Answer:
    """List, follow, stop, resume, fetch, judge, compare or remove the runs of a project, here and on its hosts."""
    project, act = _in_order(project, act)
    given = names or []
    several = {"list": _listed, "compare": _compared, "note": _noted}
    with opened(project) as it:
        it.training.attach()  # runs on hosts that were started from another computer
        if act == "remove":
            return _removed(it, given, forget=forget)
        if act in several:
            return several[act](it, given)
        if len(given) > 1:
            usage(f"{act} takes one run")
        run_id = it.training.find(given[0]) if given else _only(it)
        match act:
            case "show":
                return _shown(it, run_id)
            case "stop":
                return _stopped(it, run_id, save=not now)
            case "fetch":
                return _fetched(it, run_id)
            case "resume":
                return _resumed(it, run_id, take_over=options.take_over, watch=watch)
            case "judge":
                return judge_run(it, run_id, options.request(SettingsStore().load().http), to_the_end=follow_it)
            case _:
                return watched(it, run_id, whole=act == "attach")


def _in_order(project: Place, act: str) -> tuple[Place, str]:
    """Take `runs list PROJECT` for `runs PROJECT list`."""
    if act not in ACTS and str(project) in ACTS:
        project, act = place(act), str(project)
    if act not in ACTS:
        usage(f"{act!r} is none of {', '.join(ACTS)}")
    return project, act


def _only(project: Project) -> str:
    """Return the one run that goes on, or the only one there is.

    Raises:
        Refused: there is none, or there are several.
    """
    rows = project.training.runs()
    for found in ([row for row in rows if row.running], rows):
        if len(found) == 1:
            return found[0].run_id
    several = "several runs; name one" if rows else "no run in this project"
    raise Refused(f"there {'are' if rows else 'is'} {several}", where="run")


def _listed(project: Project, names: list[str]) -> Answer:
    if names:
        usage("list takes no run")
    project.training.sync()
    rows = project.training.runs()
    lines = [_line(row) for row in rows]
    data = {"project": str(project.path), "folder": str(project.training.home), "runs": [run_data(row) for row in rows]}
    return Answer(data, "\n".join(lines or ["no run yet; `lrstudio train` starts one"]))


def _line(row: RunRow) -> str:
    steps = f"{row.step}/{row.steps}" if row.steps else str(row.step)
    loss = "" if row.loss is None else f"  loss {row.loss:.4f}"
    left = "" if row.seconds_left is None else f"  {time_words(row.seconds_left)} left"
    why = f"  ({row.why})" if row.why else ""
    head = f"{row.number:>3}  {row.name:<20} {row.recipe:<7} {row.set_name:<16}" + (f" {row.host}" if row.host else "")
    return f"{head} {phase_words(row):<18} {steps:>9}{loss}{left}{why}"


def _shown(project: Project, run_id: str) -> Answer:
    project.training.sync(run_id)
    found = project.training.run(run_id)
    data: dict[str, Any] = {"project": str(project.path), **run_data(found.row), "folder": str(found.folder)}
    data |= {"options": dict(found.spec.options), "provenance": dict(found.spec.provenance)}
    data["preflight"] = asdict(found.preflight) if found.preflight else None
    lines = [_line(found.row), f"folder {found.folder}", f"model {found.spec.model}"]
    lines += [f"  {name} = {value}" for name, value in found.spec.options.items()]
    return Answer(data, "\n".join(lines))


def _stopped(project: Project, run_id: str, *, save: bool) -> Answer:
    project.training.sync(run_id)
    project.training.stop(run_id, save=save)
    with in_touch(project, run_id):
        while (row := project.training.run(run_id).row).life is Life.ALIVE:
            time.sleep(_STOP_TICK)
    said = phase_words(row)
    if row.life is not Life.DEAD:
        said = f"asked to stop; it is on {row.host or 'another machine'}, which cannot be asked now"
    on = f"; `lrstudio runs resume {project.path} {row.number}` goes on" if row.can_resume else ""
    return Answer({"project": str(project.path), **run_data(row)}, f"{row.name}: {said} at step {row.step}{on}")


def _resumed(project: Project, run_id: str, *, take_over: bool, watch: bool) -> Answer:
    project.training.resume(run_id, take_over=take_over)
    if watch:
        return watched(project, run_id)
    row = project.training.run(run_id).row
    return Answer({"project": str(project.path), **run_data(row)}, f"{row.name} goes on behind step {row.step}")


def _compared(project: Project, names: list[str]) -> Answer:
    if len(names) < 2:
        usage("compare takes two runs or more")
    ids = [project.training.find(name) for name in names]
    rows = project.training.compare(ids)
    width = max([len(row.name) for row in rows], default=0)
    lines = [f"{row.name:<{width}}  " + "  |  ".join(row.values) for row in rows]
    data = {"runs": ids, "differences": {row.name: list(row.values) for row in rows}}
    return Answer(data, "\n".join(lines or ["they are set alike"]))


def _noted(project: Project, names: list[str]) -> Answer:
    if len(names) != 2:
        usage("note takes a run and the text, in quotes")
    run_id = project.training.find(names[0])
    project.training.note(run_id, names[1])
    row = project.training.run(run_id).row
    return Answer({"project": str(project.path), **run_data(row)}, f"{row.name}: {row.notes}")


def _fetched(project: Project, run_id: str) -> Answer:
    with stoppable():
        folder = project.training.fetch(run_id)
    return Answer({"project": str(project.path), "run_id": run_id, "result": str(folder)}, f"the result is in {folder}")


def _removed(project: Project, names: list[str], *, forget: bool) -> Answer:
    if not names:
        usage("name the runs to remove")
    ids = [project.training.find(name) for name in names]
    for run_id in ids:
        project.training.remove(run_id, forget=forget)
    return Answer({"project": str(project.path), "removed": ids}, f"removed: {', '.join(ids)}")
