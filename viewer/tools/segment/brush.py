"""Paint a segment with a round brush, or take it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.effects.footprint import ball, disc, plane_coordinates
from viewer.render.tool_sketch import Draft
from viewer.tools.segment.paint_tool import PaintTool, Part, chosen_segmentation, slices_of

if TYPE_CHECKING:
    from viewer.render.slices.slice_view import SliceView
    from viewer.render.view import MouseEvent, View


class BrushTool(PaintTool):
    """A disc in the slice, or a ball; it paints all the way between two events, so that a fast stroke has no gaps."""

    id = "brush"
    title = "Brush"
    icon = "brush-line"
    key = "B"
    tip = "Drag to paint the chosen segment; [ and ] change the size, Alt takes away"
    verb = "Paint"
    cursor = Qt.CursorShape.CrossCursor
    gestures = frozenset({"move", "alt+left"})
    taking = False
    _last: tuple[float, float] | None = None
    _over: tuple[SliceView, MouseEvent] | None = None

    def press(self, view: View, event: MouseEvent) -> None:
        """Begin to paint, or with Alt the other way: to erase."""
        shown = slices_of(view)
        self._last = None
        if shown and self.begin():
            self._takes = self.taking != ("alt" in event.modifiers)
            self._to(shown, event)

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Paint from the last place to here."""
        shown = slices_of(view)
        if shown and self._last:
            self._to(shown, event)

    def release(self, view: View, event: MouseEvent) -> None:
        """End the stroke: one step."""
        self._last = None
        self.finish("Erase from" if self.stroke and self._takes else "")

    def hover(self, view: View, event: MouseEvent) -> None:
        """Show the brush's outline about the mouse."""
        shown = slices_of(view)
        if shown:
            if self._over is None:
                self.state.events.brush.connect(self._resized)
            self._over = shown, event
            self._ring(shown, event)

    def leave(self, view: View) -> None:
        """Take the outline away."""
        view.sketch(None)
        if self._over:
            self.state.events.brush.disconnect(self._resized)
            self._over = None

    def put_down(self) -> None:
        """Take the outline away where another tool is chosen."""
        if self._over:
            self.leave(self._over[0])

    def _to(self, view: SliceView, event: MouseEvent) -> None:
        at = event.x, event.y
        self.lay(self._part(view, self._last or at, at), taking=self._takes)
        self._last = at
        self._over = self._over and (view, event)
        self._ring(view, event)

    def _part(self, view: SliceView, start: tuple[float, float], end: tuple[float, float]) -> Part | None:
        pose, brush = view.pose, self.state.brush
        if pose is None or self.goal is None:
            return None
        grid, first, last = self.goal.layer.world_grid, pose.world(*start), pose.world(*end)
        if brush.solid:
            return ball(grid, first, last, brush.radius)
        return disc(grid, pose, plane_coordinates(pose, first), plane_coordinates(pose, last), brush.radius)

    def _ring(self, view: SliceView, event: MouseEvent) -> None:
        world = view.world_at(event.x, event.y)
        layer = chosen_segmentation(self.document, self.state)
        segment = layer.active_segment if layer else None
        takes = self.taking != ("alt" in event.modifiers)
        if world:
            color = segment.color if segment else None
            view.sketch(Draft(ring=(world, self.state.brush.radius), color=color, taking=takes))

    def _resized(self, *_: object) -> None:
        if self._over:
            self._ring(*self._over)


class EraseTool(BrushTool):
    """The brush the other way round; with Alt it paints."""

    id = "erase"
    title = "Erase"
    icon = "eraser-line"
    key = "Shift+B"
    tip = "Drag to take the chosen segment away; [ and ] change the size, Alt paints"
    taking = True
