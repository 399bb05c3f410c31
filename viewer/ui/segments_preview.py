"""What an effect would take, shown over the image before it is done."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from viewer.data.volume import Window
from viewer.scene.layer import VolumeLayer
from viewer.ui.segments_editing import SegmentsEditing

FLASH = 2500  # ms that a range is shown after it was changed


class RangeTint(QObject):
    """Tints the values of the labelled image that lie in a range. Nothing is computed: the image is drawn once more,
    one colour within the range, clear outside.
    """

    def __init__(self, do: SegmentsEditing) -> None:
        super().__init__()
        self.do = do
        self._over: VolumeLayer | None = None
        self._tint: VolumeLayer | None = None
        self._soon = QTimer(self, singleShot=True, interval=FLASH)
        self._soon.timeout.connect(self.hide)

    def show(self, low: float, high: float) -> None:
        """Tint the values between two bounds, in the image's unit, until `hide`."""
        image = self.do.image
        if image is not self._over:
            self.hide()
        if image is None or image.volumes[0].color:
            return
        window = Window((low + high) / 2, max(high - low, 1e-6))
        if self._tint is None:
            self._over = image
            self._tint = VolumeLayer(
                name="range of values", volumes=image.volumes, window=window, colormap="range", opacity=0.45,
                transform=image.transform,
            )  # fmt: skip
            self.do.session.document.lay_over(image, self._tint)
        self._tint.window = window

    def flash(self, low: float, high: float) -> None:
        """Tint them for a moment."""
        self.show(low, high)
        self._soon.start()

    def hide(self) -> None:
        """Show the image as it is."""
        self._soon.stop()
        if self._tint is not None:
            self.do.session.document.lift(self._tint)
        self._tint = self._over = None
