"""How the two images are seen together, and how the transform is drawn over them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.scene.compare.comparison import STYLES, Comparison, Style
from viewer.scene.compare.deformation_display import DEFORMATIONS, Deformation
from viewer.ui.widgets.basics import button, label, rule

if TYPE_CHECKING:
    from viewer.ui.register.controller import RegistrationController

TIPS: dict[Style, str] = {
    "blend": "Both through each other",
    "colour": "Fixed in green, moving in magenta: grey where they agree",
    "checkerboard": "Fixed and moving take turns, field by field",
    "wipe": "Fixed on one side of a line, moving on the other; drag the line in a view",
    "contours": "The edges of one image over the other",
    "difference": "Moving minus fixed, each brought to one scale",
}
COLUMNS = 3


class ComparisonSection(QWidget):
    """Follows the state's comparison and deformation."""

    def __init__(self, controller: RegistrationController) -> None:
        super().__init__()
        self.controller, self.state = controller, controller.state
        self.buttons = QButtonGroup(self)
        self.choices: dict[Style | None, QToolButton] = {}
        self.share = QSlider(Qt.Orientation.Horizontal)
        self.share.setRange(0, 100)
        self.share.setAccessibleName("Part of the moving image in the blend, percent")
        self.square = QDoubleSpinBox(decimals=0, minimum=2, maximum=200, singleStep=5, suffix=" mm")
        self.square.setAccessibleName("Side of a field of the checkerboard")
        self.square.setKeyboardTracking(False)
        self.turn = button("Turn the line", "arrow-left-right", lambda: self._change(upright=not self._now.upright))
        self.exchange = button("Exchange the images", "swap-box", lambda: self._change(swapped=not self._now.swapped))
        self.flicker = QCheckBox("Flicker: one, then the other")
        self.deformation = QComboBox()
        self.deformation.setAccessibleName("Drawing of the transform")
        self._build()
        self.share.valueChanged.connect(lambda percent: self._change(share=percent / 100))
        self.square.valueChanged.connect(lambda side: self._change(square=side))
        self.flicker.toggled.connect(self._take_flicker)
        self.deformation.activated.connect(self._take_deformation)
        for signal in (self.state.events.comparison, self.state.events.deformation, controller.changed):
            signal.connect(self.refresh)
        self.refresh()

    def turn_on(self, style: Style) -> None:
        """See the pair in a style; the layout that shows each image alone gives way."""
        self.controller.compare(style)

    def turn_off(self) -> None:
        """Show the layers as they are."""
        self.state.comparison = None

    def refresh(self, *_: object) -> None:
        """Show how the pair is seen now."""
        now = self.state.comparison
        style = now.style if now else None
        self.choices[style].setChecked(True)
        for choice in self.choices.values():
            choice.setEnabled(bool(self.controller.pair_inputs))
        for part, parts_style in self._parts.items():
            part.setVisible(style == parts_style)
        self.flicker.setEnabled(bool(self.controller.pair_inputs))
        blockers = [QSignalBlocker(widget) for widget in (self.share, self.square, self.flicker)]
        self.share.setValue(round(self._now.share * 100))
        self.square.setValue(self._now.square)
        self.flicker.setChecked(self._now.flicker)
        for blocker in blockers:
            blocker.unblock()
        drawn = self.state.deformation
        self.deformation.setCurrentIndex(max(0, self.deformation.findData(drawn.style if drawn else None)))
        self.deformation.setEnabled(self.controller.transform is not None)

    @property
    def _now(self) -> Comparison:
        return self.state.comparison or Comparison("", "")

    def _change(self, **changes: Any) -> None:
        if self.state.comparison:
            self.state.comparison = replace(self.state.comparison, **changes)

    def _take_flicker(self, on: bool) -> None:
        if on and self.state.comparison is None:
            self.controller.compare("blend")
        self._change(flicker=on)

    def _take_deformation(self) -> None:
        style, moving = self.deformation.currentData(), self.controller.moving
        self.state.deformation = Deformation(moving.id, style) if style and moving else None

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(2)
        styles: list[Style | None] = [None, *get_args(Style)]
        for place, style in enumerate(styles):
            choice = QToolButton()
            title = STYLES[style] if style else "Layers"
            choice.setText(title)
            choice.setToolTip(TIPS[style] if style else "Show the layers as they are")
            choice.setAccessibleName(f"See the pair as: {title}")
            choice.setCheckable(True)
            choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            choice.clicked.connect(partial(self.turn_on, style) if style else self.turn_off)
            self.buttons.addButton(choice)
            self.choices[style] = choice
            grid.addWidget(choice, place // COLUMNS, place % COLUMNS)
        for drawing, text in DEFORMATIONS.items():
            self.deformation.addItem(text, drawing)
        self.deformation.insertItem(0, "none", None)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Draw the transform", self.deformation)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(rule())
        column.addWidget(label("Compare", "heading"))
        column.addLayout(grid)
        self._parts: dict[QWidget, Style] = {
            self.share: "blend", self.square: "checkerboard", self.turn: "wipe", self.exchange: "contours",
        }  # fmt: skip
        for part in self._parts:
            column.addWidget(part)
        column.addWidget(self.flicker)
        column.addLayout(form)
