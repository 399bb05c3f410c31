"""What a plugin works on: a list of the layers that fit for each input, by its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from viewer.compute.label_image import as_segmentation, is_label_image
from viewer.plugin.plugin import Input, Plugin, Value
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.session import Session

FROM_LAYERS = ("volume", "segmentation")  # the rest is the session's: it knows landmarks and where an image stands


class PluginInputs(QWidget):
    """boxes: by input; changed: another choice. A choice that was made stays, else the active layer comes first."""

    changed = Signal()

    def __init__(self, session: Session, plugin: Plugin) -> None:
        super().__init__()
        self.session, self.plugin = session, plugin
        self.boxes: dict[str, QComboBox] = {}
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for one in plugin.inputs:
            if one.type in FROM_LAYERS:
                self.boxes[one.name] = self._box(one)
                form.addRow(one.title, self.boxes[one.name])

    def _box(self, one: Input) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(one.title)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setToolTip(one.description)
        box.activated.connect(lambda: box.setProperty("chosen", True))
        box.currentIndexChanged.connect(self.changed)
        return box

    @property
    def missing(self) -> list[str]:
        """The titles of inputs that are needed and have no layer."""
        needed = [one for one in self.plugin.inputs if one.required and one.name in self.boxes]
        return [one.title for one in needed if not self.boxes[one.name].currentData()]

    @property
    def chosen(self) -> dict[str, str | Value]:
        """What a run is given: ids of images, and label maps. Raises ValueError, one sentence, for a wrong label."""
        given: dict[str, str | Value] = {}
        for one in self.plugin.inputs:
            layer_id = self.boxes[one.name].currentData() if one.name in self.boxes else ""
            layer = self.session.document.find(layer_id) if layer_id else None
            if isinstance(layer, VolumeLayer):
                labels = one.type == "segmentation"
                given[one.name] = as_segmentation(layer.volume(self.session.state.timepoint)) if labels else layer_id
            elif isinstance(layer, SegmentationLayer):
                given[one.name] = layer.segmentation
        return given

    def choose(self, layers: Mapping[str, str]) -> None:
        """Choose layers by their ids."""
        for name, layer_id in layers.items():
            box = self.boxes.get(name)
            if box is not None and box.findData(layer_id) >= 0:
                box.setCurrentIndex(box.findData(layer_id))
                box.setProperty("chosen", True)

    def keep(self) -> None:
        """The inputs stay, although a result becomes the active layer."""
        for box in self.boxes.values():
            box.setProperty("chosen", True)

    def refresh(self) -> None:
        """Offer the layers that fit, the active one first, each image once."""
        layers = [layer for layer in reversed(self.session.document.volume_layers) if _fits(layer)]
        layers.sort(key=lambda layer: layer.id != self.session.state.active)
        taken: list[str] = []
        for one in (one for one in self.plugin.inputs if one.name in self.boxes):
            box = self.boxes[one.name]
            images = one.type == "volume"
            fitting: Sequence[Layer] = layers if images else self._labels(layers)
            blocker = QSignalBlocker(box)
            _fill(box, fitting, required=one.required, taken=taken if images else [])
            blocker.unblock()
            taken.append(box.currentData())
        self.changed.emit()

    def _labels(self, images: list[VolumeLayer]) -> list[Layer]:
        """Segmentations, the topmost first, and images whose values are labels."""
        labelled = [image for image in images if is_label_image(image.volumes[0])]
        return [*reversed(self.session.document.segmentation_layers), *labelled]


def _fill(box: QComboBox, layers: Sequence[Layer], *, required: bool, taken: list[str]) -> None:
    before = box.currentData() if box.property("chosen") else None
    box.clear()
    if not required:
        box.addItem("none", "")
    for layer in layers:
        box.addItem(layer.name, layer.id)
    free = next((place for place in range(box.count()) if box.itemData(place) not in taken), 0)
    found = box.findData(before) if before is not None else -1
    box.setCurrentIndex(found if found >= 0 else free if box.count() else -1)
    box.setEnabled(box.count() > 0)


def _fits(layer: VolumeLayer) -> bool:
    return layer.loaded >= 1 and not layer.volumes[0].color
