"""Badges: the short marks of images and layers, as an icon and a word, painted the same in every list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter

from viewer.ui.widgets import theme

if TYPE_CHECKING:
    from collections.abc import Iterable


def meaning(badge: str) -> tuple[str, QColor]:
    """The icon's name and the colour of a badge: violet for AI, green and red for a review, amber for a doubt."""
    word = badge.lower()
    if "rejected" in word:
        return "close-circle-line", theme.DANGER
    if "accepted" in word or word == "corrected":
        return "checkbox-circle-line", theme.GOOD
    if word.startswith("ai"):
        return "robot-line", theme.AI
    if "not reviewed" in word:
        return "tools-line", theme.AI
    if word == "drawn":
        return "edit-line", theme.DIM
    return ("time-line", theme.DIM) if word == "4-d" else ("alert-line", theme.WARNING)


def height(font: QFont) -> int:
    """The height of a badge beside text of this font."""
    return QFontMetrics(font).height()


def paint(painter: QPainter, area: QRect, badges: Iterable[str], font: QFont) -> None:
    """Draw badges from the left as far as they fit; a last "+2" says how many did not. area: as high as `height`."""
    small = QFont(font)
    small.setPixelSize(max(10, round(area.height() * 0.68)))
    metrics = QFontMetrics(small)
    painter.setFont(small)
    left, waiting = area.left(), list(badges)
    while waiting:
        width = metrics.horizontalAdvance(waiting[0]) + area.height() + 8
        if left + width > area.right() and left > area.left():
            painter.setPen(theme.DIM)
            rest = QRect(left, area.top(), 3 * area.height(), area.height())
            painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, f"+{len(waiting)}")
            return
        box = QRect(left, area.top(), min(width, area.right() - left), area.height())
        _one(painter, box, waiting.pop(0), metrics)
        left = box.right() + 5


def _one(painter: QPainter, box: QRect, badge: str, metrics: QFontMetrics) -> None:
    name, colour = meaning(badge)
    ground = QColor(colour)
    ground.setAlphaF(0.14)
    painter.setPen(colour)
    painter.setBrush(ground)
    painter.drawRoundedRect(box.adjusted(0, 0, -1, -1), 3, 3)
    side = box.height()
    theme.icon(name, colour).paint(painter, QRect(box.left() + 3, box.top() + 2, side - 4, side - 4))
    text = metrics.elidedText(badge, Qt.TextElideMode.ElideRight, box.width() - side - 4)
    painter.drawText(box.adjusted(side, 0, -2, 0), Qt.AlignmentFlag.AlignVCenter, text)
