"""Where reviewers differ, and who decided what, as it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from lrstudio.domain.decisions import Decision, Target, Value
from lrstudio.domain.reviewers import Conflict, ReviewerCount, without_names
from lrstudio.domain.summaries import CandidateDetail, QuestionSummary
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, State, Support, SupportReason
from lrstudio.viewstate.audit_signs import counted, score_text, sign_of

NONE_YET = "No two reviewers differ. Merge another project, or share one, and what they see otherwise is listed here."
ALL_SETTLED = "All differences are settled."
MOST = 1000
"""Rows of a list at most: more are nobody's to read, and would hold the window up."""

_PASSAGES = 4
_QUOTED = 600
"""Code points of a passage that are quoted at most."""

OWN_SUPPORT = (
    ("1", "full", Support.FULL, SupportReason.UNSTATED),
    ("2", "partial", Support.PARTIAL, SupportReason.UNSTATED),
    ("3", "contradicted", Support.NONE, SupportReason.CONTRADICTED),
    ("4", "not found", Support.NONE, SupportReason.NOT_FOUND),
    ("0", "not checkable", None, SupportReason.UNSTATED),
)
"""What one can say of a claim instead of taking a verdict over: the key, the words, and what they stand for."""


@dataclass(frozen=True, slots=True)
class ConflictLine:
    """One difference in the list."""

    target: Target
    where: str
    what: str
    said: str


@dataclass(frozen=True, slots=True)
class ConflictList:
    """The differences listed, how many are open in all, and what stands in their place where there are none."""

    lines: tuple[ConflictLine, ...]
    open: int
    none: str


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One verdict in a conflict: the letter to take it over by, and who said it, "" where names are hidden."""

    letter: str
    said: str
    name: str
    reason: str
    aside: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class ConflictView:
    """One difference with what it is about. `is_score` where a score is in conflict, not a support."""

    target: Target
    where: str
    text: str
    passages: tuple[str, ...]
    verdicts: tuple[VerdictLine, ...]
    settled: str
    is_score: bool


def value_words(value: Value) -> str:
    """Say a verdict with its sign."""
    if value.score is not None:
        return score_text(value.score)
    sign = sign_of(value.state, value.support, value.support_reason)
    if value.state is State.NOT_CHECKED and value.support is None:
        return ""
    return f"{sign.glyph} {sign.word}"


def candidate_names(questions: Sequence[QuestionSummary]) -> dict[str, str]:
    """Return what candidates are called in these lists."""
    return {it.candidate_id: f"{it.label} · {question.query}" for question in questions for it in question.candidates}


def conflict_list(conflicts: Sequence[Conflict], names: Mapping[str, str], *, settled: bool) -> ConflictList:
    """Return the list.

    Args:
        conflicts: all of them, those that are settled too.
        names: what candidates are called, by id.
        settled: whether those that are settled are listed.
    """
    shown = [it for it in conflicts if settled or not it.settled]
    open_ = sum(not it.settled for it in conflicts)
    return ConflictList(conflict_lines(shown, names), open_, ALL_SETTLED if conflicts else NONE_YET)


def conflict_lines(conflicts: Sequence[Conflict], names: Mapping[str, str]) -> tuple[ConflictLine, ...]:
    """Return the first thousand as lines; no reviewer's name is in them."""
    return tuple(
        ConflictLine(
            it.target,
            names.get(it.target.candidate_id, it.target.candidate_id),
            what_words(it.target),
            f"settled: {value_words(it.adjudication.after)}" if it.settled and it.adjudication else _said(it),
        )
        for it in conflicts[:MOST]
    )


def _said(conflict: Conflict) -> str:
    return "   ".join(f"{letter} {value_words(it.after)}" for letter, it in without_names(conflict).items())


def what_words(target: Target) -> str:
    """Say which part of a candidate a decision is about."""
    if not target.part_id:
        return target.dimension.value.capitalize()
    return "Key point" if target.dimension is Dimension.COMPLETENESS else "Claim"


def conflict_view(
    conflict: Conflict,
    detail: CandidateDetail,
    *,
    names: bool,
    part: tuple[str, tuple[Span, ...]] | None,
    text: str | None,
) -> ConflictView:
    """Return one difference as it is shown.

    Args:
        conflict: the difference.
        detail: its candidate.
        names: whether it is said who says what.
        part: wording and passages of the claim or key point; None where no judge's list has it any more.
        text: the document, None where its source publishes none.
    """
    target = conflict.target
    about, spans = part or ("", ())
    if not target.part_id:
        about = detail.candidate.text
    after = conflict.adjudication
    settled = ""
    if after is not None:
        by = f" by {after.reviewer}" if names else ""
        open_again = "" if conflict.settled else "; a later verdict says otherwise"
        settled = f"Settled{by}: {value_words(after.after)}{open_again}"
    return ConflictView(
        target=target,
        where=f"{what_words(target)} in candidate {detail.label} · {detail.question.query}",
        text=about or "This claim is not in a list any more: somebody split, merged or reworded it.",
        passages=tuple(_quoted(text, span) for span in spans[:_PASSAGES]) if text is not None else (),
        verdicts=tuple(_verdict(letter, it, names=names) for letter, it in without_names(conflict).items()),
        settled=settled,
        is_score=not target.part_id,
    )


def _verdict(letter: str, decision: Decision, *, names: bool) -> VerdictLine:
    aside = ["blind"] if decision.blind else []
    if names:
        aside.append(decision.time[:10])  # a time tells who it was, as a name does
    return VerdictLine(
        letter,
        value_words(decision.after),
        decision.reviewer if names else "",
        decision.reason,
        " · ".join(aside),
        decision,
    )


def _quoted(text: str, span: Span) -> str:
    passage = " ".join(text[span.start : span.end].split())
    return passage if len(passage) <= _QUOTED else f"{passage[:_QUOTED].rstrip()} …"


def part_of(detail: CandidateDetail, target: Target) -> tuple[str, tuple[Span, ...]] | None:
    """Return the wording of a claim or key point and the passages it rests on; None where it is not listed here."""
    standing = detail.standings[target.dimension]
    for claim in (it.claim for it in standing.claims):
        if claim.claim_id == target.part_id:
            return claim.text, tuple(it.span for it in claim.evidence)
    for point in (it.key_point for it in standing.key_points):
        if point.key_point_id == target.part_id:
            span = point.span or point.chunk
            return point.text, (span,) if span else ()
    return None


def left_words(left: int, done: int) -> str:
    """Say how far one is."""
    said = f"{counted(left, 'difference')} left" if left else ""
    return " · ".join(filter(None, (said, f"{done:,} settled now" if done else "")))


def reviewer_rows(found: Sequence[ReviewerCount]) -> list[tuple[object, tuple[str, ...]]]:
    """Return reviewers with what they did, for a list of columns."""
    return [
        (
            it.reviewer,
            (
                it.reviewer,
                *(f"{number:,}" for number in (it.entries, it.verdicts, it.blind, it.adjudications)),
                f"{it.first[:10]} – {it.last[:10]}",
            ),
        )
        for it in found
    ]


def decision_rows(decisions: Sequence[Decision], names: Mapping[str, str]) -> list[tuple[object, tuple[str, ...]]]:
    """Return what somebody decided, the latest first."""
    return [
        (
            it.target,
            (
                names.get(it.target.candidate_id, it.target.candidate_id),
                what_words(it.target),
                it.act.value.replace("_", " "),
                value_words(it.after),
                it.time[:16].replace("T", " "),
            ),
        )
        for it in islice(reversed(decisions), MOST)
    ]
