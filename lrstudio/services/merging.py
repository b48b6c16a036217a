"""Two projects made one: what the other holds is added by its ids, and whatever differs is listed, not guessed.

The journals become one, by time; merging again changes nothing. Merging A into B or B into A ends in the same
effective values, except for what is listed: records that both know under one id with different contents stay as they
are here, and where reviewers differ the later verdict holds until it is adjudicated. Whatever else an archive of a
project carries comes along, because the records are those of an export.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.places import same_place
from lrstudio.domain.reviewers import Conflict, conflicts
from lrstudio.domain.verdicts import Judgment
from lrstudio.formats.records import RowError
from lrstudio.services.exports import Exports
from lrstudio.services.import_project import ProjectImporter
from lrstudio.services.import_report import Counts, Tally
from lrstudio.store.store import Store

Step = Callable[[int], None]

_KEPT = "the two projects differ here; this project's own was kept"


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge came to, or would come to.

    `differing` names records that both projects know with different contents, and what was left out with them;
    `disagreements` the targets on which reviewers of the merged project differ and nobody has adjudicated.
    `records` counts what was read of the other project.
    """

    new: Counts
    same: Counts
    calls: int
    replies: int
    vectors: int
    differing: tuple[RowError, ...]
    disagreements: tuple[Conflict, ...]
    changes: Changes
    records: int = 0


class _DryRun(Exception):
    """Undoes what a merge wrote."""


def merge(store: Store, other: Store, *, dry_run: bool = False, step: Step | None = None) -> MergeReport:
    """Add what `other` holds to `store`, in one transaction; `other` is only read.

    Args:
        store: the project that grows.
        other: the other one.
        dry_run: find out what would happen, and change nothing.
        step: told how many records of the other project were read; what it raises ends the merge, and nothing is
            changed then.

    Raises:
        Refused: both are the same project.
        Environment: one of them cannot be read or written; nothing was changed then.
    """
    if same_place(store.path, other.path):
        raise Refused("this is the same project; name another one", where=str(other.path))
    report: MergeReport
    with suppress(_DryRun), other.reading(), store.writing():
        report = _merged(store, other, step)
        _undo_if(dry_run)
    return report


def _undo_if(dry_run: bool) -> None:
    if dry_run:
        raise _DryRun


def _merged(store: Store, other: Store, step: Step | None) -> MergeReport:
    tally = Tally()
    importer = ProjectImporter(store, file=_name(other))
    read = 0
    for read, record in enumerate(Exports(other).records(), start=1):
        if step is not None:
            step(read)
        if isinstance(record, Judgment):
            _compare(store, record, tally)
        importer.add(record, tally)
    importer.finish(tally)
    absorbed = store.absorb(other)
    done = tally.report()
    left = tuple(it for it in conflicts(store.journal.decisions()) if not it.settled)
    return MergeReport(
        new=done.new,
        same=done.same,
        calls=absorbed.calls,
        replies=absorbed.replies,
        vectors=absorbed.copied,
        differing=done.errors,
        disagreements=left,
        changes=done.changes,
        records=read,
    )


def _compare(store: Store, judgment: Judgment, tally: Tally) -> None:
    here = store.judging.judgment(judgment.run_id, judgment.candidate_id, judgment.dimension)
    if here is not None and here != judgment:
        where = f"judgment of {judgment.candidate_id} in {judgment.dimension.value} by run {judgment.run_id}"
        tally.errors.append(RowError(where, _KEPT))


def _name(other: Store) -> str:
    return other.meta.title or other.path.name
