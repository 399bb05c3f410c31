"""What the mouse does in a view: the part every tool shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from PySide6.QtCore import Qt

from viewer.scene.active_image import active_image
from viewer.scene.compare.inspection import inspection_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.render.view import MouseEvent, View
    from viewer.scene.document import Document
    from viewer.scene.edits import Edit
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.scene.task import Task
    from viewer.scene.view_state import ViewState

DrawingKey = Literal["end", "drop", "back"]


@dataclass(frozen=True)
class ToolServices:
    """What tools ask of the session.

    warn: says a sentence. run_effect: computes in the background, as Segments does. give_prompt: finds a segment's mask
    from one prompt more, as SegmentPrompts.add does. first_layer: a segmentation for it of an image that has none.
    """

    warn: Callable[[str], None]
    run_effect: Callable[..., Task]
    give_prompt: Callable[..., Task]
    first_layer: Callable[[VolumeLayer], SegmentationLayer]


class Tool:
    """What the mouse does between press and release, by its wheel, or by hovering.

    It writes the ViewState or a layer's look; what would be in an export goes by `edit` (of a History), a gesture being
    one step.
    Positions and distances are logical widget pixels, x to the right, y down. gestures: what the tool takes for itself
    while it is chosen, whatever the profile says. in_volume: those it takes in the 3-D view.
    services: what it asks of the session.
    """

    id: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    key: ClassVar[str] = ""
    tip: ClassVar[str] = ""
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.ArrowCursor

    gestures: ClassVar[frozenset[str]] = frozenset()
    in_volume: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, document: Document, state: ViewState, edit: Callable[[Edit], object], services: ToolServices | None = None
    ) -> None:
        self.document = document
        self.state = state
        self.edit = edit
        self.services = services

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

    def double_click(self, view: View, event: MouseEvent) -> bool:
        """The left button went down for the second time; False where that means nothing to the tool."""
        return False

    @property
    def drawing(self) -> bool:
        """Whether something is under way that `typed` ends."""
        return False

    def handle_key(self, name: DrawingKey) -> None:
        """End, drop or take back a part of what is being drawn."""

    def leave(self, view: View) -> None:
        """The mouse left the view."""

    def put_down(self) -> None:
        """Another tool was chosen."""

    @property
    def target(self) -> VolumeLayer | None:
        """The image that the tool means: the one that is seen and meant.

        While a result is inspected: the result, or the difference that is shown in its place.
        """
        seen = inspection_pair(self.document, self.state.inspection, self.state.active)
        if seen:
            return seen.difference or seen.result
        return active_image(self.document, self.state)
