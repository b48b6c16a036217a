"""PDF: the text layer, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import PlaceKind, Source, SourceMap
from lrstudio.formats.encoding import check_size
from lrstudio.formats.records import FormatName, ImportItem
from lrstudio.formats.txt import whole_document

if TYPE_CHECKING:
    import pypdfium2

_DROPPED = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)


def read_pdf(path: Path, *, document_id: str | None = None) -> Iterator[ImportItem]:
    """Yield the text layer as one document, mapped back to pages.

    Lines and hyphens are left as printed. Pages are parted by a blank line, but by a line end alone where a sentence
    runs on. The title is that of the file's metadata, else its stem. One thread at a time may read PDF files.

    Raises:
        Refused: it is encrypted, damaged, too large, or has no text layer.
    """
    import pypdfium2

    check_size(path)
    try:
        file = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            sentence = "the PDF is encrypted; remove its password and import it again"
            raise Refused(sentence, where=path.name) from error
        raise Refused("this is not a readable PDF; it is damaged or cut off", where=path.name) from error
    try:
        pages = _pages(file, path)
        title = str(file.get_metadata_dict().get("Title", ""))
    finally:
        file.close()
    if not any(pages):
        sentence = f"none of its {len(pages)} pages has text, only pictures; run text recognition (OCR) on it first"
        raise Refused(sentence, where=path.name)
    text, source_map = _joined(pages)
    source = Source(path.name, FormatName.PDF.value, map=source_map)
    yield whole_document(path, text, document_id=document_id, title=title, source=source)


def _pages(file: pypdfium2.PdfDocument, path: Path) -> list[str]:
    import pypdfium2

    pages: list[str] = []
    for number in range(len(file)):
        try:
            page = file[number]
            content = page.get_textpage()
            pages.append(_clean(content.get_text_range()))
        except pypdfium2.PdfiumError as error:
            raise Refused(f"page {number + 1} cannot be read; the PDF is damaged", where=path.name) from error
        content.close()
        page.close()
    return pages


def _clean(text: str) -> str:
    # The library gives a hyphen at a line end as U+FFFE and joins the lines.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe", "-\n").replace("\f", "\n")
    return _TRAILING.sub("", _DROPPED.sub("", text)).strip("\n ")


def _joined(pages: list[str]) -> tuple[str, SourceMap]:
    parts: list[str] = []
    offsets: list[int] = []
    places: list[str] = []
    length = 0
    for number, page in enumerate(pages, start=1):
        if not page:
            continue
        runs_on = bool(parts) and page[0].islower() and parts[-1][-1:] not in ".!?:;"
        gap = "" if not parts else "\n" if runs_on else "\n\n"
        offsets.append(length + len(gap))
        places.append(str(number))
        parts.append(gap + page)
        length += len(parts[-1])
    return "".join(parts), SourceMap(PlaceKind.PAGE, tuple(offsets), tuple(places))
