"""EPUB books: the parts of the spine, in order."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import PlaceKind, Source, SourceMap
from lrstudio.formats.encoding import check_size, decode
from lrstudio.formats.html import VisibleText, parse_html
from lrstudio.formats.records import FormatName, ImportItem
from lrstudio.formats.txt import whole_document
from lrstudio.formats.zips import check_zip

# Fonts may be disguised in a book that is free to read; everything else named as encrypted is copy protection.
_FONT_DISGUISES = frozenset(["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"])
_DAMAGE = (KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError, NotImplementedError)


def read_epub(path: Path, *, document_id: str | None = None) -> Iterator[ImportItem]:
    """Yield the book as one document, mapped back to the files of its spine. The title is the book's own.

    Raises:
        Refused: it is copy-protected, damaged, too large, or empty.
    """
    check_size(path)
    check_zip(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_protected(archive, path)
            package, folder = _package(archive)
            text, source_map = _spine(archive, package, folder)
    except _DAMAGE as error:
        sentence = f"this is not a readable EPUB book ({type(error).__name__}); it is damaged or cut off"
        raise Refused(sentence, where=path.name) from error
    except RuntimeError as error:  # what zipfile raises for a member with a password
        raise Refused("the book is encrypted; import an unprotected copy", where=path.name) from error
    source = Source(path.name, FormatName.EPUB.value, map=source_map)
    yield whole_document(path, text, document_id=document_id, title=_title(package), source=source)


def _refuse_protected(archive: zipfile.ZipFile, path: Path) -> None:
    if "META-INF/encryption.xml" not in archive.namelist():
        return
    root = _xml(archive.read("META-INF/encryption.xml"))
    methods = {element.get("Algorithm", "") for element in root.iter("{*}EncryptionMethod")}
    if methods - _FONT_DISGUISES:
        raise Refused("the book is copy-protected (DRM); import an unprotected copy", where=path.name)


def _package(archive: zipfile.ZipFile) -> tuple[etree._Element, str]:
    """Return the package document and the folder that its paths are relative to."""
    container = _xml(archive.read("META-INF/container.xml"))
    name = next((element.get("full-path", "") for element in container.iter("{*}rootfile")), "")
    return _xml(archive.read(name)), posixpath.dirname(name)


def _title(package: etree._Element) -> str:
    named = next(package.iter("{http://purl.org/dc/elements/1.1/}title"), None)
    return "" if named is None else "".join(str(part) for part in named.itertext())


def _spine(archive: zipfile.ZipFile, package: etree._Element, folder: str) -> tuple[str, SourceMap | None]:
    files = {item.get("id"): item.get("href", "") for item in package.iter("{*}item")}
    parts: list[str] = []
    offsets: list[int] = []
    places: list[str] = []
    length = 0
    for reference in package.iter("{*}itemref"):
        name = posixpath.normpath(posixpath.join(folder, unquote(files[reference.get("idref")])))
        text = _part_text(archive.read(name), where=name)
        if not text:
            continue
        gap = "\n\n" if parts else ""
        offsets.append(length + len(gap))
        places.append(name)
        parts.append(gap + text)
        length += len(parts[-1])
    return "".join(parts), SourceMap(PlaceKind.PART, tuple(offsets), tuple(places)) if offsets else None


def _part_text(data: bytes, *, where: str) -> str:
    # An HTML parser takes <title/> for an open tag and hides the page in it; it is for pages that are no XML.
    try:
        root: etree._Element | None = _xml(data)
    except etree.XMLSyntaxError:
        root = parse_html(decode(data, where=where).text)
    if root is None:
        return ""
    visible = VisibleText()
    visible.walk(root)
    return visible.text


def _xml(data: bytes) -> etree._Element:
    return etree.fromstring(data, etree.XMLParser(no_network=True))
