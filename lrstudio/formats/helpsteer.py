"""HelpSteer's rows: a prompt, a response, and what people said of it on five attributes of 0 to 4.

Helpfulness is helpfulness, coherence is logicality; the scores are those of people, so they come in as decisions.
Correctness is judged without a document, complexity and verbosity are none of the four dimensions: they are kept in the
reason of the decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrstudio.domain.verdicts import Dimension
from lrstudio.formats.given import Asked, Place, number, optional_text, split_prompt, text
from lrstudio.formats.records import ImportedDecision, ImportItem
from lrstudio.formats.rows import BadRow

REVIEWER = "people of HelpSteer"

_NEEDED = frozenset(["prompt", "response", "helpfulness", "correctness", "coherence"])
_DIMENSIONS = {"helpfulness": Dimension.HELPFULNESS, "coherence": Dimension.LOGICALITY}
_OTHERS = ("correctness", "complexity", "verbosity")
_MOST = 4.0


def fits(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is of this shape."""
    return row.keys() >= _NEEDED


def read(row: Mapping[str, Any], place: Place) -> Iterator[ImportItem]:
    """Yield the question, the candidate and the two decisions on it.

    Raises:
        BadRow: a field is missing, empty or of another kind, or a score is none of 0 to 4.
    """
    document, query = split_prompt(text(row, "prompt"))
    asked = Asked(query=query, document=document)
    candidate = asked.candidate(text(row, "response"), place)
    others = ", ".join(f"{name} {optional_text(row, name)}" for name in _OTHERS if optional_text(row, name))
    decided = [
        ImportedDecision(
            candidate_id=candidate.candidate_id,
            dimension=dimension,
            score=_score(row, name),
            reviewer=REVIEWER,
            where=place.where,
            reason=f"of 0 to 4: {name} {optional_text(row, name)}" + (f"; {others}" if others else ""),
            blind=True,
        )
        for name, dimension in _DIMENSIONS.items()
    ]
    yield from asked.items(place)
    yield candidate
    yield from decided


def _score(row: Mapping[str, Any], name: str) -> float:
    value = number(row[name], name)
    if not 0.0 <= value <= _MOST:
        raise BadRow(f"{name} is {value:g}; it is 0 to {_MOST:g}")
    return value * 10.0 / _MOST
