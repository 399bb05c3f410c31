"""The ways to see a result and its input together: as layers, blended, wiped, or their difference."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QButtonGroup, QDoubleSpinBox, QHBoxLayout, QSlider, QToolButton, QVBoxLayout, QWidget

from viewer.data.volume import Window
from viewer.scene.compare.inspection import Mode, difference_of
from viewer.ui.widgets import text_format
from viewer.ui.widgets.basics import button, label, tabular

if TYPE_CHECKING:
    from viewer.scene.layer import VolumeLayer
    from viewer.ui.inspect.controller import InspectionController

MODES: dict[Mode | None, tuple[str, str]] = {
    None: ("Layers", "Show the layers as they are"),
    "blend": ("Blend", "Input and result through each other"),
    "wipe": ("Wipe", "Input on one side of a line, result on the other (Shift+W); drag the line in a view"),
    "difference": ("Difference", "Result minus input (Shift+D)"),
}
HELD = "Hold I to see the input alone. Both are shown in the result's window."


class Modes(QWidget):
    """Follows the state's inspection."""

    def __init__(self, controller: InspectionController) -> None:
        super().__init__()
        self.controller = controller
        self.buttons = QButtonGroup(self)
        self.choices: dict[Mode | None, QToolButton] = {}
        self.blend = QSlider(Qt.Orientation.Horizontal)
        self.blend.setRange(0, 100)
        self.blend.setPageStep(10)
        self.blend.setAccessibleName("Part of the result in the blend, percent")
        self.share = label(wrap=False)
        self.share.setFont(tabular(self.share.font()))
        self.turn = button("Turn the line", "arrow-left-right", controller.turn_line)
        self.reach = QDoubleSpinBox(decimals=1, minimum=1e-3, maximum=1e9)
        self.reach.setAccessibleName("Range of the difference")
        self.reach.setKeyboardTracking(False)
        self.reach.setPrefix("± ")
        self.blending, self.wiping, self.differing = QWidget(), QWidget(), QWidget()
        self._build()
        self.blend.valueChanged.connect(lambda percent: controller.change(blend=percent / 100))
        self.reach.valueChanged.connect(self._take_reach)
        state, document = controller.state.events, controller.session.document
        for signal in (state.inspection, state.active, document.inserted, document.removed):
            signal.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(2)
        for mode, (title, tip) in MODES.items():
            choice = QToolButton()
            choice.setText(title)
            choice.setToolTip(tip)
            choice.setCheckable(True)
            choice.setAccessibleName(f"See as: {title}")
            choice.clicked.connect(self.controller.turn_off if mode is None else partial(self.controller.turn_on, mode))
            self.buttons.addButton(choice)
            self.choices[mode] = choice
            row.addWidget(choice)
        row.addStretch()
        _line(
            self.blending, label("input", "dim", wrap=False), self.blend, label("result", "dim", wrap=False), self.share
        )
        _line(self.wiping, label("Drag the line in a view.", "dim", wrap=False), None, self.turn)
        _line(self.differing, label("Colours reach to", "dim", wrap=False), None, self.reach)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        for widget in (self.blending, self.wiping, self.differing, label(HELD, "dim")):
            column.addWidget(widget)

    @property
    def difference(self) -> VolumeLayer | None:
        """The layer that holds the active result less its input; None where it was removed."""
        layer = self.controller.layer
        return difference_of(self.controller.session.document, layer) if layer else None

    def refresh(self, *_: object) -> None:
        """Show how the active result is seen."""
        now = self.controller.now
        mode = now.mode if now else None
        self.choices[mode].setChecked(True)
        self.blending.setVisible(mode == "blend")
        self.wiping.setVisible(mode == "wipe")
        self.differing.setVisible(mode == "difference")
        if now:
            blocker = QSignalBlocker(self.blend)
            self.blend.setValue(round(now.blend * 100))
            blocker.unblock()
            self.share.setText(f"{now.blend:.0%}".rjust(4))
        if mode == "difference" and self.difference:
            self._show_reach(self.difference)

    def _show_reach(self, layer: VolumeLayer) -> None:
        blocker = QSignalBlocker(self.reach)
        unit = text_format.unit(layer.volumes[0].unit)
        half = layer.window.width / 2
        self.reach.setDecimals(0 if half > 50 else 1 if half > 2 else 4)
        self.reach.setSingleStep(max(half / 10, 1e-3))
        self.reach.setSuffix(f" {unit}" if unit else "")
        self.reach.setValue(half)
        blocker.unblock()

    def _take_reach(self, half: float) -> None:
        if self.difference:
            self.difference.window = Window(0.0, 2 * half, "even about zero")


def _line(holder: QWidget, *parts: QWidget | None) -> None:
    """The parts in a row; None takes the room that is left."""
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        row.addStretch() if part is None else row.addWidget(part, int(isinstance(part, QSlider)))
