"""Small real files of every format, made on the spot."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write rows (or raw lines) as JSON lines."""

    def write(*rows: Any, name: str = "answers.jsonl") -> Path:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path = tmp_path / name
        content = ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.fixture
def pdf(tmp_path: Path) -> Callable[..., Path]:
    """Write a PDF with a page for each text (lines parted by a line feed); an empty text makes a page without any."""

    def write(*pages: str, name: str = "printed.pdf", title: str = "") -> Path:
        objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
        objects.append(f"<< /Title ({title}) >>".encode())
        kids = []
        for text in pages:
            shown = "".join(f"({line}) Tj T* " for line in text.split("\n") if line)
            content = f"BT /F1 12 Tf 14 TL 72 720 Td {shown}ET".encode("latin-1")
            objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
            kids.append(len(objects) + 1)
            objects.append(
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
                b"/Contents %d 0 R >>" % len(objects)
            )
        objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] >>".encode()
        body, places = b"%PDF-1.4\n", []
        for number, content in enumerate(objects, start=1):
            places.append(len(body))
            body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
        table = b"".join(b"%010d 00000 n \n" % place for place in places)
        trailer = b"<< /Size %d /Root 1 0 R /Info 4 0 R >>" % (len(objects) + 1)
        end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n%s\nstartxref\n%d\n%%%%EOF\n"
        path = tmp_path / name
        path.write_bytes(body + end % (len(objects) + 1, table, trailer, len(body)))
        return path

    return write


@pytest.fixture
def epub(tmp_path: Path) -> Callable[..., Path]:
    """Write a book with these parts, name to page, in this order; `extra` are further members."""

    def write(parts: dict[str, str], *, name: str = "book.epub", extra: dict[str, str] | None = None) -> Path:
        items = "".join(f'<item id="i{n}" href="{part}"/>' for n, part in enumerate(parts))
        spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(parts)))
        members = {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": (
                '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
            ),
            "OPS/book.opf": (
                '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
                f"<metadata><dc:title>The Book</dc:title></metadata><manifest>{items}</manifest>"
                f"<spine>{spine}</spine></package>"
            ),
            **{f"OPS/{part}": page for part, page in parts.items()},
            **(extra or {}),
        }
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return path

    return write
