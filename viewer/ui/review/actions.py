"""What can be done with task lists, with structures of a result, and in reviews, for menus, keys and palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.tools.mouse_dispatch import PAINTING, PROMPTING
from viewer.ui.actions.action import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.segmentation import State
    from viewer.ui.actions.context import ActionContext
    from viewer.ui.review.panel import ReviewPanel
    from viewer.ui.review.worklist_panel import WorklistPanel
    from viewer.ui.segments.panel import SegmentsPanel

MENU = "Review"


def review_actions(panel: ReviewPanel, worklist: WorklistPanel, context: ActionContext) -> list[Action]:
    """The actions of the review, in the order of the menu."""
    controller, comparison = worklist.controller, panel.compare.controller
    listed, opened = lambda: controller.worklist is not None, lambda: controller.case is not None

    def go(step: int) -> None:
        context.end_stroke()  # a stroke that is under way belongs to the open case
        controller.go(step)

    def verdict(state: State, title: str, icon: str) -> Action:
        act = partial(worklist.decide, state)
        return Action(f"case_{state}", title, act, MENU, icon, when=opened, new_group=state == "completed")

    return [
        Action("open_cases", "Open a folder of cases…", worklist.ask_folder, MENU, "folder-open",
               tip="Every sub-folder is a case: an image and its segmentation"),
        Action("open_case_table", "Open a table of cases…", worklist.ask_table, MENU, "table",
               tip="CSV with the columns case, image and segmentation"),
        Action("next_case", "Next case", partial(go, 1), MENU, "right", "N", when=listed, new_group=True,
               tip="The next one that is not decided; what was changed in the open one is saved first"),
        Action("previous_case", "Previous case", partial(go, -1), MENU, "left", "Shift+N", when=listed),
        verdict("completed", "Complete case", "accepted"),
        verdict("flagged", "Flag case", "flag"),
        verdict("rejected", "Reject case", "rejected"),
        Action("close_cases", "Close the task list", controller.close, MENU, "close", when=listed),
        Action("compare_labels", "Compare two segmentations", comparison.compare, MENU, "ruler",
               when=lambda: comparison.possible, new_group=True),
        Action("consensus", "Consensus of readers…", panel.ask_consensus, MENU, "group",
               when=lambda: panel.several, tip="Majority or STAPLE, as a new layer that waits for review"),
    ]  # fmt: skip


def structure_actions(panel: ReviewPanel, segments: SegmentsPanel, context: ActionContext) -> list[Action]:
    """The actions on the structures of a model's result, in the order of the menu."""
    controller, state = panel.doubt.controller, context.session.state
    chosen, menu = lambda: controller.structure is not None, f"{MENU}/Structures"

    def visit_next() -> None:
        context.bring_forward(panel)  # with the list in sight
        controller.visit_next()

    def correct() -> None:
        context.bring_forward(segments)
        if all(state.tool != tool.id for tool in (*PAINTING, *PROMPTING)):
            segments.controller.choose_tool(PROMPTING[0].id)

    def stroke_ended(verb: Callable[[], None]) -> Callable[[], None]:
        def act() -> None:
            context.end_stroke()  # what is being drawn belongs to what is decided on
            verb()

        return act

    return [
        Action("next_structure", "Review next structure", visit_next, menu, "right", "R",
               when=lambda: bool(controller.structures), tip="The next one that is not reviewed, by doubt"),
        Action("most_doubtful", "Go to the most doubtful place", controller.visit_most_doubtful, menu, "focus-2",
               "Shift+R", when=lambda: controller.tells_places, tip="Of the chosen segment, by its doubt map"),
        Action("doubt_map", "Doubt map", controller.flip_map, menu, key="Shift+M",
               when=lambda: controller.doubt_map is not None,
               checked=lambda: (map := controller.doubt_map) is not None and map.visible),
        Action("accept_structure", "Accept structure", stroke_ended(controller.accept), menu, "accepted", "Ctrl+R",
               when=chosen, new_group=True),
        Action("correct_structure", "Correct structure", correct, menu, "rename", "Ctrl+E", when=chosen,
               tip="Choose it for prompts and painting; accept it when it is right"),
        Action("reject_structure", "Reject structure", stroke_ended(controller.reject), menu, "rejected",
               "Ctrl+Shift+R", when=chosen, tip="Its voxels go; what the model gave is kept"),
        Action("restore_structure", "Structure as the model gave it", stroke_ended(controller.restore), menu, "reopen",
               when=chosen),
    ]  # fmt: skip
