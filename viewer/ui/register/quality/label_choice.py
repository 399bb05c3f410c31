"""Which label maps belong to the two images: how well they agree is measured with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from viewer.compute.labels.label_image import as_segmentation
from viewer.data.segmentation import Segmentation

if TYPE_CHECKING:
    from viewer.scene.layer import VolumeLayer
    from viewer.ui.register.controller import RegistrationController

Labels = tuple[Segmentation, Segmentation]  # of the fixed, of the moving image


class LabelChoice(QWidget):
    """Hidden where no label map is open. At first the maps on the grids of the two images are chosen."""

    def __init__(self, controller: RegistrationController) -> None:
        super().__init__()
        self.controller = controller
        self.fixed, self.moving = QComboBox(), QComboBox()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for box, title in ((self.fixed, "Fixed labels"), (self.moving, "Moving labels")):
            box.setAccessibleName(title)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.activated.connect(lambda _, box=box: box.setProperty("chosen", True))
            form.addRow(title, box)
        controller.changed.connect(self.refresh)
        self.refresh()

    @property
    def labels(self) -> Labels | None:
        """Both maps; None without one of them. Raises ValueError, one sentence, where a value is no label."""
        fixed, moving = self.fixed.currentData(), self.moving.currentData()
        return (as_segmentation(fixed.volumes[0]), as_segmentation(moving.volumes[0])) if fixed and moving else None

    def refresh(self) -> None:
        """Offer the label maps that there are."""
        maps = self.controller.label_maps
        self.setVisible(bool(maps))
        fixed = _fill(self.fixed, maps, _on_grid(list(reversed(maps)), self.controller.fixed))
        _fill(self.moving, maps, _on_grid([one for one in maps if one is not fixed], self.controller.moving))


def _on_grid(maps: list[VolumeLayer], image: VolumeLayer | None) -> VolumeLayer | None:
    """The first map on the grid of an image."""
    if image is None:
        return None
    grid = image.volumes[0].grid
    return next((one for one in maps if one is not image and one.volumes[0].grid.matches(grid)), None)


def _fill(box: QComboBox, maps: list[VolumeLayer], proposed: VolumeLayer | None) -> VolumeLayer | None:
    """Offer maps, and choose one: that of the user while it is there, else the proposed one."""
    before = box.currentData() if box.property("chosen") else proposed
    blocker = QSignalBlocker(box)
    box.clear()
    box.addItem("none", None)
    for one in maps:
        box.addItem(one.name, one)
    box.setCurrentIndex(next((place for place, one in enumerate(maps, 1) if one is before), 0))
    blocker.unblock()
    chosen: VolumeLayer | None = box.currentData()
    return chosen
