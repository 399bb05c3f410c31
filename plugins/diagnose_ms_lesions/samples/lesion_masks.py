"""Where lesions lie in a head: as in masks of patients, brought over by the box around the brain, and drawn ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, gaussian_filter, label

from plugins.segment_brain.labels import class_table

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Random = np.random.Generator
MNI_BRAIN = np.array([(-73.0, 83.0), (-73.0, 107.0), (-73.0, 73.0)])  # LPS mm along z, y, x: ICBM 152's box
WHITE, VENTRICLES, CORTEX, INFRATENTORIAL = (2, 41, 28, 60), (4, 5, 14, 15, 43, 44), (3, 42), (16, 7, 46)
HELD = (*WHITE, *INFRATENTORIAL, 10, 49, 25, 57)  # FreeSurfer's numbers that lesions are kept in, and a voxel beyond
NEAR = 4  # voxels of 1 mm to a ventricle; half of it to the cortex
SHARES = (0.4, 0.25, 0.1, 0.25)  # of drawn lesions: periventricular, juxtacortical, infratentorial, deep
DRAWN = 14  # at most in a head
LEAST = 8  # voxels of a lesion: less is what the borders of another head leave of one


@dataclass(frozen=True, eq=False)
class HeadLabels:
    """array: FreeSurfer's numbers [k, j, i] of 1 mm, LPS. box: low and high [3, 2] of the brain, in voxels."""

    array: NDArray[np.uint16]

    @cached_property
    def box(self) -> NDArray[np.float64]:
        """Around the brain."""
        spans = [np.flatnonzero((class_table()[self.array] > 0).any(axis=tuple({0, 1, 2} - {a}))) for a in range(3)]
        return np.array([(span[0], span[-1]) for span in spans], float)

    @cached_property
    def held(self) -> Mask:
        """Where lesions may be."""
        near = binary_dilation(np.isin(self.array, HELD))
        return np.asarray(near & ~np.isin(self.array, (0, 24, *VENTRICLES)))

    @cached_property
    def regions(self) -> list[NDArray[np.intp]]:
        """Flat indices of voxels where a drawn lesion may have its middle, in the order of SHARES."""
        white = np.isin(self.array, WHITE)
        at_ventricle = white & binary_dilation(np.isin(self.array, VENTRICLES), iterations=NEAR)
        at_cortex = white & binary_dilation(np.isin(self.array, CORTEX), iterations=NEAR // 2) & ~at_ventricle
        stem = np.isin(self.array, INFRATENTORIAL)
        return [np.flatnonzero(one) for one in (at_ventricle, at_cortex, stem, white & ~at_ventricle & ~at_cortex)]


@cache
def read_mask(path: Path) -> sitk.Image:
    """A mask in MNI space, turned to LPS."""
    return sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")


def placed_mask(mask: sitk.Image, head: HeadLabels) -> Mask:
    """A mask in MNI space on a head [k, j, i], the box around the one brain laid onto that of the other."""
    array, index = sitk.GetArrayViewFromImage(mask) > 0, []
    for axis, (low, high) in enumerate(head.box):
        share = (np.arange(head.array.shape[axis]) - low) / (high - low)
        mm = MNI_BRAIN[axis, 0] + share * np.ptp(MNI_BRAIN[axis])
        at = np.rint((mm - mask.GetOrigin()[2 - axis]) / mask.GetSpacing()[2 - axis]).astype(int)
        index.append(np.clip(at, 0, array.shape[axis] - 1))
    return without_specks(np.asarray(array[np.ix_(*index)] & head.held))


def drawn_lesions(head: HeadLabels, rng: Random) -> Mask:
    """Rough ellipsoids in the white matter, as MS has them: most at the ventricles, longest across to them or round."""
    mask = np.zeros(head.array.shape, bool)
    for _ in range(int(rng.integers(DRAWN + 1))):
        middles = head.regions[rng.choice(len(SHARES), p=SHARES)]
        if len(middles):
            _draw(mask, np.unravel_index(middles[rng.integers(len(middles))], mask.shape), rng)
    return without_specks(mask & head.held)


def without_specks(mask: Mask) -> Mask:
    """The parts of a mask that have LEAST voxels."""
    for box in find_objects(mask.astype(np.uint8)):  # one, or none where it is empty
        parts, _ = label(mask[box])
        mask[box] &= np.bincount(parts.ravel())[parts] >= LEAST
    return mask


def _draw(mask: Mask, middle: tuple[np.intp, ...], rng: Random) -> None:
    radius = np.exp(rng.normal(np.log(2.2), 0.45)) * rng.uniform(0.75, 1.35, 3)
    reach = int(np.ceil(1.6 * radius.max())) + 1
    steps = np.arange(-reach, reach + 1)
    depth = np.linalg.norm(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1) / radius, axis=-1)
    rough = gaussian_filter(rng.standard_normal(depth.shape), 1.5)
    depth += 0.25 * rough / rough.std()
    box, part = [], []
    for at, length in zip(middle, mask.shape, strict=True):
        low, high = max(int(at) - reach, 0), min(int(at) + reach + 1, length)
        box.append(slice(low, high))
        part.append(slice(low - int(at) + reach, high - int(at) + reach))
    mask[tuple(box)] |= depth[tuple(part)] < 1
