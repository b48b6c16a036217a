"""`lrstudio packs`: look at prompt packs, copy and check them, and try a changed one on what people labelled."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, announce, opened, stoppable, usage, verb, with_options
from lrstudio.cli.judge_options import JudgeOptions
from lrstudio.domain.errors import Refused
from lrstudio.services.labels import Part
from lrstudio.services.pack_trials import Comparison, TrialChoice, TrialOutcome, TrialPlan
from lrstudio.services.packs import PackInfo, Packs, read_templates
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import Project, prompt_packs
from lrstudio.viewstate.pack_words import notes, trial_rows

app = typer.Typer(name="packs", no_args_is_help=True, help="Prompt packs: look at them, copy, check, diff, try.")

PackName = Annotated[str, typer.Argument(metavar="PACK", help="A name, NAME@DIGITS for a version, or a folder.")]
OfProject = Annotated[Path | None, typer.Option("--project", help="Also the packs beside this project, and their use.")]


@app.command("list")
@verb
def list_(project: OfProject = None, as_json: AsJson = False) -> Answer:
    """List the prompt packs with their versions, and the judge runs that used them."""
    packs = prompt_packs(project)
    uses = _uses(project)
    rows, lines = [], []
    for info in packs.known():
        history = packs.history(info)
        rows.append(
            _info_row(info)
            | {
                "versions": [
                    {"version": it.version, "time": it.time, "note": it.note, "current": it.current} for it in history
                ]
            }
        )
        state = info.version or f"unusable: {info.trouble}"
        lines.append(f"{info.name:<24} {info.origin.value:<8} {state}")
        lines += [f"    {it.digits} {it.time[:16]:<16} {it.note}".rstrip() for it in history if not it.current]
    for use in uses:
        lines.append(
            f"{use['version']}: {use['runs']} judge runs, {use['trials']} trials, {use['judgments']} latest verdicts"
            + ("" if use["current"] else ", of an earlier version")
        )
    return Answer({"packs": rows, "uses": uses}, "\n".join(lines))


@app.command()
@verb
def show(pack: PackName, project: OfProject = None, as_json: AsJson = False) -> Answer:
    """Print the templates of a pack or of a version of it."""
    packs = prompt_packs(project)
    folder, name = packs.folder(pack), pack.rpartition("@")[0] or pack
    templates = read_templates(folder)
    data = {
        "pack": name,
        "folder": str(folder),
        "templates": [
            {"call": it.template.call.value, "file": it.file, "chinese": it.template.chinese, "text": it.text}
            for it in templates
        ],
    }
    return Answer(data, "\n".join(f"==> {it.file} <==\n{it.text}" for it in templates))


@app.command()
@verb
def copy(
    pack: PackName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the copy.")],
    project: Annotated[Path | None, typer.Option("--project", help="Put it beside this project.")] = None,
    as_json: AsJson = False,
) -> Answer:
    """Copy a pack under a new name, into your own folder or beside a project."""
    packs = prompt_packs(project)
    source, version = _named(packs, pack)
    made = packs.copy(source, name, version=version, beside_project=project is not None)
    return Answer(_info_row(made), f"{made.version} in {made.folder}")


@app.command()
@verb
def check(pack: PackName, project: OfProject = None, as_json: AsJson = False) -> Answer:
    """Say what is wrong with the templates of a pack; status 1 where something keeps it from use."""
    packs = prompt_packs(project)
    info = packs.find(pack)
    problems = packs.problems(info)
    blocked = any(it.blocks for it in problems)
    rows = [{"file": it.file, "line": it.line or None, "problem": it.sentence, "blocks": it.blocks} for it in problems]
    said = [f"{it}{'' if it.blocks else ' (a note)'}" for it in problems]
    words = "" if blocked else f"{info.version} can be used"
    return Answer(_info_row(info) | {"problems": rows}, words, tuple(said), complete=not blocked)


@app.command()
@verb
def diff(
    before: PackName,
    after: PackName,
    project: OfProject = None,
    as_json: AsJson = False,
) -> Answer:
    """Show what tells two packs, or two versions of one, apart."""
    found = [it for it in prompt_packs(project).diff(before, after) if it.lines]
    data = {"before": before, "after": after, "files": [{"file": it.file, "lines": list(it.lines)} for it in found]}
    words = "\n".join("\n".join((f"==> {it.file} <==", *it.lines)) for it in found)
    return Answer(data, words or "no difference")


@app.command()
@verb
def restore(
    pack: Annotated[str, typer.Argument(metavar="NAME@DIGITS", help="The version to go back to.")],
    project: OfProject = None,
    as_json: AsJson = False,
) -> Answer:
    """Go back to an earlier version of a pack; the one that is there now is kept."""
    packs = prompt_packs(project)
    info, version = _named(packs, pack)
    if not version:
        usage("name the version as well: NAME@DIGITS, as `lrstudio packs list` shows them")
    made = packs.restore(info, version)
    return Answer(_info_row(made), f"{made.version} in {made.folder}")


@app.command("try")
@verb
@with_options(JudgeOptions)
def try_(
    project: ProjectPath,
    options: JudgeOptions,
    *,
    after: Annotated[str, typer.Option(metavar="PACK", help="The changed pack: a name, NAME@DIGITS or a folder.")],
    before: Annotated[str, typer.Option(metavar="PACK", help="The pack it is measured against, else ours.")] = (
        "longreward-studio"
    ),
    part: Annotated[Part, typer.Option(help="The labels to judge.")] = Part.LOOK,
    seed: Annotated[int, typer.Option(help="Divides the documents.")] = 0,
    share: Annotated[float, typer.Option(help="Of the documents, so many are to look at.")] = 0.5,
    blind_only: Annotated[bool, typer.Option("--blind-only", help="Only decisions made blind.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print labels, calls, tokens and cost; send nothing.")] = False,
    as_json: AsJson = False,
) -> Answer:
    """Judge what people labelled with two packs, and compare the agreement with them. No verdict is replaced."""
    if options.prompts or options.candidate or options.limit is not None:
        usage("--prompts, --candidate and --limit do not go with a trial: it judges what people labelled, twice")
    request = replace(options, judge=options.judge or "http").request(SettingsStore().load().http)
    packs = prompt_packs(project)
    choice = TrialChoice(
        packs.folder(before), packs.folder(after), part, seed, share, blind_only, dimensions=request.dimensions
    )
    with opened(project) as it:
        announce(it.trials.outgoing(request, choice))
        if plan:
            return _planned(anyio.run(it.trials.plan, request, choice))
        packs.keep(before, after)
        with stoppable():
            return _tried(it, anyio.run(partial(it.trials.run, request, choice, emit=lambda _: None)))


def _planned(made: TrialPlan) -> Answer:
    efforts = {"before": made.before.outstanding, "after": made.after.outstanding}
    data = _split_row(made) | {
        "versions": list(made.versions),
        "calls": made.total.calls,
        "input_tokens": made.total.input_tokens,
        "output_tokens": made.total.output_tokens,
        "cost": made.total.cost,
        "outstanding": {
            name: {dimension.value: effort.calls for dimension, effort in each.items()}
            for name, each in efforts.items()
        },
    }
    total = made.total
    cost = "unknown" if total.cost is None and total.calls else f"{total.cost or 0:.4f}"
    lines = [
        f"{made.versions[0]} against {made.versions[1]}",
        _split_words(made),
        f"calls to be made, at most: {total.calls}, input tokens {total.input_tokens}, output tokens "
        f"~{total.output_tokens}, cost {cost}",
    ]
    return Answer(data, "\n".join(lines))


def _tried(project: Project, outcome: TrialOutcome) -> Answer:
    runs = {"before": outcome.before, "after": outcome.after}
    data: dict[str, Any] = _split_row(outcome) | {
        "project": str(project.path),
        "runs": {
            name: run and {"run_id": run.run_id, "prompt_pack": run.identity.prompt_pack, "calls": run.calls}
            for name, run in runs.items()
        },
        "comparisons": [comparison_row(it) for it in outcome.comparisons],
        "stopped": outcome.stopped,
    }
    rows = trial_rows((it.dimension, it.parts, it.scores) for it in outcome.comparisons)
    lines = [_split_words(outcome)]
    for row in rows:
        if row.heading:
            lines += ["", row.measure, f"  {'':<26}{'before':<24}{'after':<24}change"]
        else:
            lines.append(f"  {row.measure:<26}{row.before:<24}{row.after:<24}{row.change}".rstrip())
    lines += ["", *(f"- {sentence}" for sentence in notes(rows))]
    problems = (f"lrstudio: {outcome.stopped}",) if outcome.stopped else ()
    return Answer(data, "\n".join(lines), problems, complete=not problems)


def comparison_row(it: Comparison) -> dict[str, Any]:
    """Return a comparison as plain numbers; what there is too little data for is null."""
    row: dict[str, Any] = {"dimension": it.dimension.value, "parts": None, "scores": None}
    if it.parts is not None:
        test = it.parts.test
        row["parts"] = {
            "n": it.parts.before.n,
            "documents": it.parts.before.documents,
            "labels": list(it.parts.before.labels),
            "mended": it.parts.mended,
            "spoilt": it.parts.spoilt,
            "p": getattr(test, "p", None),
            "lost": [it.parts.lost_before, it.parts.lost_after],
            "confusion": [[list(line) for line in side.confusion] for side in (it.parts.before, it.parts.after)],
        } | {
            name: [_value(getattr(side, name)) for side in (it.parts.before, it.parts.after, it.parts)]
            for name in ("accuracy", "balanced_accuracy", "kappa")
        }
    if it.scores is not None:
        sides = (it.scores.before, it.scores.after)
        row["scores"] = {
            "n": it.scores.before.n,
            "documents": it.scores.before.documents,
            "nearer": it.scores.nearer,
            "farther": it.scores.farther,
            "lost": [it.scores.lost_before, it.scores.lost_after],
            "mean_absolute_error": [_value(each.mean_absolute_error) for each in (*sides, it.scores)],
            "bias": [_value(each.bias) for each in sides],
            "spearman": [_value(each.spearman) for each in sides],
        }
    return row


def _value(result: Any) -> list[float] | None:
    """Return value, low and high; None where there is too little data."""
    return [result.value, result.low, result.high] if hasattr(result, "value") else None


def _split_row(made: TrialPlan | TrialOutcome) -> dict[str, Any]:
    return {
        "part": made.split.part.value,
        "candidates": len(made.split.candidate_ids),
        "labels": {part.value: labels for part, labels, _ in made.split.counts},
        "documents": {part.value: documents for part, _, documents in made.split.counts},
    }


def _split_words(made: TrialPlan | TrialOutcome) -> str:
    counts = ", ".join(
        f"{labels} {part.words} ({documents} documents)" for part, labels, documents in made.split.counts
    )
    return f"labels: {counts}; judged: {made.split.part.words}, {len(made.split.candidate_ids)} candidates"


def _named(packs: Packs, pack: str) -> tuple[PackInfo, str]:
    """Return a pack and a version of it, "" for the current one."""
    try:
        return packs.find(pack), ""
    except Refused:
        name, at, digits = pack.rpartition("@")
        if not at:
            raise
        return packs.find(name), digits


def _uses(project: Path | None) -> list[dict[str, Any]]:
    if project is None:
        return []
    current = {it.version for it in prompt_packs(project).known()}
    with opened(project) as it:
        return [
            {
                "version": use.version,
                "runs": use.runs,
                "trials": use.trials,
                "judgments": use.judgments,
                "last": use.last,
                "current": use.version in current,
            }
            for use in it.trials.uses()
        ]


def _info_row(info: PackInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "folder": str(info.folder),
        "origin": info.origin.value,
        "kind": info.kind.value,
        "version": info.version or None,
        "trouble": info.trouble,
        "editable": info.editable,
    }
