"""The chosen finding: what is said, how sure, how large, where, by what; and the buttons that decide on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from viewer.data.terminology import statements
from viewer.scene.layer import VolumeLayer
from viewer.ui.findings.finding_text import algorithm_text, certainty_text, figure_lines, place_text
from viewer.ui.widgets.basics import button, discard, label
from viewer.ui.widgets.table import Cell, StateCell, Table

if TYPE_CHECKING:
    from viewer.data.annotations.finding import Finding, InputCheck, Outcome, Statement
    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.ui.findings.controller import FindingsController

REASONS = ("Artefact", "Normal structure", "Vessel or flow", "Counted twice", "Other disease", "Wrong place")
STALE = "Its region was changed since it was measured: the figures are of before."
NO_MASK = "It has no mask: draw one in the Segments tab, and add a finding of your own"
CELLS: dict[Outcome, StateCell] = {
    "passed": StateCell("good", "passed", "good"),
    "failed": StateCell("rejected", "failed", "danger"),
    "unknown": StateCell("question", "unknown", "warning"),
}


class DetailSection(QWidget):
    """edit_asked: the tools that change the region are wanted."""

    edit_asked = Signal()

    def __init__(self, controller: FindingsController) -> None:
        super().__init__()
        self.controller = controller
        self._shown: FindingEntry | None = None
        self._facts: QWidget = QWidget()
        self.statement = statement_box("What is said of it")
        self.refusal, self.certainty, self.made = label("", "warning"), label("", "dim"), label("", "dim")
        self.rejected, self.stale = label("", "danger"), label(STALE, "warning")
        self.measure = button("Measure again", "reopen", controller.measure_again)
        self.measure.setToolTip("Take over the region as it is now: the finding is then edited, by you")
        self.accept = button("Accept", "accepted", controller.accept)
        self.edit = button("Edit", "rename", self.edit_asked.emit)
        self.reject = button("Reject", "rejected", lambda: controller.reject(self.reason.currentText()))
        self.remove = button("Remove from the list", "remove", controller.remove, "quiet")
        self.reason = QComboBox()
        self.reason.setEditable(True)
        self.reason.setAccessibleName("Reason of a rejection")
        self.reason.addItems(REASONS)
        self.reason.setToolTip("Choose a reason, or write one")
        self._build()
        self.statement.activated.connect(lambda: controller.restate(self.statement.currentData()))
        controller.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the chosen entry, and what can be done with it."""
        entry, finding = self.controller.entry, self.controller.finding
        self.setVisible(entry is not None)
        if entry is None:
            return
        self.refusal.setText(entry.refusal.sentence if entry.refusal else "")
        self.refusal.setVisible(entry.refusal is not None)
        for widget in (self.statement, self.certainty, self.made, self._decide):
            widget.setVisible(finding is not None)
        stale = self.controller.is_stale(entry)
        self.stale.setVisible(stale)
        self.measure.setVisible(stale and self.controller.region is not None)
        self.rejected.setText(f"Rejected: {finding.reason}." if finding and finding.reason else "")
        self.rejected.setVisible(bool(finding and finding.reason))
        if entry != self._shown:
            self._shown = entry
            self._show_facts(entry)
        if finding is not None:
            self._show_finding(finding)

    def _show_finding(self, finding: Finding) -> None:
        with QSignalBlocker(self.statement):
            choose_statement(self.statement, finding.statement)
        self.certainty.setText(certainty_text(finding))
        self.made.setText(algorithm_text(finding))
        self.accept.setEnabled(not finding.decided)
        self.reject.setEnabled(finding.state != "rejected")
        self.edit.setEnabled(self.controller.region is not None)
        self.edit.setToolTip("With the brush or prompts; then measure it again" if self.edit.isEnabled() else NO_MASK)

    def _show_facts(self, entry: FindingEntry) -> None:
        """Figures and place; the questions that the input was asked."""
        image, finding = self.controller.session.document.find(entry.image), entry.finding
        rows: list[tuple[Cell, Cell]] = []
        if finding is not None and isinstance(image, VolumeLayer):
            site = [("site", f"{finding.site.english} · {finding.site.chinese}")] if finding.site else []
            rows = [*figure_lines(finding), *site, ("place", place_text(finding.point, image.grid))]
        checks = finding.checks if finding else entry.refusal.checks if entry.refusal else ()
        facts = QWidget()
        column = QVBoxLayout(facts)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(Table((), rows, wide={1: 1}))
        if checks:
            column.addWidget(label("Input", "dim"))
            column.addWidget(Table((), [_check_row(check) for check in checks], wide={1: 1}))
        self._column.replaceWidget(self._facts, facts)
        discard(self._facts)
        self._facts = facts

    def _build(self) -> None:
        self._decide = QWidget()
        grid = QGridLayout(self._decide)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.accept, 0, 0)
        grid.addWidget(self.edit, 0, 1)
        grid.addWidget(self.reject, 1, 0)
        grid.addWidget(self.reason, 1, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.statement, self.refusal, self.certainty, self._facts, self.made, self.rejected, self.stale):
            self._column.addWidget(widget)
        self._column.addWidget(self.measure, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self._decide)
        self._column.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignLeft)


def statement_box(name: str) -> QComboBox:
    """A choice among all that can be said, in English and Chinese."""
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for one in statements():
        box.addItem(f"{one.english} · {one.chinese}", one)
    return box


def choose_statement(box: QComboBox, statement: Statement) -> None:
    """Show a statement, also one that is not in the list of the program."""
    place = next((n for n in range(box.count()) if box.itemData(n) == statement), -1)
    if place < 0:
        box.addItem(f"{statement.english} · {statement.chinese}", statement)
        place = box.count() - 1
    box.setCurrentIndex(place)


def _check_row(check: InputCheck) -> tuple[Cell, Cell]:
    return CELLS[check.outcome], check.sentence
