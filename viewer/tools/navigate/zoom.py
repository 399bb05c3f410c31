"""Closer and farther."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View

DOUBLES = 150.0  # pixels upwards that double the size
NOTCH = 1.2


class ZoomTool(Tool):
    """Up, or the wheel away from the user: larger. The point under the mouse at the start stays where it is."""

    id = "zoom"
    title = "Zoom"
    icon = "zoom-in-line"
    key = "Z"
    tip = "Drag up for a larger picture"
    cursor = Qt.CursorShape.SizeVerCursor

    def press(self, view: View, event: MouseEvent) -> None:
        """Keep the point that stays where it is."""
        self._at = event.x, event.y

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Enlarge upwards, by a factor of two over DOUBLES px."""
        view.zoom(2 ** (-dy / DOUBLES), *self._at)

    def wheel(self, view: View, event: MouseEvent) -> None:
        """Enlarge about the mouse, notch by notch."""
        view.zoom(NOTCH**event.steps, event.x, event.y)
