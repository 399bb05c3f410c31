"""Draw a closed outline by clicks, by a drag, or both; what it does with it is a tool's own."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.effects.footprint import plane_coordinates, polygon_mask
from viewer.render.tool_sketch import Draft
from viewer.tools.segment.paint_tool import PaintTool, chosen_segmentation, slices_of

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point
    from viewer.render.view import MouseEvent, View
    from viewer.tools.tool import DrawingKey

NEAR = 8.0  # px: a click so near to the first corner closes the outline
STEP = 2.0  # px between two places of a drag
LASSO = 16.0  # px: a drag of that length that began the outline ends it when the button is let go


class OutlineTool(PaintTool):
    """Double click, Enter, or a click on the first corner ends it; Escape drops it; Backspace takes a corner back.

    Places are LPS mm; in the 3-D view (x, y, 0) of the widget.
    """

    cursor = Qt.CursorShape.CrossCursor
    gestures = frozenset({"move", "alt+left"})
    _view: View | None = None
    _dragged = 0.0
    _takes = False
    _ended: View | None = None  # where the outline was closed by the first click of a double one

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self._line: list[Point] = []
        self._knots: list[int] = []  # how long the line was when each corner was set

    # What a kind of outline does.
    def place(self, view: View, event: MouseEvent) -> Point | None:
        """What the mouse is over; None where nothing can be drawn."""
        return view.world_at(event.x, event.y) if slices_of(view) else None

    def way(self, place: Point) -> tuple[Point, ...]:
        """From the last corner to a place."""
        return (place,)

    def close(self, view: View, line: tuple[Point, ...]) -> None:
        """Do what the outline is for."""
        raise NotImplementedError

    # What the mouse and the keys do.
    def press(self, view: View, event: MouseEvent) -> None:
        """Set a corner; on the first one the outline ends."""
        place, self._ended = self.place(view, event), None
        if place is None or not (self._line or self.ready()):
            return
        if self._view is not None and view is not self._view:
            self._forget()
        self._view, self._dragged = view, 0.0
        if not self._line:
            self._takes = self.state.brush.taking != ("alt" in event.modifiers)
        elif len(self._knots) > 2 and self._near_start(view, event):
            self._end()
            return
        self._go(place)
        self._knots.append(len(self._line))
        self._show(())

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Draw freely."""
        place = self.place(view, event)
        if place is None or view is not self._view or not self._line:
            return
        last = view.pixel_of(self._line[-1])
        if (step := hypot(event.x - last[0], event.y - last[1])) >= STEP:
            self._dragged += step
            self._line.append(place)
            self._show(())

    def release(self, view: View, event: MouseEvent) -> None:
        """End an outline that was drawn in one go."""
        if len(self._knots) == 1 and self._dragged > LASSO:
            self._end()

    def hover(self, view: View, event: MouseEvent) -> None:
        """Show the way from the last corner to here."""
        place = self.place(view, event)
        if self._line and place and view is self._view:
            self._show(self.way(place))

    def double_click(self, view: View, event: MouseEvent) -> bool:
        """End the outline here; True where one was drawn, so that the view takes it for nothing else."""
        drawing = bool(self._line)
        self._end()
        return drawing or view is self._ended

    @property
    def drawing(self) -> bool:
        """Whether an outline has begun."""
        return bool(self._line)

    def handle_key(self, name: DrawingKey) -> None:
        """End the outline, drop it, or take back its last corner."""
        if name == "end":
            self._end()
        elif name == "drop" or len(self._knots) < 2:
            self._forget()
        else:
            self._knots.pop()
            del self._line[self._knots[-1] :]
            self._show(())

    def put_down(self) -> None:
        """Drop the outline where another tool is chosen."""
        self._forget()

    # Within.
    def ready(self) -> bool:
        """Whether there is something to draw in; else it is said."""
        ready = self.begin()
        self.drop()
        return ready

    def _go(self, place: Point) -> None:
        self._line += self.way(place) if self._line else (place,)

    def _near_start(self, view: View, event: MouseEvent) -> bool:
        x, y = view.pixel_of(self._line[0])
        return hypot(event.x - x, event.y - y) <= NEAR

    def _end(self) -> None:
        view, line = self._view, tuple(self._line)
        if line:
            line = (*line, *self.way(line[0])[:-1])
        self._forget()
        if view is not None and len(line) > 2:
            self._ended = view
            self.close(view, line)

    def _forget(self) -> None:
        if self._view is not None:
            self._view.sketch(None)
        self._view = self._ended = None
        self._line, self._knots = [], []

    def _show(self, tail: tuple[Point, ...]) -> None:
        if self._view is None:
            return
        layer = chosen_segmentation(self.document, self.state)
        segment = layer.active_segment if layer else None
        line = (*self._line, *tail)
        knots = tuple(self._line[length - 1] for length in self._knots)
        color = segment.color if segment else None
        self._view.sketch(Draft(line=line, knots=knots, closed=True, color=color, taking=self._takes))


class DrawTool(OutlineTool):
    """The inside of an outline, in the slice."""

    id = "draw"
    title = "Draw"
    icon = "pen-nib-line"
    key = "D"
    tip = "Drag round a region, or click its corners and end with a double click or Enter; Alt takes away"
    verb = "Draw"

    def close(self, view: View, line: tuple[Point, ...]) -> None:
        """Paint what lies inside of the outline (LPS mm) in the slice: one step."""
        shown = slices_of(view)
        pose = shown.pose if shown else None
        if pose and self.begin() and self.goal:
            part = polygon_mask(self.goal.layer.world_grid, pose, [plane_coordinates(pose, place) for place in line])
            self.lay(part, taking=self._takes)
            self.finish("Erase from" if self._takes else "")
