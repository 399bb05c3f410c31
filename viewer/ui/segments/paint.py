"""The painting tools, and the settings of the chosen one."""

from __future__ import annotations

from functools import partial
from math import log
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.scene.segmentation.brush import SIZES
from viewer.tools.mouse_dispatch import PAINTING
from viewer.ui.widgets.basics import label, tile

if TYPE_CHECKING:
    from viewer.ui.segments.controller import SegmentsController

COLUMNS = 4
CUTS = {"erase inside": "Erase inside", "erase outside": "Erase outside", "fill inside": "Fill inside"}
SIZED, THROUGH, TAKING, CUTTING = (
    {"brush", "erase"},
    {"brush", "erase", "grow", "fill"},
    {"draw", "livewire"},
    {"scissors"},
)
FINE = 100  # slider steps


class PaintSection(QWidget):
    """Follows the chosen tool and the brush."""

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self.tools: dict[str, QToolButton] = {}
        self.radius = QDoubleSpinBox(decimals=1, minimum=2 * SIZES[0], maximum=2 * SIZES[1], suffix=" mm")
        self.radius.setAccessibleName("Diameter of the brush")
        self.radius.setKeyboardTracking(False)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, FINE)
        self.slider.setAccessibleName("Diameter of the brush")
        self.through = QComboBox()
        self.through.setAccessibleName("Where the tool works")
        self.through.addItem("In the slice", False)
        self.through.addItem("Through the slices (3-D)", True)
        self.taking = QComboBox()
        self.taking.setAccessibleName("What the outline does")
        self.taking.addItem("Add what is inside", False)
        self.taking.addItem("Take away what is inside", True)
        self.cut = QComboBox()
        self.cut.setAccessibleName("What scissors do")
        for cut, text in CUTS.items():
            self.cut.addItem(text, cut)
        self.tip = label(role="dim")
        self._build()
        self._listen()
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the tool and the brush as they are."""
        tool, brush = self.controller.state.tool, self.controller.state.brush
        for name, made in self.tools.items():
            made.setChecked(name == tool)
        for row, tools in ((self._size, SIZED), (self.through, THROUGH), (self.taking, TAKING), (self.cut, CUTTING)):
            row.setVisible(tool in tools)
        for box, value in ((self.through, brush.solid), (self.taking, brush.taking), (self.cut, brush.cut)):
            box.setCurrentIndex(box.findData(value))
        with QSignalBlocker(self.radius), QSignalBlocker(self.slider):
            self.radius.setValue(2 * brush.radius)
            self.slider.setValue(_step(brush.radius))
        chosen = next((one for one in PAINTING if one.id == tool), None)
        self.tip.setText(
            chosen.tip + "." if chosen else "Choose a tool; the right and the middle button move the picture."
        )

    def _build(self) -> None:
        palette = QGridLayout()
        palette.setSpacing(2)
        group = QButtonGroup(self)
        for place, tool in enumerate(PAINTING):
            made = self.tools[tool.id] = tile(tool.title, tool.icon, f"{tool.tip} (key {tool.key})")
            made.clicked.connect(partial(self.controller.choose_tool, tool.id))
            group.addButton(made)
            palette.addWidget(made, place // COLUMNS, place % COLUMNS)
        group.setExclusive(False)
        self._size = QWidget()
        line = QHBoxLayout(self._size)
        line.setContentsMargins(0, 0, 0, 0)
        for widget in (label("Size", "dim", wrap=False), self.slider, self.radius):
            line.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(palette)
        for row in (self._size, self.through, self.taking, self.cut, self.tip):
            column.addWidget(row)

    def _listen(self) -> None:
        controller, events = self.controller, self.controller.state.events
        self.radius.valueChanged.connect(lambda across: controller.set_brush(radius=across / 2))
        self.slider.valueChanged.connect(lambda step: controller.set_brush(radius=_radius(step)))
        for box, field in ((self.through, "solid"), (self.taking, "taking"), (self.cut, "cut")):
            box.activated.connect(lambda _, box=box, field=field: controller.set_brush(**{field: box.currentData()}))
        for signal in (events.tool, events.brush):
            signal.connect(self.refresh)


def _step(radius: float) -> int:
    """Where a radius stands on the slider, which is even in ratios."""
    return round(FINE * log(radius / SIZES[0]) / log(SIZES[1] / SIZES[0]))


def _radius(step: int) -> float:
    return float(SIZES[0] * (SIZES[1] / SIZES[0]) ** (step / FINE))
