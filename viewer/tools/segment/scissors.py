"""Cut a segment along an outline, through everything that lies behind it: across the slices, or in the 3-D view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from viewer.data.box import Box, box_shape, mask_box, whole_box
from viewer.effects.footprint import rasterized
from viewer.render.slices.slice_view import SliceView
from viewer.render.volumes.picking import to_screen
from viewer.tools.segment.outline import OutlineTool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.data.annotations.region import Point
    from viewer.data.arrays import Floats, Mask, ProgressCallback
    from viewer.effects.effect_run import Answer, Call
    from viewer.render.view import MouseEvent, View
    from viewer.scene.segmentation.brush import Cut
    from viewer.tools.segment.paint_tool import PaintTarget

HOW: dict[Cut, Literal["add", "remove"]] = {"erase inside": "remove", "erase outside": "remove", "fill inside": "add"}


class ScissorsTool(OutlineTool):
    """What they do is chosen in the Segments tab: erase what is inside, erase what is outside, fill what is inside."""

    id = "scissors"
    title = "Scissors"
    icon = "scissors-cut-line"
    key = "O"
    tip = "Draw round a part, in a slice or in the 3-D view: it is cut through the whole volume"
    verb = "Cut"
    in_volume = frozenset({"left", "move"})

    def place(self, view: View, event: MouseEvent) -> Point | None:
        """In a slice LPS mm; in the 3-D view the widget pixel (x, y, 0)."""
        return super().place(view, event) if isinstance(view, SliceView) else (event.x, event.y, 0.0)

    def close(self, view: View, line: tuple[Point, ...]) -> None:
        """Cut the segment along the line of sight through the outline, in the background."""
        if not self.begin() or self.goal is None or self.services is None:
            return
        goal, cut, masking = self.goal, self.state.brush.cut, self.state.masking
        self.drop()
        outline = np.array([view.pixel_of(place) for place in line])
        call = cut_call(goal, outline, _screen(view) @ goal.layer.world_grid.affine, cut)
        self.services.run_effect(goal.layer, f"Cut {goal.segment.name}", call, HOW[cut], masking, goal.image)


def cut_call(goal: PaintTarget, outline: Floats, to_pixel: Floats, cut: Cut) -> Call:
    """The computation of what is cut. outline (n, 2) in pixels; to_pixel: 4×4, voxel (k, j, i, 1) to (x, y, …, 1)."""
    labels, key = goal.layer.segmentation.maps[goal.segment.key[0]], goal.segment.key
    low, high = np.floor(outline.min(axis=0)), np.ceil(outline.max(axis=0))
    drawn = rasterized(outline, low, 1.0, (high - low + 1).astype(int))

    def call(tell: ProgressCallback) -> Iterable[Answer]:
        held = mask_box(labels == key[1]) if cut != "fill inside" else whole_box(labels.shape)
        if held is None:
            return []
        mask = np.zeros(box_shape(held), dtype=bool)
        for place, k in enumerate(range(held[0].start, held[0].stop)):
            mask[place] = voxels_under(drawn, low, to_pixel, k, held) != (cut == "erase outside")
            tell((place + 1) / len(mask))
        return [(key, mask, held)]

    return call


def voxels_under(drawn: Mask, low: Floats, to_pixel: Floats, k: int, box: Box) -> Mask:
    """The voxels [j, i] of slice k of a box that lie under the filled pixels `drawn` [y, x], which begin at `low`."""
    j, i = np.ogrid[box[1], box[2]]
    x, y = (
        np.rint(row[0] * k + row[1] * j + row[2] * i + row[3] - corner).astype(np.int64)
        for row, corner in zip(to_pixel[:2], low, strict=True)
    )
    known = (x >= 0) & (y >= 0) & (x < drawn.shape[1]) & (y < drawn.shape[0])
    return np.asarray(known & drawn[np.clip(y, 0, drawn.shape[0] - 1), np.clip(x, 0, drawn.shape[1] - 1)])


def _screen(view: View) -> Floats:
    """4×4: places (x, y, z, 1) in LPS mm to (pixel x, pixel y, …, 1)."""
    pose = view.pose if isinstance(view, SliceView) else None
    if pose is None:
        return to_screen(view)
    plane, out = pose.plane, np.eye(4)
    out[:3, :3] = np.stack([plane.right, plane.down, plane.forward]) / pose.scale
    out[0, 3] = pose.width / 2 - pose.across / pose.scale
    out[1, 3] = pose.height / 2 - pose.along / pose.scale
    return out
