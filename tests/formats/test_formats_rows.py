"""Rows from JSON lines, JSON arrays and LongReward's files."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lrstudio.domain.text import Document, Source
from lrstudio.formats.detect import read
from lrstudio.formats.jsonl import read_jsonl
from lrstudio.formats.longreward import read_longreward
from lrstudio.formats.records import (
    ImportedCandidate,
    ImportedDocument,
    ImportedQuestion,
    ImportItem,
    Mapping,
    RowError,
)

OPEN_ROW = {
    "document_id": "d1",
    "document_text": "Line one\r\nline\u00a0two\x00\ufeff",
    "query": "What?",
    "reference_answers": ["One."],
    "candidates": [{"id": "a", "model": "m", "text": " A.\r\n"}, {"id": 7, "model": None, "text": "B."}],
    "meta": {"licence": "CC BY 4.0"},
}


def documents(items: list[ImportItem]) -> list[Document]:
    return [item.document for item in items if isinstance(item, ImportedDocument)]


def questions(items: list[ImportItem]) -> list[ImportedQuestion]:
    return [item for item in items if isinstance(item, ImportedQuestion)]


def candidates(items: list[ImportItem]) -> list[ImportedCandidate]:
    return [item for item in items if isinstance(item, ImportedCandidate)]


def errors(items: list[ImportItem]) -> list[str]:
    return [str(item) for item in items if isinstance(item, RowError)]


def test_an_open_row_keeps_ids_and_every_character(jsonl: Callable[..., Path]) -> None:
    items = list(read_jsonl(jsonl(OPEN_ROW)))
    where = "answers.jsonl row 1"
    assert items == [
        ImportedDocument(
            Document("d1", OPEN_ROW["document_text"], "", Source("answers.jsonl", "jsonl", licence="CC BY 4.0")), where
        ),
        ImportedQuestion(None, "d1", "What?", ("One.",), where),
        ImportedCandidate("a", " A.\r\n", "m", None, "d1", "What?", where),
        ImportedCandidate("7", "B.", "", None, "d1", "What?", where),
    ]


def test_one_answer_a_row_shares_document_and_question(jsonl: Callable[..., Path]) -> None:
    rows = [
        {"id": i, "source_id": 15, "source_text": "Text.", "query": "Q?", "response": "Same.", "model": f"m{i}"}
        for i in range(3)
    ]
    items = list(read_jsonl(jsonl(*rows)))
    assert [document.document_id for document in documents(items)] == ["15"]
    assert len(questions(items)) == 1
    assert [(c.candidate_id, c.text, c.model) for c in candidates(items)] == [
        ("0", "Same.", "m0"),
        ("1", "Same.", "m1"),
        ("2", "Same.", "m2"),
    ]


def test_a_text_given_later_or_earlier_is_the_same_document(jsonl: Callable[..., Path]) -> None:
    def row(query: str, text: str | None) -> dict[str, Any]:
        return {"document_id": "d", "document_text": text, "query": query, "candidates": []}

    items = list(read_jsonl(jsonl(row("1?", None), row("2?", "Text."), row("3?", None), row("2?", "Text."))))
    assert [document.text for document in documents(items)] == [None, "Text."]
    assert [question.query for question in questions(items)] == ["1?", "2?", "3?"]
    assert errors(items) == []


def test_reference_answers_that_come_later_are_added_and_others_reported(jsonl: Callable[..., Path]) -> None:
    row = {"document_id": "d", "query": "Q?", "candidates": []}
    items = list(read_jsonl(jsonl(row, {**row, "reference_answers": "R."}, {**row, "reference_answers": ["S."]})))
    assert [question.reference_answers for question in questions(items)] == [(), ("R.",)]
    assert errors(items) == [
        "answers.jsonl row 3: the question has other reference answers in an earlier row; those were kept"
    ]


def test_a_row_without_document_id_is_named_after_its_text_or_stands_alone(jsonl: Callable[..., Path]) -> None:
    items = list(
        read_jsonl(jsonl({"context": "T.", "question": "Q?", "answer": "A."}, {"query": "R?", "answer": "B."}))
    )
    (document,) = documents(items)
    assert document.document_id.startswith("doc-")
    assert len(document.document_id) == 16
    assert [question.document_id for question in questions(items)] == [document.document_id, None]
    first, second = candidates(items)
    assert first.candidate_id.startswith("candidate-")
    assert first.candidate_id != second.candidate_id


def test_answers_without_ids_get_the_same_ids_again_and_repeats_are_kept(jsonl: Callable[..., Path]) -> None:
    path = jsonl({"document_id": "d", "query": "Q?", "candidates": ["A.", "B.", "A."]})
    first, second = (candidates(list(read_jsonl(path))) for _ in range(2))
    assert first == second
    assert len({candidate.candidate_id for candidate in first}) == 3


def test_question_ids_are_kept(jsonl: Callable[..., Path]) -> None:
    row = {"document_id": "d", "question_id": "q9", "query": "Q?", "candidates": [{"id": "a", "text": "A."}]}
    items = list(read_jsonl(jsonl(row, {**row, "query": "Another?"})))
    assert [question.question_id for question in questions(items)] == ["q9"]
    assert candidates(items)[0].question_id == "q9"
    assert errors(items) == [
        "answers.jsonl row 2: question 'q9' has another query or document here than in an earlier row"
    ]


def test_fields_can_be_mapped(jsonl: Callable[..., Path]) -> None:
    row = {"story": "T.", "ask": "Q?", "say": "A.", "answer": "not this", "by": "m", "key": "k1"}
    mapping = Mapping(document="story", query="ask", candidate="say", model="by", candidate_id="key")
    (candidate,) = candidates(list(read_jsonl(jsonl(row), mapping=mapping)))
    assert (candidate.text, candidate.model, candidate.candidate_id) == ("A.", "m", "k1")


def longreward_folder(folder: Path, index: object = 11) -> Path:
    query = {"query": "Q?"}
    rows = [{"idx": index, **query, "answer": "The reference.", "context": "A document.\n"}]
    samples = [{"idx": f"{index}-{n}", **query, "answer": f"Answer {n % 2}."} for n in (7, 0, 3)]
    folder.mkdir()
    for name, lines in (("sft.jsonl", rows), ("sampled_responses.jsonl", samples)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("index", [11, "11", "set-a-11"])
def test_a_longreward_folder_is_one_document_one_question_and_its_samples(tmp_path: Path, index: object) -> None:
    items = list(read(longreward_folder(tmp_path / "run", index)))
    assert [(d.document_id, d.text) for d in documents(items)] == [(str(index), "A document.\n")]
    assert [(q.question_id, q.document_id, q.reference_answers) for q in questions(items)] == [
        (str(index), str(index), ("The reference.",))
    ]
    assert [c.candidate_id for c in candidates(items)] == [f"{index}-7", f"{index}-0", f"{index}-3"]
    assert {c.question_id for c in candidates(items)} == {str(index)}
    assert candidates(items)[0].where == "sampled_responses.jsonl row 1"


def test_samples_alone_wait_for_their_document(tmp_path: Path) -> None:
    folder = longreward_folder(tmp_path / "run")
    items = list(read_longreward(folder / "sampled_responses.jsonl"))
    assert [(d.document_id, d.text) for d in documents(items)] == [("11", None)]
    assert len(candidates(items)) == 3


def test_an_index_without_sample_number_is_a_row_error(jsonl: Callable[..., Path]) -> None:
    assert errors(list(read_jsonl(jsonl({"idx": 11, "query": "Q?", "answer": "A."})))) == [
        "answers.jsonl row 1: idx is '11'; a sample has the prompt's index and its own, such as '11-7'"
    ]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.zst", "rows.json", "rows", "pretty.json"])
def test_every_wrapping_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    lines = "\n".join(["", json.dumps(OPEN_ROW), "", json.dumps({**OPEN_ROW, "query": "More?", "candidates": []})])
    content = {
        "rows.jsonl.gz": gzip.compress(lines.encode()),
        "rows.zst": zstandard.compress(lines.encode()),
        "rows.json": b"\xef\xbb\xbf"
        + json.dumps([OPEN_ROW, {**OPEN_ROW, "query": "More?", "candidates": []}]).encode(),
        "pretty.json": json.dumps(OPEN_ROW, indent=2).encode(),
    }.get(name, lines.encode())
    path = tmp_path / name
    path.write_bytes(content)
    items = list(read(path))
    assert errors(items) == []
    assert documents(items)[0].text == OPEN_ROW["document_text"]
    assert [question.query for question in questions(items)] == ["What?", "More?"][: 1 if name == "pretty.json" else 2]
    assert [candidate.text for candidate in candidates(items)] == [" A.\r\n", "B."]
