"""`lrstudio find` and `lrstudio page` on a real project, in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pytest

from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.services.wiring import create_project
from tests.cli.conftest import Run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = create_project(tmp_path / "p.lrs", title="Log")
    with made._store.writing():
        made._store.library.add_document(Document("d", "The collier turned back at dawn.", "Log"))
        made._store.library.add_question(Question("q", "d", "Which ship turned back?"))
        made._store.library.add_candidate(Candidate("a", "q", "The collier did. " * 300, "m"))
    made.close()
    return made.path


def test_find_prints_places(lrstudio: Run, project: Path) -> None:
    found = lrstudio("find", project, "coll* dawn", "--json").data
    assert found["counts"] == {"document": 1}
    (hit,) = found["hits"]
    assert (hit["document_id"], hit["span"]) == ("d", {"start": 4, "end": 11})
    assert "document d 27: The collier turned back at dawn." in lrstudio("find", project, "dawn").out
    assert lrstudio("find", project, "dawn", "--in", "candidate").out.startswith("nothing found")
    wrong = lrstudio("find", project, "dawn", "--in", "page")
    assert wrong.status == 2
    assert "none of document, question" in " ".join(wrong.err.split())


def test_a_page_is_written_as_html_and_as_pdf(lrstudio: Run, project: Path, tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    assert lrstudio("page", project, "a", page).out.strip() == str(page)
    assert "The collier did." in page.read_text(encoding="utf-8")
    printed = tmp_path / "a.pdf"
    assert lrstudio("page", project, "a", printed).status == 0
    with pypdfium2.PdfDocument(printed) as pdf:
        pages = [pdf[number].get_textpage().get_text_bounded() for number in range(len(pdf))]
    assert len(pages) > 1
    assert "Which ship turned back?" in pages[0]
    assert f"2 / {len(pages)}" in pages[1]
    assert "".join(pages).replace("\r\n", " ").replace("\n", " ").count("collier did") > 250


def test_a_page_that_cannot_be_is_refused(
    lrstudio: Run, project: Path, tmp_path: Path, read_only: Callable[[Path], list[Path]]
) -> None:
    assert lrstudio("page", project, "a", tmp_path / "a.txt").status == 2
    missing = lrstudio("page", project, "zz", tmp_path / "a.html")
    assert (missing.status, "zz" in missing.err) == (1, True)
    folder = tmp_path / "frozen"
    folder.mkdir()
    done = lrstudio("page", project, "a", folder / "a.pdf", read_only=read_only(folder))
    assert (done.status, "cannot be written" in done.err) == (1, True)
    assert list(folder.iterdir()) == []
