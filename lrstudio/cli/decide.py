"""`lrstudio decide`: confirm or override one verdict."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, Reviewer, opened, usage, verb
from lrstudio.domain.decisions import Shown, Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, Support, SupportReason
from lrstudio.services.wiring import Project


class Stated(StrEnum):
    """What can be said of a claim."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    NOT_CHECKABLE = "not-checkable"


class WhyNone(StrEnum):
    """Why support is none."""

    CONTRADICTED = "contradicted"
    NOT_FOUND = "not-found"


@verb
def decide(
    project: ProjectPath,
    candidate: Annotated[str, typer.Option(help="The candidate's id.")],
    dimension: Annotated[Dimension, typer.Option(help="The dimension.")],
    run: Annotated[str, typer.Option(help="The judge run whose verdict it is; else the one that `show` names.")] = "",
    claim: Annotated[str, typer.Option(help="The claim's (or key point's) id; without it, the whole dimension.")] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Take over the judge's verdict.")] = False,
    support: Annotated[Stated | None, typer.Option(help="State the support of the claim.")] = None,
    because: Annotated[WhyNone | None, typer.Option(help="Why support is none.")] = None,
    score: Annotated[float | None, typer.Option(help="State the score of the dimension, 0-10.")] = None,
    reason: Annotated[str, typer.Option(help="Why, in words.")] = "",
    blind: Annotated[bool, typer.Option("--blind", help="The judge's verdict was not seen.")] = False,
    reviewer: Reviewer = "",
    as_json: AsJson = False,
) -> Answer:
    """Confirm or override a verdict; decisions are appended, never changed."""
    if sum((confirm, support is not None, score is not None)) != 1:
        usage("give exactly one of --confirm, --support, --score")
    if support is not None and not claim:
        usage("--support is said of a claim: name it with --claim")
    if because is not None and support is not Stated.NONE:
        usage("--because goes with --support none")
    target = Target(candidate, dimension, claim)
    with opened(project, reviewer=reviewer) as it:
        shown = Shown(run_id=run or _standing_run(it, target), judge_visible=not blind, surface="command line")
        if run and run not in {known.run_id for known in it.audit.runs()}:
            raise Refused(f"there is no judge run {run!r} in this project")
        if confirm:
            it.decisions.confirm(target, reason=reason, blind=blind, shown=shown)
        elif score is not None:
            it.decisions.set_score(target, score, reason=reason, blind=blind, shown=shown)
        else:
            it.decisions.override(
                target,
                support=None if support is Stated.NOT_CHECKABLE else Support[str(support).upper()],
                support_reason=SupportReason(because.replace("-", "_")) if because else SupportReason.UNSTATED,
                reason=reason,
                blind=blind,
                shown=shown,
            )
        return _answer(it, target)


def _standing_run(project: Project, target: Target) -> str:
    """Return the run of the judgment that stands, "" where no judge has spoken."""
    run = project.audit.candidate(target.candidate_id).runs[target.dimension]
    return run.run_id if run else ""


def _answer(project: Project, target: Target) -> Answer:
    decision = project.decisions.last
    if decision is None:
        raise RuntimeError("a decision was made and not written")
    score = project.audit.candidate(target.candidate_id).standings[target.dimension].score
    data = {
        "project": str(project.path),
        "decision_id": decision.decision_id,
        "reviewer": decision.reviewer,
        "time": decision.time,
        "act": decision.act.value,
        "candidate_id": target.candidate_id,
        "dimension": target.dimension.value,
        "claim_id": target.part_id or None,
        "run_id": decision.shown.run_id or None,
        "state": score.state.value,
        "score": score.score,
    }
    stands = "unscored" if score.score is None else f"{score.score:.1f}"
    return Answer(data, f"decision {decision.decision_id}: {target.dimension.value} now stands at {stands}")
