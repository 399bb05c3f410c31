"""Turn the volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.render.volumes.volume_view import VolumeView
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View


class OrbitTool(Tool):
    """The volume turns with the mouse."""

    id = "orbit"
    title = "Turn"
    icon = "refresh-line"
    tip = "Drag to turn the volume"
    cursor = Qt.CursorShape.ClosedHandCursor

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Turn the 3-D view about its middle."""
        if isinstance(view, VolumeView):
            view.orbit(dx, dy)
