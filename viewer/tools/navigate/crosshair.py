"""One point in the patient, shown by all views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View


class CrosshairTool(Tool):
    """Every view goes to the slice through the point under the mouse."""

    id = "crosshair"
    title = "Cross-hair"
    icon = "focus-3-line"
    key = "C"
    tip = "Click or drag to bring every view to that point"
    cursor = Qt.CursorShape.CrossCursor

    def press(self, view: View, event: MouseEvent) -> None:
        """Put the cross-hair here."""
        world = view.world_at(event.x, event.y)
        if world is not None:
            self.state.crosshair = world

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Let the cross-hair follow."""
        self.press(view, event)

    def hover(self, view: View, event: MouseEvent) -> None:
        """Let the cross-hair follow, without a button."""
        self.press(view, event)
