"""The lines around the texts: who wrote the candidate, what it scores, where the evidence is, what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lrstudio.domain.decisions import Standing, Target
from lrstudio.domain.reward import reward
from lrstudio.domain.summaries import CandidateDetail, DocumentInfo
from lrstudio.domain.text import PlaceKind, Span
from lrstudio.domain.verdicts import Coverage, Dimension, JudgeIdentity, JudgeRun, Reason, State
from lrstudio.viewstate.audit_parts import PART_DIMENSIONS, PartRow, Viewer, hidden_from
from lrstudio.viewstate.audit_signs import counted, reason_words, score_text

SCORE_HIDDEN = "·"
LOCAL = "local only"
LOCAL_MEANING = "It must stay on this machine: judges on other hosts are refused it."


@dataclass(frozen=True, slots=True)
class ScoreChip:
    """One dimension in the candidate's header."""

    dimension: Dimension
    score: str
    decided: bool
    selected: bool
    tooltip: str


@dataclass(frozen=True, slots=True)
class CandidateHeader:
    """The line above the candidate."""

    title: str
    facts: str
    chips: tuple[ScoreChip, ...]
    reward: str
    reward_tooltip: str


@dataclass(frozen=True, slots=True)
class DocumentHeader:
    """The line above the document. `place` names the passage looked at, `local` says that it stays on this machine."""

    title: str
    facts: str
    place: str
    tooltip: str = ""
    local: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    """One dimension below the texts; `count` is "3/6 decided", or the score where there are no parts."""

    dimension: Dimension
    title: str
    count: str
    selected: bool


@dataclass(frozen=True, slots=True)
class ScoreCard:
    """What a score dimension shows: the judge's score and why, and the person's."""

    target: Target
    score: str
    judged: bool
    explanation: str
    yours: str
    tooltip: str
    hidden: bool
    decided: bool


def dimension_hidden(
    detail: CandidateDetail, dimension: Dimension, *, viewer: Viewer, rows: Sequence[PartRow] = ()
) -> bool:
    """Tell whether the score of a dimension must not be shown: one open claim is enough to hide their mean."""
    if not viewer.blind:
        return False
    if dimension in PART_DIMENSIONS and rows:
        return any(row.hidden for row in rows)
    return hidden_from(viewer, Target(detail.candidate.candidate_id, dimension), detail.decisions)


def candidate_header(
    detail: CandidateDetail, selected: Dimension, *, viewer: Viewer, rows: Mapping[Dimension, Sequence[PartRow]]
) -> CandidateHeader:
    """Return the line above the candidate."""
    hidden = {it for it in Dimension if dimension_hidden(detail, it, viewer=viewer, rows=rows.get(it, ()))}
    chips = tuple(
        _score_chip(detail.standings[it], selected=it is selected, hidden=it in hidden)
        for it in Dimension
        if it in detail.standings
    )
    facts = [it for it in (detail.candidate.model, counted(len(detail.candidate.text), "character")) if it]
    total = reward({it: standing.score.score for it, standing in detail.standings.items()})
    if total and not hidden:
        text = f"{total.value:.1f}"
        tooltip = "Mean of " + ", ".join(it.value for it in total.dimensions)
    elif hidden:
        text, tooltip = SCORE_HIDDEN, "Blind: shows once everything is decided"
    else:
        text, tooltip = "–", "No dimension is scored"
    return CandidateHeader(f"Candidate {detail.label}", " · ".join(facts), chips, text, tooltip)


def _score_chip(standing: Standing, *, selected: bool, hidden: bool) -> ScoreChip:
    score = standing.score
    name = standing.dimension.value.capitalize()
    if hidden:
        return ScoreChip(standing.dimension, SCORE_HIDDEN, False, selected, f"{name}: hidden until you have decided")
    if score.score is None:
        text = "–" if score.state is State.NOT_CHECKED else "?"
        tooltip = f"{name}: {reason_words(score.state, score.reason)}"
        return ScoreChip(standing.dimension, text, score.decided, selected, tooltip)
    by = "as decided" if score.decided else "the judge's"
    return ScoreChip(
        standing.dimension, score_text(score.score), score.decided, selected, f"{name}: {score.score:.2f}, {by}"
    )


def tabs(
    selected: Dimension, standings: Mapping[Dimension, Standing], rows: Mapping[Dimension, Sequence[PartRow]]
) -> tuple[Tab, ...]:
    """Return the dimensions in the order they are worked through: those with parts first."""
    order = (Dimension.FAITHFULNESS, Dimension.COMPLETENESS, Dimension.HELPFULNESS, Dimension.LOGICALITY)
    return tuple(
        Tab(it, it.value.capitalize(), _tab_count(standings.get(it), rows.get(it, ())), it is selected) for it in order
    )


def _tab_count(standing: Standing | None, rows: Sequence[PartRow]) -> str:
    if rows:
        return f"{sum(row.decided for row in rows)}/{len(rows)} decided"
    return "decided" if standing and standing.score_decision else ""


def score_card(detail: CandidateDetail, dimension: Dimension, *, viewer: Viewer) -> ScoreCard:
    """Return what a dimension shows that is judged as a whole."""
    standing = detail.standings[dimension]
    target = Target(detail.candidate.candidate_id, dimension)
    judgment, decision = standing.judgment, standing.score_decision
    hidden = hidden_from(viewer, target, detail.decisions)
    yours = ""
    if decision and not hidden and decision.after.score is not None:
        yours = score_text(decision.after.score)
    tooltip = ""
    if decision and not hidden:
        tooltip = f"{decision.reviewer} on {decision.time[:10]}" + (", blind" if decision.blind else "")
        tooltip += f": {decision.reason}" if decision.reason else ""
    if judgment is None:
        text, why = "–", "No judge has scored this dimension yet."
    elif judgment.score is None:
        text = "?"
        why = judgment.explanation or f"Unscored: {reason_words(judgment.state, judgment.reason)}."
    else:
        text, why = score_text(judgment.score), judgment.explanation
    if hidden and judgment is not None:
        text, why = SCORE_HIDDEN, "Blind: the judge's score and its reasons show once you have given your own."
    judged = judgment is not None and judgment.score is not None
    return ScoreCard(target, text, judged, why, yours, tooltip, hidden, decided=bool(yours))


def document_header(info: DocumentInfo | None, row: PartRow | None, *, passage: int) -> DocumentHeader:
    """Return the line above the document."""
    if info is None:
        return DocumentHeader("No document", "this question stands alone", "")
    source = info.source
    facts = [counted(info.length, "character")] if info.length is not None else ["its text is not imported"]
    if source and source.map and source.map.kind is PlaceKind.PAGE:
        first, last = source.map.places[0], source.map.places[-1]
        facts.append(f"pp. {first}–{last}" if first != last else f"p. {first}")
    tooltip = (
        " · ".join(it for it in (source.name, source.format, source.encoding, source.licence) if it) if source else ""
    )
    place = ""
    if row and row.passages:
        at = min(passage, len(row.passages) - 1)
        where = place_text(info, row.passages[at].span)
        place = f"evidence {at + 1} of {len(row.passages)}" + (f" · {where}" if where else "")
    elif row:
        place = "no evidence"
    local = LOCAL if info.local_only else f"{LOCAL} (project)" if info.project_local else ""
    return DocumentHeader(info.title or info.document_id, " · ".join(facts), place, tooltip, local)


def place_text(info: DocumentInfo, span: Span) -> str:
    """Say where in its file a span starts: p. 87, line 12 or the name of a part; "" where it tells a person nothing."""
    if info.source is None or info.source.map is None:
        return ""
    place = info.source.map.place(span.start)
    if info.source.map.kind is PlaceKind.PAGE:
        return f"p. {place}"
    if info.source.map.kind is PlaceKind.LINE:
        return f"line {int(place):,}" if place.isdigit() else place
    return place if info.source.map.kind is PlaceKind.PART else ""


def coverage_line(standing: Standing, run: JudgeRun | None, *, hidden: bool = False) -> str:
    """Say whose verdicts these are and what they rest on; the spread of the samples only to those who see scores."""
    judgment = standing.judgment
    if judgment is None:
        return "not judged yet"
    parts = [judge_label(run.identity)] if run else []
    parts += _coverage_parts(judgment.coverage)
    if judgment.samples and not hidden:
        low, high = min(judgment.samples), max(judgment.samples)
        between = score_text(low) if low == high else f"{score_text(low)} to {score_text(high)}"
        parts.append(f"{counted(len(judgment.samples), 'sample')}: {between}")
    if judgment.score is None and judgment.reason is not Reason.NONE:
        parts.append(f"unscored: {judgment.reason.words}")
    return " · ".join(parts)


def _coverage_parts(coverage: Coverage) -> list[str]:
    parts = []
    if coverage.chunks_total:
        parts.append(f"{coverage.chunks_read:,}/{coverage.chunks_total:,} chunks read")
    if coverage.tokens_cut:
        parts.append(f"{counted(coverage.tokens_cut, 'token')} cut")
    if coverage.attempts:
        parts.append(counted(coverage.attempts, "attempt"))
    return parts


def judge_label(identity: JudgeIdentity) -> str:
    """Return the short name of a judge: its model where that is what judges."""
    return identity.model if identity.judge == "http" and identity.model else identity.judge


def judge_description(identity: JudgeIdentity) -> str:
    """Return everything that tells a judge from another, one fact a line."""
    named = (
        ("judge", identity.judge),
        ("model", identity.model),
        ("prompt pack", identity.prompt_pack[:12]),
        ("tokenizer", identity.tokenizer),
        ("parameters", "" if identity.parameters == "{}" else identity.parameters),
    )
    return "\n".join(f"{name}: {value}" for name, value in named if value)


def judge_labels(identities: Sequence[JudgeIdentity]) -> tuple[str, ...]:
    """Return one name for each judge, with the prompt pack or a number behind those that would be alike."""
    names: list[str] = []
    plain = [judge_label(it) for it in identities]
    for identity, name in zip(identities, plain, strict=True):
        full = name
        if plain.count(name) > 1 and identity.prompt_pack:
            full = f"{name} · {identity.prompt_pack[:6]}"
        number = 2
        unique = full
        while unique in names:
            unique = f"{full} ({number})"
            number += 1
        names.append(unique)
    return tuple(names)
