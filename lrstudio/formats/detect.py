"""Which format a file has, and reading it with the right reader."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.formats.archive import is_archive
from lrstudio.formats.docx import OLE, read_docx
from lrstudio.formats.epub import read_epub
from lrstudio.formats.html import read_html
from lrstudio.formats.inspect_log import HEADERS, read_inspect
from lrstudio.formats.jsonl import BROKEN, GZIP, ZSTD, parsed, read_json, read_jsonl, unpacked
from lrstudio.formats.longreward import FILES, read_longreward
from lrstudio.formats.md import read_md
from lrstudio.formats.pdf import read_pdf
from lrstudio.formats.records import FormatName, ImportItem, Mapping, RowError
from lrstudio.formats.table import read_csv, read_parquet
from lrstudio.formats.txt import read_txt

Reader = Callable[..., Iterator[ImportItem]]

# Readers of one document take `document_id`, readers of rows take `mapping`; all take the path.
DOCUMENT_READERS: dict[FormatName, Reader] = {
    FormatName.TXT: read_txt,
    FormatName.MD: read_md,
    FormatName.HTML: read_html,
    FormatName.PDF: read_pdf,
    FormatName.DOCX: read_docx,
    FormatName.EPUB: read_epub,
}
ROW_READERS: dict[FormatName, Reader] = {
    FormatName.JSONL: read_jsonl,
    FormatName.JSON: read_json,
    FormatName.CSV: read_csv,
    FormatName.PARQUET: read_parquet,
}
READERS: dict[FormatName, Reader] = {
    **DOCUMENT_READERS,
    **ROW_READERS,
    FormatName.LONGREWARD: read_longreward,
    FormatName.INSPECT: read_inspect,
}

_SUFFIXES = {
    **dict.fromkeys([".md", ".markdown", ".mdown"], FormatName.MD),
    **dict.fromkeys([".html", ".htm", ".xhtml"], FormatName.HTML),
    **dict.fromkeys([".csv", ".tsv"], FormatName.CSV),
    **dict.fromkeys([".jsonl", ".ndjson"], FormatName.JSONL),
    ".txt": FormatName.TXT,
    ".pdf": FormatName.PDF,
    ".docx": FormatName.DOCX,
    ".epub": FormatName.EPUB,
    ".parquet": FormatName.PARQUET,
}
_OTHER_SUFFIXES = {
    ".doc": "save it as .docx",
    ".odt": "save it as .docx",
    ".rtf": "save it as .docx",
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".ods": "save the sheet as CSV",
    ".zip": "unpack it and import the folder",
}
# Never opened here: closing a file drops every lock that this process holds on it, SQLite's own included, and another
# process would then throw away what an open project has not yet written into its main file.
_PROJECT_FILES = (".lrs", ".lrs-wal", ".lrs-shm", ".lrs-journal")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
# A log begins with its version and how it ended.
_INSPECT = re.compile(rb'\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:\s*"')
_BOM = b"\xef\xbb\xbf"
_PEEK = 4096


def detect(path: Path) -> FormatName:
    """Return the format of a file or folder, by its content where that is telling, else by its suffix.

    Raises:
        Refused: there is nothing at `path`, or it is of no format that the studio reads.
        Environment: it cannot be read.
    """
    try:
        if path.is_dir():
            return _detect_folder(path)
        return _detect_file(path)
    except FileNotFoundError as error:
        raise Refused("there is no such file", where=str(path)) from error
    except OSError as error:
        raise Environment(f"the file cannot be read: {error.strerror or error}", where=str(path)) from error


def read(
    path: Path,
    *,
    format: FormatName | None = None,  # noqa: A002 - the word of the command line
    mapping: Mapping | None = None,
) -> Iterator[ImportItem]:
    """Yield what a file or folder holds, in an order in which each item finds what it refers to.

    A folder is read file by file, in order of their names, its own folders included; a file of it that cannot be read
    is one `RowError`. Of two document files with one name the second gets an id with its folder.

    Args:
        path: a file, or a folder.
        format: the format of the file, or of every file of the folder; None finds it out.
        mapping: which field or column holds what, for rows.

    Raises:
        Refused: the file cannot be read as this format; raised when the first item is asked for, at the latest.
        Environment: the file cannot be read at all.
    """
    if path.is_dir() and not (format is FormatName.LONGREWARD or (format is None and _is_longreward(path))):
        return _folder(path, format, mapping)
    return _file(path, format or detect(path), mapping)


def _file(
    path: Path, name: FormatName, mapping: Mapping | None, *, document_id: str | None = None
) -> Iterator[ImportItem]:
    _keep_off_projects(path)
    if name is FormatName.PROJECT:
        raise Refused("this is a whole project written by the studio; import it as a project", where=path.name)
    if not path.exists():
        raise Refused("there is no such file", where=str(path))
    arguments: dict[str, Any] = {"mapping": mapping} if name in ROW_READERS else {}
    if name in DOCUMENT_READERS:
        arguments = {"document_id": document_id}
    try:
        yield from READERS[name](path, **arguments)
    except OSError as error:
        raise Environment(f"the file cannot be read: {error.strerror or error}", where=str(path)) from error


def _folder(folder: Path, name: FormatName | None, mapping: Mapping | None) -> Iterator[ImportItem]:
    within = (path for path in sorted(folder.rglob("*")) if not _is_passed_over(path.relative_to(folder)))
    files = [path for path in within if path.is_file()]
    if not files:
        raise Refused("the folder holds no file to import", where=folder.name)
    ids: set[str] = set()
    for path in files:
        relative = path.relative_to(folder).as_posix()
        document_id = path.stem if path.stem not in ids else relative
        ids.add(document_id)
        try:
            yield from _file(path, name or detect(path), mapping, document_id=document_id)
        except StudioError as error:
            yield RowError(relative, error.sentence)


def _keep_off_projects(path: Path) -> None:
    if path.suffix.lower() in _PROJECT_FILES:
        raise Refused("this is a project; open it instead", where=path.name)


def _is_passed_over(path: Path) -> bool:
    return path.suffix.lower() in _PROJECT_FILES or any(part.startswith(".") for part in path.parts)


def _is_longreward(path: Path) -> bool:
    return any((path / name).is_file() for name in FILES)


def _detect_folder(path: Path) -> FormatName:
    if _is_longreward(path):
        return FormatName.LONGREWARD
    raise Refused("this is a folder; each of its files has a format of its own", where=path.name)


def _detect_file(path: Path) -> FormatName:
    _keep_off_projects(path)
    with path.open("rb") as file:
        head = file.read(_PEEK)
    suffix = path.suffix.lower()
    if not head:
        raise Refused("the file is empty", where=path.name)
    if b"%PDF-" in head[:1024]:
        return FormatName.PDF
    if head.startswith(b"PAR1"):
        return FormatName.PARQUET
    if head.startswith(b"PK\x03\x04"):
        return _detect_zip(path)
    if head.startswith((GZIP, ZSTD)):
        return _detect_packed(path)
    if suffix in _OTHER_SUFFIXES or head.startswith((b"{\\rtf", b"SQLite format 3")):
        advice = _OTHER_SUFFIXES.get(suffix, "import another kind of file")
        raise Refused(f"the studio does not read such files; {advice}", where=path.name)
    if head.startswith(OLE):
        return FormatName.DOCX
    return _detect_text(head, suffix)


def _detect_zip(path: Path) -> FormatName:
    suffix = path.suffix.lower()
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        if suffix in (".docx", ".epub"):  # its reader says what is wrong
            return _SUFFIXES[suffix]
        raise Refused("the file is cut off or damaged; get a whole copy of it", where=path.name) from None
    if any(name.startswith("word/") for name in names):
        return FormatName.DOCX
    if "META-INF/container.xml" in names:
        return FormatName.EPUB
    if names & set(HEADERS):
        return FormatName.INSPECT
    advice = _OTHER_SUFFIXES.get(suffix, _OTHER_SUFFIXES[".zip"])
    raise Refused(f"the studio does not read such files; {advice}", where=path.name)


def _detect_packed(path: Path) -> FormatName:
    with unpacked(path) as stream:
        try:
            head = stream.read(_PEEK)
        except BROKEN:
            head = b""
    start = head.removeprefix(_BOM).lstrip()
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if ".csv" in suffixes or ".tsv" in suffixes:
        return FormatName.CSV
    if start[:1] in (b"{", b"[") or not start:
        return _detect_json(start, ".jsonl" if ".jsonl" in suffixes else "")
    raise Refused("compressed files are read only if they hold JSON lines or CSV; unpack it first", where=path.name)


def _detect_text(head: bytes, suffix: str) -> FormatName:
    start = head.removeprefix(_BOM).lstrip()
    if suffix in (".jsonl", ".ndjson", ".json") or (suffix not in _SUFFIXES and start[:1] in (b"{", b"[")):
        return _detect_json(start, suffix)
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    return FormatName.HTML if _HTML.match(start) else FormatName.TXT


def _detect_json(start: bytes, suffix: str) -> FormatName:
    """Tell rows in lines from one array or one object over several lines; an array may be in a .jsonl file, too."""
    if start[:1] == b"[":
        return FormatName.JSON
    line, ended, _ = start.partition(b"\n")
    if is_archive(start):
        return FormatName.PROJECT
    if _INSPECT.match(start):
        return FormatName.INSPECT
    if suffix in (".jsonl", ".ndjson") or not ended:
        return FormatName.JSONL
    try:
        parsed(line)
    except ValueError:
        return FormatName.JSON
    return FormatName.JSONL
