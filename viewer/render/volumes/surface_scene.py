"""The surfaces of all segmentations that a 3-D view shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.render.overlay.overlay import DIM, Line
from viewer.render.volumes.surface_artist import LabelSurfaceArtist

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from viewer.scene.layer import Layer
    from viewer.scene.segmentation_layer import SegmentationLayer


class LabelSurfaces:
    """changed: called where there is something new to draw. software: whether the processor draws."""

    def __init__(self, renderer: Any, changed: Callable[[], None], software: Callable[[], bool]) -> None:
        self._renderer, self._changed, self._software = renderer, changed, software
        self._artists: dict[str, LabelSurfaceArtist] = {}

    @property
    def lines(self) -> tuple[Line, ...]:
        """What a reader must know of them."""
        behind = any(artist.working for artist in self._artists.values())
        return (Line("Surfaces follow the segments …", DIM),) if behind else ()

    def show(self, layers: tuple[SegmentationLayer, ...]) -> Hashable:
        """Bring the surfaces of these layers to their looks; an equal answer needs no new picture."""
        self.hide()
        for layer in layers:
            self._artist(layer).show()
        return tuple((layer.id, self._artist(layer).look()) for layer in layers)

    def sharpen(self, full: bool) -> None:
        """Draw surfaces in full, or such as can be drawn while something moves."""
        for artist in self._artists.values():
            artist.sharpen(full)

    def hide(self) -> None:
        """Show none of them."""
        for artist in self._artists.values():
            artist.prop.VisibilityOff()

    def finish(self, layers: tuple[SegmentationLayer, ...]) -> None:
        """Wait for those of these layers."""
        for layer in layers:
            self._artist(layer).finish()

    def drop(self, layer: Layer) -> None:
        """Let go of a layer."""
        if layer.id in self._artists:
            artist = self._artists.pop(layer.id)
            self._renderer.RemoveViewProp(artist.prop)
            artist.close()

    def _artist(self, layer: SegmentationLayer) -> LabelSurfaceArtist:
        if layer.id not in self._artists:
            artist = self._artists[layer.id] = LabelSurfaceArtist(layer, self._changed, software=self._software())
            self._renderer.AddViewProp(artist.prop)
        return self._artists[layer.id]
