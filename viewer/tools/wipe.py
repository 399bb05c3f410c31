"""The line between input and result, taken hold of and moved."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt

from viewer.render.inspected import wipe_at
from viewer.render.slice_view import SliceView
from viewer.render.view import MouseEvent, View
from viewer.tools.tool import Tool

NEAR = 6.0  # px


class WipeLine(Tool):
    """The left button on the line moves it, whatever tool is chosen."""

    id = "wipe"

    def on(self, view: View, event: MouseEvent) -> bool:
        """True where the mouse is on the line of a view."""
        inspection, pose = self.state.inspection, view.pose if isinstance(view, SliceView) else None
        if inspection is None or pose is None or not isinstance(view, SliceView) or not view.inspected:
            return False
        at = wipe_at(pose, inspection)
        return at is not None and abs((event.x if inspection.upright else event.y) - at) <= NEAR

    def shape(self) -> Qt.CursorShape:
        """The cursor over the line."""
        upright = self.state.inspection is None or self.state.inspection.upright
        return Qt.CursorShape.SplitHCursor if upright else Qt.CursorShape.SplitVCursor

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        world = view.world_at(event.x, event.y)
        if self.state.inspection and world:
            self.state.inspection = replace(self.state.inspection, at=world)
