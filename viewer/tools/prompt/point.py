"""Click on a structure, or on what is none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.tools.prompt.prompt_tool import PromptTool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View


class PointTool(PromptTool):
    """A click gives a point; a click on a prompt that is there chooses it."""

    id = "prompt_point"
    title = "Point"
    icon = "add-circle-line"
    key = "Q"
    tip = (
        "Click the structure; Alt and click what is none of it; click a prompt to choose it (Ctrl+Backspace deletes it)"
    )

    def press(self, view: View, event: MouseEvent) -> None:
        """Give a point, or choose the prompt that is here."""
        shown = self.begin(view, event)
        if shown and not self.choose_near(shown, event) and (place := shown.world_at(event.x, event.y)):
            self.give("point", [place])
