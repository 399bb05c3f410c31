"""A page of rich text as a PDF file, and pixels as the PNG pictures that stand on it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSizeF
from PySide6.QtGui import (
    QFont,
    QImage,
    QImageWriter,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
    QTextDocument,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MARGIN = 12.0  # mm
RESOLUTION = 96  # dots an inch: Qt's rich text measures its pixels in them
SIZES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)  # what is tried to have all on one page


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture [r, c, 3] as the bytes of a PNG file."""
    rows, columns = pixels.shape[:2]
    image = QImage(pixels.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(data.data())


def write_pdf(html: str, title: str, target: Path) -> int:
    """Write HTML as A4, drawn smaller where it would need a second page; the number of pages.

    It is written beside and renamed, so that a file is whole or as it was. Raises OSError.
    """
    beside = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        pages = _draw(html, title, beside)
        if not beside.is_file() or not beside.read_bytes().rstrip().endswith(b"%%EOF"):
            raise OSError(f"{target.name} could not be written: choose another folder.")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return pages


def _draw(html: str, title: str, path: Path) -> int:
    writer = QPdfWriter(str(path))
    writer.setTitle(title)
    writer.setResolution(RESOLUTION)
    page = QPageSize(QPageSize.PageSizeId.A4)
    margins = QMarginsF(MARGIN, MARGIN, MARGIN, MARGIN)
    writer.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter))
    document = QTextDocument()
    document.setDefaultFont(QFont("Noto Sans", 9))
    document.setDocumentMargin(0)
    document.setHtml(html)
    size = QSizeF(writer.pageLayout().paintRectPixels(RESOLUTION).size())
    scale = next((one for one in SIZES if _pages(document, size / one) == 1), SIZES[-1])
    pages = _pages(document, size / scale)
    painter = QPainter()
    if not painter.begin(writer):
        return 0
    painter.scale(scale, scale)
    tall = document.pageSize().height()
    for number in range(pages):
        if number:
            writer.newPage()
        painter.save()
        painter.translate(0, -number * tall)
        document.drawContents(painter, QRectF(0, number * tall, document.pageSize().width(), tall))
        painter.restore()
    painter.end()
    return pages


def _pages(document: QTextDocument, size: QSizeF) -> int:
    document.setPageSize(size)
    return document.pageCount()
