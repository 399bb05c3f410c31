"""Which pairs of landmarks a slice view shows, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.render.overlay.overlay import Line, Mark
from viewer.scene.registration_pair import pair

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point
    from viewer.render.planes.plane import Pose
    from viewer.scene.document import Document
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.view_state import ViewState

DEEP = 2.5  # mm, or half a slice where that is more: how far from the slice a mark may be
LEAST = 0.05  # mm: a smaller residual is not written


def shown_pairs(document: Document, state: ViewState, shown: tuple[VolumeLayer, ...], pose: Pose) -> tuple[Mark, ...]:
    """Those of the registration's two images of which an end lies in the slice, in one of the images that are shown."""
    found = pair(document.root, state)
    if found is None:
        return ()
    (fixed, moving), marks = found, []
    for one in document.landmarks.of(fixed.id, moving.id):
        there = moving.world_place(one.moving)
        has = fixed in shown and _near(pose, one.fixed), moving in shown and _near(pose, there)
        if any(has):
            far = one.residual(moving.transform)
            text = Line(f"{one.name}  {far:.1f} mm" if far >= LEAST else one.name)
            chosen = one.id == state.landmark
            marks.append(Mark(one.id, pose.pixel(one.fixed), pose.pixel(there), has, text, chosen))
    return tuple(marks)


def ring(
    document: Document, state: ViewState, shown: tuple[VolumeLayer, ...], pose: Pose
) -> tuple[float, float, float] | None:
    """The handle that turns the moving image, while the tool for that is chosen: middle and radius in pixels."""
    found = pair(document.root, state) if state.tool == "align" else None
    if found is None or found[1] not in shown:
        return None
    return (*pose.pixel(state.crosshair), pose.ring)


def _near(pose: Pose, place: Point) -> bool:
    depth = abs(float(np.dot(place, pose.plane.normal)) - pose.plane.depth(pose.index))
    return depth <= max(DEEP, pose.plane.spacing / 2)
