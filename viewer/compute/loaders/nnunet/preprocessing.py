"""Images as nnU-Net v2 wants them: transposed, cropped to what is not 0, normalised, respaced, padded to a patch.

As its DefaultPreprocessor, default_resampling and export_prediction describe it (Isensee et al., Nature Methods 2021,
and the sources of nnunetv2, Apache-2.0): cubic for images (slice by slice, and the nearest slice across, where voxels
are more than three times as long as wide), linear for results. The array's axes are those of the model's reader.
"""

from __future__ import annotations

import math
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
from viewer.compute.loaders.preprocessing.value_stack import NormalizedStack, ValueStack, resized, value_box
from viewer.compute.memory_check import check_memory
from viewer.compute.progress import Progress, Refusal
from viewer.data.box import Box, Shape, box_shape, dilate_box

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

    def stack(self, stack: ValueStack, part: Box, mask: NDArray[np.bool_] | None) -> NormalizedStack:
        """The normalised values of a box, slice by slice; all at once where they depend on one another."""
        first, last = part[0].start, part[0].stop
        if self.name in BY_VALUE:
            return NormalizedStack(box_shape(part), lambda k: self._normalized(stack[first + k, part], None))
        whole = self._normalized(np.stack([stack[k, part] for k in range(first, last)]), mask)
        return NormalizedStack(box_shape(part), lambda k: whole[k])

    def _normalized(self, values: Floats32, mask: NDArray[np.bool_] | None) -> Floats32:
        self(values, mask)
        return values

    def __call__(self, values: Floats32, mask: NDArray[np.bool_] | None) -> None:
        """Normalise values [k, j, i] in place. mask: [k, j, i], what is not 0; where the scheme is masked."""
        steps: list[Step] = []
        if self.name == CT:
            steps = self._ct()
        elif self.name == "RescaleTo01Normalization":
            values -= values.min()
            values /= max(float(values.max()), 1e-8)
        elif self.name == "ZScoreNormalization" and self.masked:
            assert mask is not None
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
BY_VALUE = (CT, "RGBTo01Normalization", "NoNormalization")  # what becomes of a voxel depends on no other
AIR = -500.0  # HU: below is air, also that of a noisy image; skin and a table's plates are above
MARGIN = 15.0  # mm of air that are left around what is denser


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
    is padded with 0 to the size of one at least. without_air: of a CT only the box around what is denser
    than AIR is seen, with a MARGIN; what lies outside is background.
    """

    axes: str
    transpose: tuple[int, int, int]
    spacing: tuple[float, float, float]
    schemes: tuple[Scheme, ...]
    data: Resampling
    result: Resampling
    patch: Shape
    decision: Decision
    without_air: bool = False

    def __call__(self, volumes: Sequence[Volume], job: Progress) -> AlignedImages:
        """The images as the model wants them, and the way back. Raises Refusal where memory is short."""
        if any(not volume.grid.matches(volumes[0].grid) for volume in volumes[1:]):
            raise Refusal(
                "nnU-Net takes images of one grid only: resample the others to the first one's, then run it again."
            )
        turn = reorientation(self.axes, volumes[0].grid).transposed(self.transpose)
        stacks = [ValueStack(volume, turn, job.heed) for volume in volumes]
        spacing = [float(mm) for mm in volumes[0].grid.spacing[list(turn.order)]]
        whole = stacks[0].shape
        part = value_box(stacks, lambda values: values != 0)
        if self.without_air and all(scheme.name == CT for scheme in self.schemes):
            margin = [math.ceil(MARGIN / mm) for mm in spacing]
            part = dilate_box(value_box(stacks, lambda values: values > AIR), margin, whole)
        cropped = box_shape(part)
        shape = tuple(round(mm / to * n) for mm, to, n in zip(spacing, self.spacing, cropped, strict=True))
        if min(shape) < 1 or np.prod(np.array(shape, float)) > LARGEST:
            raise Refusal(f"at the model's voxel size the image would have {' × '.join(map(str, shape))} voxels.")
        check_memory(int(np.prod(shape)) * len(stacks) * 12, "the image at the model's voxel size", job.device)
        axis = self.data.long_axis(spacing, self.spacing)
        mask = _filled(stacks, part) if any(scheme.masked for scheme in self.schemes) else None
        array = np.stack(
            [
                resized(scheme.stack(stack, part, mask), shape, self.data.order, axis)
                for stack, scheme in zip(stacks, self.schemes, strict=True)
            ]
        )
        padded, before = one_patch(array, self.patch)
        axis = self.result.long_axis(self.spacing, spacing)
        coordinates = tuple(
            np.clip((np.arange(n) + 0.5) * (m / n) - 0.5, 0, m - 1) + first
            for n, m, first in zip(cropped, shape, before, strict=True)
        )
        nearest = tuple(place == axis and self.result.across == 0 for place in range(3))
        notes = (*self._notes(cropped, shape), *reorientation_notes(self.axes, volumes[0].grid))
        return AlignedImages(padded, notes, turn, whole, part, coordinates, self.decision, nearest, job.heed)

    def _notes(self, given: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[str, ...]:
        if given == wanted:
            return ()
        return (f"resampled to {' × '.join(f'{mm:.3g}' for mm in self.spacing)} mm for the model",)


def _filled(stacks: Sequence[ValueStack], part: Box) -> NDArray[np.bool_]:
    """What is not 0 in any channel within a box, holes filled."""
    from scipy.ndimage import binary_fill_holes

    mask = np.stack([np.any([stack[k, part] != 0 for stack in stacks], 0) for k in range(part[0].start, part[0].stop)])
    return np.asarray(binary_fill_holes(mask))
