"""What a plugin works on: a list of the layers that fit for each input, by its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from viewer.compute.labels.label_image import as_segmentation, is_label_image
from viewer.scene.active_image import active_image, seen_images
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.tools.segment.paint_tool import chosen_segmentation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.data.study import Source
    from viewer.plugin.plugin import Input, Plugin, Value
    from viewer.session.session import Session

DIFFERENT_PATIENTS = "different_patients"  # the parameter of a plugin that asks about them itself
FROM_LAYERS = ("volume", "segmentation")  # the rest is the session's: it knows landmarks and where an image stands


class PluginInputs(QWidget):
    """boxes: by input; changed: another choice.

    The first image is the one that is seen, unless another was chosen. What was chosen stays while the first image is
    seen; where another takes its place, the inputs follow that.
    """

    changed = Signal()

    def __init__(self, session: Session, plugin: Plugin) -> None:
        super().__init__()
        self.session, self.plugin = session, plugin
        self.boxes: dict[str, QComboBox] = {}
        self._chosen_at: str | None = None  # id of the image that was seen when something was chosen
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
        box.setPlaceholderText("choose one")
        box.activated.connect(self.keep)
        box.currentIndexChanged.connect(self.changed)
        return box

    @property
    def missing(self) -> list[str]:
        """The titles of inputs that are needed and have no layer."""
        needed = [one for one in self.plugin.inputs if one.required and one.name in self.boxes]
        return [one.title for one in needed if not self.boxes[one.name].currentData()]

    @property
    def layers(self) -> list[Layer]:
        """What is worked on, in the order of the inputs."""
        found = (self.session.document.find(box.currentData() or "") for box in self.boxes.values())
        return [layer for layer in found if layer is not None]

    @property
    def images(self) -> list[VolumeLayer]:
        """The images among them."""
        return [layer for layer in self.layers if isinstance(layer, VolumeLayer)]

    @property
    def problem(self) -> str:
        """Why what is chosen cannot be worked on, in one sentence; "" where it can."""
        main = active_image(self.session.document, self.session.state)
        if self.missing and main is not None and main.loaded < 1:
            return f"{main.name} is being loaded: wait until it is whole."
        if self.missing:
            verb = "Choose" if main else "Show" if self.session.document.volume_layers else "Open"
            return f"{verb} an image first: {', '.join(self.missing).lower()} is missing."
        first = next(iter(self.images), None)
        return next((why for one in self.layers if first and (why := self._wrong(one, first))), "")

    def _wrong(self, one: Layer, first: VolumeLayer) -> str:
        """Why a layer must not be worked on with the first image. A plugin may ask about other patients itself."""
        if one is first and one not in seen_images(self.session.document, self.session.state):
            return f"{one.name} is hidden: show it, or choose an image that you see."
        asks = any(parameter.name == DIFFERENT_PATIENTS for parameter in self.plugin.parameters)
        if not asks and first.source.patient_match(self._source(one)) == "different":
            return f"{one.name} is of another patient than {first.name}: choose images of one patient."
        return ""

    def _source(self, layer: Layer) -> Source:
        """Whose it is; segments are of the patient whose image they label."""
        if isinstance(layer, SegmentationLayer):
            image = self.session.document.find(layer.made_from)
            return image.source if isinstance(image, VolumeLayer) else layer.segmentation.source
        assert isinstance(layer, VolumeLayer)
        return layer.source

    @property
    def chosen(self) -> dict[str, str | Value]:
        """What a run is given: ids of images, and label maps. Raises ValueError, one sentence, for a wrong label."""
        inputs: dict[str, str | Value] = {}
        for one in self.plugin.inputs:
            layer_id = self.boxes[one.name].currentData() if one.name in self.boxes else ""
            layer = self.session.document.find(layer_id) if layer_id else None
            if isinstance(layer, VolumeLayer):
                labels = one.type == "segmentation"
                inputs[one.name] = as_segmentation(layer.volume(self.session.state.timepoint)) if labels else layer_id
            elif isinstance(layer, SegmentationLayer):
                inputs[one.name] = layer.segmentation
        return inputs

    def choose(self, layers: Mapping[str, str]) -> None:
        """Choose layers by their ids."""
        for name, layer_id in layers.items():
            box = self.boxes.get(name)
            if box is not None and box.findData(layer_id) >= 0:
                box.setCurrentIndex(box.findData(layer_id))
                self.keep()

    def keep(self) -> None:
        """Keep these inputs, although a result becomes the active layer."""
        main = active_image(self.session.document, self.session.state)
        self._chosen_at = main.id if main else ""

    def refresh(self) -> None:
        """Offer the layers that fit, the one that is seen first, each image once."""
        main = active_image(self.session.document, self.session.state)
        self._let_go(main)
        images = [layer for layer in reversed(self.session.document.volume_layers) if _fits(layer)]
        images.sort(key=lambda layer: layer is not main)
        taken: list[str] = []
        for one in (one for one in self.plugin.inputs if one.name in self.boxes):
            fitting: Sequence[Layer] = images if one.type == "volume" else self._labels(images)
            start = self._start(one, main, fitting, taken) if one.required else ""
            box = self.boxes[one.name]
            blocker = QSignalBlocker(box)
            _fill(box, fitting, start, required=one.required, keep=self._chosen_at is not None)
            blocker.unblock()
            taken += [box.currentData()] if one.type == "volume" else []
        self.changed.emit()

    def _let_go(self, main: VolumeLayer | None) -> None:
        """Another image is seen, and the first one no longer: what was chosen was meant for that."""
        seen = seen_images(self.session.document, self.session.state)
        gone = not any(layer in seen for layer in self.images[:1])
        if gone and main is not None and main.id != self._chosen_at:
            self._chosen_at = None

    def _start(self, one: Input, main: VolumeLayer | None, fitting: Sequence[Layer], taken: list[str]) -> str | None:
        """The id of the layer that an input begins with: one that is seen, and of nobody else; None without one."""
        document, state = self.session.document, self.session.state
        if one.type == "segmentation" and (labels := chosen_segmentation(document, state)):
            return labels.id
        if one.type == "volume" and not taken:
            return main.id if main is not None and main in fitting else None
        free = [layer for layer in seen_images(document, state) if layer in fitting and layer.id not in taken]
        own = [layer for layer in free if main and main.source.patient_match(layer.source) != "different"]
        return own[-1].id if own else None

    def _labels(self, images: list[VolumeLayer]) -> list[Layer]:
        """Segmentations, the topmost first, and images whose values are labels."""
        labelled = [image for image in images if is_label_image(image.volumes[0])]
        return [*reversed(self.session.document.segmentation_layers), *labelled]


def _fill(box: QComboBox, layers: Sequence[Layer], start: str | None, *, required: bool, keep: bool) -> None:
    before = box.currentData() if keep else None
    box.clear()
    if not required:
        box.addItem("none", "")
    for layer in layers:
        box.addItem(layer.name, layer.id)
    found = box.findData(before) if before is not None else -1
    box.setCurrentIndex(found if found >= 0 else box.findData(start) if start is not None else -1)
    box.setEnabled(box.count() > 0)


def _fits(layer: VolumeLayer) -> bool:
    return layer.loaded >= 1 and not layer.volumes[0].color
