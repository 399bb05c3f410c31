"""What can be done to inspect a result, for menus, keys and palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.ui.actions.action import Action

if TYPE_CHECKING:
    from viewer.ui.window.main_window import MainWindow

MENU = "Layer/Inspect"


def inspect_actions(w: MainWindow) -> list[Action]:
    """Of the active result, and of the drawn region."""
    do = w.inspect.do
    drawn = lambda: do.state.region is not None  # noqa: E731
    return [
        Action(
            "show_input", "Input alone, while held", do.hold, MENU, "blink", "I", when=do.possible,
            tip="Hold the key to see what the result was computed from",
        ),
        Action(
            "inspect_blend", "Blend with input", partial(do.flip, "blend"), MENU, "contrast-drop-2", when=do.possible,
            checked=partial(do.is_on, "blend"),
        ),
        Action(
            "inspect_wipe", "Wipe against input", partial(do.flip, "wipe"), MENU, "arrow-left-right", "Shift+W",
            when=do.possible, checked=partial(do.is_on, "wipe"), tip="Drag the line in any slice view",
        ),
        Action("turn_wipe", "Turn the wipe's line", do.turn_line, MENU, key="Shift+X", when=partial(do.is_on, "wipe")),
        Action(
            "inspect_difference", "Difference from input", partial(do.flip, "difference"), MENU, "subtract", "Shift+D",
            when=do.possible, checked=partial(do.is_on, "difference"),
        ),
        Action(
            "region_here", "Region at the cross-hair", do.region_here, MENU, "focus-2",
            when=w.has_images, new_group=True,
        ),
        Action("remove_region", "Remove region", do.remove_region, MENU, "remove", when=drawn),
    ]  # fmt: skip
