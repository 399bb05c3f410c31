"""The line between two images, taken hold of and moved: input and result, or fixed and moving."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.render.slices.slice_overlay import slice_wipe
from viewer.render.slices.slice_view import SliceView
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.overlay.overlay import Wipe
    from viewer.render.view import MouseEvent, View

NEAR = 6.0  # px


class WipeTool(Tool):
    """The left button on the line moves it, whatever tool is chosen."""

    id = "wipe"

    def is_on_line(self, view: View, event: MouseEvent) -> bool:
        """True where the mouse is on the line of a view."""
        line = _line(view)
        return line is not None and abs((event.x if line.upright else event.y) - line.at) <= NEAR

    def shape(self, view: View) -> Qt.CursorShape:
        """The cursor over the line."""
        line = _line(view)
        return Qt.CursorShape.SplitHCursor if line is None or line.upright else Qt.CursorShape.SplitVCursor

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Draw the line that parts two images through the mouse."""
        world = view.world_at(event.x, event.y)
        if world is None or not isinstance(view, SliceView):
            return
        if comparison := view.content.comparison:
            self.state.comparison = replace(comparison.how, at=world)
        elif self.state.inspection:
            self.state.inspection = replace(self.state.inspection, at=world)


def _line(view: View) -> Wipe | None:
    return slice_wipe(view.content) if isinstance(view, SliceView) else None
