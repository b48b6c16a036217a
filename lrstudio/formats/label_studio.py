"""Label Studio's JSON export: tasks with their data, what people said (annotations), what models said (predictions).

A control whose name has one of the four dimensions in it gives a score: `rating` counts stars, 1 to 5; `number` is read
as 0-10. `pairwise` prefers one of two answers. Other controls are none of the studio's business and passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrstudio.domain.verdicts import Dimension
from lrstudio.formats.given import Place, dimension_in, number, optional_text, record, records, stars
from lrstudio.formats.records import ImportedDecision, ImportedJudgment, ImportedPair, ImportItem
from lrstudio.formats.rows import BadRow
from lrstudio.formats.two_sided import Task, read_task

JUDGE = "label-studio"

_FIELDS = frozenset(["data", "annotations"])


def fits(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is a task of this export."""
    return row.keys() >= _FIELDS and isinstance(row["data"], dict)


def read(row: Mapping[str, Any], place: Place) -> Iterator[ImportItem]:
    """Yield document, question, candidates, then decisions, judgments and pairs. Cancelled annotations are left out.

    Raises:
        BadRow: a field is missing, empty or of another kind, or a score is not on its scale.
    """
    task = read_task(record(row, "data"), place)
    said: list[ImportItem] = []
    for annotation in records(row, "annotations"):
        if not annotation.get("was_cancelled"):
            said += _annotation(annotation, task, place, blind=not row.get("predictions"))
    for prediction in records(row, "predictions"):
        said += _prediction(prediction, task, place)
    yield from task.items(place)
    yield from said


def _annotation(annotation: Mapping[str, Any], task: Task, place: Place, *, blind: bool) -> Iterator[ImportItem]:
    reviewer = _reviewer(annotation.get("completed_by"))
    time = optional_text(annotation, "created_at")
    for control in records(annotation, "result"):
        if control.get("type") == "pairwise":
            chosen, rejected = _preferred(control, task)
            yield ImportedPair(chosen_id=chosen, rejected_id=rejected, where=place.where, reviewer=reviewer, time=time)
        for dimension, score in _score(control):
            yield ImportedDecision(
                candidate_id=task.rated(dimension),
                dimension=dimension,
                score=score,
                reviewer=reviewer,
                where=place.where,
                time=time,
                blind=blind,
            )


def _prediction(prediction: Mapping[str, Any], task: Task, place: Place) -> Iterator[ImportItem]:
    for control in records(prediction, "result"):
        for dimension, score in _score(control):
            yield ImportedJudgment(
                candidate_id=task.rated(dimension),
                dimension=dimension,
                score=score,
                judge=JUDGE,
                model=optional_text(prediction, "model_version"),
                where=place.where,
                file=place.file,
            )


def _score(control: Mapping[str, Any]) -> Iterator[tuple[Dimension, float]]:
    name = optional_text(control, "from_name")
    dimension = dimension_in(name)
    value = record(control, "value")
    if dimension is None:
        return
    if control.get("type") == "rating":
        yield dimension, stars(value.get("rating"), name)
    elif control.get("type") == "number":
        score = number(value.get("number"), name)
        if not 0.0 <= score <= 10.0:
            raise BadRow(f"{name} is {score:g}, and numbers are read on a scale of 0 to 10")
        yield dimension, score


def _preferred(control: Mapping[str, Any], task: Task) -> tuple[str, str]:
    """Return the ids of chosen and rejected."""
    selected = optional_text(record(control, "value"), "selected")
    if len(task.candidates) != 2:
        raise BadRow("a pairwise control needs two answers under names such as answer1 and answer2")
    left, right = (candidate.candidate_id for candidate in task.candidates.values())
    if selected == "left":
        return left, right
    if selected == "right":
        return right, left
    raise BadRow(f"a pairwise control selects left or right, not '{selected}'")


def _reviewer(value: Any) -> str:
    """Return who annotated: an address or name where the export gives one, else the tool's number of the person."""
    if isinstance(value, dict):
        for name in ("email", "username", "first_name"):
            if found := optional_text(value, name):
                return found
        value = value.get("id")
    return "someone" if value is None or value == "" else f"Label Studio {value}"
