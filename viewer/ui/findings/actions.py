"""What can be done with findings, for menus, keys and palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.tools.mouse_dispatch import PAINTING, PROMPTING
from viewer.ui.actions.action import Action
from viewer.ui.findings.report_dialog import ReportDialog, open_reports
from viewer.ui.widgets.basics import show_dialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.ui.actions.context import ActionContext
    from viewer.ui.findings.panel import FindingsPanel
    from viewer.ui.segments.panel import SegmentsPanel

MENU = "Review/Findings"


def finding_actions(panel: FindingsPanel, segments: SegmentsPanel, context: ActionContext) -> list[Action]:
    """The actions on findings, in the order of the menu."""
    controller, state = panel.controller, context.session.state
    some, chosen = lambda: bool(controller.entries), lambda: controller.finding is not None
    waiting = lambda: (found := controller.finding) is not None and not found.decided  # noqa: E731

    def seen(verb: Callable[[], object]) -> None:
        context.bring_forward(panel)
        verb()

    def stroke_ended(verb: Callable[[], object]) -> Callable[[], None]:
        def act() -> None:
            context.end_stroke()  # what is being drawn belongs to what is decided on
            verb()

        return act

    def edit() -> None:
        context.end_stroke()
        if controller.choose_region():
            context.bring_forward(segments)
            if all(state.tool != tool.id for tool in (*PAINTING, *PROMPTING)):
                segments.controller.choose_tool(PAINTING[0].id)

    def report() -> None:
        if controller.image is not None:
            show_dialog(ReportDialog(context.session, controller.image, context.window()))

    reject = lambda: controller.reject(panel.details.reason.currentText())  # noqa: E731
    return [
        Action("next_finding", "Next finding", partial(seen, partial(controller.step, 1)), MENU, "down", "Shift+F",
               when=some),
        Action("previous_finding", "Previous finding", partial(seen, partial(controller.step, -1)), MENU, "up",
               "Ctrl+Shift+F", when=some),
        Action("review_finding", "Review next finding", partial(seen, controller.visit_next), MENU, "right",
               when=some, tip="The first that is not reviewed, the least sure first"),
        Action("show_ai", "Show what AI found", controller.flip_ai, MENU, "ai", "Shift+I", when=context.has_images,
               checked=lambda: state.show_ai, tip="Findings, regions and heat maps of algorithms", new_group=True),
        Action("heat_map", "Heat map", controller.flip_heat_map, MENU, key="Shift+H",
               when=lambda: controller.heat_map is not None,
               checked=lambda: (map := controller.heat_map) is not None and map.visible),
        Action("accept_finding", "Accept finding", stroke_ended(controller.accept), MENU, "accepted", "Ctrl+Return",
               when=waiting, new_group=True),
        Action("edit_finding", "Edit region of finding", edit, MENU, "rename", "Ctrl+Shift+E",
               when=lambda: controller.region is not None, tip="Choose its region for the brush and prompts"),
        Action("measure_finding", "Measure finding again", stroke_ended(controller.measure_again), MENU, "reopen",
               when=lambda: controller.region is not None, tip="Take over its region as it is now"),
        Action("reject_finding", "Reject finding", stroke_ended(reject), MENU, "rejected", "Ctrl+Shift+Return",
               when=chosen, tip="For the reason that the Findings tab shows"),
        Action("add_finding", "Add a finding at the cross-hair", lambda: controller.add(panel.statement.currentData()),
               MENU, "add", "Ctrl+Shift+A", when=context.has_images, new_group=True),
        Action("remove_finding", "Remove from the list", controller.remove, MENU, "remove",
               when=lambda: controller.entry is not None),
        Action("remove_run_findings", "Remove all findings of its run", controller.remove_run, MENU, "remove",
               when=lambda: (entry := controller.entry) is not None and bool(entry.run)),
        Action("report_findings", "Report of findings…", report, MENU, "save", when=some, new_group=True,
               tip="DICOM structured report, PDF or HTML; English or Chinese"),
        Action("open_report", "Open structured report…", lambda: open_reports(context.session, context.window()),
               MENU, "file", when=context.has_images, tip="DICOM SR (TID 1500) of images that are open"),
    ]  # fmt: skip
