"""An image on its way to where a registration will put it: shown there, but no part of the history yet."""

from __future__ import annotations

from viewer.data.transform import Transform
from viewer.scene.layer import VolumeLayer


class TransformPreview:
    """It stands aside as soon as somebody else moves the image."""

    def __init__(self, layer: VolumeLayer) -> None:
        self._layer = layer
        self._before = self._shown = layer.transform
        self._over = False

    def show(self, transform: Transform) -> None:
        """Let the views show the image where a transform (world to image, LPS mm) puts it; on the main thread."""
        if not self._over and self._layer.transform is self._shown:
            self._layer.transform = self._shown = transform

    def withdraw(self) -> None:
        """Put the image back: the result is there, or will never be."""
        self._over = True
        if self._layer.transform is self._shown:
            self._layer.transform = self._before
