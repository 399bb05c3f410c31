"""What draws each kind of layer in the 3-D view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from viewer.render.volumes.image_artist_3d import VolumeSpaceArtist
from viewer.scene.layer import Layer, VolumeLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from viewer.data.volume import Volume
    from viewer.render.volumes.volume_presets import Preset


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


space_artist_of: dict[type[Layer], Callable[..., SpaceArtist]] = {VolumeLayer: VolumeSpaceArtist}
