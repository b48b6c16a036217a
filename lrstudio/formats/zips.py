"""Zip archives, checked before they are unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.formats.records import MAX_BYTES, MAX_MB


def check_zip(path: Path) -> None:
    """Look at the directory of a zip archive without unpacking it.

    Raises:
        Refused: it is no zip archive, cut off, or its XML would unpack to more than a document may be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise Refused("the file is cut off or damaged; get a whole copy of it", where=path.name) from error
    texts = (entry for entry in entries if entry.filename.lower().endswith((".xml", ".xhtml", ".html", ".htm", ".opf")))
    if sum(entry.file_size for entry in texts) > MAX_BYTES:
        raise Refused(f"it would unpack to {MAX_MB} MB or more, and a document must have less", where=path.name)
