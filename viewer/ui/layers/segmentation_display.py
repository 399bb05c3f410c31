"""How the active segmentation looks: how strongly it is filled, and whether it is outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QFormLayout, QSlider, QWidget

if TYPE_CHECKING:
    from viewer.scene.segmentation_layer import SegmentationLayer


class SegmentationDisplay(QWidget):
    """Follows the layer and writes its look."""

    def __init__(self, layer: SegmentationLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layer = layer
        self.fill = QSlider(Qt.Orientation.Horizontal)
        self.fill.setRange(0, 100)
        self.fill.setAccessibleName("Fill")
        self.fill.valueChanged.connect(lambda percent: setattr(layer, "fill", percent / 100))
        self.outline = QCheckBox("Outlines")
        self.outline.toggled.connect(lambda on: setattr(layer, "outline", on))
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Fill", self.fill)
        form.addRow("", self.outline)
        for signal in (layer.events.fill, layer.events.outline):
            signal.connect(self._show)
        self._show()

    def close_page(self) -> None:
        """Stop following the layer, and go."""
        for signal in (self.layer.events.fill, self.layer.events.outline):
            signal.disconnect(self._show)
        self.deleteLater()

    def _show(self) -> None:
        with QSignalBlocker(self.fill), QSignalBlocker(self.outline):
            self.fill.setValue(round(self.layer.fill * 100))
            self.outline.setChecked(self.layer.outline)
        self.fill.setToolTip(f"{self.layer.fill:.0%} of the image under the segments is covered")
