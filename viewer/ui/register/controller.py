"""What the registration panel does: choose two images, align them, work on the transform, and sign it off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from psygnal import Signal

from viewer.compute.labels.label_image import is_label_image
from viewer.compute.registration.transform_algebra import compose, inverse
from viewer.scene.active_image import active_image, seen_images
from viewer.scene.compare.comparison import Comparison, Style
from viewer.ui.plugins.inputs import DIFFERENT_PATIENTS
from viewer.ui.widgets import text_format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from viewer.data.annotations.landmarks import Landmarks
    from viewer.data.study import PatientMatch
    from viewer.data.transform import Transform
    from viewer.plugin.plugin import Value
    from viewer.scene.landmarks import LandmarkPair
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.task import Task
    from viewer.session.session import Session

METHODS = {  # plugin -> what the list says
    "register_rigid": "Rigid: rotation and translation",
    "register_affine": "Affine: scale and shear, too",
    "register_deform": "Deformable: bends tissue",
}
RESAMPLE = "resample_image"
DIFFERENT = "The two images are of different patients."
ALIGN = "align"  # the tool
Word = Literal["accepted", "rejected"]


class RegistrationController:
    """The verbs, and the pair they work on. show_plugin: brings a plugin's page forward with layers for its inputs.

    changed: another pair, or other transforms of the same. values: of the plugins' parameters, by plugin.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        show_plugin: Callable[[str, Mapping[str, str]], object],
        values: Mapping[str, dict[str, Any]],
    ) -> None:
        self.session, self.state = session, session.state
        self._show_plugin, self._values = show_plugin, values
        self._fixed = self._moving = ""  # what was chosen; "" while nobody has
        self._chosen_at = ""  # id of the image that was seen at that time
        self.reader = ""  # who signed last
        self._known: dict[str, bool] = {}  # by layer id, whether it is a label map
        self._followed: list[VolumeLayer] = []
        document, events = session.document, session.state.events
        for signal in (
            document.inserted, document.removed, document.moved, document.visibility, document.landmarks.changed,
            session.history.changed, events.active, events.layout, events.compared,
        ):  # fmt: skip
            signal.connect(self._refresh)
        self._refresh()

    # ---- the pair
    @property
    def layers(self) -> list[VolumeLayer]:
        """The images that can be registered, the uppermost first; label maps, which seldom are, after the others."""
        layers = [one for one in reversed(self.session.document.volume_layers) if one.loaded >= 1 and not _apart(one)]
        return sorted(layers, key=self._is_labels)

    @property
    def label_maps(self) -> list[VolumeLayer]:
        """The label maps that there are, the uppermost first."""
        return [one for one in self.layers if self._is_labels(one)]

    @property
    def fixed(self) -> VolumeLayer | None:
        """The image that stays: the chosen one, else the lowest that is seen."""
        seen = self._shown_layers
        images = [one for one in seen if not self._is_labels(one)] or seen
        return _of(self.layers, self._fixed) or next((one for one in reversed(images) if one.id != self._moving), None)

    @property
    def moving(self) -> VolumeLayer | None:
        """The image that is aligned: the chosen one, else another that is seen, else one of the patient's own."""
        fixed = self.fixed
        if fixed is None:
            return None
        others = [one for one in self.layers if one is not fixed]
        seen = [
            one for one in others if one in self._shown_layers and fixed.source.patient_match(one.source) != "different"
        ]
        own = [one for one in others if fixed.source.patient_match(one.source) == "same"]
        return _of(others, self._moving) or next(iter([*seen, *own]), None)

    @property
    def _shown_layers(self) -> list[VolumeLayer]:
        return [one for one in self.layers if one in seen_images(self.session.document, self.state)]

    def title(self, layer: VolumeLayer) -> str:
        """The name of an image; with its study's date before it where another one has the same name."""
        date = text_format.date(layer.source.shown.study_date)
        alike = [one for one in self.session.document.volume_layers if one.name == layer.name]
        return f"{date} · {layer.name}" if date and len(alike) > 1 else layer.name

    def choose(self, fixed: VolumeLayer | None, moving: VolumeLayer | None) -> None:
        """Take these two; where both are one, the other of the pair takes its place."""
        before = self.fixed, self.moving
        if fixed is moving:
            fixed, moving = (before[1], moving) if fixed is before[0] else (fixed, before[0])
        self._fixed, self._moving = fixed.id if fixed else "", moving.id if moving else ""
        self._chosen_at = self._active
        if self.state.comparison:  # the same pair is seen
            self.compare(self.state.comparison.style)
        self._refresh()

    def swap(self) -> None:
        """Make the moving image the one that stays, and the fixed one the one that is aligned."""
        self.choose(self.moving, self.fixed)

    @property
    def transform(self) -> Transform | None:
        """What places the moving image now."""
        return self.moving.transform if self.moving else None

    @property
    def doubt(self) -> str:
        """Why the two may not belong together, in one sentence; "" where nothing speaks against it."""
        fixed, moving = self.fixed, self.moving
        if fixed is None or moving is None:
            return ""
        one, other = fixed.volumes[0], moving.volumes[0]
        if self._match == "different":
            return DIFFERENT
        units = [text_format.unit(volume.unit) or "values without a unit" for volume in (one, other)]
        if one.modality == other.modality and one.unit != other.unit:
            return f"The two {one.modality} images are in different units: {units[0]} and {units[1]}."
        return ""

    @property
    def patient(self) -> str:
        """Of whom the two are; `doubt` says that they are of two people."""
        if self._match == "not known":
            return "Patient not known: look whether both images are of one person."
        return text_format.patient(self.fixed.source) if self.fixed and self._match == "same" else ""

    @property
    def _match(self) -> PatientMatch | None:
        fixed, moving = self.fixed, self.moving
        return fixed.source.patient_match(moving.source) if fixed and moving else None

    @property
    def pair_inputs(self) -> dict[str, str]:
        """The pair as inputs of a plugin."""
        return {"fixed": self.fixed.id, "moving": self.moving.id} if self.fixed and self.moving else {}

    # ---- ways to align
    def can_run(self, plugin: str) -> bool:
        """Whether a registration plugin is installed and has its two images."""
        return plugin in self.session.plugins and bool(self.pair_inputs)

    def run(self, plugin: str, *, landmarks: bool = False) -> Task:
        """Align by a plugin, from where the moving image stands, with the settings of its page.

        landmarks: begin with those of the pair. Who has agreed to the pair in spite of a doubt is not asked again.
        """
        settings = dict(self._values.get(plugin, {}))
        asks = any(one.name == DIFFERENT_PATIENTS for one in self.session.plugins[plugin].parameters)
        if asks and self._match == "different":
            settings[DIFFERENT_PATIENTS] = True
        self._show_pair()
        inputs: dict[str, str | Value] = {**self.pair_inputs}
        if landmarks and self.pairs and self.fixed:
            room, known = self.fixed.transform, self.landmarks
            inputs["landmarks"] = known if room is None else replace(known, fixed=room(known.fixed))
        return self.session.runs.run_plugin(plugin, inputs, settings)

    def show_settings(self, plugin: str) -> None:
        """Bring the plugin's page forward, with the pair chosen."""
        self._show_plugin(plugin, self.pair_inputs)

    def by_hand(self) -> None:
        """Take the tool that drags and turns the moving image in any view."""
        if self.moving and self.fixed:
            self.compare(self.state.comparison.style if self.state.comparison else "colour")
            self.state.tool = ALIGN

    def compare(self, style: Style) -> None:
        """See the pair in a style."""
        fixed, moving = self.fixed, self.moving
        if fixed is None or moving is None:
            return
        if self.state.layout == "compare":  # its views show one image each
            self.state.layout = "2x2"
        start = self.state.comparison or Comparison(fixed.id, moving.id, at=self.state.crosshair)
        self._show_pair()
        self.state.comparison = replace(start, fixed=fixed.id, moving=moving.id, style=style)
        self.state.active = moving.id

    # ---- landmarks
    @property
    def pairs(self) -> tuple[LandmarkPair, ...]:
        """The landmarks of the two images."""
        fixed, moving = self.fixed, self.moving
        return self.session.document.landmarks.of(fixed.id, moving.id) if fixed and moving else ()

    @property
    def landmarks(self) -> Landmarks:
        """The same as values: places of the world, and of the moving image's own space."""
        fixed, moving = self.pair_inputs.get("fixed", ""), self.pair_inputs.get("moving", "")
        return self.session.document.landmarks.values(fixed, moving)

    # ---- the transform
    def reset(self) -> None:
        """Place the moving image where its file puts it."""
        if self.moving:
            self.session.transforms.align(self.moving, None)

    def invert(self) -> None:
        """Place it by the inverse: for a transform that was made from the moving to the fixed image."""
        moving, now = self.moving, self.transform
        if moving and now:
            name = f"{now.name}, inverted" if now.name else "inverted"
            self.session.transforms.align_by(moving, "Invert", lambda: replace(inverse(now), name=name))

    def chain(self, through: VolumeLayer) -> None:
        """Place the moving image by way of another one: it was aligned to that one, which has been aligned itself."""
        moving, now, first = self.moving, self.transform, through.transform
        if moving and now and first:
            name = f"{now.name or moving.name} by way of {through.name}"
            self.session.transforms.align_by(
                moving, f"By way of {through.name}", lambda: replace(compose(first, now), name=name)
            )

    def copy_to(self, other: VolumeLayer) -> None:
        """Place another image, one of the same exam, by the same transform."""
        if self.transform:
            self.session.transforms.align(other, replace(self.transform, sign_off=None))

    def resample_onto(self, other: VolumeLayer) -> None:
        """Bring forward the page of the plugin that makes voxels of it, on another image's grid."""
        if self.moving:
            self._show_plugin(RESAMPLE, {"image": self.moving.id, "onto": other.id})

    def save(self, target: Path) -> None:
        """Write the transform; the file dialog has asked before it replaces a file."""
        if self.moving and self.fixed:
            self.session.transforms.save(self.moving, self.fixed, target, overwrite=True)

    def load(self, path: Path) -> None:
        """Place the moving image by a transform from a file."""
        if self.moving and self.fixed:
            self.session.transforms.load(self.moving, self.fixed, path)

    def sign_off(self, verdict: Word, reader: str, remark: str) -> None:
        """Say whether it may be used; the reader's name is offered the next time."""
        self.reader = reader
        if self.moving and self.transform:
            self.session.transforms.sign_off(self.moving, verdict, reader, remark)

    # ---- within
    def _show_pair(self) -> None:
        """What is worked on is seen; from now on these two are meant."""
        fixed, moving = self.fixed, self.moving
        if fixed and moving:
            self._fixed, self._moving, self._chosen_at = fixed.id, moving.id, self._active
            fixed.visible = moving.visible = True

    def _is_labels(self, layer: VolumeLayer) -> bool:
        """Asked often, looked at once."""
        if layer.id not in self._known:
            self._known[layer.id] = is_label_image(layer.volumes[0])
        return self._known[layer.id]

    @property
    def _active(self) -> str:
        """Id of the image that is seen and meant."""
        image = active_image(self.session.document, self.state)
        return image.id if image else ""

    def _refresh(self, *_: object) -> None:
        """Follow the image that is seen, and what places each one: a run moves it without a step of the history."""
        if self._active != self._chosen_at and not {one.id for one in self._shown_layers} & {self._fixed, self._moving}:
            self._fixed = self._moving = ""
        for layer in self._followed:
            layer.events.transform.disconnect(self._tell)
        self._followed = list(self.session.document.volume_layers)
        for layer in self._followed:
            layer.events.transform.connect(self._tell)
        self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit()


def _of(layers: list[VolumeLayer], layer_id: str) -> VolumeLayer | None:
    return next((one for one in layers if one.id == layer_id), None)


def _apart(layer: VolumeLayer) -> bool:
    """Pictures in colour and differences are no images to align."""
    return layer.volumes[0].color or layer.is_difference
