"""What can be done with task lists and in reviews, for menus, keys and palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.ui.actions.action import Action

if TYPE_CHECKING:
    from viewer.data.segmentation import State
    from viewer.ui.actions.context import ActionContext
    from viewer.ui.review.panel import ReviewPanel
    from viewer.ui.review.worklist_panel import WorklistPanel

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
