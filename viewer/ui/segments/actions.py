"""What can be done with segments, for menus, keys and palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.tools.mouse_dispatch import PAINTING, PROMPTING
from viewer.ui.actions.action import Action
from viewer.ui.segments.split_islands import split

if TYPE_CHECKING:
    from viewer.ui.actions.context import ActionContext
    from viewer.ui.segments.controller import SegmentsController
    from viewer.ui.segments.panel import SegmentsPanel

MENU = "Segments"
IN_BAR = ("brush", "erase")


def segment_actions(panel: SegmentsPanel, context: ActionContext) -> list[Action]:
    """The actions on segments, in the order of the menu."""
    return [*_segments(panel), *_tools(panel, context), *_display(panel.controller)]


def _segments(panel: SegmentsPanel) -> list[Action]:
    controller, clip = panel.controller, panel.clipboard
    chosen = lambda: controller.segment is not None  # noqa: E731
    return [
        Action(
            "new_segmentation", "New segmentation", controller.new, MENU, "add",
            when=lambda: controller.image is not None, tip="Of the active image, with a first segment",
        ),
        Action(
            "add_segment", "Add a segment", controller.add, MENU, "add", "Ctrl+Alt+N",
            when=lambda: controller.layer is not None,
        ),
        Action("name_segment", "Name, colour and code…", panel.name, MENU, "rename", "Ctrl+Alt+E", when=chosen),
        Action("next_segment", "Next segment", partial(controller.next, 1), MENU, key="Ctrl+Alt+Down", when=chosen),
        Action(
            "previous_segment", "Previous segment", partial(controller.next, -1), MENU, key="Ctrl+Alt+Up", when=chosen,
        ),
        Action(
            "split_segment", "Split segment into its parts", partial(split, controller), MENU, "grid", when=chosen,
            tip="Every part that does not hang together with the others becomes a segment",
        ),
        Action("remove_segment", "Remove segment", controller.remove, MENU, "remove", when=chosen),
        Action(
            "copy_segment", "Copy segment", clip.copy, MENU, "copy", "Ctrl+Alt+C", when=chosen, new_group=True,
            tip="To paste it into another segmentation: of another time point, or another image",
        ),
        Action(
            "paste_segment", "Paste segment", clip.paste, MENU, key="Ctrl+Alt+V",
            when=lambda: controller.layer is not None and clip.copied is not None,
        ),
        Action(
            "mask_inside", "Image inside the segment alone", partial(clip.mask_image, keep="inside"),
            f"{MENU}/Mask image", when=chosen, tip="A new image, empty outside of the chosen segment",
        ),
        Action(
            "mask_outside", "Image without the segment", partial(clip.mask_image, keep="outside"),
            f"{MENU}/Mask image", when=chosen, tip="A new image, empty inside of the chosen segment",
        ),
    ]  # fmt: skip


def _tools(panel: SegmentsPanel, context: ActionContext) -> list[Action]:
    controller, state, doubt = panel.controller, context.session.state, panel.prompts.doubt.controller
    possible = lambda: controller.image is not None  # noqa: E731

    def choose_tool(tool: str) -> None:
        context.bring_forward(panel)  # with the tool's settings in sight
        controller.choose_tool(tool)

    return [
        *(
            Action(
                f"tool_{tool.id}", tool.title, partial(choose_tool, tool.id), f"{MENU}/Tools", tool.icon, tool.key,
                tip=tool.tip, checked=lambda tool=tool: state.tool == tool.id,  # type: ignore[misc]
                bar=tool.id in IN_BAR, when=possible,
            )
            for tool in (*PAINTING, *PROMPTING)
        ),
        Action(
            "larger_brush", "Larger brush", partial(controller.resize, 1), f"{MENU}/Tools", key="]", when=possible,
            new_group=True,
        ),
        Action(
            "smaller_brush", "Smaller brush", partial(controller.resize, -1), f"{MENU}/Tools", key="[", when=possible,
        ),
        Action(
            "brush_through", "Through the slices (3-D)", controller.flip_solid, f"{MENU}/Tools", key="Shift+T",
            checked=lambda: state.brush.solid, when=possible,
        ),
        Action(
            "delete_prompt", "Delete the chosen prompt", controller.delete_prompt, f"{MENU}/Tools",
            key="Ctrl+Backspace", when=lambda: bool(state.prompt),
        ),
        Action(
            "prompt_doubtful", "Most doubtful place of the mask", doubt.visit, f"{MENU}/Tools", "focus-2", "Shift+A",
            when=lambda: doubt.doubt is not None, tip="Where the next prompt of the chosen segment helps most",
        ),
        Action(
            "prompt_doubt_map", "Doubt map of the mask", doubt.flip_map, f"{MENU}/Tools", key="Alt+Shift+A",
            when=lambda: doubt.shown or doubt.doubt is not None, checked=lambda: doubt.shown,
            tip="Where the edge of what prompts found is doubtful",
        ),
        Action(
            "outline_takes", "Outlines take away", controller.flip_taking, f"{MENU}/Tools",
            checked=lambda: state.brush.taking, when=possible,
        ),
    ]  # fmt: skip


def _display(controller: SegmentsController) -> list[Action]:
    chosen = lambda: controller.segment is not None  # noqa: E731
    return [
        Action(
            "hide_segment", "Hide segment, or show it", lambda: controller.flip_hidden(), MENU, "hidden", "Ctrl+Alt+H",
            when=chosen, new_group=True,
        ),
        Action(
            "lock_segment", "Lock segment, or unlock it", lambda: controller.flip_locked(), MENU, "lock", "Ctrl+Alt+K",
            when=chosen,
        ),
        Action("only_segment", "Show only this segment, or all", controller.show_only, MENU, "visible", "Ctrl+Alt+O",
               when=chosen),
        Action("fill_segments", "Fill inside outlines", controller.flip_fill, MENU, key="Shift+O", when=chosen,
               checked=lambda: controller.is_filled),
    ]  # fmt: skip
