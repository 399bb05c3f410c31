"""Draw a region of interest in a slice, or move it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PySide6.QtCore import Qt

from viewer.data.annotations.region import Point, Region, Shape
from viewer.render.slices.slice_view import SliceView
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View

LEAST = 3.0  # px: a shorter drag draws nothing


class RegionTool(Tool):
    """From corner to corner; a drag that begins in the region moves it. It lies in the slice, as thick as that."""

    shape: ClassVar[Shape]
    cursor = Qt.CursorShape.CrossCursor

    def press(self, view: View, event: MouseEvent) -> None:
        """Take hold of the region under the mouse, or begin another one."""
        self._start = view.world_at(event.x, event.y)
        self._pixel = event.x, event.y
        region = self.state.region
        self._moved = region if region and self._start and bool(region.contains(self._start)) else None

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Move the region that is held, or draw one from the first point to here."""
        end = view.world_at(event.x, event.y)
        if self._start is None or end is None or not isinstance(view, SliceView):
            return
        if self._moved:
            self.state.region = self._moved.moved(np.subtract(end, self._start))
        elif min(abs(event.x - self._pixel[0]), abs(event.y - self._pixel[1])) >= LEAST:
            self.state.region = region_between(view, self.shape, self._start, end)


class EllipseTool(RegionTool):
    """An ellipse in the box between two corners."""

    shape = "ellipse"
    id = "ellipse"
    title = "Ellipse"
    icon = "checkbox-blank-circle-line"
    key = "E"
    tip = "Drag to draw a region and read mean, SD and area; drag it by its inside to move it"


class BoxTool(RegionTool):
    """A box between two corners."""

    shape = "box"
    id = "box"
    title = "Box"
    icon = "crop-line"
    key = "Shift+E"
    tip = "Drag to draw a rectangular region; drag it by its inside to move it"


def region_between(view: SliceView, shape: Shape, first: Point, last: Point) -> Region | None:
    """The region in the view's slice between two positions on it (mm); None where it shows no slice."""
    plane = view.plane
    if plane is None:
        return None
    gap = np.subtract(last, first)
    reach = abs(float(gap @ plane.right)) / 2, abs(float(gap @ plane.down)) / 2
    middle = np.add(first, last) / 2
    middle = middle + (plane.depth(view.index) - middle @ plane.normal) * plane.normal
    return Region(shape, _point(middle), _point(plane.right), _point(plane.down), reach, plane.spacing / 2)


def thicken(region: Region, spacing: float, slices: int) -> Region:
    """The region with so many slices more on either side."""
    return Region(region.shape, region.centre, region.across, region.along, region.reach, (slices + 0.5) * spacing)


def _point(vector: object) -> Point:
    x, y, z = (float(mm) for mm in np.asarray(vector))
    return x, y, z
