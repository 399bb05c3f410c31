"""What draws each kind of layer in a slice view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from viewer.render.slices.image_artist import VolumeSliceArtist
from viewer.render.slices.label_artist import LabelSliceArtist
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from viewer.render.planes.plane import Pose


class SliceArtist(Protocol):
    """Draws one layer in one slice view. `prop` is a vtkImageSlice. appearance: whose window and colours it has."""

    prop: Any
    appearance: Any

    def look(self, pose: Pose, timepoint: int, *, overlay: bool) -> Hashable:
        """Everything the picture depends on: an equal look needs no new drawing."""

    def show(self, pose: Pose, timepoint: int, *, overlay: bool) -> None:
        """Bring the prop to the look. overlay: another layer lies below."""

    def touched(self) -> None:
        """The layer's array was written to in place."""


artist_of: dict[type[Layer], Callable[[Any], SliceArtist]] = {
    VolumeLayer: VolumeSliceArtist,
    SegmentationLayer: LabelSliceArtist,
}
