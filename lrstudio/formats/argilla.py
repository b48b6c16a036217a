"""Argilla 2's records as `dataset.records.to_json` writes them: fields, responses of people, suggestions of models.

A question whose name has one of the four dimensions in it gives a score, a rating of 1 to 5. A ranking, or a label with
the name of one of two answers' fields, prefers one. Other questions are passed over. Drafts and discarded responses are
left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrstudio.formats.given import Place, dimension_in, optional_text, record, records, stars
from lrstudio.formats.records import ImportedDecision, ImportedJudgment, ImportedPair, ImportItem
from lrstudio.formats.rows import BadRow, kind_of
from lrstudio.formats.two_sided import Task, read_task

JUDGE = "argilla"

_FIELDS = frozenset(["fields", "responses", "suggestions"])
_UNSENT = frozenset(["draft", "discarded"])


def fits(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is such a record."""
    return row.keys() >= _FIELDS and isinstance(row["fields"], dict)


def read(row: Mapping[str, Any], place: Place) -> Iterator[ImportItem]:
    """Yield document, question, candidates, then decisions, judgments and pairs.

    Raises:
        BadRow: a field is missing, empty or of another kind, or a rating is not on its scale.
    """
    fields = {**record(row, "metadata"), **record(row, "fields")}
    task = read_task(fields, place, known=optional_text(row, "id"))
    said: list[ImportItem] = []
    responses = record(row, "responses")
    for name in responses:
        for response in records(responses, name):
            if response.get("status") not in _UNSENT:
                said += _response(name, response, task, place, blind=not row.get("suggestions"))
    suggestions = record(row, "suggestions")
    for name in suggestions:
        said += _suggestion(name, record(suggestions, name), task, place)
    yield from task.items(place)
    yield from said


def _response(name: str, response: Mapping[str, Any], task: Task, place: Place, *, blind: bool) -> Iterator[ImportItem]:
    reviewer = f"Argilla {optional_text(response, 'user_id') or 'someone'}"
    value = response.get("value")
    dimension = dimension_in(name)
    if dimension is not None:
        yield ImportedDecision(
            candidate_id=task.rated(dimension),
            dimension=dimension,
            score=stars(value, name),
            reviewer=reviewer,
            where=place.where,
            blind=blind,
        )
    elif preferred := _preferred(value, task, name):
        yield ImportedPair(chosen_id=preferred[0], rejected_id=preferred[1], where=place.where, reviewer=reviewer)


def _suggestion(name: str, suggestion: Mapping[str, Any], task: Task, place: Place) -> Iterator[ImportItem]:
    dimension = dimension_in(name)
    if dimension is None or suggestion.get("value") is None:
        return
    yield ImportedJudgment(
        candidate_id=task.rated(dimension),
        dimension=dimension,
        score=stars(suggestion["value"], name),
        judge=JUDGE,
        model=optional_text(suggestion, "agent"),
        where=place.where,
        file=place.file,
    )


def _preferred(value: Any, task: Task, name: str) -> tuple[str, str] | None:
    """Return the ids of chosen and rejected; None for a tie, and for a question about something else."""
    sides = task.candidates
    if len(sides) != 2:
        return None
    if isinstance(value, str) and value in sides:
        chosen = value
    elif isinstance(value, list):
        ranks = _ranks(value, name)
        if ranks.keys() != sides.keys() or len(set(ranks.values())) == 1:
            return None
        chosen = min(ranks, key=lambda side: ranks[side])
    else:
        return None
    rejected = next(side for side in sides if side != chosen)
    return sides[chosen].candidate_id, sides[rejected].candidate_id


def _ranks(value: list[Any], name: str) -> dict[str, int]:
    """Read a ranking: names in order, or names with their ranks, 1 being best."""
    ranks = {}
    for place, entry in enumerate(value, start=1):
        if isinstance(entry, dict) and isinstance(entry.get("rank"), int):
            ranks[str(entry.get("value"))] = entry["rank"]
        elif isinstance(entry, str):
            ranks[entry] = place
        else:
            raise BadRow(f"{name} must rank names, not {kind_of(entry)}")
    return ranks
