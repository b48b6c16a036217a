"""What the Audit workspace shows of one candidate, computed whole from a focus: no toolkit, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lrstudio.domain.decisions import Shown, Target
from lrstudio.domain.summaries import CandidateDetail
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, State, Support, SupportReason
from lrstudio.viewstate.audit_headers import (
    CandidateHeader,
    DocumentHeader,
    ScoreCard,
    Tab,
    candidate_header,
    coverage_line,
    document_header,
    score_card,
    tabs,
)
from lrstudio.viewstate.audit_parts import (
    PART_DIMENSIONS,
    PartRow,
    Viewer,
    next_undecided,
    part_rows,
    row_of,
)
from lrstudio.viewstate.audit_signs import Sign, counted, sign_of


@dataclass(frozen=True, slots=True)
class Focus:
    """Where the person is: a candidate, a dimension, one of its parts, one of the part's passages (from 0)."""

    candidate_id: str = ""
    dimension: Dimension = Dimension.FAITHFULNESS
    part_id: str = ""
    passage: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A verdict chosen and not yet committed; `support` None says not checkable."""

    support: Support | None
    support_reason: SupportReason = SupportReason.UNSTATED

    @property
    def sign(self) -> Sign:
        """The sign it will have."""
        state = State.NOT_CHECKABLE if self.support is None else State.SCORED
        return sign_of(state, self.support, self.support_reason)


class MarkRole(StrEnum):
    """Why a span is marked in a text."""

    CLAIM = "claim"
    EVIDENCE = "evidence"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class SpanMark:
    """One marked span. `group` is the part (claims) or the passage number (evidence) a click on it means."""

    span: Span
    role: MarkRole
    sign: Sign
    group: str
    focused: bool = False
    decided: bool = False
    label: str = ""


class Deed(StrEnum):
    """What Enter does now."""

    OVERRIDE = "override"
    CONFIRM = "confirm"
    SET_SCORE = "set_score"
    ADVANCE = "advance"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Plan:
    """What Enter does, the words of its button, and a hint for the person. NOTHING explains itself in the hint."""

    deed: Deed
    button: str
    hint: str


@dataclass(frozen=True, slots=True)
class Screen:
    """The centre and the bottom of the workspace."""

    focus: Focus
    header: CandidateHeader
    document: DocumentHeader
    tabs: tuple[Tab, ...]
    coverage: str
    rows: tuple[PartRow, ...]
    claims: tuple[PartRow, ...]
    card: ScoreCard | None
    call_key: str
    candidate_marks: tuple[SpanMark, ...] = field(repr=False, default=())
    document_marks: tuple[SpanMark, ...] = field(repr=False, default=())

    @property
    def row(self) -> PartRow | None:
        """The part in focus."""
        return row_of(self.rows, self.focus.part_id)

    @property
    def target(self) -> Target:
        """What a decision made now is about."""
        return Target(self.focus.candidate_id, self.focus.dimension, self.focus.part_id)


def rows_by_dimension(detail: CandidateDetail, viewer: Viewer) -> Mapping[Dimension, tuple[PartRow, ...]]:
    """Return the claims and the key points of a candidate."""
    return {
        it: part_rows(detail.candidate.candidate_id, detail.standings[it], viewer=viewer, decisions=detail.decisions)
        for it in PART_DIMENSIONS
        if it in detail.standings
    }


def settled(focus: Focus, rows: Sequence[PartRow]) -> Focus:
    """Return the focus on something that exists: a lost part gives way to the first open one, else the first one."""
    row = row_of(rows, focus.part_id)
    if row is None:
        first = next_undecided(rows, "") or (rows[0].part_id if rows else "")
        return replace(focus, part_id=first, passage=0)
    last = max(len(row.passages) - 1, 0)
    return replace(focus, passage=min(max(focus.passage, 0), last))


def screen(detail: CandidateDetail, focus: Focus, *, viewer: Viewer) -> Screen:
    """Compute everything that is shown of the candidate in focus."""
    by_dimension = rows_by_dimension(detail, viewer)
    rows = by_dimension.get(focus.dimension, ())
    focus = settled(replace(focus, candidate_id=detail.candidate.candidate_id), rows)
    row = row_of(rows, focus.part_id)
    standing = detail.standings[focus.dimension]
    card = None if focus.dimension in PART_DIMENSIONS else score_card(detail, focus.dimension, viewer=viewer)
    claims = by_dimension.get(Dimension.FAITHFULNESS, ())
    call_key = row.call_key if row else ""
    hidden = card.hidden if card else any(it.hidden for it in rows)
    if not call_key and standing.judgment and not hidden:
        call_key = standing.judgment.call_key
    return Screen(
        focus=focus,
        header=candidate_header(detail, focus.dimension, viewer=viewer, rows=by_dimension),
        document=document_header(detail.document, row, passage=focus.passage),
        tabs=tabs(focus.dimension, detail.standings, by_dimension),
        coverage=coverage_line(standing, detail.runs.get(focus.dimension), hidden=hidden),
        rows=rows,
        claims=claims,
        card=card,
        call_key=call_key,
        candidate_marks=candidate_marks(claims, focus),
        document_marks=document_marks(rows, focus),
    )


def candidate_marks(claims: Sequence[PartRow], focus: Focus) -> tuple[SpanMark, ...]:
    """Return the claims that have a place in the candidate, in order of it."""
    marks = [
        SpanMark(
            span=row.span,
            role=MarkRole.CLAIM,
            sign=row.effective,
            group=row.part_id,
            focused=focus.dimension is Dimension.FAITHFULNESS and row.part_id == focus.part_id,
            decided=row.decided,
            label=str(row.number),
        )
        for row in claims
        if row.span
    ]
    return tuple(sorted(marks, key=lambda mark: mark.span))


def document_marks(rows: Sequence[PartRow], focus: Focus) -> tuple[SpanMark, ...]:
    """Return the passages of the part in focus, numbered, and those of the other parts without a number."""
    row = row_of(rows, focus.part_id)
    mine = row.passages if row else ()
    marks = [
        SpanMark(
            span=passage.span,
            role=MarkRole.EVIDENCE,
            sign=row.effective if row else Sign.NOT_CHECKED,
            group=str(at),
            focused=at == focus.passage,
            decided=passage.by_person,
            label=str(passage.rank),
        )
        for at, passage in enumerate(mine)
    ]
    taken = {passage.span for passage in mine}
    for other in rows:
        for passage in other.passages:
            if passage.span not in taken:
                taken.add(passage.span)
                marks.append(SpanMark(passage.span, MarkRole.ELSEWHERE, Sign.NOT_CHECKED, group=other.part_id))
    return tuple(sorted(marks, key=lambda mark: mark.span))


def press(choice: Choice | None, key: str) -> Choice | None:
    """Return the choice after a verdict key: 1 full, 2 partial, 3 none, c or f its reason, 0 not checkable.

    The key of the choice itself takes it back; c and f speak only of none.
    """
    chosen = {
        "1": Choice(Support.FULL),
        "2": Choice(Support.PARTIAL),
        "3": Choice(Support.NONE),
        "0": Choice(None),
    }
    if key in chosen:
        same = choice is not None and choice.support is chosen[key].support
        return None if same else chosen[key]
    reasons = {"c": SupportReason.CONTRADICTED, "f": SupportReason.NOT_FOUND}
    if key in reasons and choice is not None and choice.support is Support.NONE:
        return replace(choice, support_reason=reasons[key])
    return choice


def plan(screen_now: Screen | None, choice: Choice | None, *, score: str = "") -> Plan:
    """Return what Enter does now.

    Args:
        screen_now: what is shown; None where nothing is.
        choice: the verdict chosen for a claim or key point.
        score: what stands in the score field.
    """
    if screen_now is None:
        return Plan(Deed.NOTHING, "Confirm", "")
    if screen_now.card is not None:
        return _plan_score(screen_now.card, score)
    row = screen_now.row
    if row is None:
        return Plan(Deed.NOTHING, "Confirm", "")
    if choice is not None:
        more = "  c contradicted, f not found" if choice.sign is Sign.NONE and _may_say_why(row) else ""
        return Plan(Deed.OVERRIDE, "Commit", f"Your verdict: {choice.sign.word}.{more}")
    if row.mine:
        return Plan(Deed.ADVANCE, "Next", "Decided. Choose another verdict to change it, or go on.")
    if row.hidden:
        return Plan(Deed.NOTHING, "Commit", "Blind: choose your verdict, then commit.")
    if row.effective in (Sign.UNSCORED, Sign.NOT_CHECKED):
        return Plan(Deed.NOTHING, "Confirm", "The judge gives no verdict here: choose one.")
    return Plan(Deed.CONFIRM, "Confirm", f"Confirms {row.effective.word}; choose another verdict to override.")


def _may_say_why(row: PartRow) -> bool:
    return row.target.dimension is Dimension.FAITHFULNESS


def _plan_score(card: ScoreCard, typed: str) -> Plan:
    if typed.strip():
        if parse_score(typed) is None:
            return Plan(Deed.NOTHING, "Commit", "A score goes from 0 to 10.")
        return Plan(Deed.SET_SCORE, "Commit", f"Your score: {typed.strip()}.")
    if card.decided:
        return Plan(Deed.ADVANCE, "Next", "Decided. Type another score to change it, or go on.")
    if card.hidden:
        return Plan(Deed.NOTHING, "Commit", "Blind: type your score, then commit.")
    if not card.judged:
        return Plan(Deed.NOTHING, "Confirm", "The judge gives no score here: type one from 0 to 10.")
    return Plan(Deed.CONFIRM, "Confirm", f"Confirms {card.score}; type another score to override.")


def parse_score(typed: str) -> float | None:
    """Read a score from 0 to 10, with a point or a comma; None where it is none."""
    try:
        value = float(typed.strip().replace(",", "."))
    except ValueError:
        return None
    return value if 0.0 <= value <= 10.0 else None


def shown_now(detail: CandidateDetail, now: Screen) -> Shown:
    """Record what is on screen as a decision is made."""
    judgment = detail.standings[now.focus.dimension].judgment
    row = now.row
    hidden = row.hidden if row else bool(now.card and now.card.hidden)
    return Shown(
        run_id=judgment.run_id if judgment else "",
        judge_visible=not hidden,
        evidence=tuple(passage.span for passage in row.passages) if row else (),
        surface="audit window",
    )


def all_decided_hint(rows: Sequence[PartRow]) -> str:
    """Say what to do next when nothing is open here, or ""."""
    if not rows or not all(row.decided for row in rows):
        return ""
    noun = "claim" if rows[0].target.dimension is Dimension.FAITHFULNESS else "key point"
    return f"All {counted(len(rows), noun)} decided: ] goes to the next candidate."
