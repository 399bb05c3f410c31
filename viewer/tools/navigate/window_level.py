"""Brightness and contrast of the image by dragging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.data.volume import Window
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View

DOUBLES = 150.0  # pixels to the right that double the width
CROSSES = 300.0  # pixels down that raise the level by one width


class WindowLevelTool(Tool):
    """Right: wider window, less contrast. Down: higher level, darker. The starting width sets the pace.

    A difference stays even about zero, or its colours would lie.
    """

    id = "window_level"
    title = "Window/level"
    icon = "contrast-2-line"
    key = "W"
    tip = "Drag right for less contrast, down for a darker picture"
    cursor = Qt.CursorShape.SizeAllCursor

    def press(self, view: View, event: MouseEvent) -> None:
        """Begin with the window of the image that is meant."""
        self._layer = self.target
        self._start = self._layer.window if self._layer else None
        self._from = event.x, event.y

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Sideways its width, doubled over DOUBLES px; up and down its level, but not of a difference."""
        if self._layer is None or self._start is None or self._layer.volume(0).color:
            return
        width = self._start.width * 2 ** ((event.x - self._from[0]) / DOUBLES)
        rise = 0.0 if self._layer.is_difference else (event.y - self._from[1]) * self._start.width / CROSSES
        self._layer.window = Window(self._start.center + rise, width)
