"""What the Pairs workspace shows of two candidates: their scores, how their claims differ, what stands on the pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lrstudio.domain.claim_differences import ClaimDifferences, claim_differences
from lrstudio.domain.decisions import StandingClaim
from lrstudio.domain.pair_lists import Board, BoardCandidate
from lrstudio.domain.pairs import Pair, PairState, RuleName, difference
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.audit import MarkRole, SpanMark
from lrstudio.viewstate.audit_signs import Sign, counted, score_text, sign_of
from lrstudio.viewstate.facts import Fact

_RULES = {
    RuleName.LONGREWARD: "LongReward's rule",
    RuleName.MARGIN: "the margin rule",
    RuleName.AGAINST: "best against a chosen one",
    RuleName.IMPORTED: "an imported file",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two candidates. `standing` is "chosen", "rejected" or "", `scores` "" where they are hidden."""

    candidate_id: str
    label: str
    facts: str
    scores: str
    reward: str
    standing: str
    text: str = field(repr=False)
    marks: tuple[SpanMark, ...] = field(repr=False, default=())

    @property
    def spoken(self) -> str:
        """What is read aloud."""
        return ", ".join(it for it in (f"Candidate {self.label}", self.facts, self.scores, self.reward) if it)


@dataclass(frozen=True, slots=True)
class BandLine:
    """A difference in claims: which kind, then a claim, and, where both have it, the other side's sign."""

    kind: str
    sign: Sign
    text: str
    other: Sign | None = None

    @property
    def spoken(self) -> str:
        """What is read aloud."""
        against = f" against {self.other.word}" if self.other else ""
        return f"{self.kind}: {self.sign.word}{against}: {self.text}"


@dataclass(frozen=True, slots=True)
class Against:
    """What the best of a question is set against: every candidate of a model, or one candidate of one question."""

    model: str = ""
    candidate_id: str = ""
    question_id: str = ""


@dataclass(frozen=True, slots=True)
class PairScreen:
    """Two candidates of a question side by side. `band` is left and right; `stale` says why, "" where it is not."""

    question: str
    document: str
    left: Side
    right: Side
    band: tuple[tuple[BandLine, ...], tuple[BandLine, ...]]
    status: str
    stale: str
    pair: Pair | None
    blind: bool


def sides_of(board: Board, pair: Pair | None) -> tuple[str, str]:
    """Return the two candidates to show: those of the pair, chosen first, else of the first one that holds there.

    Where the question has no pair these are its first two; "" for none.
    """
    ids = [it.detail.candidate.candidate_id for it in board.candidates]
    if pair is None:
        pair = next((it for it in board.pairs if it.state in (PairState.PROPOSED, PairState.GOLD)), None)
    if pair is not None and {pair.chosen_id, pair.rejected_id} <= set(ids):
        return pair.chosen_id, pair.rejected_id
    first, second, *_ = [*ids, "", ""]
    return first, second


def pair_of(board: Board, one: str, other: str) -> Pair | None:
    """Return the pair of two candidates, whichever is chosen; None where they are none."""
    for pair in board.pairs:
        if {pair.chosen_id, pair.rejected_id} == {one, other} and pair.state is not PairState.WITHDRAWN:
            return pair
    return None


def next_side(board: Board, shown: tuple[str, str], *, left: bool) -> tuple[str, str]:
    """Return the sides with the next candidate of the question on one of them; the other one is passed over."""
    ids = [it.detail.candidate.candidate_id for it in board.candidates]
    changing, staying = shown if left else shown[::-1]
    if len(ids) < 3 or changing not in ids:
        return shown
    at = ids.index(changing)
    turned = next(it for it in (*ids[at + 1 :], *ids[: at + 1]) if it != staying)
    return (turned, staying) if left else (staying, turned)


def pair_screen(board: Board, shown: tuple[str, str], *, blind: bool) -> PairScreen | None:
    """Return what is shown of two candidates, None where the question has not both; blind hides models and verdicts."""
    by_id = {it.detail.candidate.candidate_id: it for it in board.candidates}
    if shown[0] not in by_id or shown[1] not in by_id or shown[0] == shown[1]:
        return None
    one, other = by_id[shown[0]], by_id[shown[1]]
    pair = pair_of(board, *shown)
    labels = ("A", "B") if blind else (one.detail.label, other.detail.label)
    left, right = (
        _side(it, label, pair=pair, board=board, blind=blind) for it, label in zip((one, other), labels, strict=True)
    )
    status, stale = _status(pair, difference(one.reward, other.reward), board.dimensions, blind=blind)
    return PairScreen(
        question=board.question.query,
        document=board.document.title or board.document.document_id if board.document else "",
        left=left,
        right=right,
        band=_band(claim_differences(_claims(one), _claims(other)), labels, blind=blind),
        status=status,
        stale=stale,
        pair=pair,
        blind=blind,
    )


def against_choices(
    models: Sequence[str], screen: PairScreen | None, question_id: str
) -> tuple[tuple[Against, str], ...]:
    """Return what the best of a question can be set against: the candidates on screen, then each model."""
    here = (screen.left, screen.right) if screen is not None else ()
    return (
        *((Against(candidate_id=it.candidate_id, question_id=question_id), _on_screen(it)) for it in here),
        *((Against(model=name), f"model {name}") for name in models if name),
    )


def _on_screen(side: Side) -> str:
    return f"only here: {side.label} · {side.facts}"


def facts_of(screen: PairScreen | None) -> frozenset[Fact]:
    """Return what holds for what is on screen; a pair whose verdict is hidden can be decided, not approved."""
    if screen is None:
        return frozenset()
    if screen.pair is None:
        return frozenset({Fact.SIDES})
    seen = frozenset() if screen.blind else frozenset({Fact.PAIR_SEEN})
    return frozenset({Fact.SIDES, Fact.PAIR}) | seen


def rules_text(pair: Pair) -> str:
    """Say which rules proposed a pair, "" for none."""
    return " and ".join(_RULES[name] for name in pair.rules)


def letters(dimensions: Sequence[Dimension]) -> str:
    """Write dimensions as their letters."""
    return " ".join(it.letter for it in dimensions)


def _claims(it: BoardCandidate) -> tuple[StandingClaim, ...]:
    standing = it.detail.standings.get(Dimension.FAITHFULNESS)
    return standing.claims if standing else ()


def _side(it: BoardCandidate, label: str, *, pair: Pair | None, board: Board, blind: bool) -> Side:
    detail = it.detail
    length = counted(len(detail.candidate.text), "character")
    standing, scores, reward = "", "", ""
    if not blind:
        scored = [(name, s.score.score) for name, s in detail.standings.items() if s.score.score is not None]
        scores = " · ".join(f"{name.letter} {score_text(score)}" for name, score in scored)
        if it.reward is not None:
            reward = f"reward {it.reward:.1f}"
        else:
            reward = "no common dimension" if scored else "not judged"
        if pair is not None and pair.state is not PairState.REJECTED:
            standing = "chosen" if pair.chosen_id == detail.candidate.candidate_id else "rejected"
    who = "" if blind else detail.candidate.model or detail.candidate.candidate_id
    facts = " · ".join(part for part in (who, length) if part)
    marks = tuple(
        SpanMark(
            claim.claim.span,
            MarkRole.CLAIM,
            Sign.HIDDEN if blind else _sign(claim),
            claim.claim.claim_id,
            decided=claim.decision is not None and not blind,
        )
        for claim in _claims(it)
        if claim.claim.span
    )
    return Side(
        candidate_id=detail.candidate.candidate_id,
        label=label,
        facts=facts,
        scores=scores,
        reward=reward,
        standing=standing,
        text=detail.candidate.text,
        marks=tuple(sorted(marks, key=lambda mark: mark.span)),
    )


def _sign(claim: StandingClaim) -> Sign:
    return sign_of(claim.state, claim.support, claim.support_reason)


def _band(
    differ: ClaimDifferences, labels: tuple[str, str], *, blind: bool
) -> tuple[tuple[BandLine, ...], tuple[BandLine, ...]]:
    """Return the claims only one side has, and those that one side has better support for (not to a blind person)."""
    a, b = labels

    def only(label: str, claims: Sequence[StandingClaim]) -> list[BandLine]:
        return [
            BandLine(f"only in {label}", Sign.HIDDEN if blind else _sign(claim), claim.claim.text) for claim in claims
        ]

    left, right = only(a, differ.only_a), only(b, differ.only_b)
    if not blind:
        left[:0] = [
            BandLine(f"more support in {a}", _sign(mine), mine.claim.text, _sign(yours))
            for mine, yours in differ.supported_in_a
        ]
        right[:0] = [
            BandLine(f"more support in {b}", _sign(yours), yours.claim.text, _sign(mine))
            for mine, yours in differ.supported_in_b
        ]
    return tuple(left), tuple(right)


def _status(
    pair: Pair | None, margin: float | None, dimensions: Sequence[Dimension], *, blind: bool
) -> tuple[str, str]:
    """Say what stands on the two candidates, and why the pair is stale."""
    if pair is None:
        if blind:
            return "no pair yet: a or b adds one", ""
        apart = f" · rewards differ by {abs(margin):.1f} over {letters(dimensions)}" if margin is not None else ""
        return f"no pair yet: a or b adds one{apart}", ""
    if blind:
        return "blind: say which is better", "something changed under this pair" if pair.stale else ""
    parts = [] if pair.state is PairState.PROPOSED and pair.rules else [state_text(pair)]
    if pair.rules:
        parts.append(f"proposed by {rules_text(pair)}")
    if pair.margin is not None:
        parts.append(f"margin {pair.margin:.1f} over {letters(pair.dimensions)}")
    if pair.reason:
        parts.append(f"“{pair.reason}”")
    return " · ".join(parts), pair.stale.words if pair.stale else ""


def state_text(pair: Pair) -> str:
    """Say where a pair stands."""
    if pair.state is PairState.GOLD:
        return "gold · blind" if pair.blind else "gold"
    return pair.state.value
