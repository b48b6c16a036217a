"""Every file of the evaluation data imports as its description says."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrstudio.domain.text import Document
from lrstudio.formats.detect import read
from lrstudio.formats.records import ImportedCandidate, ImportedDocument, ImportedQuestion, RowError


def counts(path: Path) -> tuple[int, int, int, int]:
    kinds = Counter(type(item) for item in read(path))
    return kinds[ImportedDocument], kinds[ImportedQuestion], kinds[ImportedCandidate], kinds[RowError]


def document(path: Path) -> Document:
    (item,) = read(path)
    assert isinstance(item, ImportedDocument)
    return item.document


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ragtruth/ragtruth_public.jsonl.gz", (80, 80, 302, 0)),
        ("squality/squality_humaneval.jsonl.gz", (8, 40, 120, 0)),
        ("squality/squality_support_alignment.jsonl.gz", (2, 2, 47, 0)),
        ("longdoc/longsciverify.jsonl.gz", (10, 10, 30, 0)),
        ("longdoc/longeval_pubmed.jsonl.gz", (6, 6, 12, 0)),
        ("claims/expertqa_claims.jsonl.gz", (100, 100, 100, 0)),
        ("longdoc/nocha_classics.jsonl.gz", (1, 1, 36, 0)),
        ("qmsum/qmsum_retrieval.jsonl.gz", (10, 73, 0, 0)),
        ("claims/storysumm.jsonl.gz", (11, 11, 33, 0)),
        ("claims/summhay_coverage.jsonl.gz", (1, 10, 56, 0)),
        ("longreward", (1, 1, 10, 0)),
    ],
)
def test_the_evaluation_sets_import_in_full(eval_data: Path, name: str, expected: tuple[int, int, int, int]) -> None:
    assert counts(eval_data / name) == expected


def scripts(text: str) -> str:
    """Return the script of most letters, by the first word of their Unicode names."""
    letters = Counter(unicodedata.name(character, "?").split()[0] for character in text if character.isalpha())
    return letters.most_common(1)[0][0]


@pytest.mark.parametrize(
    ("name", "script", "opening"),
    [
        ("udhr-Chinese_Mandarin-GB2312", "CJK", "世界人权宣言"),
        ("udhr-Japanese_Nihongo-SJIS", "HIRAGANA", "『世界人権宣言』"),
        ("udhr-Hebrew_Ivrit-UTF8", "HEBREW", "ההכרזה לכל באי עולם"),
        ("udhr-Arabic_Alarabia-Arabic", "ARABIC", "الإعلان العالمي لحقوق الإنسان"),
        ("udhr-Russian_Russky-Cyrillic", "CYRILLIC", "Всеобщая декларация"),
        ("udhr-Korean_Hankuko-UTF8", "HANGUL", "세 계 인 권 선 언"),
        ("kjv-genesis-utf16le", "LATIN", "Book 01\n"),
    ],
)
def test_encodings_are_found_out(eval_data: Path, name: str, script: str, opening: str) -> None:
    found = document(eval_data / "import_docs" / "encodings" / f"{name}.txt")
    assert found.text is not None
    assert found.text.startswith(opening)
    assert scripts(found.text) == script
    assert "\ufffd" not in found.text
    assert "\r" not in found.text
    assert found.source is not None
    assert found.source.map is not None


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def test_every_document_imports_but_three(eval_data: Path) -> None:
    folder = eval_data / "import_docs"
    items = list(read(folder))
    refused = [item.where for item in items if isinstance(item, RowError)]
    assert refused == [
        "docx/having-images.docx",  # pictures only
        "docx/testWORD_protected_passtika.docx",
        "pdf/libreoffice-writer-password.pdf",
    ]
    assert len(items) == len(list(files(folder)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pdf/tracemonkey.pdf", ["Trace-based Just-in-Time Type Specialization", "spec-\n"]),
        ("pdf/multicolumn.pdf", ["adip-\niscing elit", "Lorem ipsum dolor sit amet"]),
        ("pdf/ArabicCIDTrueType.pdf", ["العربية"]),
        ("docx/testWORD_various.docx", ["Footnote appears here[1]", "1. Number bullet 1", "[1] This is a footnote."]),
        ("docx/footnotes.docx", ["prostoy[1] text", "[1] snoska"]),
        ("docx/017097.docx", ["Job Announcement Number: VN-08-AKn-201385\n"]),
        ("epub/frankenstein.epub", ["I am by birth a Genevese", "So much has been done"]),
        ("html/kjv-psalms-book19.htm", ["\n\n1:3 And he shall be like a tree planted by the rivers of water"]),
        ("md/commonmark-spec.md", ["---\ntitle: CommonMark Spec\n", "```````````````````````````````` example"]),
        ("cjk/ben-cao-gang-mu-03.md", ["百病主治药"]),
        ("txt/rfc2616.txt", ["Hypertext Transfer Protocol -- HTTP/1.1"]),
    ],
)
def test_texts_hold_what_the_files_show(eval_data: Path, name: str, words: list[str]) -> None:
    found = document(eval_data / "import_docs" / name)
    assert found.text is not None
    for word in words:
        assert word in found.text


def test_places_lead_back_to_pages_bytes_and_parts(eval_data: Path) -> None:
    folder = eval_data / "import_docs"

    def place(name: str, words: str) -> str:
        found = document(folder / name)
        assert found.text is not None
        assert found.source is not None
        assert found.source.map is not None
        return found.source.map.place(found.text.index(words))

    assert place("pdf/pdflatex-4-pages.pdf", "length of words should match the language.\n4") == "4"
    assert place("epub/frankenstein.epub", "I am by birth a Genevese") == "epub/text/chapter-1.xhtml"
    rfc = (folder / "txt" / "rfc2616.txt").read_bytes()
    at = int(place("txt/rfc2616.txt", "13.5.1 End-to-end"))
    assert rfc[at:].lstrip().startswith(b"13.5.1 End-to-end")
