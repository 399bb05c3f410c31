"""Draw a box around a structure, or around what is none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.render.overlay.prompt_marks import NEGATIVE, POSITIVE
from viewer.render.tool_sketch import Draft, rgb
from viewer.tools.prompt.prompt_tool import PromptTool

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point
    from viewer.render.slices.slice_view import SliceView
    from viewer.render.view import MouseEvent, View

LEAST = 4.0  # px: a smaller one is no box


class PromptBoxTool(PromptTool):
    """A box in the slice speaks of that slice; with Shift it is as deep as its shorter side, to both sides of it."""

    id = "prompt_box"
    title = "Box"
    icon = "checkbox-blank-line"
    key = "Alt+Q"
    tip = "Drag a box around the structure in this slice, with Shift through the slices; Alt: nothing of it is inside"
    gestures = frozenset({"alt+left", "shift+left", "alt+shift+left"})

    _start: tuple[SliceView, float, float, bool] | None = None

    def press(self, view: View, event: MouseEvent) -> None:
        """Set the first corner."""
        shown = self.begin(view, event)
        self._start = (shown, event.x, event.y, "shift" in event.modifiers) if shown else None

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Show the box."""
        if self._start and self._start[0] is view:
            corners = self._corners(event)
            line = (*corners, corners[0]) if corners else ()
            color = rgb(POSITIVE if self.positive else NEGATIVE)
            view.sketch(Draft(line=line, color=color, taking=not self.positive))

    def release(self, view: View, event: MouseEvent) -> None:
        """Give the box."""
        view.sketch(None)
        start, corners = self._start, self._corners(event)
        self._start = None
        pose = start[0].pose if start else None
        if start is None or pose is None or not corners or start[0] is not view:
            return
        corner, across, _, down = (np.array(place) for place in corners)
        sides = np.linalg.norm(across - corner), np.linalg.norm(down - corner)
        if min(sides) < LEAST * pose.scale:
            return
        deep = min(sides) * np.asarray(pose.plane.normal) * start[3]
        first = corner - deep / 2
        ends = [_point(first + side) for side in (across - corner, down - corner, deep)]
        self.give("box", [_point(first), *ends], 0.0 if start[3] else pose.plane.spacing / 2)

    def _corners(self, event: MouseEvent) -> tuple[Point, ...]:
        """From the first one round; none where the mouse left the slice."""
        if self._start is None:
            return ()
        view, x, y, _ = self._start
        places = [view.world_at(*at) for at in ((x, y), (event.x, y), (event.x, event.y), (x, event.y))]
        return tuple(place for place in places if place is not None)


def _point(place: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    x, y, z = place.tolist()
    return x, y, z
