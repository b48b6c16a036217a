"""Bad input gets one clear sentence that names the file and, where there is one, the row; good rows are kept."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
import zstandard

from lrstudio.domain.errors import Environment, Refused
from lrstudio.formats.detect import detect, read
from lrstudio.formats.records import FormatName, ImportedCandidate, ImportedDocument, ImportItem, RowError


def refusal(path: Path, format_name: FormatName | None = None) -> str:
    with pytest.raises(Refused) as refused:
        list(read(path, format=format_name))
    return str(refused.value)


def errors(items: list[ImportItem]) -> list[str]:
    return [str(item) for item in items if isinstance(item, RowError)]


def row(number: int, **changes: object) -> dict[str, object]:
    given = {"id": number, "source_id": "d", "source_text": "T.", "query": "Q?", "response": f"A{number}.", **changes}
    return {name: value for name, value in given.items() if value is not ...}


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ('{"query" "Q?"}', "not valid JSON: Expecting ':' delimiter at character 10"),
        ("[1, 2]", "a row must be an object with named fields, not a list"),
        ("null", "a row must be an object with named fields, not null"),
        (row(2, response=" \n"), "candidate '2' is empty"),
        (row(2, response=5), "candidate '2' must be text, not a number"),
        (row(2, query=""), "query is empty"),
        (row(2, query=["Q?"]), "query must be text, not a list"),
        (row(2, source_text=""), "source_text is empty; leave it out or make it null where there is no document"),
        (row(2, source_text="Other."), "document 'd' has another text here than in an earlier row"),
        (row(2, source_id=True), "source_id must be text or a number, not true or false"),
        (row(1, response="Other."), "the id '1' names another candidate in an earlier row"),
        (
            row(2, query=...),
            "the question is missing: no field is named any of query, question, prompt, instruction; there are: id, "
            "source_id, source_text, response",
        ),
        (
            row(2, response=...),
            "the candidate is missing: no field is named any of response, answer, candidate, text, completion, output; "
            "there are: id, source_id, source_text, query",
        ),
        (row(2, response=..., candidates="A."), "candidates must be a list, not text"),
        (row(2, response=..., candidates=[{"id": "x"}]), "candidate 'x' must be text, not null"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_kept(jsonl: Callable[..., Path], bad: object, sentence: str) -> None:
    items = list(read(jsonl(row(1), bad, row(3))))
    assert errors(items) == [f"answers.jsonl row 2: {sentence}"]
    assert [item.candidate_id for item in items if isinstance(item, ImportedCandidate)] == ["1", "3"]


def test_a_row_with_nothing_good_leaves_nothing_behind(jsonl: Callable[..., Path]) -> None:
    items = list(read(jsonl(row(1, response=""), row(2, source_text=..., response="Kept."))))
    assert errors(items) == ["answers.jsonl row 1: candidate '1' is empty"]
    (document,) = [item.document for item in items if isinstance(item, ImportedDocument)]
    assert document.text is None
    assert len(items) == 4


def test_one_bad_answer_of_several_is_left_out_alone(jsonl: Callable[..., Path]) -> None:
    answers = [{"id": "a", "text": "A."}, {"id": "b", "text": ""}, 5, {"id": "c", "text": "C."}]
    items = list(read(jsonl(row(1, response=..., candidates=answers))))
    assert errors(items) == [
        "answers.jsonl row 1: candidate 'b' is empty",
        "answers.jsonl row 1: the candidate must be text, not a number",
    ]
    assert [item.candidate_id for item in items if isinstance(item, ImportedCandidate)] == ["a", "c"]


def test_bytes_that_are_no_utf8_are_a_row_error(jsonl: Callable[..., Path]) -> None:
    path = jsonl(row(1), row(2), row(3))
    path.write_bytes(path.read_bytes().replace(b"A2.", b"\xff2."))
    (error,) = errors(list(read(path)))
    assert error.startswith("answers.jsonl row 2: not valid JSON: byte ")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_an_archive_that_breaks_off_keeps_the_rows_before(
    jsonl: Callable[..., Path], pack: Callable[[bytes], bytes]
) -> None:
    path = jsonl(*(row(number, note=str(hash((number, "x")))) for number in range(20_000)), name="cut.jsonl.gz")
    packed = pack(gzip.decompress(path.read_bytes()))
    path.write_bytes(packed[: len(packed) // 2])
    items = list(read(path))
    (error,) = errors(items)
    kept = sum(isinstance(item, ImportedCandidate) for item in items)
    assert kept > 1000
    assert error.startswith(f"cut.jsonl.gz row {kept + 1}: the compressed file breaks off here")


def test_wrong_json_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"query": "Q?"},', encoding="utf-8")
    assert refusal(path).startswith("a.json: this is not valid JSON: ")
    path.write_text("[" * 200_000, encoding="utf-8")
    assert refusal(path).startswith("a.json: this is not valid JSON: ")


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.jsonl", "a.csv", "a.pdf", "a.docx", "a"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert refusal(path) == f"{name}: the file is empty"


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", b"\xef\xbb\xbf \n"), ("a.md", b"\0"), ("a.html", b"<p> <!-- x -->")]
)
def test_a_file_without_text_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(path) == f"{name}: the file holds no text"


@pytest.mark.parametrize("name", ["big.txt", "big.md", "big.html", "big.pdf", "big.docx", "big.epub"])
@pytest.mark.parametrize("size", [200, 201])
def test_a_file_of_200_mb_is_refused_by_its_size(tmp_path: Path, name: str, size: int) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(b"text")
        file.truncate(size * 1_000_000)
    sentence = f"the file has {size} MB and a document must have less than 200 MB; split it"
    assert refusal(path, FormatName(path.suffix[1:].replace("markdown", "md"))) == f"{name}: {sentence}"


def test_a_json_line_of_201_mb_is_a_row_error(jsonl: Callable[..., Path]) -> None:
    path = jsonl(row(1))
    with path.open("r+b") as file:
        file.seek(201_000_000, 2)
        file.write(b"\n" + json.dumps(row(2)).encode() + b"\n")
    items = list(read(path))
    assert errors(items) == ["answers.jsonl row 2: the row has 200 MB or more, and a row must have less"]
    assert sum(isinstance(item, ImportedCandidate) for item in items) == 2


def test_truncated_archives_are_refused(tmp_path: Path, epub: Callable[..., Path]) -> None:
    word = tmp_path / "cut.docx"
    file = docx.Document()
    file.add_paragraph("Text. " * 1000)
    file.save(str(word))
    book = epub({"a.xhtml": "<html><body>Text.</body></html>"}, name="cut.epub")
    for path in (word, book):
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        assert refusal(path) == f"{path.name}: the file is cut off or damaged; get a whole copy of it"


def test_a_damaged_member_is_refused(tmp_path: Path, epub: Callable[..., Path]) -> None:
    word = tmp_path / "bad.docx"
    docx.Document().save(str(word))
    rewritten = tmp_path / "new.docx"
    with zipfile.ZipFile(word) as old, zipfile.ZipFile(rewritten, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"<broken" if name == "word/document.xml" else old.read(name))
    assert refusal(rewritten).startswith("new.docx: this is not a readable Word document (XMLSyntaxError)")
    assert refusal(epub({}, extra={"META-INF/container.xml": "<a/>"})).startswith(
        "book.epub: this is not a readable EPUB"
    )


def test_a_protected_book_is_refused_but_disguised_fonts_are_not(epub: Callable[..., Path]) -> None:
    def encryption(method: str) -> dict[str, str]:
        data = f'<e xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="{method}"/></e>'
        return {"META-INF/encryption.xml": data}

    parts = {"a.xhtml": "<html><body>Text.</body></html>"}
    path = epub(parts, extra=encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc"))
    assert refusal(path) == "book.epub: the book is copy-protected (DRM); import an unprotected copy"
    path = epub(parts, extra=encryption("http://www.idpf.org/2008/embedding"))
    assert len(list(read(path))) == 1


def test_a_pdf_without_text_layer_and_a_broken_one_are_refused(pdf: Callable[..., Path]) -> None:
    path = pdf("", "", name="scan.pdf")
    assert refusal(path) == (
        "scan.pdf: none of its 2 pages has text, only pictures; run text recognition (OCR) on it first"
    )
    path.write_bytes(path.read_bytes()[:60])
    assert refusal(path) == "scan.pdf: this is not a readable PDF; it is damaged or cut off"


def test_encrypted_files_say_so(eval_data: Path) -> None:
    folder = eval_data / "import_docs"
    assert refusal(folder / "pdf" / "libreoffice-writer-password.pdf") == (
        "libreoffice-writer-password.pdf: the PDF is encrypted; remove its password and import it again"
    )
    assert refusal(folder / "docx" / "testWORD_protected_passtika.docx") == (
        "testWORD_protected_passtika.docx: the document is encrypted; remove its password and import it again"
    )


def test_other_kinds_of_file_are_refused_with_what_to_do(tmp_path: Path) -> None:
    def made(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<a/>")
    assert refusal(tmp_path / "t.xlsx").endswith("the studio does not read such files; save the sheet as CSV")
    assert refusal(made("o.doc", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000))).endswith("save it as .docx")
    assert "old Word version" in refusal(made("o.docx", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000)))
    assert refusal(made("a.rtf", b"{\\rtf1 x}")).endswith("save it as .docx")
    assert refusal(made("p.lrs", b"SQLite format 3\0" + bytes(100))).endswith("open it instead")
    assert refusal(made("x.txt.gz", gzip.compress(b"text"))).endswith("unpack it first")
    assert refusal(made("x.bin", bytes(range(128, 256)) * 50 + bytes(range(32)) * 50)).startswith(
        "x.bin: this is no text"
    )
    assert refusal(tmp_path / "gone.txt").endswith("gone.txt: there is no such file")
    assert refusal(tmp_path / "gone.txt", FormatName.TXT).endswith("gone.txt: there is no such file")
    with pytest.raises(Refused, match="each of its files has a format of its own"):
        detect(tmp_path)


def test_a_folder_is_read_past_its_bad_files(tmp_path: Path) -> None:
    for name in ("b/same.txt", "a/same.txt", ".hidden/x.txt", "a/.x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}", encoding="utf-8")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    items = list(read(tmp_path))
    assert [item.document.document_id for item in items if isinstance(item, ImportedDocument)] == ["same", "b/same.txt"]
    assert errors(items) == ["bad.pdf: this is not a readable PDF; it is damaged or cut off"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refusal(empty) == "empty: the folder holds no file to import"


def test_a_file_that_cannot_be_opened_is_the_environments_fault(tmp_path: Path) -> None:
    path = tmp_path / "loop.txt"
    path.symlink_to(path)
    with pytest.raises(Environment, match=r"loop\.txt: the file cannot be read"):
        list(read(path))
