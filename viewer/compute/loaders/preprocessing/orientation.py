"""Images for a model whose grid runs along the image's own axes: turned, respaced, cropped, and all the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.images.resample import resample
from viewer.compute.loaders.preprocessing.label_stream import LabelStream, LinearHead
from viewer.compute.loaders.preprocessing.resize import Coordinates, SliceInterpolator, interpolate_axis, is_identity
from viewer.compute.memory_check import check_memory
from viewer.compute.progress import Progress, Refusal
from viewer.data.box import Box, Shape, whole_box

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from viewer.compute.loaders.external_model import Decision
    from viewer.compute.loaders.preprocessing.intensity import Step
    from viewer.data.arrays import Floats32
    from viewer.data.grid import Grid
    from viewer.data.volume import Volume

WORLD = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}  # axis and sign in LPS
STORED = {"kji": (0, 1, 2), "ijk": (2, 1, 0)}  # axes that are the stored image's own, and their order
LARGEST = 2**31  # voxels
SPACING = (1e-3, 1e3)  # mm, of any model's voxels


@dataclass(frozen=True)
class Reorientation:
    """Another order and direction of an image's axes. order: of the array's; flipped: the new ones that run back."""

    order: tuple[int, int, int] = (0, 1, 2)
    flipped: tuple[int, ...] = ()

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array [k, j, i] along the model's axes; a view."""
        return np.flip(array.transpose(self.order), self.flipped)

    def invert(self, array: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `apply`: an array along the model's axes as [k, j, i]."""
        return np.ascontiguousarray(np.flip(array, self.flipped).transpose(np.argsort(self.order)))

    def transposed(self, transpose: tuple[int, int, int]) -> Reorientation:
        """The same followed by another order of the new axes."""
        first, second, third = (self.order[axis] for axis in transpose)
        return Reorientation(
            (first, second, third), tuple(n for n, axis in enumerate(transpose) if axis in self.flipped)
        )


def spacing_of(entry: Any) -> tuple[float, float, float]:
    """Three sizes of voxels in mm, as a file tells them. Raises ValueError and TypeError where they are none."""
    k, j, i = (float(mm) for mm in entry)
    if not all(SPACING[0] <= mm <= SPACING[1] for mm in (k, j, i)):
        raise ValueError(f"voxels of {k} × {j} × {i} mm")
    return k, j, i


def reorientation(axes: str, grid: Grid) -> Reorientation:
    """What turns the axes of a grid to those of a model. axes: as in ExternalModel.

    A grid that is not placed in the patient keeps its own: i, j, k stand for x, y, z.
    """
    if axes in STORED:
        return Reorientation(STORED[axes])
    order, flipped = [], []
    runs = _runs(grid) if grid.placed else {world: (2 - world, 0) for world in range(3)}
    for place, (world, sign) in enumerate(WORLD[letter] for letter in axes):
        axis, direction = runs[world]
        order.append(axis)
        if direction * sign < 0:
            flipped.append(place)
    return Reorientation((order[0], order[1], order[2]), tuple(flipped))


def _runs(grid: Grid) -> dict[int, tuple[int, float]]:
    """The array axis that stands for x, y and z, and a number whose sign tells which way it runs.

    As nibabel's io_orientation decides, and so MONAI and nnU-Net do: of the nearest rotation, the axis that runs most
    along a world axis first.
    """
    left, _, right = np.linalg.svd(grid.direction)
    nearest = left @ right  # columns are i, j, k
    found = {}
    for column in np.argsort(np.min(-(nearest**2), axis=0), kind="stable"):
        world = int(np.argmax(np.abs(nearest[:, column])))
        found[world] = (2 - int(column), float(nearest[world, column]))
        nearest[world] = 0
    return found


def reorientation_notes(axes: str, grid: Grid) -> tuple[str, ...]:
    """What is to be said of an image that `reorientation` turned."""
    if axes not in STORED and not grid.placed:
        return ("no side is known: the model sees the image as it is stored",)
    return ("axes turned for the model",) if reorientation(axes, grid) != Reorientation() else ()


class AlignedImages:
    """PreparedImages along the image's own axes. whole: shape of the turned image.

    part: where in that the result lies, background elsewhere. coordinates: by axis, the voxels of that part on the grid
    of `array`; nearest: axes along which nothing is mixed. decision: None for a model that makes an image. heed: called
    every few slices; it may raise Cancelled.
    """

    def __init__(
        self,
        array: Floats32,
        notes: tuple[str, ...],
        turn: Reorientation,
        whole: tuple[int, ...],
        part: tuple[slice, ...],
        coordinates: tuple[Coordinates, ...],
        decision: Decision | None,
        nearest: tuple[bool, ...] = (False, False, False),
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        self.array, self.notes = array, notes
        self._turn, self._whole, self._part, self._decision = turn, whole, part, decision
        places = (array.shape[1:], coordinates, nearest)
        greatest = decision is not None and not decision.values
        self._stream = (
            LabelStream(*places, self._put, heed) if greatest else SliceInterpolator(*places, self._put_channels)
        )
        self._values: NDArray[Any] | None = None

    def use_head(self, head: LinearHead) -> None:
        """What is taken are features that this layer makes channels of. Raises TypeError where these do not compete."""
        if not isinstance(self._stream, LabelStream):
            raise TypeError("only labels by the greatest channel are found from features")
        self._stream.head = head

    def take(self, slices: slice, slab: Floats32) -> None:
        """Take finished slices [c, k, j, i] of the result, in order; they come back to the turned image's grid."""
        self._stream.take(slices, slab)

    def labels(self) -> NDArray[Any]:
        """The label map [k, j, i] on the image's own grid, in the smallest type that holds it."""
        return smallest_type(self._result())

    def image(self) -> Floats32:
        """The result [k, j, i] on the image's own grid."""
        return self._result()

    def _result(self) -> NDArray[Any]:
        assert self._values is not None  # every slice was taken
        return self._turn.invert(self._values)

    def _put_channels(self, slices: slice, slab: Floats32) -> None:
        self._put(slices, slab[0] if self._decision is None else self._decision(slab))

    def _put(self, slices: slice, values: NDArray[Any]) -> None:
        if self._values is None:
            self._values = np.zeros(self._whole, np.uint8 if values.dtype.kind == "u" else values.dtype)
        if self._values.dtype == np.uint8 and values.max(initial=0) > np.iinfo(np.uint8).max:
            self._values = self._values.astype(values.dtype)
        k, j, i = self._part
        self._values[k.start + slices.start : k.start + slices.stop, j, i] = values


def smallest_type(labels: NDArray[Any]) -> NDArray[Any]:
    """A label map in bytes where they hold its values."""
    return labels.astype(np.uint8, copy=False) if labels.max() < 256 else labels


@dataclass(frozen=True)
class Crop:
    """A crop to the box around the voxels above `above` (after what was done before), grown by `margin` voxels."""

    above: float = 0.0
    margin: int = 0


@dataclass(frozen=True)
class Preparation:
    """How a model wants images. axes, spacing: as in ExternalModel.

    before, after: what is done to values before and after respacing. The grid begins at the first voxel's centre, as
    that of MONAI's Spacing does. patch, lap: as for whole_patches.
    """

    axes: str = "kji"
    spacing: tuple[float, ...] | None = None
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    crop: Crop | None = None
    decision: Decision | None = None
    patch: Shape = (96, 96, 96)
    lap: int = 32

    def __call__(self, volumes: Sequence[Volume], job: Progress) -> AlignedImages:
        """The images as the model wants them, and the way back.

        Raises Refusal where the image is too large on the model's grid.
        """
        turn = reorientation(self.axes, volumes[0].grid)
        spacing = volumes[0].grid.spacing[list(turn.order)]
        wanted = np.asarray(self.spacing or spacing)
        lengths = np.array(volumes[0].array.shape)[list(turn.order)]
        shape = np.round((lengths - 1) * spacing / wanted + 1).astype(int)
        _check_size(shape, len(volumes), job)
        there = tuple(np.arange(n) * step for n, step in zip(shape, wanted / spacing, strict=True))
        back = tuple(np.arange(n) * step for n, step in zip(lengths, spacing / wanted, strict=True))
        array = np.stack([turn.apply(values) for values in _values(volumes)])
        self._do(self.before, array)
        for axis, places in enumerate(there, 1):
            job.progress(0.0)
            array = interpolate_axis(array, axis, places)
        self._do(self.after, array)
        box = foreground(array, self.crop)
        parts = tuple(map(_within, back, box, shape))
        array, before = whole_patches(array[:, *box], self.patch, self.lap)
        shifts = [first - edge.start for first, edge in zip(before, box, strict=True)]
        ends = [edge.stop - 1 for edge in box]  # what lies beyond has the value of the end, not of the padding
        inner = tuple(
            np.minimum(places[part], end) + shift
            for places, part, end, shift in zip(back, parts, ends, shifts, strict=True)
        )
        notes = _notes(self.axes, all(map(is_identity, there, lengths)), wanted, volumes)
        return AlignedImages(array, notes, turn, tuple(map(int, lengths)), parts, inner, self.decision, heed=job.heed)

    @staticmethod
    def _do(steps: tuple[Step, ...], array: Floats32) -> None:
        for step in steps:
            step(array)


def whole_patches(array: Floats32, patch: Shape, lap: int) -> tuple[Floats32, tuple[int, ...]]:
    """[c, k, j, i] with zeros around up to one patch, then behind up to whole ones that overlap by `lap` voxels.

    Networks were trained on patches of one size, and some see another one differently. Returns how many are in front.
    """
    array, before = one_patch(array, patch)
    lengths = zip(array.shape[1:], patch, strict=True)
    behind = [-(-(length - lap) // (side - lap)) * (side - lap) + lap - length for length, side in lengths]
    return np.pad(array, [(0, 0), *((0, n) for n in behind)]), before


def one_patch(array: Floats32, patch: Shape) -> tuple[Floats32, tuple[int, ...]]:
    """[c, k, j, i] with zeros around up to the size of a patch; and how many are in front."""
    missing = [max(0, side - length) for length, side in zip(array.shape[1:], patch, strict=True)]
    before = tuple(n // 2 for n in missing)
    return np.pad(array, [(0, 0), *((n // 2, n - n // 2) for n in missing)]), before


def _within(places: Coordinates, edge: slice, length: int) -> slice:
    """The places, which run upwards, that lie in a part of an axis of `length` voxels; one at least.

    Those beyond an end of the axis belong to it.
    """
    low = edge.start - 0.5 if edge.start else -np.inf
    high = edge.stop - 0.5 if edge.stop < length else np.inf
    start, stop = (int(n) for n in np.searchsorted(places, (low, high)))
    start = min(start, len(places) - 1)
    return slice(start, max(stop, start + 1))


def _check_size(shape: NDArray[Any], channels: int, job: Progress) -> None:
    voxels = int(np.prod(shape.astype(float)))
    if voxels > LARGEST:
        raise Refusal(f"at the model's voxel size the image would have {' × '.join(map(str, shape))} voxels: crop it.")
    check_memory(voxels * channels * 8, "the image at the model's voxel size", job.device)


def _values(volumes: Sequence[Volume]) -> list[Floats32]:
    """Physical values, all on the first one's grid."""
    first = volumes[0]
    found = [first.values()]
    for volume in volumes[1:]:
        values = volume.with_values(volume.values())
        found.append(values.array if volume.grid.matches(first.grid) else resample(values, first.grid).array)
    return found


def foreground(array: Floats32, crop: Crop | None) -> Box:
    """The part of [c, k, j, i] that a crop keeps: all of it where there is none, or nothing to find."""
    whole = whole_box(array.shape[1:])
    if crop is None:
        return whole
    inside: NDArray[np.bool_] = np.asarray((array > crop.above).any(0))
    edges = []
    for axis, length in enumerate(inside.shape):
        found = np.flatnonzero(np.moveaxis(inside, axis, 0).reshape(length, -1).any(1))
        if not found.size:
            return whole
        edges.append(slice(max(0, int(found[0]) - crop.margin), min(length, int(found[-1]) + 1 + crop.margin)))
    return edges[0], edges[1], edges[2]


def _notes(axes: str, kept: bool, spacing: NDArray[Any], volumes: Sequence[Volume]) -> tuple[str, ...]:
    notes = []
    if not kept:
        notes.append(f"resampled to {' × '.join(f'{mm:.3g}' for mm in spacing)} mm for the model")
    notes += reorientation_notes(axes, volumes[0].grid)
    if any(not volume.grid.matches(volumes[0].grid) for volume in volumes[1:]):
        notes.append("resampled to the first image's grid")
    return tuple(notes)
