"""Which pairs of landmarks a slice view shows, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.data.annotations.region import Point
from viewer.render.overlay.overlay import Line, Mark
from viewer.render.planes.plane import Pose
from viewer.scene.registration_pair import pair

if TYPE_CHECKING:
    from viewer.render.slices.slice_view import SliceView

DEEP = 2.5  # mm, or half a slice where that is more: how far from the slice a mark may be
LEAST = 0.05  # mm: a smaller residual is not written


def shown_pairs(view: SliceView, pose: Pose) -> tuple[Mark, ...]:
    """Those of the registration's two images of which the view shows an end in its slice."""
    found = pair(view.document.whole, view.state)
    if found is None:
        return ()
    (fixed, moving), marks = found, []
    for one in view.document.landmarks.of(fixed.id, moving.id):
        there = moving.room_place(one.moving)
        has = fixed in view.shown and _near(pose, one.fixed), moving in view.shown and _near(pose, there)
        if any(has):
            far = one.residual(moving.transform)
            text = Line(f"{one.name}  {far:.1f} mm" if far >= LEAST else one.name)
            chosen = one.id == view.state.landmark
            marks.append(Mark(one.id, pose.pixel(one.fixed), pose.pixel(there), has, text, chosen))
    return tuple(marks)


def ring(view: SliceView, pose: Pose) -> tuple[float, float, float] | None:
    """The handle that turns the moving image, while the tool for that is chosen: middle and radius in pixels."""
    found = pair(view.document.whole, view.state) if view.state.tool == "align" else None
    if found is None or found[1] not in view.shown:
        return None
    return (*pose.pixel(view.state.crosshair), pose.ring)


def _near(pose: Pose, place: Point) -> bool:
    depth = abs(float(np.dot(place, pose.plane.normal)) - pose.plane.depth(pose.index))
    return depth <= max(DEEP, pose.plane.spacing / 2)
