"""`lrstudio train`: train a model on a frozen set; the run goes on when the command has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from lrstudio.cli.common import CANCELLED, Answer, AsJson, ProjectPath, one_of, opened, say, stoppable, usage, verb
from lrstudio.cli.following import follow, followed, run_data, time_words
from lrstudio.services.wiring import Project
from lrstudio.training.preflight import Preflight
from lrstudio.training.recipes import RECIPES
from lrstudio.training.runs import Estimate, TrainWish
from lrstudio.viewstate.audit_signs import counted

_SOME = 5


@verb
def train(
    project: ProjectPath,
    set_name: Annotated[str, typer.Option("--set", metavar="NAME", help="The frozen set to train on.")],
    recipe: Annotated[str, one_of(tuple(RECIPES), help="How to train.")],
    model: Annotated[Path, typer.Option(help="The folder of the model to start from.")],
    preset: Annotated[str, typer.Option(help="Values that go together, for instance those of a paper.")] = "",
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the recipe; may be repeated.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the run is called.")] = "",
    python: Annotated[Path | None, typer.Option(help="The Python that has torch, else that of the settings.")] = None,
    accept_dropped: Annotated[int, typer.Option(min=0, help="So many rows may be dropped.")] = 0,
    accept_cut: Annotated[int, typer.Option(min=0, help="So many rows may be cut.")] = 0,
    preflight: Annotated[bool, typer.Option("--preflight", help="Look everything over and start nothing.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow the run to its end; Ctrl-C leaves it running.")
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Wait for the queued runs of its machine first.")] = False,
    host: Annotated[
        str, typer.Option(metavar="NAME", help="Train on this host, see `lrstudio hosts`; else on this machine.")
    ] = "",
    as_json: AsJson = False,
) -> Answer:
    """Train a model on a frozen set, after a look at every row; the run goes on without this command and the window."""
    options = options_of(option or ())
    wish = TrainWish(set_name, recipe, model, preset, options, name, python, queue, host)
    accept = {"accept_dropped": accept_dropped, "accept_cut": accept_cut}
    with opened(project) as it:
        if stale := it.training.stale(set_name):
            say(f"lrstudio: {counted(len(stale), 'pair')} of the set went stale since it was frozen: {_some(stale)}")
        if preflight:
            return _looked_over(it, wish, accept)
        with stoppable():
            run_id = it.training.launch(wish, accept=accept, progress=lambda line: say(f"lrstudio: {line}"))
        row = it.training.run(run_id).row
        where = f"on {row.host}, mirrored in" if row.host else "in"
        say(f"lrstudio: {row.name} is run {row.number}, {where} {it.training.home / run_id}")
        if not watch:
            words = f"{row.name} goes on by itself; `lrstudio runs watch {it.path} {row.number}` shows how far it is"
            return Answer({"project": str(it.path), "folder": str(it.training.home / run_id), **run_data(row)}, words)
        return watched(it, run_id)


def watched(project: Project, run_id: str, *, whole: bool = False) -> Answer:
    """Follow a run and say how it ended; Ctrl-C leaves it running."""
    try:
        with stoppable():
            return followed(follow(project, run_id, whole=whole), project)
    except KeyboardInterrupt as error:
        say(f"lrstudio: the run goes on; `lrstudio runs watch {project.path} {run_id}` follows it again")
        raise typer.Exit(CANCELLED) from error


def options_of(words: Sequence[str]) -> dict[str, str]:
    """Read KEY=VALUE words; anything else is a usage error."""
    found: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key.strip():
            usage(f"--option takes KEY=VALUE, not {word!r}")
        found[key.strip()] = value.strip()
    return found


def _looked_over(project: Project, wish: TrainWish, accept: Mapping[str, int]) -> Answer:
    with stoppable():
        run_id = project.training.draft(wish, progress=lambda line: say(f"lrstudio: {line}"))
    try:
        with stoppable():
            project.training.accept(run_id, accept)
            found = project.training.preflight(run_id, progress=lambda line: say(f"lrstudio: {line}"))
            needed = project.training.unaccepted(run_id)
            estimate = project.training.estimate(run_id)
            left_out = project.training.run(run_id).left_out
    finally:
        project.training.discard(run_id)
    data: dict[str, Any] = {"project": str(project.path), **asdict(found), "ok": found.ok, "to_accept": needed}
    data |= {"left_out": list(left_out), "memory_expected_gib": estimate.memory_gib}
    problems = [f"lrstudio: {it}" for it in found.problems]
    for name, count in needed.items():
        problems.append(f"lrstudio: {counted(count, 'row')}: accept with --{name.replace('_', '-')} {count}")
    return Answer(data, _preflight_words(found, estimate, left_out), tuple(problems), complete=not problems)


def _preflight_words(found: Preflight, estimate: Estimate, left_out: Sequence[str]) -> str:
    lines = [f"{counted(found.rows, 'row')}, {found.kept} kept, the longest has {found.longest:,} tokens"]
    for what, ids in (("cut", found.cut), ("dropped", found.dropped), ("left out, without evidence", left_out)):
        if ids:
            lines.append(f"{what}: {len(ids)} ({_some(ids)})")
    lines += [f"  up to {bound:>9,} tokens: {count}" for bound, count in found.histogram if count]
    lines += [f"  {'ok ' if it.passed else 'NOT'} {it.name:<9} {it.said}" for it in found.checks]
    if estimate.memory_gib is not None:
        of = "" if found.device_gib is None else f" of {found.device_gib:.1f}"
        lines.append(f"memory: about {estimate.memory_gib:.1f}{of} GiB on {found.device or 'the device'}")
    if estimate.seconds is not None:
        lines.append(f"time: about {time_words(estimate.seconds)}")
    return "\n".join(lines)


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_SOME]) + (" ..." if len(ids) > _SOME else "")
