"""Move the picture in its view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View


class PanTool(Tool):
    """The picture follows the mouse."""

    id = "pan"
    title = "Pan"
    icon = "drag-move-2-line"
    key = "H"
    tip = "Drag to move the picture"
    cursor = Qt.CursorShape.ClosedHandCursor

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Shift the view with the mouse."""
        view.pan(dx, dy)
