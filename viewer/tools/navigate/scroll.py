"""Through the slices, by wheel, by key or by dragging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.render.slices.slice_view import SliceView
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View

STEP = (2.0, 12.0)  # least and most pixels of a drag that move one slice
# Which way a stack is read: from the head to the feet, from right to left, from the front to the back.
ONWARD = {"axial": -1, "sagittal": 1, "coronal": 1}


class ScrollTool(Tool):
    """Towards the user, or down: onward. A stack fits into one drag across the view."""

    id = "scroll"
    title = "Scroll slices"
    icon = "stack-line"
    key = "S"
    tip = "Drag up and down, or turn the wheel, to go through the slices"
    cursor = Qt.CursorShape.SizeVerCursor
    _rest = 0.0

    def press(self, view: View, event: MouseEvent) -> None:
        """Forget the part of a slice that the last gesture left over."""
        self._rest = 0.0

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Go through the slices: all of them over the view's height, where that is neither too fast nor too slow."""
        if isinstance(view, SliceView):
            pixels = min(max(view.height() / max(view.count, 1), STEP[0]), STEP[1])
            self._advance(view, dy / pixels)

    def wheel(self, view: View, event: MouseEvent) -> None:
        """Go one slice a notch."""
        if isinstance(view, SliceView):
            self._advance(view, -event.steps)

    def _advance(self, view: SliceView, slices: float) -> None:
        """Touchpads and slow drags come in parts of a slice: keep what is left over."""
        self._rest += slices
        whole = int(self._rest)
        self._rest -= whole
        if whole:
            scroll_onward(view, whole)


def scroll_onward(view: SliceView, slices: int) -> None:
    """Go on by so many slices in reading order; back where negative."""
    view.scroll(slices * ONWARD[view.name])
