"""HTML onto PDF pages, with numbers at their feet."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFont, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument

_MARGIN_MM = 18.0
_DPI = 300
_FOOT = 0.03
"""The part of the page's height that its number takes."""


def pdf_of(html: str, *, title: str) -> bytes:
    """Return the HTML as a PDF on A4 pages; an application must exist. Only what Qt's rich text knows is shown."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("LongReward Studio")
    writer.setResolution(_DPI)
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    writer.setPageMargins(margins, QPageLayout.Unit.Millimeter)
    width, height = float(writer.width()), float(writer.height())
    document = QTextDocument()
    document.documentLayout().setPaintDevice(writer)
    document.setDefaultFont(QFont("sans-serif", 10))
    document.setDocumentMargin(0)
    document.setHtml(html)
    body = height * (1 - _FOOT)
    document.setPageSize(QSizeF(width, body))
    painter = QPainter(writer)
    try:
        _pages(document, writer, painter, body=body)
    finally:
        painter.end()
    return bytes(buffer.data().data())


def _pages(document: QTextDocument, writer: QPdfWriter, painter: QPainter, *, body: float) -> None:
    width, height = float(writer.width()), float(writer.height())
    count = document.pageCount()
    for page in range(count):
        if page:
            writer.newPage()
        painter.save()
        painter.translate(0, -page * body)
        document.drawContents(painter, QRectF(0, page * body, width, body))
        painter.restore()
        foot = QRectF(0, body, width, height - body)
        painter.drawText(foot, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, f"{page + 1} / {count}")
