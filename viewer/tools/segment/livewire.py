"""An outline that snaps to edges between its corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.image.livewire import Wire
from viewer.effects.footprint import box_between, plane_coordinates
from viewer.tools.segment.outline import DrawTool
from viewer.tools.segment.paint_tool import find_paint_target, slices_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.annotations.region import Point
    from viewer.data.arrays import Floats
    from viewer.data.volume import Volume
    from viewer.render.planes.plane import Pose
    from viewer.render.view import MouseEvent, View
    from viewer.scene.segmentation_layer import SegmentationLayer

REACH = 100  # pixels from the last corner that edges are followed to: what one frame has time for


class LivewireTool(DrawTool):
    """The line follows the strongest edge from the last corner to the mouse; a click makes a corner."""

    id = "livewire"
    title = "Livewire"
    icon = "route-line"
    key = "J"
    tip = "Click along an edge: the line snaps to it; double click or Enter closes it; Alt takes away"
    _wire: Wire | None = None

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Let the wire follow as without a button: there is no lasso."""
        self.hover(view, event)

    def release(self, view: View, event: MouseEvent) -> None:
        """A click is over; the outline is not."""

    def way(self, place: Point) -> tuple[Point, ...]:
        """Along edges of the image from the last corner to a place: points in LPS mm."""
        if self._wire is None:
            return (place,)
        u, v = plane_coordinates(self._pose, place)
        path = self._wire.path((round((v - self._low[1]) / self._step), round((u - self._low[0]) / self._step)))
        depth = self._pose.plane.depth(self._pose.index) * self._pose.plane.normal
        rows, columns = np.array(path[1:] or path, dtype=np.float64).T
        across, along = self._low[0] + columns * self._step, self._low[1] + rows * self._step
        world = np.outer(across, self._pose.plane.right) + np.outer(along, self._pose.plane.down) + depth
        return (*((float(x), float(y), float(z)) for x, y, z in world), place)

    def _go(self, place: Point) -> None:
        super()._go(place)
        shown = slices_of(self._view) if self._view else None
        pose, goal = shown.pose if shown else None, find_paint_target(self.document, self.state)
        self._wire = None
        if pose is None or isinstance(goal, str) or goal.image is None or goal.image.color:
            return
        self._pose, self._step = pose, float(goal.image.grid.spacing.min())
        self._low = np.array(plane_coordinates(pose, place)) - REACH * self._step
        picture = sampled(goal.image, goal.layer, pose, self._low, self._step, 2 * REACH + 1)
        self._wire = Wire(picture, (REACH, REACH))


def sampled(
    image: Volume, layer: SegmentationLayer, pose: Pose, low: Floats, step: float, size: int
) -> NDArray[np.float32]:
    """The image's values [row, column] in a slice, on a square lattice from `low` on, in mm of the plane; 0 outside.

    The image stands in the world as the layer that labels it does.
    """
    from scipy.ndimage import map_coordinates

    plane, steps = pose.plane, np.arange(size) * step
    across, along = np.meshgrid(low[0] + steps, low[1] + steps)
    world = across[..., None] * plane.right + along[..., None] * plane.down + plane.depth(pose.index) * plane.normal
    index = image.grid.to_index(layer.transform(world) if layer.transform else world)
    box = box_between(index.min(axis=(0, 1)), index.max(axis=(0, 1)), image.grid.shape)
    if box is None:
        return np.zeros((size, size), np.float32)
    values = image.array[box].astype(np.float32) * np.float32(image.slope) + np.float32(image.intercept)
    places = np.moveaxis(index - [part.start for part in box], -1, 0)
    return np.asarray(map_coordinates(np.nan_to_num(values), places, order=1, mode="nearest"), dtype=np.float32)
