"""The probability of a lesion in a FLAIR image: the brain is found first, then the network runs over it at 1 mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from plugins.segment_brain.segmentation import FoundBrain
from viewer.api import Job, Net, Refusal, Volume, resample, tiles

from .brain_image import brain_places, inputs, relative_values
from .network import MULTIPLE

Floats = NDArray[np.float32]
Box = tuple[slice, slice, slice]
TILE, HALO = 96, 16  # voxels of 1 mm
LEAST_VENTRICLES = 200  # voxels of 1 mm that must be seen to tell the contrast
DARK = 0.7  # of the white matter's value at most has the fluid of the ventricles in FLAIR
LIKELY = 0.5  # probability of a voxel of a lesion
GREY = 0.97  # of it at least has the cortex: it is darker in T1
WHITE, CORTEX, VENTRICLES = (2, 41), (3, 42), (4, 43)  # FreeSurfer's numbers


@dataclass(frozen=True, eq=False)
class LesionMap:
    """probability: of a lesion [k, j, i], 0…1, on the cube of `brain`, voxels of 1 mm."""

    brain: FoundBrain
    probability: Floats

    def on_image(self) -> Floats:
        """On the image's own grid [k, j, i]; 0 outside the cube."""
        placed = resample(Volume(self.probability, self.brain.cube), self.brain.image.grid, outside=0.0)
        return np.asarray(placed.array, np.float32)


def lesion_map(brain: FoundBrain, net: Net, job: Job, span: tuple[float, float] = (0.0, 1.0)) -> LesionMap:
    """Of a brain that was found; span: the job's progress before and after. Raises Refusal for what is no FLAIR."""
    values = resample(brain.image.with_values(brain.image.values()), brain.cube).array
    check_contrast(values, brain.labels)
    mask = brain.mask > 0
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    low, high = _ends(brain.labels)
    seen = relative_values(values[box], float(np.median(values[mask])))
    probability = np.zeros(mask.shape, np.float32)
    cut, inside = probability[box], mask[box]

    def read(tile: Box) -> Floats:
        lines = (np.arange(part.start, part.stop) + first.start for part, first in zip(tile, box, strict=True))
        at = np.stack(np.meshgrid(*lines, indexing="ij")).astype(np.float32)
        return inputs(seen[tile], inside[tile], brain_places(at, low, high))

    def write(slices: slice, logits: Floats) -> None:
        cut[slices] = inside[slices] / (1 + np.exp(-logits[0]))

    tiles(
        net, seen.shape, job, read=read, write=write, tile=(TILE,) * 3, halo=HALO,
        multiple=MULTIPLE, span=span, text="looking for lesions",
    )  # fmt: skip
    return LesionMap(brain, probability)


def check_contrast(values: Floats, labels: NDArray[np.uint16]) -> None:
    """Raises Refusal where fluid and cortex beside white matter do not look as in FLAIR."""
    white, cortex, fluid = (_median(values, labels, numbers) for numbers in (WHITE, CORTEX, VENTRICLES))
    if fluid is not None and white and fluid > DARK * white:
        raise Refusal(
            f"the fluid of the ventricles has {fluid / white:.0%} of the white matter's brightness, where FLAIR has at "
            f"most {DARK:.0%}: choose a FLAIR image."
        )
    if cortex is not None and white and cortex < GREY * white:
        raise Refusal(
            f"the cortex has {cortex / white:.0%} of the white matter's brightness, as in T1: choose a FLAIR image."
        )


def _median(values: Floats, labels: NDArray[np.uint16], numbers: tuple[int, ...]) -> float | None:
    inside = ndimage.binary_erosion(np.isin(labels, numbers)) if numbers == VENTRICLES else np.isin(labels, numbers)
    return float(np.median(values[inside])) if np.count_nonzero(inside) >= LEAST_VENTRICLES else None


def _ends(labels: NDArray[np.uint16]) -> tuple[Floats, Floats]:
    spans = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    return np.array([s.start for s in spans], np.float32), np.array([s.stop - 1 for s in spans], np.float32)
