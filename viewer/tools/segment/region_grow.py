"""Grow a segment from a click: over values like the one that was clicked, or over what outlines enclose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt

from viewer.compute.effects.image.region_growing import connected_label, connected_threshold
from viewer.effects.footprint import slab, trimmed
from viewer.render.overlay.overlay import number
from viewer.render.tool_sketch import Draft
from viewer.tools.segment.paint_tool import PaintTarget, PaintTool, Part, slices_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from viewer.data.arrays import Mask, ProgressCallback
    from viewer.data.box import Box
    from viewer.data.grid import Grid
    from viewer.data.segmentation import Key
    from viewer.data.volume import Volume
    from viewer.effects.effect_run import Answer, Call
    from viewer.render.planes.plane import Pose
    from viewer.render.slices.slice_view import SliceView
    from viewer.render.view import MouseEvent, View

DOUBLES = 60.0  # px to the right, or up, that double the tolerance
REACH = 3  # voxels around the click whose spread of values is the first tolerance
SPREADS = 2.5  # of it that count as alike
Index = tuple[int, int, int]


class GrowTool(PaintTool):
    """The slice shows at once what is taken; through the slices it follows when the button is let go."""

    id = "grow"
    title = "Grow"
    icon = "seedling-line"
    key = "G"
    tip = "Click tissue to take what is connected and alike; drag right for more, left for less"
    verb = "Grow"
    cursor = Qt.CursorShape.CrossCursor
    gestures = frozenset()
    _seed: Index | None = None

    def press(self, view: View, event: MouseEvent) -> None:
        """Grow from the voxel under the mouse, over values like those around it."""
        shown, self._seed = slices_of(view), None
        if shown is None or not self.begin() or self.goal is None:
            return
        goal, image, seed = self.goal, self.goal.image, voxel_at(shown, event, self.goal)
        self.drop()
        if image is None or image.color or not image.grid.matches(goal.layer.grid):
            self.say(f"{goal.layer.name} has no grey image on its grid: there are no values to grow over.")
        elif seed is not None:
            self._seed, self._from = seed, (event.x, event.y)
            self._value, self._first = seed_statistics(image, seed)
            self._take(shown, event)

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """To the right and up a wider range of values, to the left and down a narrower one."""
        shown = slices_of(view)
        if shown and self._seed is not None:
            self._take(shown, event)

    def release(self, view: View, event: MouseEvent) -> None:
        """Keep the slice's part, or have the whole volume grown in the background with these values."""
        goal, seed, masking = self.goal, self._seed, self.state.masking
        self._seed = None
        view.sketch(None)
        if goal is None or seed is None or goal.image is None:
            return
        if not self.state.brush.solid or self.services is None:
            self.finish()
            return
        self.drop()
        call = grow_call(goal.image, goal.segment.key, seed, self._range)
        self.services.run_effect(goal.layer, f"Grow {goal.segment.name}", call, "add", masking, goal.image)

    def _take(self, view: SliceView, event: MouseEvent) -> None:
        """What the tolerance of this place of the mouse gives, in place of what was taken before."""
        pull = event.x - self._from[0] - (event.y - self._from[1])
        reach = self._first * 2 ** (pull / DOUBLES)
        self._range = self._value - reach, self._value + reach
        self.drop()
        pose = view.pose
        if not self.begin() or self.goal is None or self.goal.image is None or pose is None or self._seed is None:
            return
        image, grid = self.goal.image, self.goal.layer.world_grid
        self.lay(connected_part(grid, pose, self._seed, lambda box: _between(image, box, self._range)), taking=False)
        unit = "" if image.unit == "1" else image.unit
        place = view.world_at(event.x, event.y)
        text = f"{number(self._value)} ± {number(reach)} {unit}".strip()
        view.sketch(Draft(ring=(place, 0.0), text=text) if place else None)


class FillTool(PaintTool):
    """What is connected to the click and belongs to the same segment, or to none."""

    id = "fill"
    title = "Fill"
    icon = "paint-line"
    key = "Shift+G"
    tip = "Click inside closed outlines to fill them, or a part of another segment to take it over"
    verb = "Fill"
    cursor = Qt.CursorShape.CrossCursor
    gestures = frozenset()

    def press(self, view: View, event: MouseEvent) -> None:
        """Fill from the voxel under the mouse: the slice at once; by the solid brush the volume, in the background."""
        shown = slices_of(view)
        if shown is None or not self.begin() or self.goal is None or shown.pose is None:
            return
        goal, seed, masking = self.goal, voxel_at(shown, event, self.goal), self.state.masking
        if seed is None:
            self.drop()
            return
        labels = goal.layer.segmentation.maps[goal.segment.key[0]]
        if self.state.brush.solid and self.services:
            self.drop()
            call = fill_call(labels, goal.segment.key, seed)
            self.services.run_effect(goal.layer, f"Fill {goal.segment.name}", call, "add", masking, goal.image)
            return
        wanted = labels[seed]
        part = connected_part(goal.layer.world_grid, shown.pose, seed, lambda box: labels[box] == wanted)
        if part and wanted == 0 and _open(part, goal.layer.grid, shown.pose):
            self.drop()
            self.say("What was clicked is open to the edge of the image: close the outline around it, then fill it.")
            return
        self.lay(part, taking=False)
        self.finish()


def voxel_at(view: SliceView, event: MouseEvent, goal: PaintTarget | None) -> Index | None:
    """The voxel of the labels under the mouse; None outside them."""
    world = view.world_at(event.x, event.y)
    return goal.layer.grid.nearest(goal.layer.own_place(world)) if world and goal else None


def seed_statistics(image: Volume, seed: Index) -> tuple[float, float]:
    """The physical value at a voxel, less its noise, and the spread of values around it that counts as alike."""
    j, i = (slice(max(at - REACH, 0), at + REACH + 1) for at in seed[1:])
    near = image.array[seed[0], j, i].astype(np.float64) * image.slope + image.intercept
    value = float(image.array[seed] * image.slope + image.intercept)
    close = near[np.abs(near - value) <= np.median(np.abs(near - value)) * SPREADS]
    return float(close.mean()), max(SPREADS * float(close.std()), abs(image.slope), 1e-6)


def connected_part(grid: Grid, pose: Pose, seed: Index, fits: Callable[[Box], Mask]) -> Part | None:
    """The voxels of the slice that fit and hang together with the seed; `fits` tells of a box of voxels."""
    from scipy.ndimage import label  # not before somebody grows something

    corners = np.array([pose.world(x, y) for x in (0, pose.width) for y in (0, pose.height)])
    low, high = (edge([corners @ pose.plane.right, corners @ pose.plane.down], axis=1) for edge in (np.min, np.max))
    part = slab(grid, pose, low, high)
    if part is None or not all(one.start <= at < one.stop for one, at in zip(part.box, seed, strict=True)):
        return None
    at = tuple(index - one.start for index, one in zip(seed, part.box, strict=True))
    parts, _ = label(part.near & fits(part.box), np.ones((3, 3, 3)) if grid.oblique else None)
    return trimmed(part.box, parts == parts[at]) if parts[at] else None


def grow_call(image: Volume, key: Key, seed: Index, values: tuple[float, float]) -> Call:
    """The computation of what a range of values gives in the whole volume."""

    def call(tell: ProgressCallback) -> Iterable[Answer]:
        box, mask = connected_threshold(image.array, seed, _stored(image, values), tell)
        return [(key, mask, box)]

    return call


def fill_call(labels: Mask, key: Key, seed: Index) -> Call:
    """The computation of what hangs together with a voxel and has its label."""

    def call(tell: ProgressCallback) -> Iterable[Answer]:
        box, mask = connected_label(labels, seed, tell)
        return [(key, mask, box)]

    return call


def _between(image: Volume, box: Box, values: tuple[float, float]) -> Mask:
    low, high = _stored(image, values)
    part = image.array[box]
    return np.asarray((part >= low) & (part <= high))


def _stored(image: Volume, values: tuple[float, float]) -> tuple[float, float]:
    low, high = sorted((value - image.intercept) / (image.slope or 1.0) for value in values)
    return low, high


def _open(part: Part, grid: Grid, pose: Pose) -> bool:
    """True where a part of a slice reaches the edge of the voxels."""
    box, _ = part
    across = (axis for axis in range(3) if axis != pose.plane.normal_axis)
    return any(box[axis].start == 0 or box[axis].stop == grid.shape[axis] for axis in across)
