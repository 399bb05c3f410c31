"""How each kind of layer is drawn: the only place where a layer kind meets VTK."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from viewer.render.plane import Pose
from viewer.render.volume_slice_artist import VolumeSliceArtist
from viewer.scene.layer import Layer, VolumeLayer


class SliceArtist(Protocol):
    """Draws one layer in one slice view. `prop` is a vtkImageSlice."""

    prop: Any

    def look(self, pose: Pose, timepoint: int, *, overlay: bool) -> Hashable:
        """Everything the picture depends on: an equal look needs no new drawing."""

    def show(self, pose: Pose, timepoint: int, *, overlay: bool) -> None:
        """Bring the prop to the look. overlay: another layer lies below."""

    def touched(self) -> None:
        """The layer's array was written to in place."""


@dataclass(frozen=True)
class Artist:
    """What draws a kind of layer in a slice view."""

    in_slice: Callable[[Any], SliceArtist]


artist_of: dict[type[Layer], Artist] = {VolumeLayer: Artist(in_slice=VolumeSliceArtist)}
