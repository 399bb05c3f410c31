"""Images as nnU-Net v2 wants them: transposed, cropped to what is not 0, normalised, respaced, padded to a patch.

As its DefaultPreprocessor, default_resampling and export_prediction describe it (Isensee et al., Nature Methods 2021,
and the sources of nnunetv2, Apache-2.0): cubic for images (slice by slice, and the nearest slice across, where voxels
are more than three times as long as wide), linear for results. The array's axes are those of the model's reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.loaders.preprocessing.intensity import Clip, Step, ZScore
from viewer.compute.loaders.preprocessing.orientation import (
    LARGEST,
    AlignedImages,
    one_patch,
    reorientation,
    reorientation_notes,
)
from viewer.compute.loaders.preprocessing.resize import linear_weights
from viewer.compute.memory_check import check_memory
from viewer.compute.progress import Progress, Refusal
from viewer.data.box import Box, Shape, mask_box, whole_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.compute.loaders.external_model import Decision
    from viewer.data.arrays import Floats32
    from viewer.data.volume import Volume

ANISOTROPIC = 3.0
CT = "CTNormalization"


@dataclass(frozen=True)
class Scheme:
    """How one channel is normalised.

    name: of nnU-Net's class. masked: within what is not 0. facts: of the training data: mean, std, percentile_00_5,
    percentile_99_5. Raises KeyError and ValueError where those that it takes are not there.
    """

    name: str
    masked: bool
    facts: dict[str, float]

    def __post_init__(self) -> None:
        if self.name == CT:
            self._ct()

    @property
    def text(self) -> str:
        """What it does, in a few words."""
        return self.name.removesuffix("Normalization")

    def __call__(self, values: Floats32, mask: NDArray[np.bool_]) -> None:
        """Normalise values [k, j, i] in place. mask: [k, j, i], what is not 0."""
        steps: list[Step] = []
        if self.name == CT:
            steps = self._ct()
        elif self.name == "RescaleTo01Normalization":
            values -= values.min()
            values /= max(float(values.max()), 1e-8)
        elif self.name == "ZScoreNormalization" and self.masked:
            inside = values[mask]
            ZScore()(inside)
            values[mask] = inside
        elif self.name == "ZScoreNormalization":
            steps = [ZScore()]
        elif self.name == "RGBTo01Normalization":
            values /= 255
        for step in steps:
            step(values)

    def _ct(self) -> list[Step]:
        """Raises KeyError and ValueError where the facts that it takes are not there."""
        facts = self.facts
        clip = Clip(facts["percentile_00_5"], facts["percentile_99_5"])
        return [clip, ZScore(facts["mean"], max(facts["std"], 1e-8))]


SCHEMES = (CT, "ZScoreNormalization", "RescaleTo01Normalization", "RGBTo01Normalization",
           "NoNormalization")  # fmt: skip


@dataclass(frozen=True)
class Resampling:
    """How one array comes to another spacing. order: of the splines.

    across: the order along the long axis, where that is treated by itself (separate: always, never, or None: where
    voxels are anisotropic).
    """

    order: int
    across: int
    separate: bool | None

    def long_axis(self, given: Sequence[float], wanted: Sequence[float]) -> int | None:
        """The axis that is treated by itself when spacing `given` becomes `wanted`; None where none is."""
        for spacing in (given, wanted):
            if self.separate is None and max(spacing) / min(spacing) <= ANISOTROPIC:
                continue
            if self.separate is False:
                return None
            longest = [axis for axis, mm in enumerate(spacing) if mm == max(spacing)]
            return longest[0] if len(longest) == 1 else None
        return None


@dataclass(frozen=True)
class Preparation:
    """How a model wants images. axes: that they are turned to first, as in ExternalModel. transpose: of those.

    spacing: mm along the transposed axes. data, result: how images, and what comes out, are resampled. patch: the image
    is padded with 0 to the size of one at least.
    """

    axes: str
    transpose: tuple[int, int, int]
    spacing: tuple[float, float, float]
    schemes: tuple[Scheme, ...]
    data: Resampling
    result: Resampling
    patch: Shape
    decision: Decision

    def __call__(self, volumes: Sequence[Volume], job: Progress) -> AlignedImages:
        """The images as the model wants them, and the way back. Raises Refusal where memory is short."""
        if any(not volume.grid.matches(volumes[0].grid) for volume in volumes[1:]):
            raise Refusal(
                "nnU-Net takes images of one grid only: resample the others to the first one's, then run it again."
            )
        turn = reorientation(self.axes, volumes[0].grid).transposed(self.transpose)
        array = np.stack([turn.apply(volume.values()) for volume in volumes])
        spacing = [float(mm) for mm in volumes[0].grid.spacing[list(turn.order)]]
        whole = array.shape[1:]
        mask, part = _not_zero(array)
        array = array[:, *part]
        for channel, scheme in zip(array, self.schemes, strict=True):
            job.progress(0.0)
            scheme(channel, mask)
        cropped = array.shape[1:]
        shape = tuple(round(mm / to * n) for mm, to, n in zip(spacing, self.spacing, cropped, strict=True))
        if min(shape) < 1 or np.prod(np.array(shape, float)) > LARGEST:
            raise Refusal(f"at the model's voxel size the image would have {' × '.join(map(str, shape))} voxels.")
        check_memory(int(np.prod(shape)) * len(array) * 12, "the image at the model's voxel size", job.device)
        axis = self.data.long_axis(spacing, self.spacing)
        array = np.stack([_resized(channel, shape, self.data, axis, job) for channel in array])
        padded, before = one_patch(array, self.patch)
        axis = self.result.long_axis(self.spacing, spacing)
        coordinates = tuple(
            np.clip((np.arange(n) + 0.5) * (m / n) - 0.5, 0, m - 1) + first
            for n, m, first in zip(cropped, shape, before, strict=True)
        )
        nearest = tuple(place == axis and self.result.across == 0 for place in range(3))
        notes = (*self._notes(cropped, shape), *reorientation_notes(self.axes, volumes[0].grid))
        return AlignedImages(padded, notes, turn, whole, part, coordinates, self.decision, nearest)

    def _notes(self, given: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[str, ...]:
        if given == wanted:
            return ()
        return (f"resampled to {' × '.join(f'{mm:.3g}' for mm in self.spacing)} mm for the model",)


def _not_zero(array: Floats32) -> tuple[NDArray[np.bool_], Box]:
    """What is not 0 in any channel, holes filled, within its box; and the box. All of an image that is 0."""
    from scipy.ndimage import binary_fill_holes

    mask = binary_fill_holes((array != 0).any(0))
    box = mask_box(mask) or whole_box(mask.shape)
    return mask[box], box


def _resized(values: Floats32, shape: tuple[int, ...], how: Resampling, axis: int | None, job: Progress) -> Floats32:
    """To another shape; along `axis` by itself, where there is one."""
    from skimage.transform import resize

    if values.shape == shape:
        return values
    options = {"order": how.order, "mode": "edge", "anti_aliasing": False}
    job.progress(0.0)
    if axis is None:
        return np.asarray(resize(values.astype(float), shape, **options), np.float32)
    plane = tuple(n for place, n in enumerate(shape) if place != axis)
    slices = [resize(one, plane, **options) for one in np.moveaxis(values, axis, 0).astype(float)]
    stack = np.moveaxis(np.stack(slices), 0, axis).astype(np.float32)
    places = (np.arange(shape[axis]) + 0.5) * (stack.shape[axis] / shape[axis]) - 0.5
    low, _, _ = linear_weights(places, stack.shape[axis], nearest=True)
    return stack.take(low, axis)
