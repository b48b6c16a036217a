"""`lrstudio merge`: take over what another project holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, place, verb
from lrstudio.cli.import_ import listed
from lrstudio.cli.reviewers import conflict_row, conflict_words
from lrstudio.services.merging import MergeReport


@verb
def merge(
    project: ProjectPath,
    other: Annotated[Any, typer.Argument(metavar="OTHER", parser=place, help="The other project; it is only read.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    as_json: AsJson = False,
) -> Answer:
    """Add documents, candidates, judgments and decisions of another project; what differs is listed."""
    with opened(project) as it, opened(other, upgrade=False) as read:
        report = it.merge(read, dry_run=dry_run)
    data = {
        "project": str(project),
        "other": str(other),
        "dry_run": dry_run,
        "new": asdict(report.new) | {"calls": report.calls, "replies": report.replies, "vectors": report.vectors},
        "same": asdict(report.same),
        "differing": [{"where": it.where, "sentence": it.sentence} for it in report.differing],
        "disagreements": [conflict_row(it, names=True) for it in report.disagreements],
    }
    problems = tuple(str(it) for it in report.differing)
    return Answer(data, _words(report, dry_run=dry_run), problems=problems, complete=not report.differing)


def _words(report: MergeReport, *, dry_run: bool) -> str:
    lines = [f"{'would bring' if dry_run else 'brought'} {listed(report.new) or 'nothing new'}"]
    if report.same:
        lines.append(f"there already: {listed(report.same)}")
    if report.differing:
        lines.append(f"kept as they are here, or left out: {len(report.differing)} (named above)")
    if report.disagreements:
        lines.append("reviewers differ, the later verdict holds until one is adjudicated:")
        lines += [f"  {conflict_words(it, names=True)}" for it in report.disagreements]
    return "\n".join(lines)
