"""What can be done with the views, for menus, keys and palette: layout, slices, time points, 3-D, mouse tools."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, get_args

from viewer.render.volumes.volume_presets import presets
from viewer.render.volumes.volume_view import SIDES
from viewer.scene.view_state import LAYOUTS, Layout
from viewer.tools.mouse_dispatch import CHOICES
from viewer.ui.actions.action import Action, always

if TYPE_CHECKING:
    from viewer.ui.actions.context import ActionContext
    from viewer.ui.views.controller import ViewsController

LAYOUT_TITLES: dict[Layout, str] = {
    "2x2": "Four views",
    "1-up": "One view",
    "1+3": "One and three views",
    "compare": "Side by side",
}
assert set(LAYOUT_TITLES) == set(get_args(Layout))


def layout_actions(controller: ViewsController) -> list[Action]:
    """Which views are shown, and which one is active."""
    state = controller.state
    several = lambda: len(controller.session.document.volume_layers) > 1  # noqa: E731
    layouts = [
        Action(
            f"layout_{name}", LAYOUT_TITLES[name], partial(setattr, state, "layout", name), "View", name,
            f"Ctrl+{n}", checked=lambda name=name: state.layout == name, bar=True,  # type: ignore[misc]
            when=several if name == "compare" else always,
        )
        for n, name in enumerate(LAYOUTS, 1)
    ]  # fmt: skip
    return [
        *layouts,
        Action("turn_layout", "Next layout", controller.next_layout, "View", "2x2", "Shift+L"),
        Action("next_view", "Next view", partial(controller.next_view, 1), "View", key="Ctrl+Tab"),
        Action("previous_view", "Previous view", partial(controller.next_view, -1), "View", key="Ctrl+Shift+Tab"),
    ]  # fmt: skip


def view_actions(controller: ViewsController, context: ActionContext) -> list[Action]:
    """What the views show, and how large."""
    state, shown = context.session.state, context.has_images
    return [
        Action("fit", "Fit to view", controller.fit, "View", "fullscreen", "F", when=shown, new_group=True),
        Action("larger", "Larger", partial(controller.zoom, 1.25), "View", "zoom-in", "+, =", when=shown),
        Action("smaller", "Smaller", partial(controller.zoom, 0.8), "View", "zoom-out", "-", when=shown),
        Action(
            "toggle_overlays", "Overlays", partial(_flip, state, "show_overlays"), "View", "layers", "Space",
            checked=lambda: state.show_overlays, where="views", new_group=True,
            tip="Show or hide the images above the lowest one",
        ),
        Action(
            "toggle_crosshair", "Cross-hair lines", partial(_flip, state, "show_crosshair"), "View", "focus-3", "X",
            checked=lambda: state.show_crosshair,
        ),
        Action(
            "toggle_text", "Corner texts", partial(_flip, state, "show_text"), "View", "t-box", "T",
            checked=lambda: state.show_text,
        ),
    ]  # fmt: skip


def slice_actions(controller: ViewsController, context: ActionContext) -> list[Action]:
    """Through the slices and the time points."""
    views, several = controller.views, controller.has_timepoints
    moving = partial(Action, menu="Image/Slices", where="views", when=context.has_images)
    return [
        moving("next_slice", "Next slice", partial(views.read_on, 1), key="Down"),
        moving("previous_slice", "Previous slice", partial(views.read_on, -1), key="Up"),
        moving("next_slices", "Ten slices on", partial(views.read_on, 10), key="PgDown"),
        moving("previous_slices", "Ten slices back", partial(views.read_on, -10), key="PgUp"),
        moving("first_slice", "First slice", partial(views.read_on, -(10**6)), key="Home"),
        moving("last_slice", "Last slice", partial(views.read_on, 10**6), key="End"),
        Action(
            "next_timepoint", "Next time point", partial(controller.next_timepoint, 1), "Image/Time", key=".",
            when=several,
        ),
        Action(
            "previous_timepoint", "Previous time point", partial(controller.next_timepoint, -1), "Image/Time", key=",",
            when=several,
        ),
        Action(
            "play", "Play time points", views.timeline.flip, "Image/Time", "play", "Shift+Space", when=several,
            checked=lambda: views.timeline.playing,
        ),
    ]  # fmt: skip


def volume_actions(controller: ViewsController, context: ActionContext) -> list[Action]:
    """The 3-D view."""
    return [
        *(
            Action(
                f"look_{side}", f"From {side}", partial(controller.views.look_from, side), "3-D",
                when=context.has_images, key=f"Ctrl+Alt+{side[0].upper()}",
            )
            for side in SIDES
        ),
        *(
            Action(
                f"volume_{name}", preset.title, partial(controller.views.set_volume_preset, name), "3-D/Look",
                when=partial(controller.is_preset_offered, preset), optional=True,
            )
            for name, preset in presets().items()
        ),
    ]  # fmt: skip


def tool_actions(context: ActionContext) -> list[Action]:
    """What the left mouse button does."""
    state = context.session.state
    return [
        Action(
            f"tool_{tool.id}", tool.title, partial(setattr, state, "tool", tool.id), "Tools", tool.icon, tool.key,
            tip=tool.tip, checked=lambda tool=tool: state.tool == tool.id, bar=True,  # type: ignore[misc]
        )
        for tool in CHOICES
    ]  # fmt: skip


def _flip(state: object, name: str) -> None:
    setattr(state, name, not getattr(state, name))
