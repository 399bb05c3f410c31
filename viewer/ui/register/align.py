"""The automatic alignment: which method, how far it is, and the similarity while it rises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from viewer.ui.jobs.panel import JobRow
from viewer.ui.register.controller import METHODS, RegistrationController
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label, rule, set_role

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.scene.task import Task
    from viewer.ui.widgets.curve_plot import CurvePlot

ABOUT = "It starts from where the moving image stands now, and shows it on its way. Cancel puts it back."


class AlignSection(QWidget):
    """agreed: whether the pair may be aligned. It shows the latest run of a registration, wherever it was begun."""

    def __init__(self, controller: RegistrationController, agreed: Callable[[], bool]) -> None:
        super().__init__()
        self.controller, self._agreed = controller, agreed
        self.method = QComboBox()
        self.method.setAccessibleName("Method")
        self.method.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for plugin, text in METHODS.items():
            self.method.addItem(text, plugin)
        self.align = button("Align", "run", self.run, "primary", theme.CHROME)
        self.settings = button(
            "Settings…", "settings", lambda: controller.show_settings(self.method.currentData()), "quiet"
        )
        self.by_hand = button("By hand", "drag-move-2", controller.by_hand)
        self.by_hand.setToolTip("Drag the moving image in any view; Shift turns it; arrow keys nudge it")
        self.use_landmarks = QCheckBox("Start from the landmarks")
        self.use_landmarks.setToolTip("Their errors then tell how well they are fitted, not the error elsewhere")
        self.verdict = label(ABOUT, "dim")
        self.task: Task | None = None
        self.row: JobRow | None = None
        self.curves: CurvePlot | None = None  # until there are some: the plots take long to import
        self._build()
        self.method.currentIndexChanged.connect(self.refresh)
        controller.changed.connect(self.refresh)
        controller.session.tasks.added.connect(self._follow)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Whether it can begin, and if not, why."""
        problem = self._problem()
        self.align.setEnabled(not problem)
        self.by_hand.setEnabled(bool(self.controller.pair_inputs))
        self.use_landmarks.setVisible(bool(self.controller.pairs))
        self.settings.setEnabled(self.controller.can_run(self.method.currentData()))
        self.verdict.setText(problem or ABOUT)
        set_role(self.verdict, "warning" if problem and self.controller.pair_inputs else "dim")

    def run(self) -> Task:
        """Begin; the section shows how far it is."""
        task = self.controller.run(self.method.currentData(), landmarks=self.use_landmarks.isChecked())
        self.show_task(task)
        return task

    def show_task(self, task: Task) -> None:
        """Show a run with its curves until the next one begins."""
        if task is self.task:
            return
        if self.row is not None:
            self._column.removeWidget(self.row)
            self.row.close_row()
        self.task = task
        self.row = JobRow(task)
        if self.curves is None:
            from viewer.ui.widgets.curve_plot import CurvePlot

            self.curves = CurvePlot()
            self._column.addWidget(self.curves)
        self._column.insertWidget(self._column.indexOf(self.curves), self.row)
        self.curves.show_task(task)
        task.events.state.connect(self.refresh)
        self.refresh()

    def _problem(self) -> str:
        if not self.controller.pair_inputs:
            verb = "Choose" if len(self.controller.layers) > 1 else "Open"
            return f"{verb} two images first: the one that stays, and the one to align."
        if not self.controller.can_run(self.method.currentData()):
            return "This method is not installed: see the list of plugins for the reason."
        if self.task is not None and self.task.running:
            return "An alignment runs: wait for it, or cancel it."
        return "" if self._agreed() else "Check the two images, then tick that they are to be aligned."

    def _build(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.align, 1)
        line.addWidget(self.by_hand)
        line.addWidget(self.settings)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        for widget in (rule(), label("Align", "heading"), self.method, self.use_landmarks):
            self._column.addWidget(widget)
        self._column.addLayout(line)
        self._column.addWidget(self.verdict)

    def _follow(self, task: Task) -> None:
        """A run that tells of a curve is a registration, wherever it was begun."""
        if task.kind == "run":
            task.curve_grew.connect(lambda *_: self.show_task(task))
