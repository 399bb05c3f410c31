"""How the active layer looks: colour map, window with its presets, and the histogram under it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, QTimer
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from viewer.data.volume import Window, automatic_window
from viewer.render.colormaps import COLORMAPS, colour_table
from viewer.tools.window_presets import presets
from viewer.ui.layers.histogram import Histogram
from viewer.ui.widgets import text_format
from viewer.ui.widgets.basics import tabular

if TYPE_CHECKING:
    from viewer.scene.layer import VolumeLayer
    from viewer.session.session import Session

PAUSE = 150  # ms between two looks at the layer


class ImageDisplay(QWidget):
    """Follows the layer and writes its look."""

    def __init__(self, session: Session, layer: VolumeLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.layer = session, layer
        self.colormap = self._colormaps()
        self.preset = QComboBox()
        self.preset.setAccessibleName("Window preset")
        self.center, self.width_ = self._spin("Window level"), self._spin("Window width")
        self.histogram = Histogram(layer, session.background)
        self._build()
        self._pause = QTimer(self, singleShot=True, interval=PAUSE)
        self._pause.timeout.connect(self._show)
        layer.events.connect(self._later)
        self._show()
        self.setEnabled(not layer.volumes[0].color)

    def close_page(self) -> None:
        """Stop following the layer, and go."""
        self.layer.events.disconnect(self._later)
        self.histogram.stop()
        self.deleteLater()

    def _later(self) -> None:
        """A drag in a view changes the window at every step: the views come first, the numbers some times a second."""
        if not self._pause.isActive():
            self._pause.start()

    def _build(self) -> None:
        self.preset.addItem("by hand", None)
        volume = self.layer.volumes[0]
        stored = (replace(window, name=window.name or "stored") for window in volume.windows)
        for window in (*stored, *(preset.window(volume) for preset in presets(volume)), automatic_window(volume)):
            self.preset.addItem(window.name, window)
        self.preset.activated.connect(self._take_preset)
        self.colormap.activated.connect(lambda: setattr(self.layer, "colormap", self.colormap.currentText()))
        for spin in (self.center, self.width_):
            spin.valueChanged.connect(self._take_numbers)
        numbers = QHBoxLayout()
        numbers.addWidget(self.center)
        numbers.addWidget(self.width_)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Colours", self.colormap)
        form.addRow("Window", self.preset)
        form.addRow("Level, width", numbers)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.addLayout(form)
        column.addWidget(self.histogram, 1)
        column.addStretch()

    def _spin(self, name: str) -> QDoubleSpinBox:
        spin = QDoubleSpinBox(decimals=2, minimum=-1e9, maximum=1e9)
        spin.setAccessibleName(name)
        spin.setToolTip(name)
        spin.setFont(tabular(self.font()))
        spin.setKeyboardTracking(False)
        spin.setMinimumWidth(72)
        unit = text_format.unit(self.layer.volumes[0].unit)
        spin.setSuffix(f" {unit}" if unit else "")
        return spin

    def _colormaps(self) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName("Colour map")
        for name in COLORMAPS:
            colours = colour_table(name)
            strip = QImage(colours.tobytes(), len(colours), 1, QImage.Format.Format_RGBA8888)
            box.addItem(QIcon(QPixmap.fromImage(strip.scaled(64, 12))), name)
        box.setIconSize(QPixmap(48, 12).size())
        return box

    def _take_preset(self) -> None:
        window = self.preset.currentData()
        if window is not None:
            self.layer.window = window

    def _take_numbers(self) -> None:
        self.layer.window = Window(self.center.value(), max(self.width_.value(), 1e-6))

    def _named(self, window: Window) -> int:
        """The place of a window in the list of presets, by its name or its numbers; 0 where it is not there."""
        for place in range(1, self.preset.count()):
            known: Window = self.preset.itemData(place)
            if window.name == known.name or (window.center, window.width) == (known.center, known.width):
                return place
        return 0

    def _show(self) -> None:
        layer = self.layer
        window = layer.window
        step = 1.0 if window.width > 20 else window.width / 50
        for spin, value in ((self.center, window.center), (self.width_, window.width)):
            blocker = QSignalBlocker(spin)
            spin.setDecimals(0 if window.width > 50 else 3)
            spin.setSingleStep(step)
            spin.setValue(value)
            blocker.unblock()
        self.colormap.setCurrentText(layer.colormap)
        self.preset.setCurrentIndex(self._named(window))
        self.histogram.show_window(window)
