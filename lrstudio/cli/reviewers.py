"""`lrstudio reviewers`: who decided what, where reviewers differ, and one verdict that settles it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, Reviewer, opened, usage, verb
from lrstudio.cli.decide import Stated, WhyNone
from lrstudio.domain.decisions import Decision, Target, Value
from lrstudio.domain.errors import Refused
from lrstudio.domain.reviewers import Conflict, without_names
from lrstudio.domain.verdicts import Dimension, State, Support, SupportReason
from lrstudio.formats.rows_out import decision_row
from lrstudio.services.reviewers import Reviewers, Ruling
from lrstudio.services.wiring import Project
from lrstudio.viewstate.audit_signs import counted


class What(StrEnum):
    """What to do."""

    LIST = "list"
    CONFLICTS = "conflicts"
    ADJUDICATE = "adjudicate"


@verb
def reviewers(
    project: ProjectPath,
    what: Annotated[What, typer.Argument(help="What to do.")] = What.LIST,
    of: Annotated[str | None, typer.Option(metavar="NAME", help="list: the decisions of this reviewer.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="conflicts: those that were adjudicated, too.")] = False,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Say who, or A, B, ... instead.")] = True,
    candidate: Annotated[str, typer.Option(help="adjudicate: the candidate's id.")] = "",
    dimension: Annotated[Dimension | None, typer.Option(help="adjudicate: the dimension.")] = None,
    claim: Annotated[str, typer.Option(help="adjudicate: the claim's (or key point's) id; else the dimension.")] = "",
    take: Annotated[str, typer.Option(metavar="WHO", help="Take over the verdict of this reviewer, or of A, B.")] = "",
    support: Annotated[Stated | None, typer.Option(help="State the support of the claim.")] = None,
    because: Annotated[WhyNone | None, typer.Option(help="Why support is none.")] = None,
    score: Annotated[float | None, typer.Option(help="State the score of the dimension, 0-10.")] = None,
    reason: Annotated[str, typer.Option(help="Why, in words.")] = "",
    reviewer: Reviewer = "",
    as_json: AsJson = False,
) -> Answer:
    """List reviewers and what they decided, list where they differ, or settle one difference."""
    with opened(project, reviewer=reviewer) as it:
        if what is What.LIST:
            return _listed(it, of)
        if what is What.CONFLICTS:
            return _conflicts(it, settled=everything, names=names)
        if not candidate or dimension is None:
            usage("adjudicate needs --candidate and --dimension")
        if sum((bool(take), support is not None, score is not None)) != 1:
            usage("give exactly one of --take, --support, --score")
        if because is not None and support is not Stated.NONE:
            usage("--because goes with --support none")
        target = Target(candidate, dimension, claim)
        ruling = _taken(it.reviewers, target, take, names=names) if take else _ruling(support, because, score)
        it.reviewers.adjudicate(target, ruling, reason=reason, named=names)
        return _adjudicated(it, target)


def _listed(project: Project, of: str | None) -> Answer:
    found = project.reviewers.reviewers()
    rows = [
        {
            "reviewer": it.reviewer,
            "entries": it.entries,
            "verdicts": it.verdicts,
            "blind": it.blind,
            "adjudications": it.adjudications,
            "first": it.first,
            "last": it.last,
        }
        for it in found
    ]
    data: dict[str, Any] = {"project": str(project.path), "reviewers": rows}
    lines = [
        f"{it.reviewer}: {counted(it.entries, 'decision')}, {counted(it.verdicts, 'verdict')} in force "
        f"({it.blind} blind, {it.adjudications} adjudicating), {it.first} to {it.last}"
        for it in found
    ]
    if of is not None:
        decisions = project.reviewers.decisions(of)
        data["decisions"] = [decision_row(it) for it in decisions]
        lines = [f"{it.decision_id} {it.time} {it.act.value} {_where(it.target)} {_said(it.after)}" for it in decisions]
    return Answer(data, "\n".join(lines or ["nobody has decided anything yet"]))


def _conflicts(project: Project, *, settled: bool, names: bool) -> Answer:
    found = project.reviewers.conflicts(settled=settled)
    rows = [conflict_row(it, names=names) for it in found]
    words = "\n".join([conflict_words(it, names=names) for it in found] or ["no two reviewers differ"])
    return Answer({"project": str(project.path), "conflicts": rows}, words)


def conflict_row(conflict: Conflict, *, names: bool) -> dict[str, Any]:
    """Return a conflict as JSON types, with labels instead of names where none are wanted."""
    settling = conflict.adjudication
    return {
        "candidate_id": conflict.target.candidate_id,
        "dimension": conflict.target.dimension.value,
        "claim_id": conflict.target.part_id or None,
        "settled": conflict.settled,
        "verdicts": [_verdict(label, it, names=names) for label, it in _labelled(conflict, names=names).items()],
        "adjudication": _verdict(settling.reviewer if names else "", settling, names=names) if settling else None,
    }


def conflict_words(conflict: Conflict, *, names: bool) -> str:
    """Say a conflict in one line."""
    said = ", ".join(f"{label}: {_said(it.after)}" for label, it in _labelled(conflict, names=names).items())
    after = f"; adjudicated: {_said(conflict.adjudication.after)}" if conflict.adjudication else ""
    return f"{_where(conflict.target)}  {said}{after}"


def _adjudicated(project: Project, target: Target) -> Answer:
    decision = project.reviewers.last
    if decision is None:
        raise RuntimeError("an adjudication was made and not written")
    score = project.audit.candidate(target.candidate_id).standings[target.dimension].score
    data = {
        "project": str(project.path),
        "decision": decision_row(decision),
        "state": score.state.value,
        "score": score.score,
        "left": len(project.reviewers.conflicts()),
    }
    stands = "unscored" if score.score is None else f"{score.score:.1f}"
    return Answer(data, f"adjudicated: {_said(decision.after)}; {target.dimension.value} now stands at {stands}")


def _taken(service: Reviewers, target: Target, who: str, *, names: bool) -> Decision:
    labelled = _labelled(service.conflict(target), names=names)
    if who not in labelled:
        raise Refused(f"nobody in this conflict is called {who!r}; there are {', '.join(labelled)}", where="--take")
    return labelled[who]


def _labelled(conflict: Conflict, *, names: bool) -> dict[str, Decision]:
    return {it.reviewer: it for it in conflict.verdicts} if names else without_names(conflict)


def _ruling(support: Stated | None, because: WhyNone | None, score: float | None) -> Ruling:
    why = SupportReason(because.replace("-", "_")) if because else SupportReason.UNSTATED
    stated = None if support in (None, Stated.NOT_CHECKABLE) else Support[str(support).upper()]
    return Ruling(score=score, support=stated, support_reason=why)


def _verdict(label: str, decision: Decision, *, names: bool) -> dict[str, Any]:
    row = decision_row(decision)
    shown = {"label": label, "time": row["time"], "after": row["after"], "reason": row["reason"], "blind": row["blind"]}
    return shown | ({"decision_id": row["decision_id"], "reviewer": row["reviewer"]} if names else {})


def _where(target: Target) -> str:
    return " ".join(filter(None, (target.candidate_id, target.dimension.value, target.part_id)))


def _said(value: Value) -> str:
    if value.score is not None:
        return f"{value.score:g}"
    if value.support is None:
        return "not checkable" if value.state is State.NOT_CHECKABLE else value.state.value
    why = value.support_reason
    return value.support.word + (f" ({why.value.replace('_', ' ')})" if why is not SupportReason.UNSTATED else "")
