"""An image on its way from disk into the document: it appears with its first slice and fills up."""

from __future__ import annotations

from collections.abc import Callable

from viewer.data.study import Image
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer, RemoveLayer
from viewer.scene.history import History
from viewer.scene.layer import VolumeLayer, volume_layer


class LoadingLayer:
    """The callbacks of a reader, turned into a layer. show: called with the layer before it is added."""

    def __init__(self, image: Image, history: History, show: Callable[[VolumeLayer], None]) -> None:
        self._image = image
        self._history = history
        self._show = show
        self._layer: VolumeLayer | None = None

    def begin(self, volumes: tuple[Volume, ...]) -> None:
        """Add the layer: the arrays are there and the middle slice is in them."""
        self._layer = volume_layer(volumes, image=self._image)
        self._layer.loaded = 0.0
        self._show(self._layer)
        self._history.do(AddLayer(self._layer))

    def advance(self, fraction: float) -> None:
        """Show the slices that have arrived; this fraction of all is there, 0…1."""
        if self._layer is not None:
            self._layer.loaded = fraction
            self._layer.touch()

    def finish(self, volumes: tuple[Volume, ...]) -> None:
        """Show the whole image; `volumes` are the final word (they may carry more badges)."""
        if self._layer is None:
            self.begin(volumes)
        if self._layer is not None:
            self._layer.volumes = volumes
            if self._layer.window.name == "auto":
                self._layer.window = volumes[0].default_window
            self.advance(1.0)

    def withdraw(self) -> None:
        """Take a half-read image away again: it must not be mistaken for a whole one."""
        document = self._history.document
        if self._layer is not None and document.find(self._layer.id):
            self._history.do(RemoveLayer(self._layer, document.index(self._layer.id)))
