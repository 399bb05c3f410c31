"""Which image stays and which is aligned to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from viewer.ui.register.controller import DIFFERENT, RegistrationController
from viewer.ui.widgets.basics import button, label, set_role

if TYPE_CHECKING:
    from viewer.scene.layer import VolumeLayer


class PairSection(QWidget):
    """Follows the document. sure: where something speaks against the pair, the user says that it is right."""

    def __init__(self, controller: RegistrationController) -> None:
        super().__init__()
        self.controller = controller
        self.fixed, self.moving = _box("Fixed image"), _box("Moving image")
        self.swap = button("Swap", "arrow-left-right", controller.swap, "quiet")
        self.patient = label(role="dim")
        self.doubt = label(role="warning")
        self.sure = QCheckBox("Align them all the same")
        self._shown_doubt = ""  # the doubt that was last shown: another one is asked again
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Fixed", self.fixed)
        form.addRow("Moving", self.moving)
        line = QHBoxLayout()
        line.addStretch()
        line.addWidget(self.swap)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addLayout(line)
        column.addWidget(self.patient)
        column.addWidget(self.doubt)
        column.addWidget(self.sure)
        self.fixed.activated.connect(lambda: controller.choose(self.fixed.currentData(), controller.moving))
        self.moving.activated.connect(lambda: controller.choose(controller.fixed, self.moving.currentData()))
        controller.changed.connect(self.refresh)
        self.refresh()

    @property
    def agreed(self) -> bool:
        """Whether nothing speaks against the pair, or the user said that it is right."""
        return not self._shown_doubt or self.sure.isChecked()

    def refresh(self) -> None:
        """Offer the images that there are."""
        for box, chosen in ((self.fixed, self.controller.fixed), (self.moving, self.controller.moving)):
            self._fill(box, chosen)
        self.swap.setEnabled(bool(self.controller.pair_inputs))
        doubt = self.controller.doubt
        if doubt != self._shown_doubt:
            self._shown_doubt = doubt
            self.sure.setChecked(False)
        self.patient.setText(self.controller.patient)
        self.patient.setVisible(bool(self.controller.patient))
        self.doubt.setText(doubt)
        set_role(self.doubt, "danger" if doubt == DIFFERENT else "warning")
        self.doubt.setVisible(bool(doubt))
        self.sure.setVisible(bool(doubt))

    def _fill(self, box: QComboBox, chosen: VolumeLayer | None) -> None:
        blocker = QSignalBlocker(box)
        box.clear()
        for layer in self.controller.layers:
            box.addItem(self.controller.title(layer), layer)
            box.setItemData(
                box.count() - 1, self.controller.title(layer), Qt.ItemDataRole.ToolTipRole
            )  # long names are cut
        box.setCurrentIndex(next((place for place, one in enumerate(self.controller.layers) if one is chosen), -1))
        blocker.unblock()


def _box(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setPlaceholderText("choose one")
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box
