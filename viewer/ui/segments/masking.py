"""Which voxels tools and effects may change: inside or outside of segments, in a range of values, and over others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from viewer.ui.segments.effects.preview_tint import RangeTint
from viewer.ui.widgets import text_format
from viewer.ui.widgets.basics import label

if TYPE_CHECKING:
    from viewer.scene.segmentation.masking import Editable, Overlap
    from viewer.ui.segments.controller import SegmentsController

REGIONS: dict[Editable, str] = {
    "everywhere": "Everywhere",
    "inside": "Inside a segment",
    "outside": "Outside a segment",
    "visible": "Inside visible segments",
}
OVERLAPS: dict[Overlap, str] = {
    "replace others": "Replace them",
    "keep others": "Keep them",
    "allow overlap": "Allow overlap",
}
ANY = "any segment"


class MaskingSection(QWidget):
    """Follows the rules of the state."""

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self.region, self.of, self.overlap = QComboBox(), QComboBox(), QComboBox()
        for region, words in REGIONS.items():
            self.region.addItem(words, region)
        for overlap, words in OVERLAPS.items():
            self.overlap.addItem(words, overlap)
        for box, name in (
            (self.region, "Editable region"),
            (self.of, "Which segment"),
            (self.overlap, "Other segments"),
        ):
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.limited = QCheckBox("Only values from")
        self.low, self.high = (_value(name) for name in ("Lowest value", "Highest value"))
        self.tint = RangeTint(controller)
        self._build()
        self._listen()
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the rules as they are."""
        masking, layer, image = self.controller.state.masking, self.controller.layer, self.controller.image
        segments = layer.segmentation.segments if layer else ()
        with QSignalBlocker(self.of):
            self.of.clear()
            self.of.addItem(ANY, None)
            for segment in segments:
                self.of.addItem(segment.name, segment.key)
            self.of.setCurrentIndex(max(self.of.findData(masking.of), 0))
        self.of.setVisible(masking.region in ("inside", "outside"))
        self.region.setCurrentIndex(self.region.findData(masking.region))
        self.overlap.setCurrentIndex(self.overlap.findData(masking.overlap))
        unit = text_format.unit(image.volumes[0].unit) if image else ""
        with QSignalBlocker(self.low), QSignalBlocker(self.high), QSignalBlocker(self.limited):
            self.limited.setChecked(masking.values is not None)
            for box, value in zip((self.low, self.high), masking.values or (), strict=False):
                box.setValue(value)
            for box in (self.low, self.high):
                box.setEnabled(masking.values is not None)
                box.setSuffix(f" {unit}" if unit else "")

    def _build(self) -> None:
        limits = QHBoxLayout()
        for widget in (self.low, label("to", "dim", wrap=False), self.high):
            limits.addWidget(widget)
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow(label("Change", "dim", wrap=False), self.region)
        form.addRow("", self.of)
        form.addRow(label("Others", "dim", wrap=False), self.overlap)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(label("What may change", "heading"))
        column.addLayout(form)
        column.addWidget(self.limited)
        column.addLayout(limits)

    def _listen(self) -> None:
        controller = self.controller
        self.region.activated.connect(lambda: controller.set_rules(region=self.region.currentData()))
        self.of.activated.connect(lambda: controller.set_rules(of=self.of.currentData()))
        self.overlap.activated.connect(lambda: controller.set_rules(overlap=self.overlap.currentData()))
        self.limited.toggled.connect(self._limit)
        for box in (self.low, self.high):
            box.valueChanged.connect(self._take_range)
        controller.state.events.masking.connect(self.refresh)
        controller.changed.connect(self.refresh)

    def _limit(self, on: bool) -> None:
        """The window is where to begin: what is seen as grey."""
        image = self.controller.image
        start = (image.window.lower, image.window.upper) if image else (0.0, 1.0)
        self.controller.set_rules(values=start if on else None)
        self._show_tint(on)

    def _take_range(self) -> None:
        low, high = sorted((self.low.value(), self.high.value()))
        self.controller.set_rules(values=(low, high))
        self._show_tint(True)

    def _show_tint(self, on: bool) -> None:
        values = self.controller.state.masking.values
        if on and values:
            self.tint.flash(*values)
        else:
            self.tint.hide()


def _value(name: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox(decimals=1, minimum=-1e6, maximum=1e6)
    box.setAccessibleName(name)
    box.setKeyboardTracking(False)
    box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    return box
