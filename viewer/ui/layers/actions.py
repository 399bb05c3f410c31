"""What can be done with layers, and with the window of an image, for menus, keys and palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.ui.actions.action import Action
from viewer.ui.widgets import text_format

if TYPE_CHECKING:
    from viewer.ui.actions.context import ActionContext
    from viewer.ui.layers.controller import LayersController

PRESETS = 9


def window_actions(controller: LayersController, context: ActionContext) -> list[Action]:
    """The actions on the window of the active image."""
    shown = context.has_images
    windows = [
        Action(
            f"preset_{n + 1}",
            lambda n=n: preset.name if (preset := controller.preset(n)) else "",  # type: ignore[misc]
            partial(controller.use_preset, n), "Image/Window", key=str(n + 1),
            when=lambda n=n: controller.preset(n) is not None, optional=True,  # type: ignore[misc]
        )
        for n in range(PRESETS)
    ]  # fmt: skip
    return [
        *windows,
        Action("stored_window", "As in the file", controller.use_stored_window, "Image/Window", key="0", when=shown),
        Action(
            "less_contrast", "Less contrast", partial(controller.scale_width, 1.1), "Image/Window", key="Shift+Right",
            when=shown, where="views", new_group=True,
        ),
        Action(
            "more_contrast", "More contrast", partial(controller.scale_width, 1 / 1.1), "Image/Window",
            key="Shift+Left", when=shown, where="views",
        ),
        Action(
            "brighter", "Brighter", partial(controller.shift_center, -0.05), "Image/Window", key="Shift+Up",
            when=shown, where="views",
        ),
        Action(
            "darker", "Darker", partial(controller.shift_center, 0.05), "Image/Window", key="Shift+Down", when=shown,
            where="views",
        ),
    ]  # fmt: skip


def layer_actions(controller: LayersController, context: ActionContext) -> list[Action]:
    """The actions on the active layer."""
    shown, result = context.has_images, controller.is_result
    several = lambda: len(context.session.document) > 1  # noqa: E731
    return [
        Action(
            "next_layer", "Next layer", partial(controller.next, 1), "Layer", key="Tab", when=several,
            where="views",
        ),
        Action(
            "previous_layer", "Previous layer", partial(controller.next, -1), "Layer", key="Shift+Tab",
            when=several, where="views",
        ),
        Action(
            "compare", "Show or hide active layer", controller.flip_visible, "Layer", "blink", "V", when=shown,
            bar=True, tip="Blink between a result and what is under it",
        ),
        Action(
            "raise_layer", "Move layer up", partial(controller.move, 1), "Layer", "up", "Ctrl+Up", when=several,
        ),
        Action(
            "lower_layer", "Move layer down", partial(controller.move, -1), "Layer", "down", "Ctrl+Down",
            when=several,
        ),
        Action(
            "accept", "Accept result", partial(controller.review, "accepted"), "Layer", "accepted", "Return",
            when=result, where="views", new_group=True,
        ),
        Action(
            "reject", "Reject result", partial(controller.review, "rejected"), "Layer", "rejected", "Del",
            when=result, where="views",
        ),
        Action(
            "reopen", "Open review again", partial(controller.review, "unreviewed"), "Layer", "reopen",
            when=result,
        ),
        Action(
            "other_placement", lambda: text_format.other_placement(controller.other_placement),
            controller.open_other_placement, "Layer", "file", when=lambda: controller.other_placement is not None,
            optional=True, new_group=True,
            tip="The file says twice where it lies: a layer of its own, beside the one that is shown",
        ),
        Action(
            "remove_layer", "Remove layer", controller.remove, "Layer", "remove", "Ctrl+Del",
            when=shown, new_group=True,
        ),
    ]  # fmt: skip
