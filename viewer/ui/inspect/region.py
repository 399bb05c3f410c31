"""The drawn region: mean and noise in it, in the image, or in input and result side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from viewer.compute.images.region_statistics import RegionStatistics, measure
from viewer.render.overlay.overlay import number
from viewer.scene.active_image import active_image
from viewer.scene.compare.inspection import input_of
from viewer.tools.measure.region import thicken
from viewer.ui.widgets import text_format
from viewer.ui.widgets.basics import button, label, rule
from viewer.ui.widgets.table import Table

if TYPE_CHECKING:
    from viewer.scene.layer import VolumeLayer
    from viewer.ui.inspect.controller import InspectionController

PAUSE = 80  # ms between two measurements while it is dragged
THICKEST = 10  # slices on either side
NOTHING = "The region lies outside the image, or the image is in colour: there is nothing to measure."
BENT = "A registration bends this image: resample it, then measure the result."
DRAW = "Draw a region in a slice view: E for an ellipse, Shift+E for a box. Drag it by its inside to move it."

EVEN = "The SD is the noise only where the tissue is even."


class RegionSection(QWidget):
    """Follows the region and the active layer."""

    def __init__(self, controller: InspectionController) -> None:
        super().__init__()
        self.controller = controller
        self.about, self.caution = label(DRAW, "dim"), label(EVEN, "dim")
        self.slices = QSpinBox(minimum=0, maximum=THICKEST)
        self.slices.setAccessibleName("Slices on either side of the region's own")
        self.here = button("At the cross-hair", "focus-2", controller.region_here)
        self.remove = button("Remove", "remove", controller.remove_region)
        self.table: Table | None = None
        self._build()
        self._pause = QTimer(self, singleShot=True, interval=PAUSE)
        self._pause.timeout.connect(self.refresh)
        self.slices.valueChanged.connect(self._thicken)
        state, document = controller.state.events, controller.session.document
        for signal in (
            state.region, state.active, state.timepoint, state.layout, state.compared,
            document.inserted, document.removed, document.visibility,
        ):  # fmt: skip
            signal.connect(self._later)
        self.refresh()

    def _build(self) -> None:
        buttons = QHBoxLayout()
        for widget in (self.here, self.remove):
            buttons.addWidget(widget)
        buttons.addStretch()
        thickness = QHBoxLayout()
        thickness.addWidget(label("Slices on either side", "dim", wrap=False), 1)
        thickness.addWidget(self.slices)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(rule())
        self._column.addWidget(label("Region", "heading"))
        self._column.addWidget(self.about)
        self._column.addLayout(buttons)
        self._column.addLayout(thickness)
        self._column.addWidget(self.caution)

    def _later(self, *_: object) -> None:
        if not self._pause.isActive():
            self._pause.start()

    @property
    def layer(self) -> VolumeLayer | None:
        """What is measured: an image that is seen, for in that the region was drawn."""
        return active_image(self.controller.session.document, self.controller.state)

    def refresh(self) -> None:
        """Measure, and show."""
        region, layer = self.controller.state.region, self.layer
        source_image = input_of(self.controller.session.document, layer)
        self.remove.setEnabled(region is not None)
        self.here.setEnabled(layer is not None)
        self.slices.setEnabled(region is not None)
        if self.table is not None:
            self._column.removeWidget(self.table)
            self.table.deleteLater()
            self.table = None
        if region is None or layer is None or layer.loaded < 1:
            self.about.setText(DRAW)
            self.about.show()
            self.caution.hide()
            return
        spacing = self._spacing(layer)
        self.slices.blockSignals(True)
        self.slices.setValue(round(region.depth / spacing - 0.5))
        self.slices.blockSignals(False)
        placed = layer.in_world(self.controller.state.timepoint)
        under = source_image.in_world(layer.made_at) if source_image else None
        after = measure(placed, region) if placed else None
        before = measure(under, region) if under else None
        self.about.setVisible(after is None)
        self.about.setText(NOTHING if placed else BENT)
        self.caution.setVisible(after is not None)
        if after is not None:
            self.table = _table(before, after, text_format.unit(layer.volumes[0].unit))
            self._column.insertWidget(self._column.indexOf(self.caution), self.table)

    def _spacing(self, layer: VolumeLayer) -> float:
        """Distance of the slices that the region lies in, mm."""
        region, grid = self.controller.state.region, layer.world_grid
        if region is None:
            return 1.0
        steps = abs(grid.affine[:3, :3].T @ region.normal)
        return float(steps.max())

    def _thicken(self, slices: int) -> None:
        region, layer = self.controller.state.region, self.layer
        if region is not None and layer is not None:
            self.controller.state.region = thicken(region, self._spacing(layer), slices)


def _table(before: RegionStatistics | None, after: RegionStatistics, unit: str) -> Table:
    """Input beside result, with what became of the noise; or the one image alone."""
    rows = [["Mean", number(after.mean)], ["SD (noise)", number(after.sd)]]
    head = ["", unit or "value"]
    if before:
        head = [f"in {unit}" if unit else "", "input", "result", "change"]
        ratio = f"× {after.sd / before.sd:.2f}" if before.sd else "–"
        rows = [
            ["Mean", number(before.mean), number(after.mean), _signed(after.mean - before.mean)],
            ["SD (noise)", number(before.sd), number(after.sd), ratio],
        ]
    size = [
        ["Area", f"{number(after.area)} mm²"],
        ["Voxels", f"{after.voxels}"],
        ["Volume", f"{number(after.volume)} mm³"],
    ]
    pad = len(head) - 2
    rows += [[name, *[""] * pad, text] for name, text in size]
    return Table(head, rows, wide={0: 1}, right=range(1, len(head)))


def _signed(value: float) -> str:
    text = number(value)
    return f"+{text}" if value > 0 and text != "0" else text
