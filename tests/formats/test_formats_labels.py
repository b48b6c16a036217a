"""What people said, read from rows of every shape; what cannot be read is named and the candidate kept."""

from __future__ import annotations

from typing import Any

import pytest

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, Reason, Support, SupportReason
from lrstudio.formats.records import ImportedCandidate, RowError
from lrstudio.formats.rows import Rows
from lrstudio.formats.said import ImportedLabels, SaidLabel


def read(row: dict[str, Any]) -> list[Any]:
    return list(Rows(file="r.jsonl", format_name="jsonl").items(row, where="r.jsonl row 1"))


def row(human: Any, *, text: str = "One. Two.", **more: Any) -> dict[str, Any]:
    judges = more.pop("judges", None)
    answer = {"id": "a", "model": "m", "text": text, "human": human, **({"judges": judges} if judges else {})}
    return {
        "dataset": "set",
        "document_id": "d",
        "document_text": "Text.",
        "query": "q",
        "candidates": [answer],
        **more,
    }


def labels(human: Any, **more: Any) -> ImportedLabels:
    (found,) = [item for item in read(row(human, **more)) if isinstance(item, ImportedLabels)]
    return found


def test_reviews_become_scores_of_each_reviewer_and_keep_their_own_scale() -> None:
    review = {
        "worker_id": "3",
        "correctness": 30,
        "coverage": 40,
        "overall": 35,
        "overall_rank": 2,
        "annotations": ["x"],
    }
    two = [{"id": name, "text": "One.", "human": {"mean": {"overall": 35}, "reviews": [review]}} for name in "ab"]
    said, _ = [item.people[0] for item in read(row(None, candidates=two)) if isinstance(item, ImportedLabels)]
    assert said.who == "set reviewer 3"
    assert [(it.dimension, it.score, it.note) for it in said.scores] == [
        (Dimension.FAITHFULNESS, 3.0, "correctness 30 of 100"),
        (Dimension.COMPLETENESS, 4.0, "coverage 40 of 100"),
    ]
    assert said.labels[:3] == (
        SaidLabel("correctness", 30, 0, 100),
        SaidLabel("coverage", 40, 0, 100),
        SaidLabel("overall", 35, 0, 100),
    )
    assert said.labels[3:] == (SaidLabel("overall_rank", 2, 1, 2), SaidLabel("annotations", note='["x"]'))


def test_reference_points_are_key_points_of_people_and_of_each_judge() -> None:
    points = [
        {"insight": "A", "coverage_score": 0.5, "judges": {"x": 1.0, "y": 0.0}},
        {"insight": "B", "coverage_score": 0.0, "judges": {"x": 0.5}},
    ]
    found = labels({"reference_points": points})
    assert [(it.text, it.support) for it in found.people[0].parts] == [("A", Support.PARTIAL), ("B", Support.NONE)]
    assert found.people[0].of is Dimension.COMPLETENESS
    said = {judge.who: [(it.support, it.reason) for it in judge.parts] for judge in found.judges}
    assert said == {
        "x": [(Support.FULL, Reason.NONE), (Support.PARTIAL, Reason.NONE)],
        "y": [(Support.NONE, Reason.NONE), (None, Reason.UNREADABLE)],
    }


def test_a_claim_that_is_the_whole_candidate() -> None:
    judges = {"x": {"label": "TRUE", "text": "so"}, "y": {"label": "FALSE"}, "z": {"label": None, "text": "??"}}
    found = labels({"supported": False, "support_score": 0.0, "pair_index": 7}, judges=judges)
    (part,) = found.people[0].parts
    assert (part.span, part.support) == (Span(0, 9), Support.NONE)
    assert [(it.who, it.parts[0].support) for it in found.judges] == [
        ("x", Support.FULL),
        ("y", Support.NONE),
        ("z", None),
    ]
    assert found.kept == ("pair_index",)
    assert found.people[-1].labels == (SaidLabel("pair_index", note="7"),)


def test_claims_bring_the_passages_they_cite_and_no_verdict_where_there_is_none() -> None:
    claims = [
        {"text": "One.", "start": 0, "end": 4, "support_score": 1.0, "evidence_passages": [1, 9]},
        {"text": "Else", "start": None, "end": None, "support_score": None, "support": "Missing"},
    ]
    one, other = labels({"claims": claims}, passage_char_spans=[[0, 2], [2, 5]]).people[0].parts
    assert (one.span, one.support, one.evidence) == (Span(0, 4), Support.FULL, (Span(2, 5),))
    assert (other.span, other.support, other.note) == (None, None, '{"support":"Missing"}')


def test_sentences_are_found_in_order_and_judges_speak_of_sentences_or_of_the_whole() -> None:
    sentences = [{"text": "Same.", "faithful": 1}, {"text": "Same.", "faithful": 0, "explanation": "not twice"}]
    judges = {"x": {"sentence_labels": [1, 1], "label": 0}, "y": {"label": 0}, "z": {}}
    found = labels({"sentences": sentences, "faithful": 0}, text="Same. Same.", judges=judges)
    assert [(it.span, it.support) for it in found.people[0].parts] == [
        (Span(0, 5), Support.FULL),
        (Span(6, 11), Support.NONE),
    ]
    assert found.people[0].labels == (SaidLabel("faithful", 0, 0, 1),)
    by_sentence, whole = found.judges
    assert [it.support for it in by_sentence.parts] == [Support.FULL, Support.FULL]
    assert (whole.parts, whole.scores[0].score) == ((), 0.0)


def test_shares_of_sentences_and_units_are_scores_of_each_reviewer() -> None:
    found = labels({"factuality_labels_by_reviewer": [[0, 1, None], [None, None, None], [1, 1, 1]]})
    assert [(it.who, it.scores[0].score) for it in found.people] == [("set reviewer 1", 5.0), ("set reviewer 3", 10.0)]
    found = labels({"fine_faithful_percent_by_annotator": [20.0, 35.0]})
    assert [it.scores[0].score for it in found.people] == [2.0, 3.5]


def test_passages_without_support_in_a_row_of_one_candidate() -> None:
    spans = [
        {"start": 5, "end": 9, "type": "Evident Conflict", "note": "three"},
        {"start": 0, "end": 3, "type": "Subtle"},
    ]
    one = {"id": "1", "source_id": "s", "source_text": "T.", "query": "q", "response": "One. Two.", "model": "m"}
    candidate, found = read({**one, "human_label_spans": spans, "quality": "good"})[2:]
    assert isinstance(candidate, ImportedCandidate)
    (said, kept) = found.people
    assert said.gaps_only
    assert [(it.text, it.support_reason) for it in said.parts] == [
        ("Two.", SupportReason.CONTRADICTED),
        ("One", SupportReason.NOT_FOUND),
    ]
    assert said.parts[0].note == "Evident Conflict: three"
    assert kept.labels == (SaidLabel("quality", note='"good"'),)


@pytest.mark.parametrize(
    ("human", "words"),
    [
        ({"reviews": [{"correctness": 130}]}, "correctness is 130, outside 0 to 100"),
        ({"reviews": [{"correctness": "30"}]}, "correctness must be a number, not '30'"),
        ({"reviews": 3}, "reviews"),
        ({"reference_points": [{"insight": "A", "coverage_score": 0.7}]}, "reference_points"),
        ({"reference_points": [{"coverage_score": 0.5}]}, "reference_points"),
        ({"supported": "perhaps"}, "supported"),
        ({"claims": [{"text": "", "support_score": 1}]}, "must be text"),
        ({"support_char_spans": [[5, 2]]}, "not a span"),
        ({"factuality_labels_by_reviewer": [[float("nan")]]}, "factuality must be a number"),
    ],
)
def test_labels_that_cannot_be_read_are_named_and_the_candidate_is_kept(human: Any, words: str) -> None:
    items = read(row(human))
    assert [type(item).__name__ for item in items] == [
        "ImportedDocument",
        "ImportedQuestion",
        "ImportedCandidate",
        "RowError",
    ]
    assert isinstance(items[-1], RowError)
    assert words in str(items[-1])
    assert "candidate 'a'" in str(items[-1])


@pytest.mark.parametrize("human", [None, {}, [], "good", {"thumbs": 1}])
def test_what_has_no_known_shape_says_nothing(human: Any) -> None:
    assert not any(isinstance(item, ImportedLabels | RowError) for item in read(row(human)))
