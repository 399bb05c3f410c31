"""Move and turn the moving image by hand, over the fixed one."""

from __future__ import annotations

from dataclasses import replace
from math import atan2, hypot
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt

from viewer.data.transform import Transform
from viewer.render.slices.slice_view import SliceView
from viewer.scene.edits import AlignLayer
from viewer.scene.preview.transform_preview import TransformPreview
from viewer.scene.registration_pair import pair
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point
    from viewer.data.arrays import Floats
    from viewer.render.planes.plane import Pose
    from viewer.render.view import MouseEvent, View
    from viewer.scene.layer import VolumeLayer

NEAR = 8.0  # px: how close to the ring a press takes hold of it
NAME = "by hand"


class AlignTool(Tool):
    """A drag shifts the image in the slice's plane; by the ring about the cross-hair, or with Shift, it turns it.

    Turning is about the cross-hair, in the slice's plane. One edit when the button is let go.
    """

    id = "align"
    title = "Align by hand"
    icon = "clockwise-2-line"
    key = "M"
    tip = "Drag to shift the moving image; drag the ring, or hold Shift, to turn it about the cross-hair"
    cursor = Qt.CursorShape.OpenHandCursor
    gestures = frozenset({"shift+left"})
    _placing: TransformPreview | None = None

    def press(self, view: View, event: MouseEvent) -> None:
        """Take hold of the moving image; with Shift or on the ring it will turn about the cross-hair."""
        found, pose = pair(self.document, self.state), view.pose if isinstance(view, SliceView) else None
        self._placing = None
        if found is None or pose is None:
            return
        self._layer, self._pose, self._from = found[1], pose, (event.x, event.y)
        self._before, self._placing = self._layer.transform, TransformPreview(self._layer)
        self._turns = "shift" in event.modifiers or on_ring(pose, self.state.crosshair, event.x, event.y)
        self._after: Transform | None = None

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Show it shifted or turned within the slice."""
        if self._placing is None or (event.x, event.y) == self._from:
            return
        pose, start = self._pose, self._from
        if self._turns:
            x, y = pose.pixel(self.state.crosshair)
            angle = atan2(event.y - y, event.x - x) - atan2(start[1] - y, start[0] - x)
            motion = turn(pose.plane.forward, angle, self.state.crosshair)
        else:
            across, along = (event.x - start[0]) * pose.scale, (event.y - start[1]) * pose.scale
            motion = shift(across * pose.plane.right + along * pose.plane.down)
        self._after = carried(self._before, motion)
        self._placing.show(self._after)

    def release(self, view: View, event: MouseEvent) -> None:
        """Keep that as one step."""
        if self._placing is None:
            return
        shown = self._layer.transform is self._after
        self._placing.withdraw()
        self._placing = None
        if self._after is not None and shown:
            self.edit(AlignLayer(self._layer, self._before, self._after))


def carried(before: Transform | None, motion: Floats) -> Transform:
    """The transform (world to image) of an image that was moved on in the world by a 4×4 motion, mm.

    It is another transform: no longer what a plugin found or a person signed.
    """
    from viewer.compute.registration.transform_algebra import compose  # scipy: not before the window is there

    back = Transform(np.asarray(np.linalg.inv(motion)))
    name = before.name if before else ""
    said = name if name.endswith(NAME) else f"{name}, then {NAME}" if name else NAME
    return replace(compose(back, before) if before else back, name=said)


def shift(by: Floats) -> Floats:
    """4×4: everything by a vector, mm."""
    out = np.eye(4)
    out[:3, 3] = by
    return out


def turn(axis: Floats, angle: float, about: Point) -> Floats:
    """4×4: by an angle (radians, right-handed) about an axis through a place (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    out = np.eye(4)
    out[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    out[:3, 3] = np.asarray(about) - out[:3, :3] @ np.asarray(about)
    return out


def on_ring(pose: Pose, crosshair: Point, x: float, y: float) -> bool:
    """True where a pixel is on the ring about the cross-hair that turns the image."""
    from_x, from_y = pose.pixel(crosshair)
    return abs(hypot(x - from_x, y - from_y) - pose.ring) <= NEAR


def nudge_edit(layer: VolumeLayer, motion: Floats, gesture: str) -> AlignLayer:
    """The edit that moves an image a little in the world; those of one gesture are one step."""
    return AlignLayer(layer, layer.transform, carried(layer.transform, motion), gesture)
