"""What is written of a pair, whatever the format, and how a prompt is made of document and question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, Judgment

LONGREWARD_LAYOUT = "{document}\n\n{question}"
"""Document, blank line, question: the user's turn of LongReward (arXiv 2410.21252, `context` and `query` of its
preference pairs)."""

_PLACES = re.compile(r"\{(document|question)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedCandidate:
    """One side of a pair. `scores` are effective ones, 0-10, of the dimensions that are scored; `reward` their mean."""

    candidate_id: str
    text: str
    model: str = ""
    scores: Mapping[Dimension, float] = field(default_factory=dict)
    reward: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a pair comes from: the rule that proposed it, who approved it, and on what the scores rest.

    `rule` is the studio's word for how it was proposed ("" where a file brought it). `reviewer`, `time` (ISO 8601 in
    UTC), `reason` and `blind` are of the approval, empty and None where nobody approved. `judges` name judge, model and
    prompt pack of each judge run that scored a side; `licence` is that of the document, "" where none is stated.
    """

    rule: str = ""
    gold: bool = False
    reviewer: str = ""
    time: str = ""
    reason: str = ""
    blind: bool | None = None
    judges: tuple[str, ...] = ()
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceRow:
    """A pair with everything that any format writes of it.

    `document` is None where the question stands alone. `short_document` is the part of it that the question needs, the
    short context of LongPO (arXiv 2502.13922); None where there is none. `dimensions` are those over which the rewards
    were compared, `margin` is the chosen reward minus the rejected one over them (0-10), None where a person chose
    without scores. `split` is "" outside a set.
    """

    pair_id: str
    question_id: str
    question: str
    chosen: RatedCandidate
    rejected: RatedCandidate
    document_id: str | None = None
    document: str | None = None
    short_document: str | None = None
    dimensions: tuple[Dimension, ...] = ()
    margin: float | None = None
    split: str = ""
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """A candidate with what a judge said of it, for formats that know no pairs.

    `number` is the place of the candidate in its question from 0. `judgments` are those in force, at most one for each
    dimension; `scores` the effective ones, which a person may have changed.
    """

    question_id: str
    question: str
    number: int
    candidate: RatedCandidate
    document_id: str | None = None
    document: str | None = None
    judgments: tuple[Judgment, ...] = ()


def made_prompt(question: str, document: str | None, *, layout: str = LONGREWARD_LAYOUT) -> str:
    """Return what the model is sent: the layout with document and question in it, the question alone without document.

    Braces in either text are left alone.

    Raises:
        Refused: the layout lacks a place, or has one twice.
    """
    checked_layout(layout)
    if document is None:
        return question
    texts = {"document": document, "question": question}
    return _PLACES.sub(lambda place: texts[place[1]], layout)


def checked_layout(layout: str) -> str:
    """Return the layout as it is.

    Raises:
        Refused: it does not have {document} and {question}, each once.
    """
    if sorted(_PLACES.findall(layout)) != ["document", "question"]:
        raise Refused("a prompt layout has {document} and {question}, each once", where="layout")
    return layout
