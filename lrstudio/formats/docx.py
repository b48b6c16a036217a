"""Word documents: paragraphs, lists, tables and notes in document order."""

from __future__ import annotations

import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import PlaceKind, Source, SourceMap
from lrstudio.formats.encoding import check_size
from lrstudio.formats.records import FormatName, ImportItem
from lrstudio.formats.txt import whole_document
from lrstudio.formats.zips import check_zip

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
# Deleted or moved away, instructions of fields, and the second form of what is there twice for older programs.
_SKIPPED = frozenset(
    ["del", "moveFrom", "instrText", "delText", "Fallback", "pPr", "rPr", "sectPr", "tblPr", "trPr", "tcPr"]
)
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011", "softHyphen": "\u00ad"}


def read_docx(path: Path, *, document_id: str | None = None) -> Iterator[ImportItem]:
    """Yield the text as one document, mapped back to paragraphs ("paragraph 12", counted as in the file's body).

    Paragraphs are parted by a blank line, list items and table rows by a line end, cells by a tab. Foot- and endnotes
    are marked [1], [2], ... where they stand and appended. Deleted text of tracked changes is left out. The title is
    the first paragraph in a title or heading style, else that of the file's properties, else its stem.

    Raises:
        Refused: it is encrypted, an old .doc, damaged, too large, or empty.
    """
    import docx
    from docx.opc.exceptions import OpcError

    check_size(path)
    _refuse_old(path)
    check_zip(path)
    try:
        file = docx.Document(str(path))
        reader = _Reader(file)
        reader.read()
    except (OpcError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError) as error:
        sentence = f"this is not a readable Word document ({type(error).__name__}); open it in Word and save it again"
        raise Refused(sentence, where=path.name) from error
    title = reader.title or str(file.core_properties.title or "")
    source = Source(path.name, FormatName.DOCX.value, map=reader.source_map())
    yield whole_document(path, reader.text, document_id=document_id, title=title, source=source)


def _refuse_old(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(OLE)) != OLE:
            return
        start = file.read(1 << 20)
        file.seek(-min(path.stat().st_size, 1 << 20), 2)
        encrypted = any("EncryptedPackage".encode("utf-16-le") in part for part in (start, file.read()))
    if encrypted:
        raise Refused("the document is encrypted; remove its password and import it again", where=path.name)
    raise Refused("this is a document of an old Word version; save it as .docx and import that", where=path.name)


class _Reader:
    def __init__(self, file: WordDocument) -> None:
        self._file = file
        self._parts: list[str] = []
        self._length = 0
        self._offsets: list[int] = []
        self._places: list[str] = []
        self._paragraph = 0
        self._was_item = False
        self._notes: list[tuple[str, str]] = []
        self._counters: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._formats = _number_formats(file)
        self._styles = {style.style_id: style for style in file.styles}
        self.title = ""

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def source_map(self) -> SourceMap | None:
        return SourceMap(PlaceKind.PART, tuple(self._offsets), tuple(self._places)) if self._offsets else None

    def read(self) -> None:
        self._blocks(self._file.element.body)
        texts = {kind: _note_texts(self._file, kind, self) for kind in {kind for kind, _ in self._notes}}
        for number, (kind, note_id) in enumerate(list(self._notes), start=1):
            self._put(f"[{number}] {texts[kind].get(note_id, '')}".rstrip(), "note " + str(number), item=number > 1)

    def _blocks(self, parent: Any) -> None:
        for block in parent:
            name = _name(block)
            if name == "p":
                self._read_paragraph(block)
            elif name == "tbl":
                self._was_item = False
                for row in _rows(block):
                    self._row(row)
                self._was_item = False
            elif name in ("sdt", "sdtContent", "ins", "moveTo", "smartTag", "customXml"):
                self._blocks(block)

    def _row(self, cells: list[Any]) -> None:
        """Read a row as one line, but a row of a layout table, with more than a paragraph in a cell, as blocks."""
        paragraphs = [list(cell.iter(f"{_W}p")) for cell in cells]
        if any(len(inside) > 1 and sum(_has_text(p) for p in inside) > 1 for inside in paragraphs):
            for cell in cells:
                self._was_item = False
                self._blocks(cell)
            return
        line = "\t".join(" ".join(self.inline(cell).split()) for cell in cells)
        self._put(line.rstrip("\t"), f"paragraph {self._paragraph + 1}", item=True)
        self._paragraph += sum(map(len, paragraphs))

    def _read_paragraph(self, paragraph: Any) -> None:
        self._paragraph += 1
        text = self.inline(paragraph).strip()
        style = self._style_of(paragraph)
        is_heading = style is not None and (style.name or "").lower().startswith(("title", "heading"))
        marker = self._marker(paragraph, style) if text and not is_heading else ""
        if is_heading and text and not self.title:
            self.title = text
        self._put(marker + text, f"paragraph {self._paragraph}", item=bool(marker))

    def inline(self, element: Any) -> str:
        """Return the text of runs in order, with marks for notes; paragraphs inside are parted by line ends."""
        parts: list[str] = []
        for below in element:
            name = _name(below)
            if name == "t":
                parts.append(below.text or "")
            elif name in _SIGNS:
                parts.append(_SIGNS[name])
            elif name in ("footnoteReference", "endnoteReference"):
                self._notes.append((name.removesuffix("Reference"), below.get(f"{_W}id", "")))
                parts.append(f"[{len(self._notes)}]")
            elif name == "p":
                parts.append(f"\n{self.inline(below)}\n")
            elif name not in _SKIPPED:
                parts.append(self.inline(below))
        return "".join(parts)

    def _style_of(self, paragraph: Any) -> Any:
        value = paragraph.find(f"{_W}pPr/{_W}pStyle")
        return self._styles.get(value.get(f"{_W}val")) if value is not None else None

    def _marker(self, paragraph: Any, style: Any) -> str:
        """Return "- " or "3. " for a list item, indented by its level; "" for any other paragraph."""
        numbering = paragraph.find(f"{_W}pPr/{_W}numPr")
        while numbering is None and style is not None:
            numbering = style.element.find(f"{_W}pPr/{_W}numPr")
            style = style.base_style
        number_id = _value(numbering, "numId")
        if number_id in ("", "0"):
            return ""
        level = int(_value(numbering, "ilvl") or 0)
        if self._formats.get((number_id, level), "bullet") in ("bullet", "none"):
            return "  " * level + "- "
        self._counters[number_id, level] += 1
        for key in [key for key in self._counters if key[0] == number_id and key[1] > level]:
            del self._counters[key]
        return "  " * level + f"{self._counters[number_id, level]}. "

    def _put(self, text: str, place: str, *, item: bool) -> None:
        if not text:
            self._was_item = False
            return
        gap = "" if not self._parts else "\n" if item and self._was_item else "\n\n"
        self._offsets.append(self._length + len(gap))
        self._places.append(place)
        self._parts.append(gap + text)
        self._length += len(self._parts[-1])
        self._was_item = item


def _value(element: Any, name: str) -> str:
    found = element.find(f"{_W}{name}") if element is not None else None
    return str(found.get(f"{_W}val", "")) if found is not None else ""


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _has_text(element: Any) -> bool:
    return any((text.text or "").strip() for text in element.iter(f"{_W}t"))


def _rows(table: Any) -> Iterator[list[Any]]:
    for row in table.iter(f"{_W}tr"):
        # a row of a table inside a cell is part of that cell's text
        if next(row.iterancestors(f"{_W}tbl")) is table:
            yield [cell for cell in row.iter(f"{_W}tc") if next(cell.iterancestors(f"{_W}tr")) is row]


def _number_formats(file: WordDocument) -> dict[tuple[str, int], str]:
    """Return the format ("bullet", "decimal", ...) of each level of each list, by the list's id."""
    try:
        numbering = file.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return {}
    by_abstract: dict[str, dict[int, str]] = {}
    for abstract in numbering.iter(f"{_W}abstractNum"):
        levels = by_abstract.setdefault(abstract.get(f"{_W}abstractNumId", ""), {})
        for level in abstract.iter(f"{_W}lvl"):
            kind = level.find(f"{_W}numFmt")
            levels[int(level.get(f"{_W}ilvl", "0"))] = kind.get(f"{_W}val", "") if kind is not None else ""
    formats: dict[tuple[str, int], str] = {}
    for number in numbering.iter(f"{_W}num"):
        abstract_id = number.find(f"{_W}abstractNumId")
        levels = by_abstract.get(abstract_id.get(f"{_W}val", ""), {}) if abstract_id is not None else {}
        formats.update({(number.get(f"{_W}numId", ""), level): kind for level, kind in levels.items()})
    return formats


def _note_texts(file: WordDocument, kind: str, reader: _Reader) -> dict[str, str]:
    for relation in file.part.rels.values():
        if relation.reltype.endswith(f"/{kind}s") and not relation.is_external:
            root = etree.fromstring(relation.target_part.blob, etree.XMLParser(resolve_entities=False))
            return {
                note.get(f"{_W}id", ""): " ".join(reader.inline(note).split())
                for note in root.iter(f"{_W}{kind}")
                if note.get(f"{_W}type") is None
            }
    return {}
