"""Draw a line along a structure, or along what is none of it."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

from viewer.render.overlay.prompt_marks import NEGATIVE, POSITIVE
from viewer.render.tool_sketch import Draft, rgb
from viewer.tools.prompt.prompt_tool import PromptTool

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point
    from viewer.render.slices.slice_view import SliceView
    from viewer.render.view import MouseEvent, View

STEP = 2.0  # px between two places


class ScribbleTool(PromptTool):
    """From the press of the button to its release."""

    id = "prompt_scribble"
    title = "Scribble"
    icon = "edit-line"
    key = "Shift+Q"
    tip = "Drag along the structure; with Alt along what is none of it"

    _view: SliceView | None = None
    _line: tuple[Point, ...] = ()

    def press(self, view: View, event: MouseEvent) -> None:
        """Begin a line."""
        shown = self.begin(view, event)
        self._view, self._line = shown, ()
        if shown:
            self.drag(shown, event, 0, 0)

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Draw on."""
        place = view.world_at(event.x, event.y)
        if self._view is not view or place is None:
            return
        if self._line:
            x, y = view.pixel_of(self._line[-1])
            if hypot(event.x - x, event.y - y) < STEP:
                return
        self._line = (*self._line, place)
        view.sketch(Draft(line=self._line, color=rgb(POSITIVE if self.positive else NEGATIVE)))

    def release(self, view: View, event: MouseEvent) -> None:
        """Give the line."""
        line, self._line, self._view = self._line, (), None
        view.sketch(None)
        if line:
            self.give("scribble", line)
