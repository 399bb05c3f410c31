"""The automatic alignment: which method, how far it is, and the similarity while it rises."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pyqtgraph as pg
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from viewer.scene.task import Task
from viewer.ui import theme
from viewer.ui.jobs import JobRow
from viewer.ui.registering import METHODS, Registering
from viewer.ui.widgets import button, label, rule, set_role

INKS = (theme.ACCENT, theme.WARNING, theme.GOOD, theme.AI)
PACE = 100  # ms between two drawings of the curves
ABOUT = "It starts from where the moving image stands now, and shows it on its way. Cancel puts it back."


class AlignSection(QWidget):
    """agreed: whether the pair may be aligned. It shows the latest run of a registration, wherever it was begun."""

    def __init__(self, do: Registering, agreed: Callable[[], bool]) -> None:
        super().__init__()
        self.do, self._agreed = do, agreed
        self.method = QComboBox()
        self.method.setAccessibleName("Method")
        self.method.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for plugin, text in METHODS.items():
            self.method.addItem(text, plugin)
        self.align = button("Align", "run", self.run, "primary", theme.CHROME)
        self.settings = button("Settings…", "settings", lambda: do.show_settings(self.method.currentData()), "quiet")
        self.by_hand = button("By hand", "drag-move-2", do.by_hand)
        self.by_hand.setToolTip("Drag the moving image in any view; Shift turns it; arrow keys nudge it")
        self.use_landmarks = QCheckBox("Start from the landmarks")
        self.use_landmarks.setToolTip("Their errors then tell how well they are fitted, not the error elsewhere")
        self.verdict = label(ABOUT, "dim")
        self.task: Task | None = None
        self.row: JobRow | None = None
        self.curves = Curves()
        self._build()
        self.method.currentIndexChanged.connect(self.refresh)
        do.changed.connect(self.refresh)
        do.session.task_added.connect(self._follow)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Whether it can begin, and if not, why."""
        problem = self._problem()
        self.align.setEnabled(not problem)
        self.by_hand.setEnabled(bool(self.do.together))
        self.use_landmarks.setVisible(bool(self.do.pairs))
        self.settings.setEnabled(self.do.can_run(self.method.currentData()))
        self.verdict.setText(problem or ABOUT)
        set_role(self.verdict, "warning" if problem and self.do.together else "dim")

    def run(self) -> Task:
        """Begin; the section shows how far it is."""
        task = self.do.run(self.method.currentData(), landmarks=self.use_landmarks.isChecked())
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
        self._column.insertWidget(self._column.indexOf(self.curves), self.row)
        self.curves.show_task(task)
        task.events.state.connect(self.refresh)
        self.refresh()

    def _problem(self) -> str:
        if not self.do.together:
            return "Open two images first: the one that stays, and the one to align."
        if not self.do.can_run(self.method.currentData()):
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
        self._column.addWidget(self.curves)

    def _follow(self, task: Task) -> None:
        """A run that tells of a curve is a registration, wherever it was begun."""
        if task.kind == "run":
            task.grew.connect(lambda *_: self.show_task(task))


class Curves(pg.PlotWidget):  # type: ignore[misc]
    """The curves of a run, one behind the other, drawn some times a second while they grow."""

    def __init__(self) -> None:
        super().__init__(background=theme.PANEL)
        self.setAccessibleName("Similarity during the alignment")
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.setFixedHeight(160)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(theme.LINE)
            axis.setTextPen(theme.DIM)
            axis.enableAutoSIPrefix(False)
        self.addLegend(offset=(-1, -1), labelTextColor=theme.DIM)
        self.task: Task | None = None
        self._soon = QTimer(self, singleShot=True, interval=PACE)
        self._soon.timeout.connect(self.draw)
        self.hide()

    def show_task(self, task: Task) -> None:
        """Follow another run."""
        if self.task is not None:
            self.task.grew.disconnect(self._grown)
        self.task = task
        task.grew.connect(self._grown)
        self.draw()

    def draw(self) -> None:
        """All curves as they are now."""
        curves = self.task.curves if self.task else {}
        self.setVisible(bool(curves))
        self.clear()
        first = 1
        for colour, (name, values) in zip(cycle(INKS), curves.items(), strict=False):
            steps = range(first, first + len(values))
            dots = {"symbol": "o", "symbolSize": 4, "symbolBrush": colour, "symbolPen": None}
            self.plot(steps, values, pen=pg.mkPen(colour, width=2), name=name, **dots)
            first += len(values)

    def _grown(self, *_: object) -> None:
        if not self._soon.isActive():
            self._soon.start()
