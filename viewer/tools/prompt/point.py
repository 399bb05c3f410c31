"""Click on a structure, or on what is none of it: in a slice, or in the 3-D view."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

from viewer.render.overlay.prompt_marks import projected_prompt_marks, prompt_marks
from viewer.render.volumes.picking import to_screen
from viewer.render.volumes.volume_view import VolumeView
from viewer.tools.prompt.prompt_tool import PromptTool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View

STILL = 4.0  # px that the mouse may move during a click in the 3-D view: farther is a turn
NOTHING = "There is nothing to be seen under the mouse: click on a surface, or in a slice."
BENT = "This image is drawn in 3-D without the bending of its registration: give the prompt in a slice."


class PointTool(PromptTool):
    """A click gives a point; a click on a prompt that is there chooses it.

    In the 3-D view a drag turns the patient as ever. A click there means what is seen under the mouse, and takes the
    cross-hair with it, so that the slices show where the point is.
    """

    id = "prompt_point"
    title = "Point"
    icon = "add-circle-line"
    key = "Q"
    tip = (
        "Click the structure, in a slice or in 3-D; Alt and click what is none of it; click a prompt to choose it "
        "(Ctrl+Backspace deletes it)"
    )
    in_volume = frozenset({"left", "alt+left"})
    _start: tuple[float, float] | None = None  # of a click in the 3-D view, while it is one

    def press(self, view: View, event: MouseEvent) -> None:
        """Give a point, or choose the prompt that is here; in the 3-D view the release does."""
        if isinstance(view, VolumeView):
            self._start = event.x, event.y
            return
        shown, goal = self.begin(view, event), self._goal
        if shown is None or goal is None or shown.pose is None:
            return
        marks = prompt_marks(goal.layer, self.state.prompt, shown.pose)
        if not self.choose_near(marks, event) and (place := shown.world_at(event.x, event.y)):
            self.give("point", [place])

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Turn the 3-D view, once the mouse has left the place that was clicked."""
        if not isinstance(view, VolumeView):
            return
        if self._start is not None and hypot(event.x - self._start[0], event.y - self._start[1]) > STILL:
            self._start = None
        if self._start is None:
            view.orbit(dx, dy)

    def release(self, view: View, event: MouseEvent) -> None:
        """Give a point at what is seen in the 3-D view, or choose the prompt that is here."""
        start, self._start = self._start, None
        if not isinstance(view, VolumeView) or start is None or view.problem or self.take_up(event) is None:
            return
        self._click(view, event)

    def _click(self, view: VolumeView, event: MouseEvent) -> None:
        layer, goal = view.layer, self._goal
        if goal is None or self.choose_near(
            projected_prompt_marks(goal.layer, self.state.prompt, to_screen(view)), event
        ):
            return
        place = view.place_under(event.x, event.y)
        if any(one is not None and one.transform and one.transform.grid for one in (layer, goal.layer)):
            self.warn(BENT)
        elif place is None:
            self.warn(NOTHING)
        else:
            self.state.crosshair = place
            self.give("point", [place])
