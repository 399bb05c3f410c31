"""Paints what belongs to a registration: pairs of landmarks, the ring that turns an image, a drawn deformation."""

from __future__ import annotations

from math import atan2, cos, hypot, pi, sin
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF

from viewer.render.overlay.overlay import ACCENT, Line, Mark, Strokes

if TYPE_CHECKING:
    from collections.abc import Callable

GREEN, MAGENTA = "#58d578", "#e87ae0"  # the fixed and the moving end
SIZE, HEAD, LEAST = 6, 5, 3  # px: a mark, an arrow's head, the shortest line that gets one
FAINT = 110  # of 255: an end that is not in the slice
DARK = QColor(0, 0, 0, 170)


def paint_marks(painter: QPainter, marks: tuple[Mark, ...], text: Callable[[Line], QPixmap]) -> None:
    """A ring at the fixed end, a cross at the moving one, an arrow from the one to the other."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for mark in marks:
        fixed, moving = QPointF(*mark.fixed), QPointF(*mark.moving)
        for widen, ink in ((2.0, None), (0.0, ACCENT)):
            thick = (2.2 if mark.chosen else 1.4) + widen
            _arrow(painter, fixed, moving, QColor(ink or DARK), thick)
            painter.setPen(QPen(_faint(GREEN if ink else DARK, mark.has[0]), thick))
            painter.drawEllipse(fixed, SIZE, SIZE)
            painter.setPen(QPen(_faint(MAGENTA if ink else DARK, mark.has[1]), thick))
            _cross(painter, moving)
        name = text(mark.text)
        up = moving.y() > fixed.y()  # away from the arrow
        painter.drawPixmap(
            fixed + QPointF(SIZE + 3, -SIZE - name.deviceIndependentSize().height() if up else SIZE), name
        )
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_ring(painter: QPainter, ring: tuple[float, float, float]) -> None:
    """The handle that turns the moving image: middle and radius in pixels."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    x, y, radius = ring
    for color, thick in ((DARK, 4.0), (QColor(ACCENT), 1.6)):
        painter.setPen(QPen(color, thick))
        painter.drawEllipse(QPointF(x, y), radius, radius)
        for quarter in range(4):
            angle = quarter * pi / 2
            painter.drawEllipse(QPointF(x + radius * cos(angle), y + radius * sin(angle)), 3, 3)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_strokes(painter: QPainter, strokes: Strokes) -> None:
    """The lines of a warped grid, or arrows."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    lines = [[QPointF(x, y) for x, y in line] for line in strokes.lines]
    for color, thick in ((DARK, 2.6), (QColor(strokes.color), 1.1)):
        painter.setPen(QPen(color, thick))
        for line in lines:
            if strokes.arrows:
                _arrow(painter, line[0], line[-1], color, thick)
            else:
                painter.drawPolyline(QPolygonF(line))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _faint(name: str | QColor, solid: bool) -> QColor:
    """A colour; fainter for an end that is not in the slice."""
    ink = QColor(name)
    ink.setAlpha(ink.alpha() if solid else ink.alpha() * FAINT // 255)
    return ink


def _cross(painter: QPainter, at: QPointF) -> None:
    painter.drawLine(at + QPointF(-SIZE, -SIZE), at + QPointF(SIZE, SIZE))
    painter.drawLine(at + QPointF(-SIZE, SIZE), at + QPointF(SIZE, -SIZE))


def _arrow(painter: QPainter, start: QPointF, end: QPointF, color: QColor, thick: float) -> None:
    along = end - start
    if hypot(along.x(), along.y()) < LEAST:
        return
    painter.setPen(QPen(color, thick))
    painter.drawLine(start, end)
    angle = atan2(along.y(), along.x())
    for turn in (pi * 0.85, -pi * 0.85):
        painter.drawLine(end, end + QPointF(HEAD * cos(angle + turn), HEAD * sin(angle + turn)))
