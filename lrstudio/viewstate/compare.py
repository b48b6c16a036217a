"""Several judges side by side on the same candidates: scores, support, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lrstudio.domain.overviews import ClaimVerdict, JudgeSource, JudgmentFacts, SourceVerdicts
from lrstudio.domain.summaries import QuestionSummary
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Claim, Dimension, State, Support
from lrstudio.viewstate.audit_headers import judge_label
from lrstudio.viewstate.audit_list import Keep, keep_these
from lrstudio.viewstate.audit_signs import Chip, Sign, counted, reason_words, score_text, sign_of

T = TypeVar("T")

MARGIN = 2.0
"""From this difference on (points of 10) two scores count as different, unless another margin is asked for."""

_SAME_PLACE = 0.5
"""Two claims are about the same thing where they share this much of the shorter one's place in the answer."""


@dataclass(frozen=True, slots=True)
class CompareView:
    """What counts as a difference: a margin of scores in one dimension, another support of a claim, or either."""

    margin: float = MARGIN
    by_score: bool = True
    by_support: bool = True
    only_differing: bool = True


@dataclass(frozen=True, slots=True)
class CompareCell:
    """What one source says of a candidate: its scores by dimension as written, and the reasons where it has none."""

    scores: tuple[str, ...]
    tooltip: str

    @property
    def spoken(self) -> str:
        """The scores with their letters: "H 8 L 7 F ? C –"."""
        return " ".join(f"{it.letter} {score}" for it, score in zip(Dimension, self.scores, strict=True))


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One candidate. `gap` is the largest difference of two scores, None where no dimension has two.

    `supports` counts its claims that two sources support differently.
    """

    candidate_id: str
    label: str
    question: str
    cells: tuple[CompareCell, ...]
    gap: float | None
    gap_dimension: Dimension | None
    supports: int
    differs: bool

    @property
    def gap_text(self) -> str:
        """Where the scores differ most: "F 3.5"."""
        if self.gap is None or self.gap_dimension is None:
            return "–"
        return f"{self.gap_dimension.letter} {score_text(self.gap)}"

    @property
    def spoken(self) -> str:
        """The row as it is read aloud."""
        gap = "no two scores" if self.gap is None else f"scores differ by up to {score_text(self.gap)}"
        return f"Candidate {self.label}, {gap}, {counted(self.supports, 'claim')} supported differently"


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim as the sources see it; a chip is None where a source made no such claim."""

    text: str
    chips: tuple[Chip | None, ...]
    differs: bool


def source_names(sources: Sequence[JudgeSource]) -> tuple[str, ...]:
    """Return a name for each: the judge, and for a single run its beginning; a number where two would be alike."""
    names: list[str] = []
    for source in sources:
        name = judge_label(source.identity)
        if source.identity.prompt_pack:
            alike = [it for it in sources if judge_label(it.identity) == name and it.identity != source.identity]
            name += f" · {source.identity.prompt_pack[-6:]}" if alike else ""  # the name's end is its hash
        if source.run_id:
            name += f", run of {source.started[5:16].replace('T', ' ')}"
        unique, number = name, 2
        while unique in names:
            unique = f"{name} ({number})"
            number += 1
        names.append(unique)
    return tuple(names)


def compare_rows(
    questions: Sequence[QuestionSummary], verdicts: Sequence[SourceVerdicts], view: CompareView
) -> tuple[CompareRow, ...]:
    """Return the candidates that at least two of the sources have judged, those that differ most first."""
    scores = [_by_candidate(it.judgments) for it in verdicts]
    claims = [_claims_by_candidate(it.claims) for it in verdicts]
    rows = []
    for question in questions:
        for candidate in question.candidates:
            name = candidate.candidate_id
            if sum(name in it for it in scores) < 2:
                continue
            gap, dimension = _gap([it.get(name, {}) for it in scores])
            supports = _differing([it.get(name, ()) for it in claims])
            row = CompareRow(
                name,
                candidate.label,
                question.query,
                tuple(_cell(it.get(name, {})) for it in scores),
                gap,
                dimension,
                supports,
                differs=False,
            )
            rows.append(replace(row, differs=_differs(row, view)))
    rows.sort(key=lambda row: (-(row.gap or 0.0), -row.supports))
    return tuple(row for row in rows if row.differs or not view.only_differing)


def keep_of(rows: Iterable[CompareRow], view: CompareView) -> Keep:
    """Return the filter that keeps the candidates on which the judges differ."""
    how = [f"by {view.margin:g} points"] if view.by_score else []
    how += ["in support"] if view.by_support else []
    words = f"Judges differ {' or '.join(how)}" if how else "Judges differ"
    return keep_these(words, (row.candidate_id for row in rows if row.differs))


def claim_rows(claims: Sequence[Sequence[Claim]]) -> tuple[ClaimRow, ...]:
    """Return the claims of a candidate side by side, in the order of the answer as the first source has them."""
    aligned = align(claims, name=lambda it: it.claim_id, place=lambda it: it.span)
    rows = []
    for group in aligned:
        chips = tuple(None if claim is None else _chip(claim) for claim in group)
        text = next(claim.text for claim in group if claim is not None)
        rows.append(ClaimRow(text, chips, _unlike(None if it is None else it.support for it in group)))
    return tuple(rows)


def align(
    columns: Sequence[Sequence[T]], *, name: Callable[[T], str], place: Callable[[T], Span | None]
) -> list[tuple[T | None, ...]]:
    """Put the claims of several judges into rows: the same id, else the place they share most of, else a row alone."""
    rows: list[list[T | None]] = []
    for column, claims in enumerate(columns):
        left = list(claims)
        for matches in (_same_name(name), _same_place(place)):
            for row in rows:
                best = max(left, key=lambda it: matches(row, it), default=None)
                if row[column] is None and best is not None and matches(row, best) > 0:
                    row[column] = best
                    left.remove(best)
        rows += [[claim if at == column else None for at in range(len(columns))] for claim in left]
    placed = [(_start(row, place), at, row) for at, row in enumerate(rows)]
    return [tuple(row) for _, _, row in sorted(placed, key=lambda it: it[:2])]


def _same_name(name: Callable[[T], str]) -> Callable[[list[T | None], T], float]:
    return lambda row, claim: float(any(other is not None and name(other) == name(claim) for other in row))


def _same_place(place: Callable[[T], Span | None]) -> Callable[[list[T | None], T], float]:
    def share(row: list[T | None], claim: T) -> float:
        mine = place(claim)
        theirs = [span for other in row if other is not None and (span := place(other)) is not None]
        shares = [_overlap(mine, it) for it in theirs] if mine is not None else []
        best = max(shares, default=0.0)
        return best if best >= _SAME_PLACE else 0.0

    return share


def _overlap(one: Span, other: Span) -> float:
    shared = min(one.end, other.end) - max(one.start, other.start)
    shorter = min(one.end - one.start, other.end - other.start)
    return max(0.0, shared / shorter) if shorter else 0.0


def _start(row: Sequence[T | None], place: Callable[[T], Span | None]) -> float:
    starts = [span.start for it in row if it is not None and (span := place(it)) is not None]
    return min(starts, default=float("inf"))


def _by_candidate(judgments: Iterable[JudgmentFacts]) -> dict[str, dict[Dimension, JudgmentFacts]]:
    found: dict[str, dict[Dimension, JudgmentFacts]] = {}
    for it in judgments:
        found.setdefault(it.candidate_id, {})[it.dimension] = it
    return found


def _claims_by_candidate(claims: Iterable[ClaimVerdict]) -> dict[str, list[ClaimVerdict]]:
    found: dict[str, list[ClaimVerdict]] = {}
    for it in claims:
        found.setdefault(it.candidate_id, []).append(it)
    return found


def _gap(sources: Sequence[Mapping[Dimension, JudgmentFacts]]) -> tuple[float | None, Dimension | None]:
    widest: tuple[float | None, Dimension | None] = (None, None)
    for dimension in Dimension:
        scores = [it[dimension].score for it in sources if dimension in it]
        known = [score for score in scores if score is not None]
        if len(known) > 1 and (widest[0] is None or max(known) - min(known) > widest[0]):
            widest = (max(known) - min(known), dimension)
    return widest


def _differing(columns: Sequence[Sequence[ClaimVerdict]]) -> int:
    aligned = align(columns, name=lambda it: it.claim_id, place=lambda it: it.span)
    return sum(_unlike(None if it is None else it.support for it in group) for group in aligned)


def _unlike(supports: Iterable[Support | None]) -> bool:
    """Two supports differ; where a source gives none, there is nothing to differ from."""
    return len({it for it in supports if it is not None}) > 1


def _differs(row: CompareRow, view: CompareView) -> bool:
    by_score = view.by_score and row.gap is not None and row.gap >= view.margin
    return by_score or (view.by_support and row.supports > 0)


def _cell(judged: Mapping[Dimension, JudgmentFacts]) -> CompareCell:
    scores, lines = [], []
    for dimension in Dimension:
        it = judged.get(dimension)
        scores.append("–" if it is None else score_text(it.score))
        if it is None:
            lines.append(f"{dimension.value}: not judged")
        elif it.score is None:
            lines.append(f"{dimension.value}: {reason_words(it.state, it.reason)}")
        else:
            lines.append(f"{dimension.value}: {it.score:.2f}")
    return CompareCell(tuple(scores), "\n".join(lines))


def _chip(claim: Claim) -> Chip:
    sign = sign_of(claim.state, claim.support, claim.support_reason)
    word = claim.reason.words if claim.state is State.UNSCORED and claim.reason.words else sign.word
    return Chip(sign, word, tooltip=claim.explanation)


NO_CLAIM = Chip(Sign.NOT_CHECKED, "no such claim")
