"""Plain text files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Document, Source
from lrstudio.formats.encoding import decode, normalise, read_bytes
from lrstudio.formats.records import FormatName, ImportedDocument, ImportItem


def read_txt(path: Path, *, document_id: str | None = None) -> Iterator[ImportItem]:
    """Yield the file as one document, mapped back to the byte of each line. Its id and title are the file's stem.

    Raises:
        Refused: it is too large, no text, or empty.
    """
    yield text_document(path, document_id=document_id, format_name=FormatName.TXT)


def text_document(path: Path, *, document_id: str | None, format_name: FormatName, title: str = "") -> ImportedDocument:
    """Return a text file as a document, its line ends made LF, byte order mark and NUL dropped."""
    data = read_bytes(path)
    decoded = decode(data, where=path.name)
    text, source_map = normalise(decoded, size=len(data))
    return whole_document(
        path,
        text,
        document_id=document_id,
        title=title,
        source=Source(path.name, format_name.value, decoded.encoding, map=source_map),
    )


def whole_document(path: Path, text: str, *, document_id: str | None, title: str, source: Source) -> ImportedDocument:
    """Return what a document file yields.

    Raises:
        Refused: the text is empty.
    """
    if not text.strip():
        raise Refused("the file holds no text", where=path.name)
    document = Document(document_id or stem(path), text, " ".join(title.split()) or stem(path), source)
    return ImportedDocument(document, path.name)


def stem(path: Path) -> str:
    """Return the file's name without its last suffix."""
    return path.stem or path.name
