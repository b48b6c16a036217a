"""One document a file: text, Markdown, HTML, PDF, Word, EPUB, and the way back to the file."""

from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrstudio.domain.text import Document, PlaceKind
from lrstudio.formats.detect import detect, read
from lrstudio.formats.records import FormatName, ImportedDocument


def document(path: Path) -> Document:
    (item,) = read(path)
    assert isinstance(item, ImportedDocument)
    assert item.where == path.name
    return item.document


def place(of: Document, text: str) -> str:
    assert of.text is not None
    assert of.source is not None
    assert of.source.map is not None
    return of.source.map.place(of.text.index(text))


def test_text_has_lf_ends_and_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "notes.v2.txt"
    path.write_bytes(b"\xef\xbb\xbfOne\r\ntwo\x00 \xc3\xa9\rthree\n\x0cfour")
    found = document(path)
    assert found.text == "One\ntwo é\nthree\n\nfour"
    assert (found.document_id, found.title) == ("notes.v2", "notes.v2")
    assert found.source is not None
    assert (found.source.name, found.source.format, found.source.encoding) == ("notes.v2.txt", "txt", "utf-8")
    data = path.read_bytes()
    assert [int(place(found, word)) for word in ("One", "two", "three", "four")] == [
        data.index(word) for word in (b"One", b"two", b"three", b"four")
    ]


@given(
    st.text(
        alphabet=st.one_of(st.sampled_from(list("ab \r\n\x0c\x00é東😀")), st.characters(codec="utf-8")), max_size=80
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_place_is_the_byte_where_its_line_starts(tmp_path: Path, text: str, encoding: str) -> None:
    # A NUL after the mark of UTF-16 makes it that of UTF-32: no reader can tell.
    text = text.lstrip("\ufeff\0") + "é"
    path = tmp_path / "any.txt"
    path.write_bytes(text.encode(encoding))
    found = document(path)
    assert found.text == text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n").replace("\0", "")
    assert found.source is not None
    assert found.source.map is not None
    data, name = path.read_bytes(), found.source.encoding
    for offset, at in zip(found.source.map.offsets, found.source.map.places, strict=True):
        line = found.text[offset:].partition("\n")[0]
        raw = data[int(at) :].decode(name).replace("\0", "")
        assert raw.startswith(line)


def test_markdown_is_kept_and_gives_the_title(tmp_path: Path) -> None:
    path = tmp_path / "m.md"
    path.write_text('---\ntitle: "The Report"\n---\n\n# A heading #\n\ttext *bold*\n', encoding="utf-8")
    assert document(path).text == path.read_text(encoding="utf-8")
    assert document(path).title == "The Report"
    path.write_text("Intro\n\nA Title\n=======\n\n## Later\n", encoding="utf-8")
    assert document(path).title == "A Title"
    path.write_text("no heading, #5 only\n", encoding="utf-8")
    assert document(path).title == "m"


def test_html_is_its_visible_text(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        """<!DOCTYPE html><html><head><title>Page</title><style>p {}</style></head><body><!-- not this -->
        <h1>The <i>Harbour</i></h1>
        <p>Caf&eacute;&nbsp;&amp; more,<br>next   line. <script>no()</script><span hidden>no</span></p>
        <ul><li>one<li><p>two</p><ol start="3"><li>deep</li><li>deeper</li></ol></li></ul>
        <table><tr><th>Name</th><th>Tons</th></tr><tr><td>Ann <b>Lee</b></td><td></td><td>3</td></tr></table>
        <pre>  kept   as
   it is</pre>end<div style="display: none">no</div>
        </body></html>""",
        encoding="utf-8",
    )
    found = document(path)
    assert found.text == (
        "The Harbour\n\nCafé\u00a0& more,\nnext line.\n\n- one\n- two\n  3. deep\n  4. deeper\n\n"
        "Name\tTons\nAnn Lee\t\t3\n\n  kept   as\n   it is\n\nend"
    )
    assert found.title == "The Harbour"
    assert found.source is not None
    assert found.source.map is not None
    assert found.source.map.kind is PlaceKind.LINE
    assert place(found, "The Harbour") == "2"
    assert place(found, "Name") == "5"


def test_html_in_a_declared_encoding_and_a_deep_tree(tmp_path: Path) -> None:
    path = tmp_path / "old.htm"
    path.write_bytes('<meta charset="iso-8859-2"><p>Zażółć gęślą</p>'.encode("iso-8859-2"))
    assert document(path).text == "Zażółć gęślą"
    path.write_text("<div>" * 1500 + "deep" + "</div>" * 1500, encoding="utf-8")
    assert document(path).text == "deep"


def test_pdf_pages_are_found_again(pdf: Callable[..., Path]) -> None:
    path = pdf("First page.\nIt runs", "on here. Done.", "", "Third text.", title="Printed")
    found = document(path)
    assert found.text == "First page.\nIt runs\non here. Done.\n\nThird text."
    assert found.title == "Printed"
    assert [place(found, word) for word in ("First", "runs", "on here", "Third")] == ["1", "1", "2", "4"]


def word_document() -> WordDocument:
    file = docx.Document()
    file.add_heading("The Harbour", level=1)
    file.add_paragraph("Before ").add_run("bold\ttab")
    for text in ("one", "two"):
        file.add_paragraph(text, style="List Bullet")
    for text in ("first", "second"):
        file.add_paragraph(text, style="List Number")
    table = file.add_table(rows=2, cols=2)
    for cell, text in zip(
        [cell for row in table.rows for cell in row.cells], ["Name", "Tons", "Ann", "3"], strict=True
    ):
        cell.text = text
    paragraph = file.add_paragraph("Kept ")
    for tag, text in (("ins", "added"), ("del", "")):
        content = f"<w:r><w:t>{text}</w:t><w:delText>deleted</w:delText></w:r>"
        change = f'<w:{tag} w:id="1" w:author="a" {nsdecls("w")}>{content}</w:{tag}>'
        paragraph._p.append(parse_xml(change))
    return file


def test_word_documents_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "report.docx"
    word_document().save(str(path))
    found = document(path)
    assert found.text == (
        "The Harbour\n\nBefore bold\ttab\n\n- one\n- two\n1. first\n2. second\n\nName\tTons\nAnn\t3\n\nKept added"
    )
    assert found.title == "The Harbour"
    assert place(found, "Before") == "paragraph 2"
    assert place(found, "Kept") == "paragraph 11"


def test_epub_parts_come_in_the_order_of_the_spine(epub: Callable[..., Path]) -> None:
    def page(body: str) -> str:
        return f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{body}</body></html>'

    parts = {
        "text/b.xhtml": page("<h1>One</h1><p>Text &#233;.</p>"),
        "a%20b.xhtml": page("<p>Two"),
        "c.xhtml": page(""),
    }
    path = epub({**parts, "a b.xhtml": page("<p>Two</p>")})
    found = document(path)
    assert found.text is not None
    assert found.text.startswith("One\n\nText é.\n\nTwo")
    assert found.title == "The Book"
    assert place(found, "One") == "OPS/text/b.xhtml"
    assert place(found, "Two") == "OPS/a b.xhtml"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.log", b"plain", FormatName.TXT),
        ("a", b"<!-- x --><!DOCTYPE html><p>x", FormatName.HTML),
        ("a.txt", b"%PDF-1.4\n", FormatName.PDF),
        ("a.txt", b"{not json", FormatName.TXT),
        ("a.dat", b'{"a": 1}\n{"a": 2}\n', FormatName.JSONL),
        ("a.json", b'{\n"a": 1}', FormatName.JSON),
        ("a.jsonl", b"{broken\n", FormatName.JSONL),
        ("a.json", b' [{"a": 1}]', FormatName.JSON),
        ("a.jsonl", b'{"kind": "lrstudio-project", "version": 1}\n', FormatName.PROJECT),
        ("a.MD", b"# x", FormatName.MD),
        ("a.tsv", b"a\tb", FormatName.CSV),
    ],
)
def test_formats_are_told_apart(tmp_path: Path, name: str, content: bytes, expected: FormatName) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert detect(path) is expected
