"""The Findings tab: the list by review need, the chosen finding, findings of one's own, and the reading order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from viewer.ui.findings.controller import FindingsController
from viewer.ui.findings.detail_section import DetailSection, statement_box
from viewer.ui.findings.finding_list import FindingList
from viewer.ui.findings.heat_map_section import HeatMapSection
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Bar, button, label, rule
from viewer.ui.widgets.section_column import SectionColumn

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.scene.findings.finding_list import ReadingOrder
    from viewer.ui.preferences import Preferences
    from viewer.ui.segments.controller import SegmentsController

EMPTY = (
    "Run a plugin of the group Diagnosis, or add what you find: here each finding is reviewed, the least sure first."
)
HINT = "Click a row or use the arrow keys: every view goes there."
HIDDEN = "What algorithms found is hidden until you ask for it: look first."
ORDERS: dict[ReadingOrder, str] = {"at once": "at once", "after own look": "after my own look"}


class FindingsPanel(SectionColumn):
    """controller: the verbs behind its buttons. changed: called when the reading order was chosen."""

    def __init__(self, segments: SegmentsController, preferences: Preferences, changed: Callable[[], None]) -> None:
        super().__init__()
        self.setAccessibleName("Findings")
        self.controller, self._preferences, self._changed = FindingsController(segments), preferences, changed
        self.list, self.details = FindingList(self.controller), DetailSection(self.controller)
        self.heat_map = HeatMapSection(self.controller)
        self.note, self.count = label(EMPTY, "dim"), label("", "dim", wrap=False)
        self.progress = Bar("Findings that are reviewed")
        self.show_ai = button("", "ai", self.controller.flip_ai, "", theme.AI)
        self.next = button("Review next", "right", self.controller.visit_next, "primary", theme.CHROME)
        self.statement = statement_box("What you found")
        self.add_own = button("Add at the cross-hair", "add", lambda: self.controller.add(self.statement.currentData()))
        self.order = self._order_box()
        self._build()
        self.list.visited.connect(self.controller.visit)
        self.controller.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show what may be seen, and how far its review is."""
        controller, entries = self.controller, self.controller.entries
        findings = [one for one in entries if one.finding is not None]
        self.list.refresh()
        for widget in (self.list, self._head):
            widget.setVisible(bool(entries))
        self.note.setText(HIDDEN if controller.is_hiding else HINT if entries else EMPTY)
        self.count.setText(f"{controller.decided} of {len(findings)} reviewed")
        self.progress.advance(controller.decided / max(len(findings), 1))
        self.next.setEnabled(controller.decided < len(findings))
        by_algorithms = controller.is_hiding or any(one.algorithm for one in entries)
        self.show_ai.setVisible(by_algorithms)
        self.show_ai.setText("Show AI findings" if controller.is_hiding else "Hide AI")
        self.show_ai.setToolTip("All that algorithms made: findings, regions, heat maps (Shift+I)")
        self.add_own.setEnabled(controller.image is not None)

    def _order_box(self) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName("AI findings are shown")
        box.setToolTip("Kept with the findings of each run")
        for order, text in ORDERS.items():
            box.addItem(text, order)
        box.setCurrentIndex(box.findData(self._preferences.reading))
        box.activated.connect(self._choose_order)
        return box

    def _choose_order(self) -> None:
        self._preferences.reading = self.order.currentData()
        self._changed()

    def _build(self) -> None:
        self._head = QWidget()
        head, line = QVBoxLayout(self._head), QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.count, 1)
        line.addWidget(self.next)
        head.addLayout(line)
        head.addWidget(self.progress)
        order, order_line = QWidget(), QHBoxLayout()
        order.setLayout(order_line)
        order_line.setContentsMargins(0, 0, 0, 0)
        order_line.addWidget(label("AI findings are shown", wrap=False))
        order_line.addWidget(self.order, 1)
        self.add(self.note)
        self.add(self.show_ai, alignment=Qt.AlignmentFlag.AlignLeft)
        self.add(self._head, self.list, self.details, self.heat_map, rule())
        self.add(label("A finding of your own", "heading"), self.statement)
        self.add(self.add_own, alignment=Qt.AlignmentFlag.AlignLeft)
        self.add(rule(), label("Reading order", "heading"), order)
