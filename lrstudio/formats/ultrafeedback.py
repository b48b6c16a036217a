"""UltraFeedback's rows: an instruction, its completions, and what GPT-4 said of each.

`annotations.helpfulness.Rating`, 1 to 5, is helpfulness. Its other aspects (honesty, truthfulness, instruction
following) and the overall score are judged without a document and are none of the four dimensions: they are kept in the
words of the judgment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrstudio.domain.verdicts import Dimension
from lrstudio.formats.given import Asked, Place, optional_text, record, records, split_prompt, stars, text
from lrstudio.formats.records import ImportedJudgment, ImportItem
from lrstudio.formats.rows import BadRow

JUDGE = "ultrafeedback"
MODEL = "gpt-4"

_FIELDS = frozenset(["instruction", "completions"])
_UNRATED = frozenset(["", "N/A"])
_HELPFULNESS = "helpfulness"


def fits(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is of this shape."""
    return row.keys() >= _FIELDS


def read(row: Mapping[str, Any], place: Place) -> Iterator[ImportItem]:
    """Yield the question, its candidates, and the judgment of each that has a rating.

    Raises:
        BadRow: a field is missing, empty or of another kind, or a rating is none.
    """
    document, query = split_prompt(text(row, "instruction"))
    asked = Asked(query=query, document=document)
    items: list[ImportItem] = []
    for completion in records(row, "completions"):
        candidate = asked.candidate(text(completion, "response"), place, model=optional_text(completion, "model"))
        items += [candidate, *_judgment(completion, candidate.candidate_id, place)]
    if not items:
        raise BadRow("completions is empty")
    yield from asked.items(place)
    yield from items


def _judgment(completion: Mapping[str, Any], candidate_id: str, place: Place) -> Iterator[ImportedJudgment]:
    aspects = record(completion, "annotations")
    rated = record(aspects, _HELPFULNESS)
    if optional_text(rated, "Rating") in _UNRATED:
        return
    others = [(name, optional_text(record(aspects, name), "Rating")) for name in aspects if name != _HELPFULNESS]
    others.append(("overall score", optional_text(completion, "overall_score")))
    words = [optional_text(rated, "Rationale"), *(f"{name}: {value}" for name, value in others if value)]
    yield ImportedJudgment(
        candidate_id=candidate_id,
        dimension=Dimension.HELPFULNESS,
        score=stars(rated["Rating"], "annotations.helpfulness.Rating"),
        judge=JUDGE,
        model=MODEL,
        where=place.where,
        file=place.file,
        explanation="\n".join(word for word in words if word),
    )
