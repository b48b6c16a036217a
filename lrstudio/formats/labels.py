"""What people, and judges recorded at the time, said of the candidates of a row; read by the shape of the fields.

| field of `human` | what becomes of it |
|---|---|
| `reviews` with `correctness`, `coverage`, `overall` (0-100 each) | scores of faithfulness and completeness, labels |
| `reference_points` with `coverage_score` | key points covered fully, partly, not; `judges` inside each point |
| `supported` | the whole candidate is one claim; `judges` say TRUE, FALSE or nothing |
| `claims` with `support_score` | claims with support and the passages they cite |
| `sentences` with `faithful` | claims with support; `judges` with `sentence_labels` or one `label` |
| `factuality_labels_by_reviewer`, `fine_faithful_percent_by_annotator` | scores of faithfulness, reviewer by reviewer |
| `support_char_spans` | the whole candidate is one claim with evidence, and no verdict |
| `human_label_spans` of the row | passages without support in a candidate that was read whole |

Every number is kept as a label too, on the scale it was given on, and so is whatever else `human` holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, Reason, Support, SupportReason
from lrstudio.formats.records import RowError
from lrstudio.formats.said import ImportedLabels, Said, SaidLabel, SaidPart, SaidScore

# Fields of a review on the scale of 0 to 100, and the dimension whose question they answer, where one does.
REVIEWED: dict[str, Dimension | None] = {
    "correctness": Dimension.FAITHFULNESS,
    "coverage": Dimension.COMPLETENESS,
    "overall": None,
}


@dataclass
class _Reading:
    """One candidate while it is read: its text, its fields, and which of them have been understood."""

    text: str
    dataset: str
    human: dict[str, Any]
    judges: dict[str, Any]
    row: dict[str, Any]
    read: set[str] = field(default_factory=set)

    def person(self, name: object) -> str:
        return f"{self.dataset} {name}"


_Parsed = tuple[list[Said], list[Said]]


def labels_of(
    row: dict[str, Any], answer: dict[str, Any], *, candidate_id: str, text: str, where: str
) -> ImportedLabels | RowError | None:
    """Return what was said of a candidate; None where nothing was, a row error where it cannot be read.

    Args:
        row: the whole row.
        answer: the candidate's own object; the row itself where a row is one candidate.
        candidate_id: its id.
        text: its text.
        where: file and row.
    """
    human, judges = answer.get("human"), answer.get("judges")
    if isinstance(row.get("human_label_spans"), list):
        human = {"human_label_spans": row["human_label_spans"], "quality": row.get("quality")}
    if not isinstance(human, dict) or not human:
        return None
    dataset = row.get("dataset")
    reading = _Reading(
        text=text,
        dataset=dataset if isinstance(dataset, str) and dataset else "people",
        human=human,
        judges=judges if isinstance(judges, dict) else {},
        row=row,
    )
    shape = next((name for name in _SHAPES if name in human), None)
    if shape is None:
        return None
    try:
        people, said = _SHAPES[shape](reading)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return RowError(where, f"the labels of candidate '{candidate_id}' cannot be read ({shape}): {error}")
    kept = tuple(name for name in human if name not in reading.read and human[name] not in (None, [], {}))
    if kept:
        others = tuple(SaidLabel(name, note=_json(human[name])) for name in kept)
        people.append(Said(reading.person("people"), labels=others))
    return ImportedLabels(candidate_id, reading.dataset, tuple(people), tuple(said), kept, where)


def _reviews(at: _Reading) -> _Parsed:
    at.read |= {"reviews", "mean"}
    people = []
    for number, review in enumerate(at.human["reviews"], start=1):
        scores, labels = [], []
        for name, dimension in REVIEWED.items():
            if review.get(name) is None:
                continue
            value = _number(review[name], 0, 100, name)
            labels.append(SaidLabel(name, value, 0, 100))
            if dimension is not None:
                scores.append(SaidScore(dimension, value / 10, f"{name} {value:g} of 100"))
            rank = review.get(f"{name}_rank")
            if rank is not None:
                last = max(len(at.row.get("candidates") or []), 1)
                labels.append(SaidLabel(f"{name}_rank", _number(rank, 1, last, f"{name}_rank"), 1, last))
        known = {*REVIEWED, *(f"{name}_rank" for name in REVIEWED), "worker_id"}
        rest = {name: value for name, value in review.items() if name not in known and value not in (None, [])}
        labels += [SaidLabel(name, note=_json(value)) for name, value in rest.items()]
        who = at.person(f"reviewer {review.get('worker_id', number)}")
        people.append(Said(who, scores=tuple(scores), labels=tuple(labels)))
    return people, []


def _reference_points(at: _Reading) -> _Parsed:
    at.read.add("reference_points")
    points = at.human["reference_points"]
    said = [SaidPart(_text(it["insight"]), support=_support(it.get("coverage_score"))) for it in points]
    judges: dict[str, list[SaidPart]] = {name: [] for it in points for name in it.get("judges") or {}}
    for it in points:
        for name, parts in judges.items():
            given = (it.get("judges") or {}).get(name)
            reason = Reason.UNREADABLE if given is None else Reason.NONE
            parts.append(SaidPart(_text(it["insight"]), support=_support(given), reason=reason))
    of = Dimension.COMPLETENESS
    return (
        [Said(at.person("people"), tuple(said), of)],
        [Said(name, tuple(parts), of) for name, parts in judges.items()],
    )


def _supported(at: _Reading) -> _Parsed:
    at.read |= {"supported", "support_score", "false_claim_explanation"}
    whole = Span(0, len(at.text))
    verdict = {True: Support.FULL, False: Support.NONE}[at.human["supported"]]
    why = at.human.get("false_claim_explanation")
    part = SaidPart(at.text, whole, verdict, note=why if isinstance(why, str) else "")
    judges = []
    for name, given in at.judges.items():
        label = given.get("label")
        support = None if label is None else {"TRUE": Support.FULL, "FALSE": Support.NONE}[str(label).upper()]
        reason = Reason.UNREADABLE if support is None else Reason.NONE
        note = given.get("text")
        found = SaidPart(at.text, whole, support, reason=reason, note=note if isinstance(note, str) else "")
        judges.append(Said(name, (found,)))
    return [Said(at.person("people"), (part,))], judges


def _claims(at: _Reading) -> _Parsed:
    at.read.add("claims")
    passages = [Span(*ends) for ends in at.row.get("passage_char_spans") or []]
    parts = []
    for it in at.human["claims"]:
        cited = [number for number in it.get("evidence_passages") or [] if 0 <= number < len(passages)]
        evidence = tuple(passages[number] for number in cited)
        said = _support(it.get("support_score"))
        parts.append(SaidPart(_text(it["text"]), _place(it, at.text), said, evidence=evidence, note=_rest(it)))
    return [Said(at.person("people"), tuple(parts))], []


def _rest(claim: dict[str, Any]) -> str:
    """Return what else was said of a claim, as JSON."""
    read = {"text", "start", "end", "support_score", "evidence_passages"}
    return _json({name: value for name, value in claim.items() if name not in read and value not in (None, [])})


def _sentences(at: _Reading) -> _Parsed:
    at.read |= {"sentences", "faithful"}
    sentences = at.human["sentences"]
    spans = _places([_text(it["text"]) for it in sentences], at.text)
    texts = [_text(it["text"]) for it in sentences]

    def parts(verdicts: list[Any], notes: list[Any]) -> tuple[SaidPart, ...]:
        made = zip(texts, spans, verdicts, notes, strict=True)
        return tuple(SaidPart(t, s, _support(v), note=n if isinstance(n, str) else "") for t, s, v, n in made)

    said = parts([it.get("faithful") for it in sentences], [it.get("explanation") for it in sentences])
    whole = at.human.get("faithful")
    labels = () if whole is None else (SaidLabel("faithful", _number(whole, 0, 1, "faithful"), 0, 1),)
    judges = []
    for name, given in at.judges.items():
        if given.get("sentence_labels") is not None:
            judges.append(Said(name, parts(given["sentence_labels"], [""] * len(texts))))
        elif given.get("label") is not None:
            label = _number(given["label"], 0, 1, "label")
            note = f"recorded for the whole answer: {'faithful' if label else 'not faithful'}"
            judges.append(Said(name, scores=(SaidScore(Dimension.FAITHFULNESS, 10 * label, note),)))
    return [Said(at.person("people"), said, labels=labels)], judges


def _factuality(at: _Reading) -> _Parsed:
    at.read |= {"factuality_labels_by_reviewer", "factuality_mean"}
    people = []
    for number, labels in enumerate(at.human["factuality_labels_by_reviewer"], start=1):
        given = [_number(label, 0, 1, "factuality") for label in labels if label is not None]
        if given:
            share = sum(given) / len(given)
            note = f"{sum(given):g} of {len(given)} sampled sentences factual"
            people.append(_by_share(at, number, SaidLabel("factuality", share, 0, 1), share, note))
    return people, []


def _percent(at: _Reading) -> _Parsed:
    at.read |= {"fine_faithful_percent_by_annotator", "fine_faithful_percent_mean"}
    people = []
    for number, given in enumerate(at.human["fine_faithful_percent_by_annotator"], start=1):
        if given is not None:
            value = _number(given, 0, 100, "faithful_percent")
            label = SaidLabel("faithful_percent", value, 0, 100)
            people.append(_by_share(at, number, label, value / 100, f"{value:g} % of its units faithful"))
    return people, []


def _by_share(at: _Reading, number: int, label: SaidLabel, share: float, note: str) -> Said:
    score = SaidScore(Dimension.FAITHFULNESS, 10 * share, note)
    return Said(at.person(f"reviewer {number}"), scores=(score,), labels=(label,))


def _evidence(at: _Reading) -> _Parsed:
    at.read.add("support_char_spans")
    spans = tuple(Span(*ends) for ends in at.human["support_char_spans"])
    return [Said(at.person("people"), (SaidPart(at.text, Span(0, len(at.text)), evidence=spans),))], []


def _gaps(at: _Reading) -> _Parsed:
    at.dataset = "ragtruth" if at.dataset == "people" else at.dataset
    at.read.add("human_label_spans")
    parts = []
    for it in at.human["human_label_spans"]:
        span = _place(it, at.text)
        if span is None:
            raise ValueError("a labelled span lies outside the candidate")
        kind = str(it.get("type", ""))
        why = SupportReason.CONTRADICTED if "Conflict" in kind else SupportReason.NOT_FOUND
        note = ": ".join(part for part in (kind, it.get("note")) if part)
        parts.append(SaidPart(span.of(at.text), span, Support.NONE, why, note=note))
    return [Said(at.person("people"), tuple(parts), gaps_only=True)], []


_SHAPES: dict[str, Callable[[_Reading], _Parsed]] = {
    "reviews": _reviews,
    "reference_points": _reference_points,
    "supported": _supported,
    "claims": _claims,
    "sentences": _sentences,
    "factuality_labels_by_reviewer": _factuality,
    "fine_faithful_percent_by_annotator": _percent,
    "support_char_spans": _evidence,
    "human_label_spans": _gaps,
}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"a claim or key point must be text, not {value!r}")
    return value


def _number(value: Any, lowest: float, highest: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if not lowest <= value <= highest:
        raise ValueError(f"{name} is {value:g}, outside {lowest:g} to {highest:g}")
    return float(value)


def _support(value: Any) -> Support | None:
    return None if value is None else Support(_number(value, 0, 1, "support"))


def _place(item: dict[str, Any], text: str) -> Span | None:
    start, end = item.get("start"), item.get("end")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(text):
        return None
    return Span(start, end)


def _places(parts: list[str], text: str) -> list[Span | None]:
    """Find each part in the text, in order; None where it is not there word for word."""
    spans: list[Span | None] = []
    after = 0
    for part in parts:
        at = text.find(part, after)
        spans.append(Span(at, at + len(part)) if at >= 0 else None)
        after = at + len(part) if at >= 0 else after
    return spans


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
