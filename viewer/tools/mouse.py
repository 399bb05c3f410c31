"""Which tool a button, a modifier and a kind of view mean: a table, and the one listener that reads it."""

from __future__ import annotations

from collections.abc import Callable

from viewer.render.view import MouseEvent, View
from viewer.render.volume_view import VolumeView
from viewer.scene.document import Document
from viewer.scene.edits import Edit
from viewer.scene.view_state import ViewState
from viewer.tools.align import Align
from viewer.tools.crosshair import Crosshair
from viewer.tools.landmark import Landmark
from viewer.tools.orbit import Orbit
from viewer.tools.pan import Pan
from viewer.tools.profiles import Profile
from viewer.tools.region import DrawBox, DrawEllipse
from viewer.tools.scroll import Scroll
from viewer.tools.timepoint import Timepoint
from viewer.tools.tool import Tool
from viewer.tools.window_level import WindowLevel
from viewer.tools.wipe import WipeLine
from viewer.tools.zoom import Zoom

MODIFIERS = ("ctrl", "alt", "shift")  # the order they are written in
ACTIVE = "active"  # in a table: whatever tool is chosen

# What the left button can be; the first is chosen at the start.
CHOICES: tuple[type[Tool], ...] = (WindowLevel, Crosshair, Scroll, Zoom, Pan, DrawEllipse, DrawBox, Align, Landmark)


class Mouse:
    """Follows the mouse of every view and lets the tools work."""

    def __init__(self, document: Document, state: ViewState, profile: Profile, edit: Callable[[Edit], object]) -> None:
        self.state = state
        self.profile = profile
        kinds: tuple[type[Tool], ...] = (*CHOICES, Orbit, Timepoint)
        self.tools = {kind.id: kind(document, state, edit) for kind in kinds}
        self._wipe = WipeLine(document, state, edit)
        self._over: View | None = None  # the view whose wipe line the mouse is on
        self._held: tuple[Tool, MouseEvent] | None = None  # the tool at work and the last event it saw

    def follow(self, view: View) -> None:
        """Listen to a view."""
        view.mouse.connect(self._mouse)

    def _mouse(self, view: View, event: MouseEvent) -> None:
        if event.kind == "press":
            self._press(view, event)
        elif event.kind == "release":
            if self._held:
                self._held[0].release(view, event)
            self._held = None
            view.unsetCursor()
        elif event.kind == "wheel" and (tool := self._tool(view, event, "wheel")):
            tool.wheel(view, event)
        elif event.kind == "move":
            self._move(view, event)

    def _press(self, view: View, event: MouseEvent) -> None:
        if event.button == "left" and self._wipe.on(view, event):
            self._held = self._wipe, event
        elif tool := self._tool(view, event, event.button):
            self._held = tool, event
            view.setCursor(tool.cursor)
            tool.press(view, event)

    def _move(self, view: View, event: MouseEvent) -> None:
        if self._held:
            tool, last = self._held
            self._held = tool, event
            tool.drag(view, event, event.x - last.x, event.y - last.y)
        elif not event.button:
            self._point(view, event)
            if hovering := self._tool(view, event, "move"):
                hovering.hover(view, event)

    def _point(self, view: View, event: MouseEvent) -> None:
        """Over the wipe's line the cursor says that it can be moved."""
        if self._wipe.on(view, event):
            self._over = view
            view.setCursor(self._wipe.shape(view))
        elif self._over is view:
            self._over = None
            view.unsetCursor()

    def _tool(self, view: View, event: MouseEvent, what: str) -> Tool | None:
        table = self.profile.volume if isinstance(view, VolumeView) else self.profile.slices
        gesture = "+".join((*(name for name in MODIFIERS if name in event.modifiers), what))
        chosen = self.tools.get(self.state.tool)
        if chosen and gesture in chosen.gestures and not isinstance(view, VolumeView):
            return chosen
        name = table.get(gesture, "")
        return self.tools.get(self.state.tool if name == ACTIVE else name)
