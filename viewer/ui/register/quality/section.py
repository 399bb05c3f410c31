"""How good the registration is: the figures that were measured, and the ways to measure them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from viewer.ui.jobs.panel import JobRow
from viewer.ui.register.quality.report import quality_sections
from viewer.ui.widgets.basics import button, discard, label, rule
from viewer.ui.widgets.table import Cell, StateCell, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.io.reports.sign_off_report import Figure, Section, Verdict
    from viewer.scene.task import Task
    from viewer.ui.register.quality.assessment import Assessor
    from viewer.ui.register.quality.label_choice import LabelChoice

ABOUT = "Folds, change of volume, and how alike the images are before and after; measured when you ask."
SIGNS: dict[Verdict, tuple[str, str]] = {"good": ("good", "within"), "warning": ("warning", "beyond")}


class QualitySection(QWidget):
    """Follows the assessment. What was measured of another transform than the present one is not shown."""

    def __init__(self, assessor: Assessor, choice: LabelChoice) -> None:
        super().__init__()
        self.assessor, self.controller = assessor, assessor.controller
        self.about = label(ABOUT, "dim")
        self.measure = button("Measure", "ruler", lambda: self._follow(assessor.assess()))
        self.back = button("Check the way back", "arrow-go-back", lambda: self._follow(assessor.check_way_back()))
        self.back.setToolTip("Register the other way round, and see how far from home points come back")
        self.row: JobRow | None = None
        self.tables: list[QWidget] = []
        self._build(choice)
        for signal in (self.controller.changed, assessor.changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is known of the present transform."""
        assessment = self.assessor.assessment
        self.measure.setEnabled(self.controller.transform is not None)
        self.back.setEnabled(self.assessor.can_check_way_back())
        self.about.setVisible(assessment is None)
        for widget in self.tables:
            discard(widget)
        self.tables = [part for one in quality_sections(assessment) for part in _shown(one)] if assessment else []
        for place, widget in enumerate(self.tables, self._column.indexOf(self.about) + 1):
            self._column.insertWidget(place, widget)

    def _follow(self, task: Task | None) -> None:
        """Show how far a measuring is."""
        if task is None:
            return
        if self.row is not None:
            self._column.removeWidget(self.row)
            self.row.close_row()
        self.row = JobRow(task)
        self._column.addWidget(self.row)
        task.events.state.connect(self._hide_done)

    def _hide_done(self, state: str) -> None:
        if self.row is not None and state == "done":
            self.row.hide()

    def _build(self, choice: LabelChoice) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.measure)
        buttons.addWidget(self.back)
        buttons.addStretch()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        for widget in (rule(), label("How well", "heading"), self.about):
            self._column.addWidget(widget)
        self._column.addWidget(choice)
        self._column.addLayout(buttons)


def _shown(section: Section) -> Iterable[QWidget]:
    rows: list[list[Cell]] = [[one.name, one.value, _state_cell(one)] for one in section.figures]
    return label(section.title, "dim"), Table([], rows, wide={0: 2, 1: 3})


def _state_cell(figure: Figure) -> Cell:
    if not figure.verdict:
        return ""
    icon, word = SIGNS[figure.verdict]
    return StateCell(icon, word, figure.verdict)
