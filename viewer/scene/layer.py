"""What the document shows: values with a name and a look.

What would be in an export (the values, the name, the review state) changes by an Edit only; the look (visible,
opacity, window, colour map) is set directly. Every field tells its change through `events` (psygnal); an equal value
tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal
from uuid import uuid4

import numpy as np
from psygnal import Signal, SignalGroupDescriptor

from viewer.data.annotations.doubt import ENTROPY
from viewer.data.annotations.finding import SALIENCY
from viewer.data.annotations.region import Point
from viewer.data.box import whole_box
from viewer.data.grid import Grid
from viewer.data.printable_text import keep_printable
from viewer.data.provenance import is_learned
from viewer.data.study import Image, Source
from viewer.data.transform import Transform
from viewer.data.volume import Volume, Window

Review = Literal["source", "unreviewed", "accepted", "rejected"]

# What a reader sees of a result that a plugin made, by review state and by whether a trained model made it.
MARKS: dict[tuple[Review, bool], str] = {
    ("unreviewed", True): "AI, not reviewed",
    ("unreviewed", False): "processed, not reviewed",
    ("accepted", True): "AI-altered, accepted",
    ("accepted", False): "processed, accepted",
    ("rejected", True): "AI, rejected",
    ("rejected", False): "processed, rejected",
}


@dataclass(eq=False)
class Layer:
    """What every kind of layer shares. opacity: 0…1."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor(
        equality_operators={name: lambda a, b: a is b for name in ("volumes", "segmentation", "transform")}
    )
    touched: ClassVar[Signal] = Signal(int, object)  # time point or label map, Box: written in place there

    name: str = ""
    visible: bool = True
    opacity: float = 1.0
    review: Review = "source"
    id: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        keep_printable(self, "name")

    @property
    def bytes(self) -> int:
        """Size of its arrays in bytes."""
        return 0


@dataclass(eq=False)
class PlacedLayer(Layer):
    """A layer of voxels.

    image: what it was loaded from, if any. made_from: id of the layer that it was made from; "" where there is none.
    transform: takes places of the world that all layers share to places of the voxels' own space, LPS mm; None where
    the two are the same. Views apply it while they draw; the voxels stay as they are.
    """

    image: Image | None = None
    made_from: str = ""
    transform: Transform | None = None

    @property
    def grid(self) -> Grid:
        """Where the voxels lie in their own space."""
        raise NotImplementedError

    @property
    def other_placement(self) -> Image | None:
        """The image by the other placement of its NIfTI file; None where that has none."""
        return self.image.other if self.image else None

    @property
    def world_grid(self) -> Grid:
        """Where the voxels lie in the world: by the transform's matrix, its displacement field left out."""
        return self.transform.placed(self.grid) if self.transform else self.grid

    def own_place(self, world: Point) -> Point:
        """The place in the voxels' own space (as their file tells) of a place of the world, LPS mm."""
        x, y, z = (float(mm) for mm in self.transform(world)) if self.transform else world
        return x, y, z

    def world_place(self, own: Point) -> Point:
        """The place in the world of a place in the voxels' own space, LPS mm."""
        x, y, z = (float(mm) for mm in self.transform.inverse_point(own)) if self.transform else own
        return x, y, z

    @property
    def badges(self) -> tuple[str, ...]:
        """The marks that a view and an export must carry, the review mark first."""
        raise NotImplementedError

    def marks(self, *, learned: bool) -> tuple[str, ...]:
        """What a view must say of its review and of the registration that moves it, the review mark first.

        learned: whether a trained model had a part in it.
        """
        mark = MARKS.get((self.review, learned))
        return (*((mark,) if mark else ()), *self.alignment)

    @property
    def alignment(self) -> tuple[str, ...]:
        """What a reader must know of a registration that moves it."""
        if self.transform is None:
            return ()
        return (f"registered, {self.transform.sign_off.verdict if self.transform.sign_off else 'not reviewed'}",)


@dataclass(eq=False)
class VolumeLayer(PlacedLayer):
    """An image: one Volume per time point, all on one grid.

    window: in the volume's unit. colormap: a name of viewer.render.colormaps. loaded: the fraction of the pixels that
    have arrived. made_at: of a result, the time point of the layer that it was computed from.
    """

    volumes: tuple[Volume, ...] = ()
    window: Window = field(default_factory=lambda: Window(0.5, 1.0))
    colormap: str = "grey"
    loaded: float = 1.0
    made_at: int = 0

    def volume(self, timepoint: int = 0) -> Volume:
        """The volume at a time point; the last one where the layer has fewer."""
        return self.volumes[min(timepoint, len(self.volumes) - 1)]

    @property
    def grid(self) -> Grid:
        """Where the voxels of every time point lie in their own space."""
        return self.volumes[0].grid

    def in_world(self, timepoint: int = 0) -> Volume | None:
        """The voxels where the transform puts them; None where a displacement field bends them: no grid holds them."""
        if self.transform is None:
            return self.volume(timepoint)
        return None if self.transform.grid else replace(self.volume(timepoint), grid=self.world_grid)

    def value_at(self, world: Point, timepoint: int = 0) -> float | tuple[int, ...] | None:
        """The physical value of the voxel that is at a place of the world; RGB for colour; None outside."""
        return self.volume(timepoint).value_at(self.own_place(world))

    def touch(self) -> None:
        """Tell that every array was written."""
        for timepoint in range(len(self.volumes)):
            self.touched.emit(timepoint, whole_box(self.grid.shape))

    @property
    def source(self) -> Source:
        """The identity of its first volume."""
        return self.volumes[0].source

    @property
    def is_difference(self) -> bool:
        """True for what a plugin changed (result minus input): it has no surface to show in 3-D."""
        provenance = self.volumes[0].provenance
        return provenance is not None and provenance.plugin == "difference"

    @property
    def is_doubt(self) -> bool:
        """Whether it is a doubt map: entropy of a model's answer, in bits."""
        return self.volumes[0].unit == ENTROPY

    @property
    def is_heat_map(self) -> bool:
        """Whether it shows what a model looked at: no probability, and no picture of the patient."""
        return self.volumes[0].unit == SALIENCY

    @property
    def badges(self) -> tuple[str, ...]:
        """The marks that a view and an export must carry, the review mark first."""
        return (*self.marks(learned=is_learned(self.volumes[0].provenance)), *self.volumes[0].badges)

    @property
    def bytes(self) -> int:
        """Size of the arrays of all time points in bytes."""
        return sum(volume.array.nbytes for volume in self.volumes)


def volume_layer(
    volumes: tuple[Volume, ...], *, image: Image | None = None, review: Review = "source", colormap: str = "grey"
) -> VolumeLayer:
    """A layer with the first window its volumes know, or an automatic one."""
    first = volumes[0]
    return VolumeLayer(
        name=first.name,
        volumes=volumes,
        window=first.default_window,
        colormap=colormap,
        image=image,
        review=review,
    )


def difference_layer(volume: Volume) -> VolumeLayer:
    """A difference image (result minus input): hidden at first, windowed evenly about zero."""
    sample = np.abs(volume.array[:: max(1, volume.array.shape[0] // 32)])
    reach = float(np.percentile(sample, 99.5)) or 1.0
    window = Window(0.0, 2 * reach, "even about zero")
    return VolumeLayer(
        name=volume.name,
        visible=False,
        review="unreviewed",
        volumes=(volume,),
        window=window,
        colormap="difference",
    )


def doubt_layer(volume: Volume) -> VolumeLayer:
    """A doubt map over the image: hidden at first; clear where the model is certain, brightest at even odds."""
    return VolumeLayer(
        name=volume.name,
        visible=False,
        opacity=0.7,
        review="unreviewed",
        volumes=(volume,),
        window=Window(0.5, 1.0, "certain to even odds"),
        colormap="doubt",
    )


def heat_map_layer(volume: Volume) -> VolumeLayer:
    """A heat map over the image: hidden until it is asked for; clear below the window, which begins at a threshold."""
    top = float(volume.array.max()) * volume.slope + volume.intercept or 1.0
    return VolumeLayer(
        name=volume.name,
        visible=False,
        opacity=0.5,
        review="unreviewed",
        volumes=(volume,),
        window=Window(0.65 * top, 0.7 * top, "saliency"),
        colormap="inferno",
    )


def exported(layer: VolumeLayer) -> tuple[Volume, ...]:
    """The volumes as they are saved: under the layer's name and with the marks that a reader sees.

    But for the mark of a registration: the voxels lie where their file put them, whatever moves the image.
    """
    badges = tuple(badge for badge in layer.badges if badge not in layer.alignment)
    return tuple(replace(volume, name=layer.name, badges=badges) for volume in layer.volumes)
