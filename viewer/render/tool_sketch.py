"""What a tool shows of its work before it is done: the brush's ring, an outline under way. Painted over everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF

from viewer.render.overlay.overlay import ACCENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viewer.data.annotations.region import Point

DARK = QColor(0, 0, 0, 170)
KNOT = 3.0  # px: half the side of a corner's mark
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Draft:
    """Places in LPS mm; in the 3-D view, whose pixels have no place, (x, y, 0) of the widget.

    ring: middle and radius in mm. line: the outline so far; knots: the corners of it that were set; closed: it will be
    closed by a last line, drawn dashed. text: beside the ring's middle, or the last place of the line.
    """

    ring: tuple[Point, float] | None = None
    line: tuple[Point, ...] = ()
    knots: tuple[Point, ...] = ()
    closed: bool = False
    text: str = ""
    color: Color | None = None
    taking: bool = False  # what is drawn is taken away: dashed


def rgb(color: str) -> Color:
    """Red, green and blue (0…255) of a colour's name."""
    ink = QColor(color)
    return ink.red(), ink.green(), ink.blue()


def paint_draft(painter: QPainter, draft: Draft, pixel: Callable[[Point], tuple[float, float]], scale: float) -> None:
    """Draw what a tool is at. pixel: where a place lies on the screen, logical px. scale: mm a pixel."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    ink = QColor(*draft.color) if draft.color else QColor(ACCENT)
    line = [QPointF(*pixel(place)) for place in draft.line]
    style = Qt.PenStyle.DashLine if draft.taking else Qt.PenStyle.SolidLine
    for color, thick in ((DARK, 3.4), (ink.lighter(120), 1.4)):
        pen = QPen(color, thick, style)
        painter.setPen(pen)
        if draft.ring:
            radius = draft.ring[1] / scale
            painter.drawEllipse(QPointF(*pixel(draft.ring[0])), radius, radius)
        painter.drawPolyline(QPolygonF(line))
        if draft.closed and len(line) > 2:
            painter.setPen(QPen(color, thick, Qt.PenStyle.DotLine))
            painter.drawLine(line[-1], line[0])
    _knots(painter, [QPointF(*pixel(place)) for place in draft.knots], ink)
    at = line[-1] if line else QPointF(*pixel(draft.ring[0])) if draft.ring else None
    if draft.text and at is not None:
        _text(painter, at, draft.text)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _knots(painter: QPainter, places: Sequence[QPointF], ink: QColor) -> None:
    painter.setPen(QPen(DARK, 1))
    painter.setBrush(ink.lighter(120))
    for place in places:
        painter.drawRect(int(place.x() - KNOT), int(place.y() - KNOT), int(2 * KNOT), int(2 * KNOT))


def _text(painter: QPainter, at: QPointF, text: str) -> None:
    font = QFont(painter.font())
    font.setFeature(QFont.Tag("tnum"), 1)
    painter.setFont(font)
    place = at + QPointF(14, -10)
    painter.setPen(DARK)
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        painter.drawText(place + QPointF(dx, dy), text)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(place, text)
