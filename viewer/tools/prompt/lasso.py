"""Draw a line loosely around a structure, or around what is none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.tools.prompt.scribble import ScribbleTool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View

FEWEST = 3  # places of a closed line


class LassoTool(ScribbleTool):
    """Closed when the button is let go; it speaks of the slice."""

    id = "prompt_lasso"
    title = "Lasso"
    icon = "shape-2-line"
    key = "Alt+Shift+Q"
    tip = "Drag loosely around the structure in this slice; with Alt around what is none of it"

    def release(self, view: View, event: MouseEvent) -> None:
        """Give what the line encloses."""
        line, self._line, shown, self._view = self._line, (), self._view, None
        view.sketch(None)
        pose = shown.pose if shown else None
        if len(line) >= FEWEST and pose:
            self.give("lasso", line, pose.plane.spacing / 2)
