"""The list on the left: questions as headings, candidates as rows; which it keeps, in which order and words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lrstudio.domain.summaries import CandidateSummary, DimensionSummary, QuestionSummary
from lrstudio.domain.verdicts import Dimension, Reason, State
from lrstudio.viewstate.audit_signs import Sign, counted, reason_words, score_text, sign_of

DISAGREEMENT = 2.0
"""From this difference on (points of 10) two judges count as disagreeing in the list."""

_NO_VALUE = 11.0  # sorts behind every score


class Order(StrEnum):
    """What the list is sorted by. Scores rise: the weakest candidate is the one to look at first."""

    GIVEN = "given"
    UNDECIDED = "undecided"
    DISAGREEMENT = "disagreement"
    REWARD = "reward"
    HELPFULNESS = "helpfulness"
    LOGICALITY = "logicality"
    FAITHFULNESS = "faithfulness"
    COMPLETENESS = "completeness"

    @property
    def words(self) -> str:
        """The words of the menu."""
        return _ORDER_WORDS.get(self, f"{self.value.capitalize()}, lowest first")

    @property
    def shows_scores(self) -> bool:
        """Tell whether this order gives a judge's scores away."""
        return self not in (Order.GIVEN, Order.UNDECIDED, Order.DISAGREEMENT)


_ORDER_WORDS = {
    Order.GIVEN: "As imported",
    Order.UNDECIDED: "Undecided first",
    Order.DISAGREEMENT: "Disagreement, largest first",
}


@dataclass(frozen=True, slots=True)
class Keep:
    """Which candidates the list keeps: a kind, for UNSCORED the reason ("" for any), for "these" the candidates.

    For TAGGED `mark` is the tag.
    """

    kind: str
    words: str
    reason: Reason = Reason.NONE
    candidate_ids: frozenset[str] = frozenset()
    mark: str = ""


Marked = Mapping[Keep, frozenset[str]]
"""The filters that marks make, and the candidates that each keeps; see `lrstudio.viewstate.mark_keeps`."""

TAGGED = "tagged"
_BY_MARK = ("bookmarked", "noted", TAGGED)
_NO_MARKS: Marked = MappingProxyType({})

ALL = Keep("all", "All candidates")
UNDECIDED = Keep("undecided", "Undecided")
DECIDED = Keep("decided", "Decided")
SCORED = Keep("scored", "Scored")
UNSCORED = Keep("unscored", "Unscored, any reason")
NOT_JUDGED = Keep("not_judged", "Not judged")
DISAGREE = Keep("disagree", "Judges disagree")


def keep_these(words: str, candidate_ids: Iterable[str]) -> Keep:
    """Return a filter that keeps just these candidates."""
    return Keep("these", words, candidate_ids=frozenset(candidate_ids))


@dataclass(frozen=True, slots=True)
class ListView:
    """What the person asked of the list."""

    text: str = ""
    keep: Keep = ALL
    order: Order = Order.GIVEN
    blind: bool = False


@dataclass(frozen=True, slots=True)
class ListGlyph:
    """One sign in a row of signs."""

    sign: Sign
    decided: bool


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One candidate as painted: letter, reward, signs, and a word at the right end.

    `thin` says that its reward rests on fewer dimensions than others do.
    """

    candidate_id: str
    label: str
    reward: str
    glyphs: tuple[ListGlyph, ...]
    note: str
    model: str
    decided: bool
    judged: bool
    thin: bool
    tooltip: str
    spoken: str


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question as a heading."""

    question_id: str
    query: str
    document_title: str
    rows: tuple[CandidateRow, ...]


def is_decided(candidate: CandidateSummary) -> bool:
    """Tell whether a person has decided every claim and key point, or, where there is none, any dimension."""
    if candidate.parts:
        return candidate.parts_decided == candidate.parts
    return any(summary.decided for summary in candidate.dimensions.values())


def is_judged(candidate: CandidateSummary) -> bool:
    """Tell whether a judge has spoken."""
    return any(summary.run_id for summary in candidate.dimensions.values())


def list_rows(
    questions: Sequence[QuestionSummary], view: ListView, marked: Marked = _NO_MARKS
) -> tuple[QuestionRow, ...]:
    """Return the headings and rows that the view keeps, in its order.

    Candidates are sorted within their question, questions by their first candidate; a question none of whose
    candidates is kept is left out. A question without candidates stays while nothing is filtered.
    """
    kept: list[tuple[QuestionSummary, list[CandidateSummary]]] = []
    for question in questions:
        mine = [it for it in question.candidates if keeps(it, view.keep, marked) and mentions(question, it, view.text)]
        if mine or (not question.candidates and view.keep is ALL and not view.text.strip()):
            kept.append((question, mine))
    most = max(
        (len(it.reward.dimensions) for question in questions for it in question.candidates if it.reward), default=0
    )
    order = Order.GIVEN if view.blind and view.order.shows_scores else view.order
    if order is not Order.GIVEN:
        for _, mine in kept:
            mine.sort(key=lambda it: _sort_key(it, order))
        kept.sort(key=lambda pair: _sort_key(pair[1][0], order) if pair[1] else _NO_VALUE)
    return tuple(
        QuestionRow(
            question.question_id,
            question.query,
            question.document_title,
            tuple(candidate_row(it, blind=view.blind, most=most) for it in mine),
        )
        for question, mine in kept
    )


def _sort_key(candidate: CandidateSummary, order: Order) -> float:
    if order is Order.UNDECIDED:
        return float(is_decided(candidate))
    if order is Order.DISAGREEMENT:
        return _NO_VALUE if candidate.disagreement is None else -candidate.disagreement
    if order is Order.REWARD:
        return _NO_VALUE if candidate.reward is None else candidate.reward.value
    summary = candidate.dimensions.get(Dimension(order.value))
    return _NO_VALUE if summary is None or summary.score is None else summary.score


def keeps(candidate: CandidateSummary, keep: Keep, marked: Marked = _NO_MARKS) -> bool:
    """Tell whether the filter lets the candidate through."""
    if keep.kind in _BY_MARK:
        return candidate.candidate_id in marked.get(keep, ())
    summaries = candidate.dimensions.values()
    if keep.kind == "undecided":
        return not is_decided(candidate)
    if keep.kind == "decided":
        return is_decided(candidate)
    if keep.kind == "scored":
        return candidate.reward is not None
    if keep.kind == "unscored":
        return any(
            it.state is State.UNSCORED and keep.reason in (Reason.NONE, it.reason) for it in summaries if it.run_id
        )
    if keep.kind == "not_judged":
        return not is_judged(candidate)
    if keep.kind == "these":
        return candidate.candidate_id in keep.candidate_ids
    if keep.kind == "disagree":
        return candidate.disagreement is not None and candidate.disagreement >= DISAGREEMENT
    return True


def mentions(question: QuestionSummary, candidate: CandidateSummary, text: str) -> bool:
    """Tell whether every word typed is somewhere in the question, document title, label, model or id."""
    hay = " ".join(
        (question.query, question.document_title, candidate.label, candidate.model, candidate.candidate_id)
    ).casefold()
    return all(word in hay for word in text.casefold().split())


def keep_choices(questions: Iterable[QuestionSummary]) -> tuple[Keep, ...]:
    """Return the filters that make sense here: the fixed ones, and one for each reason that occurs."""
    found = {
        summary.reason
        for question in questions
        for candidate in question.candidates
        for summary in candidate.dimensions.values()
        if summary.state is State.UNSCORED and summary.reason is not Reason.NONE
    }
    reasons = tuple(Keep("unscored", f"Unscored: {it.words}", it) for it in Reason if it in found)
    return (ALL, UNDECIDED, DECIDED, DISAGREE, SCORED, NOT_JUDGED, UNSCORED, *reasons)


def candidate_row(candidate: CandidateSummary, *, blind: bool, most: int = 0) -> CandidateRow:
    """Return one candidate as painted. Blind, only what a person has decided shows.

    Args:
        candidate: the candidate.
        blind: whether the judge is hidden.
        most: how many dimensions are scored where most are: a reward of fewer does not compare, and is marked.
    """
    decided, judged = is_decided(candidate), is_judged(candidate)
    show = not blind or decided
    reward = f"{candidate.reward.value:.1f}" if candidate.reward and show else ""
    if not reward:
        reward = "·" if judged and not show else "?" if judged else "–"
    note = "decided" if decided else _trouble(candidate, show=show) or candidate.model
    return CandidateRow(
        candidate_id=candidate.candidate_id,
        label=candidate.label,
        reward=reward,
        glyphs=_glyphs(candidate, blind=blind),
        note=note,
        model=candidate.model,
        decided=decided,
        judged=judged,
        thin=show and candidate.reward is not None and len(candidate.reward.dimensions) < most,
        tooltip=_tooltip(candidate, blind=not show),
        spoken=_spoken(candidate, reward=reward, note=note),
    )


def _trouble(candidate: CandidateSummary, *, show: bool) -> str:
    """Say why there is no reward, or "" where there is one."""
    if not is_judged(candidate):
        return "not judged"
    if candidate.reward is not None or not show:
        return ""
    for dimension in (Dimension.FAITHFULNESS, *Dimension):
        summary = candidate.dimensions.get(dimension)
        if summary and summary.run_id:
            return reason_words(summary.state, summary.reason)
    return ""


def _glyphs(candidate: CandidateSummary, *, blind: bool) -> tuple[ListGlyph, ...]:
    """Return the claims' signs, or the key points' where no claim was made."""
    for dimension in (Dimension.FAITHFULNESS, Dimension.COMPLETENESS):
        summary = candidate.dimensions.get(dimension)
        if summary and summary.glyphs:
            return tuple(
                ListGlyph(
                    Sign.HIDDEN if blind and not it.decided else sign_of(it.state, it.support, it.support_reason),
                    it.decided,
                )
                for it in summary.glyphs
            )
    return ()


def _tooltip(candidate: CandidateSummary, *, blind: bool) -> str:
    lines = [f"Candidate {candidate.label}" + (f" by {candidate.model}" if candidate.model else "")]
    lines.append(counted(candidate.length, "character"))
    if not blind:
        if candidate.reward is not None:
            scored = counted(len(candidate.reward.dimensions), "dimension")
            lines.append(f"reward {candidate.reward.value:.1f} of {scored} scored")
        lines += [_dimension_line(it) for it in candidate.dimensions.values() if it.run_id or it.decided]
        if candidate.disagreement is not None:
            lines.append(f"judges differ by up to {score_text(candidate.disagreement)}")
    if candidate.parts:
        lines.append(f"{candidate.parts_decided} of {candidate.parts} claims and key points decided")
    return "\n".join(lines)


def _dimension_line(summary: DimensionSummary) -> str:
    name = summary.dimension.value
    if summary.score is None:
        return f"{name}: unscored, {reason_words(summary.state, summary.reason)}"
    return f"{name}: {score_text(summary.score)}" + (", decided" if summary.decided else "")


def _spoken(candidate: CandidateSummary, *, reward: str, note: str) -> str:
    said = {"·": "reward hidden", "?": "no reward", "–": "no reward"}.get(reward, f"reward {reward}")
    return f"Candidate {candidate.label}, {said}, {note}" if note else f"Candidate {candidate.label}, {said}"


@dataclass(frozen=True, slots=True)
class ListProgress:
    """How far the person has come."""

    text: str
    tooltip: str


def list_progress(questions: Sequence[QuestionSummary]) -> ListProgress:
    """Count what is decided, for the line below the list."""
    candidates = [candidate for question in questions for candidate in question.candidates]
    if not candidates:
        return ListProgress("", "")
    decided = sum(is_decided(candidate) for candidate in candidates)
    parts = sum(candidate.parts for candidate in candidates)
    done = sum(candidate.parts_decided for candidate in candidates)
    return ListProgress(
        f"{decided:,} of {counted(len(candidates), 'candidate')} decided",
        f"{done:,} of {parts:,} claims and key points decided" if parts else "",
    )


@dataclass(frozen=True, slots=True)
class ListShown:
    """The whole left side for one `view`: the rows, the filters to choose from, and how far the person has come."""

    view: ListView
    groups: tuple[QuestionRow, ...]
    keeps: tuple[Keep, ...]
    progress: ListProgress
    empty: bool


def arrange(questions: Sequence[QuestionSummary], view: ListView, marked: Marked = _NO_MARKS) -> ListShown:
    """Return what the left side shows; 10,000 candidates take some hundred milliseconds, so not on the GUI thread."""
    return ListShown(
        view=view,
        groups=list_rows(questions, view, marked),
        keeps=(*keep_choices(questions), *((view.keep,) if view.keep.kind == "these" else ()), *_by_mark(view, marked)),
        progress=list_progress(questions),
        empty=not questions,
    )


def _by_mark(view: ListView, marked: Marked) -> tuple[Keep, ...]:
    """Return the filters by marks; the one that is chosen stays among them when its last mark is gone."""
    gone = view.keep.kind in _BY_MARK and view.keep not in marked
    return (*marked, view.keep) if gone else tuple(marked)


def step_candidate(groups: Sequence[QuestionRow], candidate_id: str, *, by: int) -> str:
    """Return the candidate `by` rows away in the list as it stands, stopping at both ends."""
    ids = [row.candidate_id for group in groups for row in group.rows]
    if not ids:
        return ""
    if candidate_id not in ids:
        return ids[0]
    return ids[min(max(ids.index(candidate_id) + by, 0), len(ids) - 1)]
