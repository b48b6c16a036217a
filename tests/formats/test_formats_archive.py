"""A whole project as a file, and files that look like one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Document, Question
from lrstudio.formats.archive import read_archive, read_title, write_archive
from lrstudio.formats.detect import detect, read
from lrstudio.formats.records import FormatName, ImportedQuestion, RowError

RECORDS = [Document("d", "A text."), Question("q", "d", "Why?")]
DEEP = "[" * 100_000


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write_archive(tmp_path / "p.jsonl", RECORDS, title="Board")
    return tmp_path / "p.jsonl"


def packed(path: Path, content: bytes, how: str) -> Path:
    made = path.with_name(f"packed.jsonl{how}")
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[how]
    made.write_bytes(pack(content))
    return made


@pytest.mark.parametrize("how", ["", ".gz", ".zst"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_project_is_read_packed_or_not(archive: Path, how: str, mark: bytes) -> None:
    path = packed(archive, mark + archive.read_bytes(), how)
    assert detect(path) is FormatName.PROJECT
    assert list(read_archive(path)) == RECORDS
    assert read_title(path) == "Board"


def test_a_title_of_any_length_keeps_it_a_project(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    write_archive(path, RECORDS, title="\U0001f600" * 5000)
    assert detect(path) is FormatName.PROJECT
    assert read_title(path) == "\U0001f600" * 5000


def test_a_project_without_a_title_has_none(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"kind": "lrstudio-project", "version": 1}\n')
    assert read_title(path) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"kind": "document", "text": "caf\xe9"}', "line 4: not valid JSON: byte 34 is not UTF-8"),
        (b'{"kind": ' + DEEP.encode(), "line 4: not valid JSON: it is nested too deeply"),
        (b'{"kind": "document"', "line 4: not valid JSON: Expecting"),
    ],
)
@pytest.mark.parametrize("how", ["", ".gz", ".zst"])
def test_a_bad_line_is_named(archive: Path, line: bytes, said: str, how: str) -> None:
    path = packed(archive, archive.read_bytes() + line + b"\n", how)
    with pytest.raises(Refused) as caught:
        list(read_archive(path))
    assert str(caught.value).startswith(f"{path.name} {said}")


@pytest.mark.parametrize("how", [".gz", ".zst"])
def test_a_packed_project_that_breaks_off_is_refused(archive: Path, how: str) -> None:
    lines = archive.read_bytes() + b"".join(
        json.dumps({"kind": "document", "document_id": f"d{n}", "text": f"{n * n}"}).encode() + b"\n"
        for n in range(20_000)
    )
    path = packed(archive, lines, how)
    path.write_bytes(path.read_bytes()[:-1000])
    assert detect(path) is FormatName.PROJECT
    with pytest.raises(Refused, match=r"breaks off here .* whole copy"):
        list(read_archive(path))


@pytest.mark.parametrize("name", ["deep.jsonl", "deep.json", "deep"])
def test_a_deep_row_is_no_project_and_no_crash(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text('{"a": ' + DEEP + "\n")
    try:
        (said,) = [str(item) for item in read(path)]
    except Refused as error:
        said = str(error)
    assert "nested too deeply" in said
    path.write_text(json.dumps({"document_id": "d", "query": "Why?", "answer": "So.", "reference": DEEP}) + "\n")
    (question,) = [item for item in read(path) if isinstance(item, ImportedQuestion)]
    assert question.reference_answers == (DEEP,)


def test_a_packed_file_that_breaks_off_at_once_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b'{"document_id": "d", "query": "Why?"}')[:15])
    with pytest.raises(Refused, match=r"^x.gz: the compressed file breaks off .* whole copy of it$"):
        list(read(path))


def test_judgments_and_decisions_are_known_and_refused_once(tmp_path: Path) -> None:
    judgment = {"run_id": "r", "judge": "lexical", "candidate_id": "c", "dimension": "faithfulness", "claims": []}
    decision = {"decision_id": 1, "act": "confirm", "candidate_id": "c", "before": {}, "after": {}}
    path = tmp_path / "out.jsonl"
    for row in (judgment, decision):
        path.write_text(f"{json.dumps(row)}\n" * 40)
        with pytest.raises(Refused, match=r"^out.jsonl: .*`export` without --what writes a file that `import` reads$"):
            list(read(path))
        with_query = {**row, "query": "Why?", "answer": "So."}
        path.write_text(json.dumps(with_query))
        assert not [item for item in read(path) if isinstance(item, RowError)]
