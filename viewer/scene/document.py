"""The document: the layers of one workspace, bottom first. It changes only through edits (viewer.scene.edits)."""

from __future__ import annotations

from collections.abc import Iterator

from psygnal import Signal

from viewer.scene.findings.finding_list import FindingList
from viewer.scene.landmarks import LandmarkPairs
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer


class Document:
    """An ordered list of layers that tells of every change. Followers listen and never write.

    Previews of results lie over layers and are shown with them; they come and go by `inserted` and `removed` too, but
    are none of the layers.
    """

    inserted = Signal(int, Layer)
    removed = Signal(int, Layer)
    moved = Signal(int, int, Layer)  # from, to
    visibility = Signal()  # one of the layers was shown or hidden, or all its pixels have come

    def __init__(self) -> None:
        self.landmarks = LandmarkPairs()
        self.findings = FindingList()
        self._layers: list[Layer] = []
        self._previews: list[tuple[Layer, Layer]] = []  # what each lies over, and the preview

    def __iter__(self) -> Iterator[Layer]:
        return iter(tuple(self._layers))

    def __len__(self) -> int:
        return len(self._layers)

    def find(self, layer_id: str) -> Layer | None:
        """The layer of that id, or None."""
        return next((layer for layer in self._layers if layer.id == layer_id), None)

    def index(self, layer_id: str) -> int:
        """Its place from the bottom. Raises KeyError."""
        for place, layer in enumerate(self._layers):
            if layer.id == layer_id:
                return place
        raise KeyError(layer_id)

    @property
    def volume_layers(self) -> tuple[VolumeLayer, ...]:
        """The images, bottom first, visible or not."""
        return tuple(layer for layer in self._layers if isinstance(layer, VolumeLayer))

    @property
    def segmentation_layers(self) -> tuple[SegmentationLayer, ...]:
        """The segmentations, bottom first, visible or not."""
        return tuple(layer for layer in self._layers if isinstance(layer, SegmentationLayer))

    @property
    def shown(self) -> tuple[VolumeLayer, ...]:
        """The visible images, bottom first, each with the previews over it."""
        visible: list[VolumeLayer] = []
        for layer in (layer for layer in self.volume_layers if layer.visible):
            visible += [layer, *(one for one in self._over(layer) if isinstance(one, VolumeLayer))]
        return tuple(visible)

    @property
    def shown_segmentations(self) -> tuple[SegmentationLayer, ...]:
        """The visible segmentations, bottom first, then the previews of some: they are drawn over all images."""
        visible = [layer for layer in self.segmentation_layers if layer.visible]
        previews = [one for layer in self for one in self._over(layer) if isinstance(one, SegmentationLayer)]
        return *visible, *previews

    def _over(self, under: Layer) -> tuple[Layer, ...]:
        """The visible previews that lie over a layer."""
        return tuple(one for layer, one in self._previews if layer is under and under.visible and one.visible)

    @property
    def base(self) -> VolumeLayer | None:
        """The lowest visible image."""
        return next(iter(self.shown), None)

    @property
    def reference(self) -> VolumeLayer | None:
        """The image whose slices the views show: the lowest visible one that no transform moves, else the lowest."""
        return next((layer for layer in self.shown if layer.transform is None), self.base)

    @property
    def root(self) -> Document:
        """The document that this one shows a part of: itself."""
        return self

    # Called by viewer.scene.preview.result_preview only.
    def show_preview(self, under: Layer, preview: Layer) -> None:
        """Show a preview over a layer wherever that is visible."""
        self._previews.append((under, preview))
        self.inserted.emit(len(self), preview)

    def hide_preview(self, preview: Layer) -> None:
        """Show a preview no longer."""
        self._previews = [pair for pair in self._previews if pair[1] is not preview]
        self.removed.emit(len(self), preview)

    # Called by edits only.
    def insert(self, index: int, layer: Layer) -> None:
        """Add a layer at `index` from the bottom."""
        self._layers.insert(index, layer)
        self._tie()
        layer.events.visible.connect(self._shown_or_hidden)
        if isinstance(layer, VolumeLayer):
            layer.events.loaded.connect(self._loaded)
        self.inserted.emit(index, layer)

    def _shown_or_hidden(self) -> None:
        self.visibility.emit()

    def _loaded(self, fraction: float) -> None:
        if fraction >= 1:
            self.visibility.emit()

    def _tie(self) -> None:
        """A segmentation stands where its image does, from now on."""
        for layer in self.segmentation_layers:
            image = self.find(layer.made_from)
            if isinstance(image, VolumeLayer):
                layer.transform = image.transform
                image.events.transform.disconnect_setattr(layer, "transform", missing_ok=True)
                image.events.transform.connect_setattr(layer, "transform", maxargs=1)

    def remove(self, layer_id: str) -> tuple[int, Layer]:
        """Take a layer out; the place from the bottom that it had, and the layer. Raises KeyError."""
        index = self.index(layer_id)
        layer = self._layers.pop(index)
        layer.events.visible.disconnect(self._shown_or_hidden)
        if isinstance(layer, VolumeLayer):
            layer.events.loaded.disconnect(self._loaded)
        self.removed.emit(index, layer)
        return index, layer

    def move(self, layer_id: str, to: int) -> int:
        """Put a layer at place `to` from the bottom; the place that it had. Raises KeyError."""
        index = self.index(layer_id)
        layer = self._layers.pop(index)
        self._layers.insert(to, layer)
        self.moved.emit(index, to, layer)
        return index


class SingleLayerDocument(Document):
    """One layer for a view that shows it alone, whether or not it is visible among the others.

    One that a transform moves is seen in the slices of the others' reference: side by side, place for place.
    """

    def __init__(self, layer: VolumeLayer, among: Document) -> None:
        super().__init__()
        self.landmarks, self.findings, self._among = among.landmarks, among.findings, among
        self.insert(0, layer)

    @property
    def root(self) -> Document:
        """The document that the layer is one of."""
        return self._among

    @property
    def reference(self) -> VolumeLayer | None:
        """The layer itself, or the reference of the others where a transform moves it."""
        own = super().reference
        return own if own is None or own.transform is None else self._among.reference or own

    @property
    def shown(self) -> tuple[VolumeLayer, ...]:
        """The layer, visible or not."""
        return self.volume_layers

    @property
    def shown_segmentations(self) -> tuple[SegmentationLayer, ...]:
        """Those of the image that is shown."""
        ids = {layer.id for layer in self.volume_layers}
        return tuple(layer for layer in self._among.shown_segmentations if layer.made_from in ids)
