"""How often each difference of a result from its input occurs."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pyqtgraph as pg

from viewer.ui.widgets import theme

if TYPE_CHECKING:
    from viewer.compute.images.residual import Residual


class ResidualPlot(pg.PlotWidget):  # type: ignore[misc]
    """A histogram, with a line at 0 and one at the mean."""

    def __init__(self) -> None:
        super().__init__(background=theme.PANEL)
        self.setAccessibleName("Histogram of the residual")
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.hideAxis("left")
        self.setFixedHeight(130)
        axis = self.getAxis("bottom")
        axis.setPen(theme.LINE)
        axis.setTextPen(theme.DIM)

    def draw(self, found: Residual, unit: str) -> None:
        """Another residual, in its unit."""
        self.getAxis("bottom").setLabel(html.escape(unit) or "value")
        self.clear()
        self.plot(found.edges, found.counts, stepMode="center", fillLevel=0, brush=theme.DIM, pen=None)
        for at, pen in ((0.0, pg.mkPen(theme.LINE)), (found.mean, pg.mkPen(theme.ACCENT, width=2))):
            self.addItem(pg.InfiniteLine(at, pen=pen))
        self.setXRange(float(found.edges[0]), float(found.edges[-1]), padding=0.02)
