"""What a run tells of itself while it goes on, as curves: the similarity of two images that are aligned."""

from __future__ import annotations

import html
from itertools import cycle
from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QTimer

from viewer.ui.widgets import theme

if TYPE_CHECKING:
    from viewer.scene.task import Task

INKS = (theme.ACCENT, theme.WARNING, theme.GOOD, theme.AI)
PACE = 100  # ms between two drawings of the curves


class CurvePlot(pg.PlotWidget):  # type: ignore[misc]
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
            self.task.curve_grew.disconnect(self._grown)
        self.task = task
        task.curve_grew.connect(self._grown)
        self.draw()

    def draw(self) -> None:
        """Draw all curves as they are now."""
        curves = self.task.curves if self.task else {}
        self.setVisible(bool(curves))
        self.clear()
        first = 1
        for colour, (name, values) in zip(cycle(INKS), curves.items(), strict=False):
            steps = range(first, first + len(values))
            dots = {"symbol": "o", "symbolSize": 4, "symbolBrush": colour, "symbolPen": None}
            self.plot(steps, values, pen=pg.mkPen(colour, width=2), name=html.escape(name), **dots)
            first += len(values)

    def _grown(self, *_: object) -> None:
        if not self._soon.isActive():
            self._soon.start()
