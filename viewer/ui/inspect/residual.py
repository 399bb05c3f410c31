"""What a result took away: the distribution of result minus input, and in words whether it looks like noise."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.compute.images.residual import Residual, residual
from viewer.render.overlay.overlay import number
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import Bar, label, rule
from viewer.ui.widgets.table import Table

if TYPE_CHECKING:
    from viewer.data.annotations.region import Region
    from viewer.scene.layer import VolumeLayer
    from viewer.session.background import BackgroundCall
    from viewer.ui.inspect.controller import InspectionController
    from viewer.ui.inspect.residual_plot import ResidualPlot

PAUSE = 250  # ms of rest before a region that is dragged is measured
GAUSSIAN = "0.27 %"  # of normally distributed values lie beyond 3 SD


class ResidualSection(QWidget):
    """Measured in the background whenever the pair or the region changes; only the last answer is shown."""

    def __init__(self, controller: InspectionController) -> None:
        super().__init__()
        self.controller = controller
        self.pair: tuple[VolumeLayer, VolumeLayer] | None = None
        self.residual: Residual | None = None
        self.bar = Bar("Measuring the residual")
        self.plot: ResidualPlot | None = None  # until there is something to draw: plots take long to import
        self.words = label()
        self.scope = label("", "dim")
        self.table: Table | None = None
        self._work: BackgroundCall[float, Residual] | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        for widget in (
            rule(),
            label("Residual: result − input", "heading"),
            self.bar,
            self.words,
            self.scope,
        ):
            self._column.addWidget(widget)
        self._pause = QTimer(self, singleShot=True, interval=PAUSE)
        self._pause.timeout.connect(self._start)
        controller.state.events.region.connect(self._region_changed)
        self.hide()

    def show_pair(self, source_image: VolumeLayer | None, result: VolumeLayer | None) -> None:
        """Measure a result against its input; nothing where there is no input."""
        pair = (source_image, result) if source_image and result else None
        self.setVisible(pair is not None)
        if pair != self.pair:
            self.pair = pair
            self._start()

    def _region_changed(self, *_: object) -> None:
        self._pause.start()

    def _start(self) -> None:
        if self._work is not None:
            self._work.stop()
            self._work = None
        if self.pair is None:
            return
        source_image, result = self.pair
        before, region = source_image.volume(result.made_at), self.controller.state.region
        self._work = self.controller.session.background.call(
            "measure",
            partial(residual, result.volumes[0], before, region),
            self._draw,
            progress=self.bar.advance,
            failed=self._say,
        )
        self.bar.advance(0)
        self.bar.show()

    def _say(self, reason: str) -> None:
        self.residual = None
        self.bar.hide()
        if self.plot is not None:
            self.plot.hide()
        self.scope.setText(reason)
        self.words.hide()
        self._replace(None)

    def _draw(self, found: Residual) -> None:
        assert self.pair is not None
        self.residual = found
        unit = text_format.unit(self.pair[1].volumes[0].unit)
        self.bar.hide()
        self._plotted(found, unit)
        self._replace(_table(found, unit))
        doubts = warnings(found, unit)
        self.words.setText("\n".join(doubts))
        self.words.setVisible(bool(doubts))
        self.words.setStyleSheet(f"color: {theme.WARNING.name()}")
        self.scope.setText(scope(found, self.controller.state.region, unit))

    def _plotted(self, found: Residual, unit: str) -> None:
        if self.plot is None:
            from viewer.ui.inspect.residual_plot import ResidualPlot

            self.plot = ResidualPlot()
            self._column.insertWidget(self._column.indexOf(self.bar) + 1, self.plot)
        self.plot.show()
        self.plot.draw(found, unit)

    def _replace(self, table: Table | None) -> None:
        if self.table is not None:
            self._column.removeWidget(self.table)
            self.table.deleteLater()
        self.table = table
        if table is not None:
            self._column.insertWidget(self._column.indexOf(self.words), table)


def warnings(found: Residual, unit: str) -> list[str]:
    """What a reader should know before he trusts the result, a sentence each."""
    doubts = []
    if found.biased:
        way = "brighter" if found.mean > 0 else "darker"
        by = f"{number(abs(found.mean))} {unit}".strip()
        doubts.append(f"The result is on average {by} {way} than the input: its values may be shifted.")
    if found.structured:
        doubts.append(
            f"The residual is {found.structure:.1f} times as strong at edges as in flat parts: "
            "structure may have gone with the noise; look at the difference."
        )
    return doubts


def scope(found: Residual, region: Region | None, unit: str) -> str:
    """What was measured, in words."""
    voxels = f"{found.voxels:,} voxels".replace(",", " ")
    if region is not None:
        return f"In the region: {voxels}."
    measured, total = found.slices
    part = f"every slice ({total})" if measured == total else f"{measured} of {total} slices"
    if found.background is None:
        return f"Whole image, {part}: {voxels}."
    left = f"{number(found.background)} {unit}".strip()
    return f"Image without its background (up to {left}), {part}: {voxels}."


def _table(found: Residual, unit: str) -> Table:
    structure = "–" if found.structure is None else f"× {found.structure:.2f}"
    rows = [
        ["Mean", f"{number(found.mean)} {unit}".strip()],
        ["SD", f"{number(found.sd)} {unit}".strip()],
        [f"Beyond 3 SD (noise: {GAUSSIAN})", f"{found.outliers:.2%}".replace("%", " %")],
        ["Edges ÷ flat parts (noise: × 1)", structure],
    ]
    return Table([], rows, wide={0: 1}, right=[1])
