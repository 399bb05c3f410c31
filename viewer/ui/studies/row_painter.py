"""Paints the rows of the study browser: thumbnail, title, facts, badges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from viewer.ui.studies.rows import Node
from viewer.ui.studies.rows import badges as badges_of
from viewer.ui.studies.tree_model import NODE
from viewer.ui.widgets import badges, theme

if TYPE_CHECKING:
    from collections.abc import Callable

PICTURE = 3  # lines of text that a thumbnail is high
GAP = 6
AnyIndex = QModelIndex | QPersistentModelIndex


class StudyDelegate(QStyledItemDelegate):
    """thumbnail: gives the picture of a row, or None while there is none; asking for it is what has it made."""

    def __init__(self, thumbnail: Callable[[Node], QPixmap | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.thumbnail = thumbnail

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """High enough for a row's picture, lines and badges, px."""
        node: Node = index.data(NODE)
        line = option.fontMetrics.height()
        lines = _lines(node)
        text = line * lines + (line + 2 if node.image and badges_of(node.image) else 0) + GAP
        return QSize(120, max(text, PICTURE * line + GAP) if node.kind in ("series", "image") else text)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Draw a row: its picture where it has one, then its lines and badges."""
        node: Node = index.data(NODE)
        painter.save()
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        area = option.rect.adjusted(2, GAP // 2, -4, -GAP // 2)
        if node.kind in ("series", "image"):
            side = PICTURE * option.fontMetrics.height()
            self._picture(painter, QRect(area.left(), area.top(), side, side), node)
            area.setLeft(area.left() + side + 8)
        _text(painter, area, node, option)
        painter.restore()

    def _picture(self, painter: QPainter, box: QRect, node: Node) -> None:
        painter.fillRect(box, Qt.GlobalColor.black)
        pixmap = self.thumbnail(node)
        if pixmap is None:
            theme.icon("shape-line" if node.labels else "image-line", theme.DIM).paint(
                painter, box.adjusted(14, 14, -14, -14)
            )
            return
        size = pixmap.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(box.topLeft(), size)
        place.moveCenter(box.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(place, pixmap)


def _lines(node: Node) -> int:
    return sum(1 for text in (node.title, *_below(node)) if text)


def _below(node: Node) -> tuple[str, ...]:
    """The dim lines under the title: a patient and a study have one, a series its facts and its spacing."""
    if node.kind in ("series", "image"):
        return node.facts, node.details
    return (node.facts,)


def _text(painter: QPainter, area: QRect, node: Node, option: QStyleOptionViewItem) -> None:
    font = QFont(option.font)
    font.setBold(node.kind == "patient")
    metrics = QFontMetrics(font)
    line = metrics.height()
    painter.setFont(font)
    painter.setPen(option.palette.text().color())
    top = area.top()
    title = metrics.elidedText(node.title, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(QRect(area.left(), top, area.width(), line), Qt.AlignmentFlag.AlignVCenter, title)
    painter.setFont(option.font)
    painter.setPen(theme.DIM)
    for text in filter(None, _below(node)):
        top += line
        short = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(QRect(area.left(), top, area.width(), line), Qt.AlignmentFlag.AlignVCenter, short)
    marks = badges_of(node.image) if node.image else ()
    badges.paint(
        painter, QRect(area.left(), top + line + 1, area.width(), badges.height(option.font)), marks, option.font
    )
