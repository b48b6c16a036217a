"""Markdown, kept as its source text, front matter included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lrstudio.formats.records import FormatName, ImportItem
from lrstudio.formats.txt import text_document

_FRONT_MATTER = re.compile(r"---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$|^(\S.*)\n=+[ \t]*$", re.MULTILINE)


def read_md(path: Path, *, document_id: str | None = None) -> Iterator[ImportItem]:
    """Yield the file as one document, mapped back to the byte of each line.

    Its title is that of the front matter, else the first heading, else the file's stem.

    Raises:
        Refused: it is too large, no text, or empty.
    """
    item = text_document(path, document_id=document_id, format_name=FormatName.MD)
    title = _title((item.document.text or "")[:100_000])
    yield replace(item, document=replace(item.document, title=title)) if title else item


def _title(text: str) -> str:
    front = _FRONT_MATTER.match(text)
    named = _TITLE.search(front[1]) if front else None
    if named:
        return named[2]
    heading = _HEADING.search(text, front.end() if front else 0)
    return (heading[1] or heading[2]).strip() if heading else ""
