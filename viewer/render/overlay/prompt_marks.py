"""Which prompts of the chosen segment a view shows, and where; and how they are painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.annotations.prompts import Prompt
    from viewer.data.arrays import Floats
    from viewer.render.planes.plane import Pose
    from viewer.scene.segmentation_layer import SegmentationLayer

Pixels = tuple[tuple[float, float], ...]

POSITIVE, NEGATIVE = "#58d578", "#e5645f"
DARK = QColor(0, 0, 0, 170)
SIZE = 5.0  # px: half of a point's mark
DEEP = 2.5  # mm, or half a slice where that is more: how far from the slice a place may be


@dataclass(frozen=True)
class PromptMark:
    """A prompt in a view, in pixels. closed: it encloses what it means. chosen: drawn bold."""

    id: str
    places: Pixels
    positive: bool
    closed: bool
    chosen: bool


def prompt_marks(layer: SegmentationLayer | None, chosen: str, pose: Pose) -> tuple[PromptMark, ...]:
    """The prompts of the chosen segment whose places lie in the slice. chosen: id of one that is drawn bold."""
    segment = layer.active_segment if layer else None
    if layer is None or segment is None:
        return ()
    marks = []
    for prompt in segment.prompts:
        world = [layer.world_place(place) for place in _outline(prompt)]
        near = [place for place in world if _is_near(pose, place)]
        closed = prompt.kind in ("box", "lasso")
        if near and (not closed or len(near) == len(world)):
            pixels = tuple(pose.pixel(place) for place in near)
            marks.append(PromptMark(prompt.id, pixels, prompt.positive, closed, prompt.id == chosen))
    return tuple(marks)


def projected_prompt_marks(layer: SegmentationLayer | None, chosen: str, to_pixel: Floats) -> tuple[PromptMark, ...]:
    """All prompts of the chosen segment as they lie before or behind each other. to_pixel: 4×4, from LPS mm."""
    segment = layer.active_segment if layer else None
    if layer is None or segment is None:
        return ()
    marks = []
    for prompt in segment.prompts:
        world = np.array([(*layer.world_place(place), 1.0) for place in _outline(prompt)])
        pixels = tuple((x, y) for x, y in (world @ to_pixel[:2].T).tolist())
        closed = prompt.kind in ("box", "lasso")
        marks.append(PromptMark(prompt.id, pixels, prompt.positive, closed, prompt.id == chosen))
    return tuple(marks)


def prompted_layer(labels: Sequence[SegmentationLayer], active: str) -> SegmentationLayer | None:
    """The segmentation whose prompts are drawn: the chosen one, else the uppermost."""
    return next((layer for layer in labels if layer.id == active), next(reversed(labels), None))


def paint_prompt_marks(painter: QPainter, marks: tuple[PromptMark, ...]) -> None:
    """A plus or minus at a point, a line along a scribble, an outline around what a box or lasso encloses."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for mark in marks:
        ink = QColor(POSITIVE if mark.positive else NEGATIVE)
        for color, more in ((DARK, 2.2), (ink, 0.0)):
            style = Qt.PenStyle.SolidLine if mark.positive or not mark.closed else Qt.PenStyle.DashLine
            painter.setPen(QPen(color, (3.0 if mark.chosen else 1.8) + more, style))
            _paint(painter, mark)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _paint(painter: QPainter, mark: PromptMark) -> None:
    points = [QPointF(*place) for place in mark.places]
    if mark.closed:
        painter.drawPolygon(QPolygonF(points))
    elif len(points) > 1:
        painter.drawPolyline(QPolygonF(points))
    else:
        painter.drawLine(points[0] - QPointF(SIZE, 0), points[0] + QPointF(SIZE, 0))
        if mark.positive:  # told by its form, too, not by its colour alone
            painter.drawLine(points[0] - QPointF(0, SIZE), points[0] + QPointF(0, SIZE))


def _outline(prompt: Prompt) -> list[tuple[float, float, float]]:
    """The places that are drawn: of a box the four corners of the face that it was drawn as."""
    if prompt.kind != "box":
        return list(prompt.points)
    corner, first, second, _ = (np.array(point) for point in prompt.points)
    x, y, z = (first + second - corner).tolist()
    return [prompt.points[0], prompt.points[1], (x, y, z), prompt.points[2]]


def _is_near(pose: Pose, place: tuple[float, float, float]) -> bool:
    depth = abs(float(np.dot(place, pose.plane.normal)) - pose.plane.depth(pose.index))
    return depth <= max(DEEP, pose.plane.spacing / 2)
