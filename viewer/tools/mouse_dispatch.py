"""Which tool a button, a modifier and a kind of view mean: a table, and the one listener that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.render.volumes.volume_view import VolumeView
from viewer.tools.measure.region import BoxTool, EllipseTool
from viewer.tools.navigate.crosshair import CrosshairTool
from viewer.tools.navigate.orbit import OrbitTool
from viewer.tools.navigate.pan import PanTool
from viewer.tools.navigate.scroll import ScrollTool
from viewer.tools.navigate.timepoint import TimepointTool
from viewer.tools.navigate.window_level import WindowLevelTool
from viewer.tools.navigate.wipe import WipeTool
from viewer.tools.navigate.zoom import ZoomTool
from viewer.tools.prompt.box import PromptBoxTool
from viewer.tools.prompt.lasso import LassoTool
from viewer.tools.prompt.point import PointTool
from viewer.tools.prompt.scribble import ScribbleTool
from viewer.tools.register.align import AlignTool
from viewer.tools.register.landmark import LandmarkTool
from viewer.tools.segment.brush import BrushTool, EraseTool
from viewer.tools.segment.livewire import LivewireTool
from viewer.tools.segment.outline import DrawTool
from viewer.tools.segment.region_grow import FillTool, GrowTool
from viewer.tools.segment.scissors import ScissorsTool

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.render.view import MouseEvent, View
    from viewer.scene.document import Document
    from viewer.scene.edits import Edit
    from viewer.scene.view_state import ViewState
    from viewer.tools.mouse_profiles import Profile
    from viewer.tools.tool import DrawingKey, Tool, ToolServices

MODIFIERS = ("ctrl", "alt", "shift")  # the order they are written in
ACTIVE = "active"  # in a table: whatever tool is chosen

# What the left button can be; the first is chosen at the start.
CHOICES: tuple[type[Tool], ...] = (
    WindowLevelTool,
    CrosshairTool,
    ScrollTool,
    ZoomTool,
    PanTool,
    EllipseTool,
    BoxTool,
    AlignTool,
    LandmarkTool,
)
# What it can be besides, to change segments; in the order of the Segments tab.
PAINTING: tuple[type[Tool], ...] = (BrushTool, EraseTool, DrawTool, LivewireTool, ScissorsTool, GrowTool, FillTool)
# What it can be to show what a structure is, from which its mask is found.
PROMPTING: tuple[type[Tool], ...] = (PointTool, ScribbleTool, PromptBoxTool, LassoTool)


class Mouse:
    """Follows the mouse of every view and lets the tools work."""

    def __init__(
        self,
        document: Document,
        state: ViewState,
        profile: Profile,
        edit: Callable[[Edit], object],
        work: ToolServices | None = None,
    ) -> None:
        self.state = state
        self.profile = profile
        kinds: tuple[type[Tool], ...] = (*CHOICES, *PAINTING, *PROMPTING, OrbitTool, TimepointTool)
        self.tools = {kind.id: kind(document, state, edit, work) for kind in kinds}
        self._chosen = state.tool
        self._wipe = WipeTool(document, state, edit)
        self._over: View | None = None  # the view whose wipe line the mouse is on
        self._held: tuple[Tool, View, MouseEvent] | None = None  # the tool at work, where, and the last event it saw
        state.events.tool.connect(self._tool_chosen)

    def let_go(self) -> None:
        """Whatever is under way ends here, as if the button were let go."""
        if self._held:
            tool, view, event = self._held
            self._held = None
            tool.release(view, event)
            view.unsetCursor()

    @property
    def drawing(self) -> bool:
        """Whether an outline is under way: it takes some keys."""
        chosen = self.tools.get(self.state.tool)
        return chosen is not None and chosen.drawing

    def handle_key(self, name: DrawingKey) -> None:
        """A key for what is being drawn."""
        self.tools[self.state.tool].handle_key(name)

    def double_click(self, view: View, event: MouseEvent) -> bool:
        """A double click; False where the chosen tool leaves it to others."""
        chosen = self.tools.get(self.state.tool)
        return chosen is not None and event.button == "left" and chosen.double_click(view, event)

    def follow(self, view: View) -> None:
        """Listen to a view."""
        view.mouse.connect(self._mouse)

    def _mouse(self, view: View, event: MouseEvent) -> None:
        if event.kind == "press":
            self._press(view, event)
        elif event.kind == "release":
            if self._held:
                self._held = self._held[0], view, event
            self.let_go()
        elif event.kind == "wheel" and (tool := self._tool(view, event, "wheel")):
            tool.wheel(view, event)
        elif event.kind == "move":
            self._move(view, event)
        elif event.kind == "leave" and self.state.tool in self.tools:
            self.tools[self.state.tool].leave(view)

    def _press(self, view: View, event: MouseEvent) -> None:
        self.let_go()
        if event.button == "left" and self._wipe.is_on_line(view, event):
            self._held = self._wipe, view, event
        elif tool := self._tool(view, event, event.button):
            self._held = tool, view, event
            view.setCursor(tool.cursor)
            tool.press(view, event)

    def _move(self, view: View, event: MouseEvent) -> None:
        if self._held:
            tool, _, last = self._held
            self._held = tool, view, event
            tool.drag(view, event, event.x - last.x, event.y - last.y)
        elif not event.button:
            self._point(view, event)
            if hovering := self._tool(view, event, "move"):
                hovering.hover(view, event)

    def _point(self, view: View, event: MouseEvent) -> None:
        """Over the wipe's line the cursor says that it can be moved."""
        if self._wipe.is_on_line(view, event):
            self._over = view
            view.setCursor(self._wipe.shape(view))
        elif self._over is view:
            self._over = None
            view.unsetCursor()

    def _tool(self, view: View, event: MouseEvent, what: str) -> Tool | None:
        table = self.profile.volume if isinstance(view, VolumeView) else self.profile.slices
        gesture = "+".join((*(name for name in MODIFIERS if name in event.modifiers), what))
        chosen = self.tools.get(self.state.tool)
        if chosen and gesture in (chosen.in_volume if isinstance(view, VolumeView) else chosen.gestures):
            return chosen
        name = table.get(gesture, "")
        return self.tools.get(self.state.tool if name == ACTIVE else name)

    def _tool_chosen(self, name: str) -> None:
        self.let_go()
        if self._chosen in self.tools:
            self.tools[self._chosen].put_down()
        self._chosen = name
