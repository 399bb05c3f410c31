"""What an effect would take, shown over the image before it is done. No part of the document."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer

from viewer.data.volume import Volume, Window
from viewer.scene.layer import VolumeLayer

if TYPE_CHECKING:
    from viewer.data.arrays import Mask
    from viewer.data.box import Box
    from viewer.ui.segments.controller import SegmentsController

FLASH = 2500  # ms that a range is shown after it was changed
STRENGTH = 0.45  # opacity


class RangeTint(QObject):
    """Tints the values of the labelled image that lie in a range.

    Nothing is computed: the image is drawn once more, one colour within the range, clear outside.
    """

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self._over: VolumeLayer | None = None
        self._tint: VolumeLayer | None = None
        self._soon = QTimer(self, singleShot=True, interval=FLASH)
        self._soon.timeout.connect(self.hide)

    def show(self, low: float, high: float) -> None:
        """Tint the values between two bounds, in the image's unit, until `hide`."""
        image = self.controller.image
        if image is not self._over:
            self.hide()
        if image is None or image.volumes[0].color:
            return
        window = Window((low + high) / 2, max(high - low, 1e-6))
        if self._tint is None:
            self._over, self._tint = image, _tint(image, "range of values", image.volumes)
            self.controller.session.document.show_preview(image, self._tint)
        self._tint.window = window

    def flash(self, low: float, high: float) -> None:
        """Tint them for a moment."""
        self.show(low, high)
        self._soon.start()

    def hide(self) -> None:
        """Show the image as it is."""
        self._soon.stop()
        if self._tint is not None:
            self.controller.session.document.hide_preview(self._tint)
        self._tint = self._over = None


class MaskTint(QObject):
    """Tints a mask, which may change step by step."""

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self._over: VolumeLayer | None = None
        self._tint: VolumeLayer | None = None
        self._box: Box | None = None

    def show(self, mask: Mask, box: Box) -> None:
        """Tint a mask of the segmentation's voxels in a box, in place of the one before."""
        image, layer = self.controller.image, self.controller.layer
        if image is not self._over:
            self.hide()
        if image is None or layer is None:
            return
        if self._tint is None:
            cells = Volume(np.zeros(layer.grid.shape, np.uint8), layer.grid, "preview", source=image.source)
            self._over, self._tint = image, _tint(image, "preview", (cells,))
            self._tint.transform = layer.transform
            self._tint.window = Window(1.0, 0.5)
            self.controller.session.document.show_preview(image, self._tint)
        array = self._tint.volumes[0].array
        for place, values in ((self._box, 0), (box, mask)):
            if place is not None:
                array[place] = values
                for timepoint in range(len(image.volumes)):
                    self._tint.touched.emit(timepoint, place)
        self._box = box

    def hide(self) -> None:
        """Show the image as it is."""
        if self._tint is not None:
            self.controller.session.document.hide_preview(self._tint)
        self._tint = self._over = self._box = None


def _tint(image: VolumeLayer, name: str, volumes: tuple[Volume, ...]) -> VolumeLayer:
    plain = tuple(replace(volume, provenance=None, badges=()) for volume in volumes)
    return VolumeLayer(name=name, volumes=plain, colormap="range", opacity=STRENGTH, transform=image.transform)
