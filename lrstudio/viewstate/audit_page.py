"""The audit of one candidate as a page to print or send: answer, verdicts, decisions, quoted evidence with its place.

HTML that needs nothing beside it and keeps to what both a browser and Qt's rich text can show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from lrstudio.domain.decisions import Decision, Standing, StandingClaim, StandingKeyPoint
from lrstudio.domain.reward import reward
from lrstudio.domain.summaries import CandidateDetail
from lrstudio.domain.text import PlaceKind, Source, Span
from lrstudio.domain.verdicts import Dimension, JudgeRun
from lrstudio.viewstate.audit_signs import probability, reason_words, score_text, sign_of

QUOTES = 3
"""Passages quoted for a claim at most; more are counted."""

_STYLE = """
body { font-family: sans-serif; font-size: 10pt; color: #1a1a1a; background-color: #ffffff; max-width: 52em; }
h1 { font-size: 15pt; margin-bottom: 2pt; } h2 { font-size: 12pt; margin-top: 14pt; }
table { border-collapse: collapse; }
table { margin-top: 8pt; margin-bottom: 8pt; } td { vertical-align: top; border-bottom: 1px solid #d5d5d5; }
.quiet { color: #5c5c5c; } .quote { color: #333333; margin: 2pt 0 6pt 14pt; }
"""


def audit_page(detail: CandidateDetail, *, text: str | None, made: str) -> str:
    """Return the page as HTML.

    Args:
        detail: the candidate with everything that stands on it.
        text: the text of its document, for the quotations; None where there is none.
        made: when the page is made, ISO 8601.
    """
    source = detail.document.source if detail.document else None
    body = [
        f"<h1>{_t(detail.question.query)}</h1>",
        f'<p class="quiet">{_t(_facts(detail))}</p>',
        _scores(detail),
        "<h2>Answer</h2>",
        _paragraphs(detail.candidate.text),
    ]
    for dimension in Dimension:
        body.extend(_dimension(detail.standings[dimension], detail.runs.get(dimension), text=text, source=source))
    body.append(f'<p class="quiet">Made with LongReward Studio, {_t(made[:16].replace("T", " "))} UTC.</p>')
    title = f"Audit of {detail.candidate.candidate_id}"
    head = f'<meta charset="utf-8"><title>{_t(title)}</title><style>{_STYLE}</style>'
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n" + "\n".join(body) + "\n</body></html>\n"


def _t(text: str) -> str:
    return escape(text.encode("utf-8", "replace").decode(), quote=True)


def _paragraphs(text: str) -> str:
    """Break lines with <br>: Qt's rich text does not know every way of keeping them."""
    return f"<p>{'<br>'.join(_t(line) for line in text.splitlines())}</p>"


def _facts(detail: CandidateDetail) -> str:
    document = detail.document
    facts = [
        f"candidate {detail.label} ({detail.candidate.candidate_id})",
        detail.candidate.model,
        f"document {document.title or document.document_id}" if document else "no document",
        f"{document.length:,} characters" if document and document.length is not None else "",
        document.source.name if document and document.source else "",
    ]
    return " · ".join(fact for fact in facts if fact)


def _scores(detail: CandidateDetail) -> str:
    rows = []
    for dimension, now in detail.standings.items():
        score = now.score
        said = score_text(score.score) if score.score is not None else reason_words(score.state, score.reason)
        by = "decided by a person" if score.decided else _judge(detail.runs.get(dimension))
        rows.append(f"<tr><td>{dimension.value.capitalize()}</td><td><b>{_t(said)}</b></td><td>{_t(by)}</td></tr>")
    total = reward({dimension: now.score.score for dimension, now in detail.standings.items()})
    if total is not None:
        over = f"mean of {len(total.dimensions)} dimension{'s' if len(total.dimensions) > 1 else ''}"
        rows.append(f"<tr><td>Reward</td><td><b>{total.value:.2f}</b></td><td>{over}</td></tr>")
    return f'<table cellpadding="4">{"".join(rows)}</table>'


def _judge(run: JudgeRun | None) -> str:
    if run is None:
        return ""
    it = run.identity
    return " · ".join(filter(None, (it.judge, it.model, it.prompt_pack, run.started[:10])))


def _dimension(now: Standing, run: JudgeRun | None, *, text: str | None, source: Source | None) -> Iterator[str]:
    """Write one dimension: its parts or, where it has none, what was said of it."""
    explanation = now.judgment.explanation if now.judgment else ""
    entries: Sequence[StandingClaim | StandingKeyPoint] = now.claims or now.key_points
    if not entries and not explanation and now.score_decision is None:
        return
    yield f"<h2>{now.dimension.value.capitalize()}</h2>"
    if run is not None:
        coverage = now.judgment.coverage if now.judgment else None
        read = (
            f", {coverage.chunks_read} of {coverage.chunks_total} chunks read"
            if coverage and coverage.chunks_total
            else ""
        )
        yield f'<p class="quiet">{_t(_judge(run) + read)}</p>'
    if explanation:
        yield _paragraphs(explanation)
    if now.score_decision is not None:
        yield f"<p>{_decision(now.score_decision)}</p>"
    for number, entry in enumerate(entries, start=1):
        yield from _part(number, entry, text=text, source=source)


def _part(
    number: int, entry: StandingClaim | StandingKeyPoint, *, text: str | None, source: Source | None
) -> Iterator[str]:
    if isinstance(entry, StandingClaim):
        claim = entry.claim
        judge = sign_of(claim.state, claim.support, claim.support_reason)
        chance = "" if claim.support_probability is None else f" {probability(claim.support_probability)}"
        spans = [item.span for item in claim.evidence]
        wording, why = claim.text, claim.explanation
    else:
        point = entry.key_point
        judge, chance = sign_of(point.state, point.covered), ""
        spans = [span for span in (point.span,) if span]
        wording, why = point.text, point.explanation
    said = "worded by a person" if entry.by_person else f"judge {judge.glyph} {judge.word}{chance}"
    yield f"<p><b>{number}.</b> {_t(wording)}<br>"
    yield f'<span class="quiet">{_t(said)}</span>'
    if entry.decision is not None:
        yield f"<br>{_decision(entry.decision)}"
    if why:
        yield f'<br><span class="quiet">{_t(why)}</span>'
    yield "</p>"
    if text is not None:
        yield from _quotes(spans, text=text, source=source)


def _decision(decision: Decision) -> str:
    after = decision.after
    if after.score is not None:
        value = score_text(after.score)
    else:
        sign = sign_of(after.state, after.support, after.support_reason)
        value = f"{sign.glyph} {sign.word}"
    blind = ", blind" if decision.blind else ""
    reason = f": {decision.reason}" if decision.reason else ""
    return f"<b>✓ {_t(value)}</b> {_t(f'{decision.reviewer}, {decision.time[:10]}{blind}{reason}')}"


def _quotes(spans: Sequence[Span], *, text: str, source: Source | None) -> Iterator[str]:
    for span in spans[:QUOTES]:
        if span.end <= len(text):
            quoted = " ".join(span.of(text).split())
            yield f'<p class="quote">“{_t(quoted)}” <span class="quiet">({_t(place(span, source))})</span></p>'
    if len(spans) > QUOTES:
        yield f'<p class="quote quiet">and {len(spans) - QUOTES} more</p>'


def place(span: Span, source: Source | None) -> str:
    """Say where a passage is: the page of a PDF, the part of a book, and always the characters of the text."""
    characters = f"characters {span.start:,}–{span.end:,}"
    if source is None or source.map is None or source.map.kind not in (PlaceKind.PAGE, PlaceKind.PART):
        return characters
    first, last = source.map.place(span.start), source.map.place(max(span.start, span.end - 1))
    if source.map.kind is PlaceKind.PART:
        return f"{first}, {characters}"
    return f"page {first}, {characters}" if first == last else f"pages {first}–{last}, {characters}"
