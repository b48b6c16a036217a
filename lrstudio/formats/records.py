"""What a reader yields, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from lrstudio.domain.text import Document
from lrstudio.domain.verdicts import Dimension, Reason, Support
from lrstudio.formats.said import ImportedLabels

MAX_MB = 200
MAX_BYTES = MAX_MB * 1_000_000 - 1


class FormatName(StrEnum):
    """The formats by the names used on the command line."""

    TXT = "txt"
    MD = "md"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"
    EPUB = "epub"
    JSONL = "jsonl"
    JSON = "json"
    LONGREWARD = "longreward"
    CSV = "csv"
    PARQUET = "parquet"
    PROJECT = "project"
    INSPECT = "inspect"


@dataclass(frozen=True, slots=True)
class ImportedDocument:
    """A document. One without text may get it from the project or from a later row; `where` names file and row."""

    document: Document
    where: str


@dataclass(frozen=True, slots=True)
class ImportedQuestion:
    """A question.

    `question_id` is None where the file gives none: the project numbers it within its document. Rows with equal
    (document_id, query) are then one question. `document_id` is None where the question stands alone.
    """

    question_id: str | None
    document_id: str | None
    query: str
    reference_answers: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class ImportedCandidate:
    """A candidate of the question with this `question_id`, or with this (document_id, query) where that is None.

    The question was yielded before. One that is not `named` has an id made from its content: an equal candidate that
    the question has already is taken for it.
    """

    candidate_id: str
    text: str
    model: str
    question_id: str | None
    document_id: str | None
    query: str
    where: str
    named: bool = True


@dataclass(frozen=True, slots=True)
class ImportedClaim:
    """A claim as another program judged it; `passages` are the texts that it was checked against."""

    text: str
    support: Support
    explanation: str = ""
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedJudgment:
    """What a judge of elsewhere said of a candidate in one dimension; the candidate is one of the same row.

    `score` is 0-10 and None where there is none, with the reason; `reference_score` is what the file says where that is
    not on the scale. `judge`, `model` and `file` tell judge runs apart.
    """

    candidate_id: str
    dimension: Dimension
    score: float | None
    judge: str
    where: str
    file: str
    model: str = ""
    reason: Reason = Reason.NONE
    reference_score: float | None = None
    explanation: str = ""
    claims: tuple[ImportedClaim, ...] = ()
    key_points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedDecision:
    """The score 0-10 that a person gave to a candidate of the same row; `time` is ISO 8601, "" where none is known.

    `blind` says that no judge's opinion was on show.
    """

    candidate_id: str
    dimension: Dimension
    score: float
    reviewer: str
    where: str
    time: str = ""
    reason: str = ""
    blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPair:
    """Which of two candidates of the same row is preferred.

    `reviewer` is who preferred it, "" where a rule or a model did or nobody says; `blind` says that scores were hidden
    then. `margin` is 0-10 where it is known.
    """

    chosen_id: str
    rejected_id: str
    where: str
    reviewer: str = ""
    time: str = ""
    reason: str = ""
    blind: bool = False
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """A row, or a part of one, that was left out: where ("answers.jsonl row 3") and why, in one sentence."""

    where: str
    sentence: str

    def __str__(self) -> str:
        """Say where before what."""
        return f"{self.where}: {self.sentence}"


ImportItem = (
    ImportedDocument
    | ImportedQuestion
    | ImportedCandidate
    | ImportedJudgment
    | ImportedDecision
    | ImportedPair
    | ImportedLabels
    | RowError
)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which column or field holds what; "" leaves it to the usual names (see `rows.USUAL`)."""

    document: str = ""
    document_id: str = ""
    query: str = ""
    question_id: str = ""
    candidate: str = ""
    candidate_id: str = ""
    model: str = ""
    reference_answers: str = ""

    def named(self) -> dict[str, str]:
        """Return what is mapped by name, without what is left to the usual names."""
        return {field.name: column for field in fields(self) if (column := getattr(self, field.name))}
