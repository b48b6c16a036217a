"""HTML: the visible text, blocks parted by blank lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import PlaceKind, Source, SourceMap
from lrstudio.formats.encoding import decode, read_bytes
from lrstudio.formats.records import FormatName, ImportItem
from lrstudio.formats.txt import whole_document

_INVISIBLE = frozenset(
    ["head", "script", "style", "template", "noscript", "svg", "iframe", "object", "select", "textarea", "button"]
)
_BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div"),
        *("dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hgroup", "hr", "html", "legend", "main", "nav", "p", "pre", "section", "summary", "table"),
        *("ul", "ol", "menu", "dir"),
    ]
)
_CHARSET = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]+encoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE
)
# Browsers read these labels as the larger code page, which is what the pages mean.
_LABELS = {"iso-8859-1": "cp1252", "us-ascii": "cp1252", "gb2312": "gb18030", "shift_jis": "cp932", "euc-kr": "cp949"}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\n\r\f]+")
_NONE, _WORD, _LINE, _PARAGRAPH = range(4)
_GAPS = ("", " ", "\n", "\n\n")


def read_html(path: Path, *, document_id: str | None = None) -> Iterator[ImportItem]:
    """Yield the visible text as one document, mapped back to source lines.

    Blocks are parted by a blank line, list items and table rows by a line end, cells by a tab. Scripts, styles and
    hidden elements are left out. The title is the first `h1`, else the page's title, else the file's stem.

    Raises:
        Refused: it is too large, no text, or shows none.
    """
    data = read_bytes(path)
    label = _CHARSET.search(data[:4096])
    declared = (label[1] or label[2]).decode("ascii").lower() if label else ""
    decoded = decode(data, where=path.name, declared=_LABELS.get(declared, declared))
    root = parse_html(decoded.text)
    if root is None:
        raise Refused("the file holds no text", where=path.name)
    visible = VisibleText()
    visible.walk(root)
    source = Source(path.name, FormatName.HTML.value, decoded.encoding, map=visible.line_map())
    yield whole_document(path, visible.text, document_id=document_id, title=html_title(root), source=source)


def parse_html(text: str) -> etree._Element | None:
    """Return the root of a page, None where there is no element in it."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        return etree.fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None


def html_title(root: etree._Element) -> str:
    """Return the first main heading, else the title element, else ""."""
    for name in ("h1", "title"):
        for element in root.iter(f"{{*}}{name}"):
            title = " ".join("".join(str(part) for part in element.itertext()).split())
            if title:
                return title
    return ""


class VisibleText:
    """Collects the visible text of element trees."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[str] = []
        self._gap = _NONE
        self._prefix = ""
        self._length = 0
        self._preformatted = 0
        self._counters: list[int] = []
        self._source_line = 1
        self._anchors: list[tuple[int, int]] = []

    @property
    def text(self) -> str:
        """What was collected so far."""
        return "".join(self._parts)

    def line_map(self) -> SourceMap | None:
        """Return the map from blocks to source lines; None where nothing was collected."""
        if not self._anchors:
            return None
        return SourceMap(
            PlaceKind.LINE,
            tuple(offset for offset, _ in self._anchors),
            tuple(str(line) for _, line in self._anchors),
        )

    def walk(self, root: etree._Element) -> None:
        """Add everything visible below `root` in document order; a deep tree takes no deep stack."""
        stack: list[tuple[etree._Element, bool]] = [(root, False)]
        while stack:
            element, leaving = stack.pop()
            if leaving:
                self._leave(_name(element))
            elif not self._skipped(element):
                self._enter(element)
                stack.append((element, True))
                stack.extend((child, False) for child in reversed(element))
                continue
            if element is not root and element.tail:
                self._add(element.tail)

    def _skipped(self, element: etree._Element) -> bool:
        """Tell whether nothing below is to be walked; a row of a plain table is added here at once."""
        name = _name(element)
        if not name or name in _INVISIBLE or element.get("hidden") is not None:
            return True
        if _HIDDEN.search(element.get("style") or ""):
            return True
        if name == "tr" and not any(_name(below) in _BLOCKS for below in element.iter()):
            self._add_row(element)
            return True
        return False

    def _enter(self, element: etree._Element) -> None:
        name = _name(element)
        self._source_line = _line_of(element) or self._source_line
        if name in _BLOCKS:
            self._separate(self._block_gap())
        elif name in ("li", "tr", "td", "th", "br", "option"):
            self._separate(_LINE)
        if name in ("ul", "ol"):
            start = element.get("start") or "1"
            self._counters.append((int(start) if start.isdecimal() else 1) if name == "ol" else -1)
        elif name == "li":
            self._prefix = self._marker()
        elif name == "pre":
            self._preformatted += 1
        if element.text:
            self._add(element.text)

    def _leave(self, name: str) -> None:
        if name in ("ul", "ol"):
            self._counters.pop()
        elif name == "pre":
            self._preformatted -= 1
        if name in _BLOCKS:
            self._separate(self._block_gap())
        elif name in ("li", "tr", "td", "th"):
            self._separate(_LINE)
        if name == "li":
            self._prefix = ""

    def _block_gap(self) -> int:
        """Blocks inside a list take a line of their own, others a blank line."""
        return _LINE if self._counters else _PARAGRAPH

    def _marker(self) -> str:
        indent = "  " * (len(self._counters) - 1)
        if not self._counters or self._counters[-1] < 0:
            return f"{indent}- "
        self._counters[-1] += 1
        return f"{indent}{self._counters[-1] - 1}. "

    def _add_row(self, row: etree._Element) -> None:
        cells = [_SPACE.sub(" ", _inline_text(cell)).strip(" ") for cell in row if _name(cell) in ("td", "th")]
        self._source_line = _line_of(row) or self._source_line
        self._separate(_LINE)
        if any(cells):
            self._put("\t".join(cells).rstrip("\t"))
        self._separate(_LINE)

    def _add(self, text: str) -> None:
        if self._preformatted:
            text = text.strip("\n") if self._gap >= _LINE else text
            if text:
                self._put(text)
            return
        text = _SPACE.sub(" ", text)
        if text.startswith(" "):
            self._separate(_WORD)
        if text != " ":
            self._put(text.strip(" "))
        if text.endswith(" "):
            self._separate(_WORD)

    def _separate(self, gap: int) -> None:
        self._gap = max(self._gap, gap)

    def _put(self, text: str) -> None:
        gap = _GAPS[self._gap] if self._parts else ""
        if not self._parts or self._gap >= _LINE:
            self._anchors.append((self._length + len(gap) if self._parts else 0, self._source_line))
        self._parts.append(gap + self._prefix + text)
        self._length += len(self._parts[-1])
        self._gap, self._prefix = _NONE, ""


def _name(element: etree._Element) -> str:
    """Return the tag without its namespace, "" for a comment or instruction."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _line_of(element: etree._Element) -> int | None:
    line: Any = element.sourceline
    return line if isinstance(line, int) else None


def _inline_text(cell: etree._Element) -> str:
    parts = [cell.text or ""]
    for below in cell.iterdescendants():
        if _name(below) and _name(below) not in _INVISIBLE:
            parts.append(" " if _name(below) == "br" else below.text or "")
        parts.append(below.tail or "")
    return "".join(parts)
