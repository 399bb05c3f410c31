"""What can be done to inspect a result, for menus, keys and palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.ui.actions.action import Action

if TYPE_CHECKING:
    from viewer.ui.actions.context import ActionContext
    from viewer.ui.inspect.controller import InspectionController

MENU = "Layer/Inspect"


def inspection_actions(controller: InspectionController, context: ActionContext) -> list[Action]:
    """The actions on the active result, and on the drawn region."""
    drawn = lambda: controller.state.region is not None  # noqa: E731
    return [
        Action(
            "show_input", "Input alone, while held", controller.hold, MENU, "blink", "I", when=controller.possible,
            tip="Hold the key to see what the result was computed from",
        ),
        Action(
            "inspect_blend", "Blend with input", partial(controller.flip, "blend"), MENU, "contrast-drop-2",
            when=controller.possible, checked=partial(controller.is_on, "blend"),
        ),
        Action(
            "inspect_wipe", "Wipe against input", partial(controller.flip, "wipe"), MENU, "arrow-left-right", "Shift+W",
            when=controller.possible, checked=partial(controller.is_on, "wipe"), tip="Drag the line in any slice view",
        ),
        Action(
            "turn_wipe", "Turn the wipe's line", controller.turn_line, MENU, key="Shift+X",
            when=partial(controller.is_on, "wipe"),
        ),
        Action(
            "inspect_difference", "Difference from input", partial(controller.flip, "difference"), MENU, "subtract",
            "Shift+D", when=controller.possible, checked=partial(controller.is_on, "difference"),
        ),
        Action(
            "region_here", "Region at the cross-hair", controller.region_here, MENU, "focus-2",
            when=context.has_images, new_group=True,
        ),
        Action("remove_region", "Remove region", controller.remove_region, MENU, "remove", when=drawn),
    ]  # fmt: skip
