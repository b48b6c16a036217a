"""CSV and Parquet with columns mapped to fields."""

import csv
import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from lrstudio.domain.errors import Refused
from lrstudio.formats.detect import read
from lrstudio.formats.records import ImportedCandidate, ImportedDocument, ImportedQuestion, Mapping, RowError

LONG = "A long document. " * 20_000
HEADER = ["source_id", "document_text", "question", "response", "id", "model", "reference_answers"]
ROWS = [
    ["d1", LONG, "Was it, then?", 'He said "no".\nTwice; once.', "a1", "m1", '["One.", "Two."]'],
    ["d1", "", "Was it, then?", "Größe – é", "a2", "m2", ""],
]


def as_csv(path: Path, *, delimiter: str = ",", encoding: str = "utf-8", rows: list[list[str]] = ROWS) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([HEADER, *rows])
    return path


@pytest.mark.parametrize(
    ("delimiter", "encoding", "name"),
    [(",", "utf-8", "t.csv"), (";", "cp1252", "t.csv"), ("\t", "utf-8-sig", "t.tsv"), ("|", "utf-16", "t.csv")],
)
def test_dialects_and_encodings_are_found_out(tmp_path: Path, delimiter: str, encoding: str, name: str) -> None:
    items = list(read(as_csv(tmp_path / name, delimiter=delimiter, encoding=encoding)))
    document, question, first, second = items
    assert isinstance(document, ImportedDocument)
    assert (document.document.document_id, document.document.text) == ("d1", LONG)
    assert isinstance(question, ImportedQuestion)
    assert question.reference_answers == ("One.", "Two.")
    assert isinstance(first, ImportedCandidate)
    assert first.text == 'He said "no".\nTwice; once.'
    assert isinstance(second, ImportedCandidate)
    assert (second.text, second.model, second.where) == ("Größe – é", "m2", f"{name} row 3")


def test_a_compressed_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(as_csv(tmp_path / "t.csv").read_bytes()))
    assert sum(isinstance(item, ImportedCandidate) for item in read(path)) == 2


def test_bad_rows_of_a_table_are_named(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "t.csv", rows=[ROWS[0], [*ROWS[1], "more"], ["d1", "", "", "x", "b", "", ""], ROWS[1]])
    with path.open("a", encoding="utf-8") as file:
        file.write('d1,,Q?,"never closed\n')
    items = list(read(path))
    assert [str(item) for item in items if isinstance(item, RowError)] == [
        "t.csv row 3: it has 8 cells and the header has 7",
        "t.csv row 4: question is empty",
        "t.csv row 6: not valid CSV: unexpected end of data",
    ]
    assert sum(isinstance(item, ImportedCandidate) for item in items) == 2


def test_parquet_keeps_nested_candidates_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = [
        {
            "document_id": number,
            "document_text": f"Text {number}.",
            "query": "Q?",
            "candidates": [{"id": f"{number}-{n}", "text": f"A{n}.", "model": "m"} for n in range(2)],
            "unused": 1.5,
        }
        for number in range(150)
    ]
    parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=40)
    items = list(read(path))
    assert sum(isinstance(item, ImportedDocument) for item in items) == 150
    last = items[-1]
    assert isinstance(last, ImportedCandidate)
    assert (last.candidate_id, last.document_id, last.where) == ("149-1", "149", "t.parquet row 150")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_can_be_mapped(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    columns = {"story": ["T."], "ask": ["Q?"], "say": ["A."], "text": ["not this"]}
    if suffix == "csv":
        path.write_text("story,ask,say,text\nT.,Q?,A.,not this\n", encoding="utf-8")
    else:
        parquet.write_table(pa.table(columns), path)
    mapping = Mapping(document="story", query="ask", candidate="say")
    (candidate,) = [item for item in read(path, mapping=mapping) if isinstance(item, ImportedCandidate)]
    assert (candidate.text, candidate.query) == ("A.", "Q?")


@pytest.mark.parametrize(
    ("header", "mapping", "sentence"),
    [
        (
            "story,question,answer",
            None,
            "t.csv: the document is missing: no field is named any of document_text, source_text, context, document, "
            "source, passage, article; there are: story, question, answer; map one of them to 'document'",
        ),
        (
            "context,ask,answer",
            None,
            "t.csv: the question is missing: no field is named any of query, question, prompt, instruction; there are: "
            "context, ask, answer; map one of them to 'query'",
        ),
        (
            "context,question,answer",
            Mapping(candidate="reply"),
            "t.csv: the candidate is missing: no field is named 'reply'; there are: context, question, answer",
        ),
        (
            "question,question,answer",
            None,
            "t.csv: two columns have one name; the header is: question, question, answer",
        ),
    ],
)
def test_a_missing_column_is_named_with_what_there_is(
    tmp_path: Path, header: str, mapping: Mapping | None, sentence: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\na,b,c\n", encoding="utf-8")
    with pytest.raises(Refused) as refused:
        list(read(path, mapping=mapping))
    assert str(refused.value) == sentence


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"query": ["Q?"] * 100}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Refused, match=r"^t\.parquet: this is not a readable Parquet file"):
        list(read(path))
