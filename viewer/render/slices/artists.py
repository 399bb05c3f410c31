"""How each kind of layer is drawn: the only place where a layer kind meets VTK."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any, Protocol

from viewer.data.volume import Volume
from viewer.render.planes.plane import Pose
from viewer.render.slices.image_artist import VolumeSliceArtist
from viewer.render.slices.label_artist import LabelSliceArtist
from viewer.render.volumes.image_artist_3d import VolumeSpaceArtist
from viewer.render.volumes.volume_presets import Preset
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer


class SliceArtist(Protocol):
    """Draws one layer in one slice view. `prop` is a vtkImageSlice. dress: the layer whose look it has."""

    prop: Any
    dress: Any

    def look(self, pose: Pose, timepoint: int, *, overlay: bool) -> Hashable:
        """Everything the picture depends on: an equal look needs no new drawing."""

    def show(self, pose: Pose, timepoint: int, *, overlay: bool) -> None:
        """Bring the prop to the look. overlay: another layer lies below."""

    def touched(self) -> None:
        """The layer's array was written to in place."""


class SpaceArtist(Protocol):
    """Draws one layer in the 3-D view. `prop` is a vtkProp3D; `solid` what is drawn, None until it is prepared."""

    prop: Any
    solid: Volume | None

    @property
    def reduced(self) -> bool:
        """True where fewer voxels are drawn than were read."""

    def ready(self, timepoint: int) -> bool:
        """True where nothing is left to prepare for a time point."""

    def prepare(self, timepoint: int) -> Iterator[None]:
        """Make what is drawn, a step of about a millisecond at a time."""

    def show(self, preset: Preset) -> None:
        """Bring the prop to a preset's look."""


# What draws a kind of layer in a slice view, and in the 3-D view.
artist_of: dict[type[Layer], Callable[[Any], SliceArtist]] = {
    VolumeLayer: VolumeSliceArtist,
    SegmentationLayer: LabelSliceArtist,
}
space_artist_of: dict[type[Layer], Callable[..., SpaceArtist]] = {VolumeLayer: VolumeSpaceArtist}
