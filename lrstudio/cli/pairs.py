"""`lrstudio pairs`: propose, list, approve, swap, reject and add pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, Reviewer, one_of, opened, usage, verb, with_options
from lrstudio.cli.pair_options import LISTED, FilterOptions
from lrstudio.domain.changes import Changes
from lrstudio.domain.pair_lists import PairFilter, PairRow, PairSort
from lrstudio.domain.pairs import Pair, PairState
from lrstudio.services.proposals import ProposalReport
from lrstudio.services.wiring import Project
from lrstudio.viewstate.audit_signs import counted

ACTS = ("propose", "list", "approve", "swap", "reject", "add", "undo", "redo")
_PAGE = 1000


@verb
@with_options(FilterOptions)
def pairs(
    project: ProjectPath,
    options: FilterOptions,
    *,
    act: Annotated[str, typer.Argument(metavar="|".join(ACTS), help="What to do.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[PAIR...]", help="The pairs; add: CHOSEN and REJECTED candidate.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="approve, reject: all proposed pairs that fit the options.")] = (
        False
    ),
    fewest: Annotated[int, typer.Option(help="longreward: so many candidates must be scored.")] = 5,
    least: Annotated[
        list[str] | None,
        typer.Option(metavar="DIMENSION=NUMBER", help="propose: what the chosen score exceeds the rejected one by."),
    ] = None,
    against: Annotated[str, typer.Option(metavar="CANDIDATE", help="against: the candidate to compare with.")] = "",
    against_model: Annotated[str, typer.Option(metavar="MODEL", help="against: the model to compare with.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="propose: withdraw what the rule proposed before and does not now.")
    ] = False,
    sort: Annotated[str, one_of(tuple(PairSort), help="list: by what.")] = PairSort.PROJECT,
    descending: Annotated[bool, typer.Option("--descending", help="list: the greatest first.")] = False,
    offset: Annotated[int, typer.Option(min=0, help="list: pass over so many.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="list: show so many.")] = 100,
    reason: Annotated[str, typer.Option(help="Why, in words.")] = "",
    blind: Annotated[bool, typer.Option("--blind", help="Scores and models were not seen.")] = False,
    reviewer: Reviewer = "",
    as_json: AsJson = False,
) -> Answer:
    """Propose pairs by a rule, list them, and say which hold; what was said is added to, never changed."""
    given = names or []
    _check(act, given, every=every, options=options)
    with opened(project, reviewer=reviewer) as it:
        if act == "propose":
            rule = options.rule_of(fewest=fewest, least=least or [], against=against, against_model=against_model)
            return _proposed(it, it.pairs.propose(rule, question_ids=options.question, replacing=replace))
        if act == "list":
            it.pairs.settle()
            wanted = options.wanted(states=LISTED, stale=None)
            return _listed(it, wanted, sort=PairSort(sort), descending=descending, offset=offset, limit=limit)
        chosen = _every(it, options) if every else given
        return _said(it, act, _done(it, act, chosen, reason=reason, blind=blind))


def _check(act: str, names: list[str], *, every: bool, options: FilterOptions) -> None:
    """End with a usage error where the words do not fit together."""
    if act not in ACTS:
        usage(f"{act!r} is none of {', '.join(ACTS)}")
    if names and act in ("propose", "list", "undo", "redo"):
        usage(f"{act} takes no names")
    if act == "propose" and options.only_of_lists():
        usage(f"{options.only_of_lists()} is for lists and sets, not for proposing")
    if act == "add" and len(names) != 2:
        usage("add takes the chosen and the rejected candidate")
    if act in ("approve", "reject") and bool(names) == every:
        usage(f"name the pairs to {act}, or take --all")
    if act == "swap" and not names:
        usage("swap takes the names of pairs")
    if every and act not in ("approve", "reject"):
        usage("--all goes with approve and reject")


def _done(project: Project, act: str, names: list[str], *, reason: str, blind: bool) -> Changes:
    if act == "add":
        return project.pairs.add(names[0], names[1], reason=reason, blind=blind).changes
    if act in ("undo", "redo"):
        return project.pairs.undo() if act == "undo" else project.pairs.redo()
    say: Callable[..., Changes] = getattr(project.pairs, act)
    changes = Changes()
    for name in names:
        changes |= say(name, reason=reason, blind=blind)
    return changes


def _every(project: Project, options: FilterOptions) -> list[str]:
    """Return the proposed pairs that fit, found before the first of them is changed."""
    project.pairs.settle()
    wanted = options.wanted(states=(PairState.PROPOSED,), stale=False)
    found: list[str] = []
    while True:
        page = project.pairs.page(wanted, offset=len(found), limit=_PAGE)
        found += [row.pair.pair_id for row in page.rows]
        if len(found) >= page.total or not page.rows:
            return found


def _proposed(project: Project, report: ProposalReport) -> Answer:
    data = {
        "project": str(project.path),
        "questions": report.questions,
        "new": report.new,
        "same": report.same,
        "withdrawn": report.withdrawn,
        "passed_over": [
            {"question_id": it.question_id, "why": it.why.value, "candidates": list(it.candidate_ids)}
            for it in report.listed
        ],
    }
    lines = [f"{counted(report.new, 'pair')} proposed in {counted(report.questions, 'question')}"]
    if report.same:
        lines.append(f"{report.same} there or decided already")
    if report.withdrawn:
        lines.append(f"{report.withdrawn} proposed before and withdrawn now")
    for why, number in Counter(it.why for it in report.listed).most_common():
        questions = [it.question_id for it in report.listed if it.why is why]
        more = f" and {number - 3} more" if number > 3 else ""
        lines.append(f"{why.words}: {', '.join(questions[:3])}{more}")
    return Answer(data, "\n".join(lines))


def _listed(
    project: Project, wanted: PairFilter, *, sort: PairSort, descending: bool, offset: int, limit: int
) -> Answer:
    page = project.pairs.page(wanted, sort=sort, descending=descending, offset=offset, limit=limit)
    counts = project.pairs.counts()
    data = {
        "project": str(project.path),
        "total": page.total,
        "counts": {
            "proposed": counts.proposed,
            "gold": counts.gold,
            "rejected": counts.rejected,
            "stale": counts.stale,
        },
        "pairs": [_row(row) for row in page.rows],
    }
    lines = [_line(row) for row in page.rows]
    shown = f"{offset + 1}-{offset + len(page.rows)} of {page.total}" if page.rows else f"none of {page.total}"
    stale = f", {counts.stale} of them stale" if counts.stale else ""
    held = f"{counts.proposed} proposed, {counts.gold} gold, {counts.rejected} rejected{stale}"
    return Answer(data, "\n".join([*lines, f"shown: {shown}; in the project: {held}"]))


def _said(project: Project, act: str, changes: Changes) -> Answer:
    done = {"approve": "approved", "swap": "swapped", "reject": "rejected", "add": "added", "undo": "undone"}.get(
        act, "redone"
    )
    found = [project.pairs.history(name).pair for name in sorted(changes.pairs)]
    data = {"project": str(project.path), "act": act, "pairs": [_pair_row(pair) for pair in found]}
    if not found:
        return Answer(data, f"nothing to {act}")
    names = f" {found[0].pair_id}: {found[0].chosen_id} over {found[0].rejected_id}" if len(found) == 1 else ""
    return Answer(data, f"{done}: {counted(len(found), 'pair')}{names}")


def _line(row: PairRow) -> str:
    pair = row.pair
    margin = "" if pair.margin is None else f" by {pair.margin:.2f} ({''.join(it.letter for it in pair.dimensions)})"
    stale = f"; stale: {pair.stale.words}" if pair.stale else ""
    return f"{pair.pair_id}  {pair.state.value:8}  {pair.chosen_id} over {pair.rejected_id}{margin}{stale}"


def _row(row: PairRow) -> dict[str, Any]:
    return _pair_row(row.pair) | {
        "query": row.query,
        "document_id": row.document_id,
        "chosen_model": row.chosen_model,
        "rejected_model": row.rejected_model,
        "chosen_length": row.chosen_length,
        "rejected_length": row.rejected_length,
    }


def _pair_row(pair: Pair) -> dict[str, Any]:
    return {
        "pair_id": pair.pair_id,
        "question_id": pair.question_id,
        "chosen_id": pair.chosen_id,
        "rejected_id": pair.rejected_id,
        "state": pair.state.value,
        "rules": [rule.value for rule in pair.rules],
        "dimensions": [dimension.value for dimension in pair.dimensions],
        "chosen_reward": pair.chosen_reward,
        "rejected_reward": pair.rejected_reward,
        "margin": pair.margin,
        "reviewer": pair.reviewer,
        "time": pair.time,
        "reason": pair.reason,
        "blind": pair.blind,
        "stale": pair.stale.words if pair.stale else None,
    }
