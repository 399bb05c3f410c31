"""The distribution of an image's values, with its window drawn on it; counted off the main thread."""

from __future__ import annotations

import html
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.data.volume import Volume, Window
from viewer.ui.widgets import text_format, theme

if TYPE_CHECKING:
    from viewer.data.arrays import ProgressCallback
    from viewer.scene.layer import VolumeLayer
    from viewer.session.background import Background, BackgroundCall

SAMPLES = 400_000  # voxels that are counted
BINS = 160

Counts = tuple[NDArray[np.float64], NDArray[np.float64]]  # of the bins, and their edges


class Histogram(QWidget):
    """Drag the shaded region to change the window."""

    def __init__(self, layer: VolumeLayer, background: Background) -> None:
        super().__init__()
        self.layer = layer
        self._background = background
        self._work: BackgroundCall[float, Counts | None] | None = None
        self.setAccessibleName("Histogram of values and the window on it")
        self.plot = pg.PlotWidget(background=theme.PANEL)
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.hideAxis("left")
        axis = self.plot.getAxis("bottom")
        axis.setPen(theme.LINE)
        axis.setTextPen(theme.DIM)
        axis.setLabel(html.escape(text_format.unit(layer.volumes[0].unit)) or "value")
        shade = theme.ACCENT.lighter()
        shade.setAlpha(48)
        self.region = pg.LinearRegionItem(brush=shade, pen=pg.mkPen(theme.ACCENT))
        self.plot.addItem(self.region)
        self.region.sigRegionChanged.connect(self._dragged)
        self.setMaximumHeight(200)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        self._showing = False
        layer.events.loaded.connect(self._count)
        self._count()

    def sizeHint(self) -> QSize:
        """As large as the plot wants to be, px."""
        return QSize(240, 160)

    def minimumSizeHint(self) -> QSize:
        """As small as it can be read, px."""
        return QSize(120, 120)

    def stop(self) -> None:
        """Follow the layer no longer."""
        self.layer.events.loaded.disconnect(self._count)
        if self._work is not None:
            self._work.stop()

    def show_window(self, window: Window) -> None:
        """Draw the window."""
        self._showing = True
        self.region.setRegion((window.lower, window.upper))
        self._showing = False

    def _dragged(self) -> None:
        if not self._showing:
            lower, upper = self.region.getRegion()
            self.layer.window = Window((lower + upper) / 2, max(upper - lower, 1e-6))

    def _count(self) -> None:
        if self.layer.loaded >= 1 and not self.layer.volumes[0].color:
            self._work = self._background.call("display", partial(value_counts, self.layer.volumes[0]), self._draw)

    def _draw(self, found: Counts | None) -> None:
        if found is None:
            return
        counts, edges = found
        self.plot.plot(edges, counts, stepMode="center", fillLevel=0, brush=theme.DIM, pen=None)
        self.plot.setXRange(float(edges[0]), float(edges[-1]), padding=0.02)


def value_counts(volume: Volume, tell: ProgressCallback) -> Counts | None:
    """An even sample of the voxels between their 0.1st and 99.9th percentile; the root tames the peaks.

    The roots of the counts, and the edges of the bins in the volume's unit; None where no voxel has a value.
    """
    step = max(1, round((volume.array.size / SAMPLES) ** (1 / 3)))
    sample = volume.array[::step, ::step, ::step].astype(np.float64) * volume.slope + volume.intercept
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return None
    low, high = np.percentile(sample, (0.1, 99.9))
    counts, edges = np.histogram(sample, BINS, (float(low), float(max(high, low + 1e-6))))
    return np.sqrt(counts), edges
