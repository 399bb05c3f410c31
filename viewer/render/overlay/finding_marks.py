"""Which findings a slice view marks, and where: boxes, places without a mask, and the chosen one with its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from viewer.scene.findings.visibility import open_entries, seen_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from PySide6.QtGui import QPixmap

    from viewer.data.annotations.region import Point
    from viewer.render.planes.plane import Pose
    from viewer.scene.document import Document
    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.view_state import ViewState

Pixel = tuple[float, float]

AI, PROCESSED, REVIEWED = "#a890f0", "#e2a43b", "#3fb6c9"
DARK = QColor(0, 0, 0, 170)
SIZE = 7.0  # px: half of a mark
DEEP = 2.5  # mm, or half a slice where that is more: how far from the slice a place may be
HIDDEN = "AI hidden"


@dataclass(frozen=True)
class FindingMark:
    """A finding in a view, in pixels. corners: of its box in the slice, () for none. place: of its point, if near.

    text: beside the chosen one. decided: drawn solid, else dashed.
    """

    id: str
    corners: tuple[Pixel, ...]
    place: Pixel | None
    text: str
    color: str
    decided: bool


def finding_marks(
    document: Document, state: ViewState, shown: tuple[VolumeLayer, ...], pose: Pose
) -> tuple[FindingMark, ...]:
    """Those of the images that are shown that have something in the slice; a rejected one only where it is chosen."""
    images = {layer.id: layer for layer in shown}
    marks = (
        _mark(entry, images[entry.image], pose, chosen=entry.id == state.finding)
        for entry in seen_entries(document, state)
        if entry.image in images and (entry.state != "rejected" or entry.id == state.finding)
    )
    return tuple(mark for mark in marks if mark is not None)


def finding_badges(document: Document, state: ViewState, shown: tuple[VolumeLayer, ...]) -> tuple[str, ...]:
    """What a view of these images must say of findings: that some are not reviewed, or hidden."""
    images = {layer.id for layer in shown}
    entries = [entry for entry in open_entries(document) if entry.image in images and entry.algorithm is not None]
    if not state.show_ai:
        return (HIDDEN,) if entries else ()
    return tuple(dict.fromkeys(entry.mark for entry in entries if entry.mark))


def _mark(entry: FindingEntry, image: VolumeLayer, pose: Pose, *, chosen: bool) -> FindingMark | None:
    finding = entry.finding
    if finding is None:
        return None
    corners = _corners(entry, image, pose)
    place = image.world_place(finding.point) if finding.point else None
    alone = finding.box is None and finding.segment is None
    at = pose.pixel(place) if place and (chosen or alone) and _is_near(pose, place) else None
    if not corners and at is None:
        return None
    color = REVIEWED if not entry.mark else AI if entry.mark.startswith("AI") else PROCESSED
    told = f"{finding.probability.value:.0%}" if finding.probability else ""
    text = f"{finding.name} {told}".strip() if chosen else ""
    return FindingMark(entry.id, corners, at, text, color, not entry.mark)


def _corners(entry: FindingEntry, image: VolumeLayer, pose: Pose) -> tuple[Pixel, ...]:
    """What the slice cuts of the box. Of an image that is bent or moved only the point is marked."""
    box = entry.finding.box if entry.finding else None
    if box is None or image.transform is not None:
        return ()
    cut = box.cut(pose.plane.normal, pose.plane.depth(pose.index))
    return tuple(pose.pixel((x, y, z)) for x, y, z in cut.tolist())


def _is_near(pose: Pose, place: Point) -> bool:
    depth = abs(float(np.dot(place, pose.plane.normal)) - pose.plane.depth(pose.index))
    return depth <= max(DEEP, pose.plane.spacing / 2)


def paint_finding_marks(painter: QPainter, marks: Collection[FindingMark], text: Callable[[str, str], QPixmap]) -> None:
    """Outlines of boxes, a square on its corner at each place, the name beside the chosen one."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for mark in marks:
        style = Qt.PenStyle.SolidLine if mark.decided else Qt.PenStyle.DashLine
        for color, more in ((DARK, 2.2), (QColor(mark.color), 0.0)):
            painter.setPen(QPen(color, 1.6 + more, style if not more else Qt.PenStyle.SolidLine))
            if mark.corners:
                painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in mark.corners]))
            if mark.place:
                painter.drawPolygon(_diamond(mark.place))
        if mark.text:
            x, y = mark.place or max(mark.corners)
            painter.drawPixmap(QPointF(round(x + SIZE + 4), round(y + SIZE)), text(mark.text, mark.color))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _diamond(place: Pixel) -> QPolygonF:
    x, y = place
    return QPolygonF([QPointF(x, y - SIZE), QPointF(x + SIZE, y), QPointF(x, y + SIZE), QPointF(x - SIZE, y)])
