"""What the model looked at, over the image: shown on request, with its opacity and its threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QFormLayout, QSlider, QVBoxLayout, QWidget

from viewer.ui.widgets.basics import label

if TYPE_CHECKING:
    from viewer.scene.layer import VolumeLayer
    from viewer.ui.findings.controller import FindingsController

ABOUT = "Saliency, not a probability: where the model looked, not where disease is."


class HeatMapSection(QWidget):
    """Seen where the chosen finding has a heat map."""

    def __init__(self, controller: FindingsController) -> None:
        super().__init__()
        self.controller = controller
        self._followed: VolumeLayer | None = None
        self.show_map = QCheckBox("Heat map")
        self.show_map.setToolTip("Show where the model looked (Shift+H)")
        self.opacity, self.threshold = _slider("Opacity of the heat map"), _slider("Threshold of the heat map")
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Opacity", self.opacity)
        form.addRow("Threshold", self.threshold)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.show_map)
        column.addLayout(form)
        column.addWidget(label(ABOUT, "dim"))
        self.show_map.clicked.connect(controller.flip_heat_map)
        self.opacity.valueChanged.connect(self._set_opacity)
        self.threshold.valueChanged.connect(lambda value: controller.set_threshold(value / 100))
        controller.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Follow the heat map of the chosen finding."""
        map = self.controller.heat_map
        if map is not self._followed:
            for one, tie in ((self._followed, "disconnect"), (map, "connect")):
                if one is not None:
                    getattr(one.events, tie)(self.refresh)
            self._followed = map
        self.setVisible(map is not None)
        if map is None:
            return
        volume = map.volumes[0]
        top = float(volume.array.max()) * volume.slope + volume.intercept or 1.0
        for slider, value in ((self.opacity, map.opacity), (self.threshold, map.window.lower / top)):
            with QSignalBlocker(slider):
                slider.setValue(round(100 * value))
        with QSignalBlocker(self.show_map):
            self.show_map.setChecked(map.visible)

    def _set_opacity(self, value: int) -> None:
        if (map := self.controller.heat_map) is not None:
            map.opacity = value / 100


def _slider(name: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setAccessibleName(name)
    return slider
