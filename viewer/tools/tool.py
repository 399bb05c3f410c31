"""What the mouse does in a view: the part every tool shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from PySide6.QtCore import Qt

from viewer.render.view import MouseEvent, View
from viewer.scene.document import Document
from viewer.scene.edits import Edit
from viewer.scene.inspection import inspected
from viewer.scene.layer import VolumeLayer
from viewer.scene.view_state import ViewState


class Tool:
    """Between press and release, or by wheel or hovering. It writes the ViewState or a layer's look; what would be in
    an export goes by `edit` (of a History), a gesture being one step.

    Positions and distances are logical widget pixels, x to the right, y down. gestures: what the tool takes for itself
    while it is chosen, whatever the profile says.
    """

    id: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    key: ClassVar[str] = ""
    tip: ClassVar[str] = ""
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.ArrowCursor

    gestures: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, document: Document, state: ViewState, edit: Callable[[Edit], object]) -> None:
        self.document = document
        self.state = state
        self.edit = edit

    def press(self, view: View, event: MouseEvent) -> None:
        """The button went down."""

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """The mouse moved by (dx, dy) since the last call, button held."""

    def release(self, view: View, event: MouseEvent) -> None:
        """The button went up."""

    def wheel(self, view: View, event: MouseEvent) -> None:
        """The wheel turned by event.steps notches, positive away from the user."""

    def hover(self, view: View, event: MouseEvent) -> None:
        """The mouse moved with no button held."""

    @property
    def target(self) -> VolumeLayer | None:
        """The image that the tool means: the active layer where it is shown, else the lowest one shown.

        While a result is inspected: the result, or the difference that is shown in its place.
        """
        seen = inspected(self.document, self.state.inspection, self.state.active)
        if seen:
            return seen.difference or seen.result
        active = self.document.find(self.state.active)
        return active if isinstance(active, VolumeLayer) and active.visible else self.document.base
