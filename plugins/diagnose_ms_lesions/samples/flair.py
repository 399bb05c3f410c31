"""FLAIR painted from labels: white matter 1, cortex brighter, fluid dark; lesions bright, and what is taken for them.

The recipe of SynthSeg (Billot et al., MedIA 2023), with the contrast of FLAIR in place of one of chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_dilation, distance_transform_edt, gaussian_filter

from plugins.segment_brain.labels import CSF, LARGEST, class_table
from plugins.segment_brain.samples.contrast import slice_profile
from plugins.segment_brain.samples.head_maps import smooth_field

from .lesion_masks import CORTEX, VENTRICLES, WHITE

Floats = NDArray[np.float32]
Labels = NDArray[np.uint16]
Mask = NDArray[np.bool_]
Random = np.random.Generator
CLASS_OF = class_table()
DEEP = (10, 11, 12, 13, 17, 18, 26, 49, 50, 51, 52, 53, 54, 58)
PLEXUS = (31, 63, 136, 137, 163, 164)
THICKEST = 5.0  # mm


def tissue_values(rng: Random) -> Floats:
    """By FreeSurfer's number, in multiples of the white matter's value."""
    values = np.zeros(LARGEST, np.float32)
    cortex = rng.uniform(1.0, 1.4)
    values[CLASS_OF > 0] = 1.0
    values[[*CORTEX]] = cortex
    values[[8, 47]] = cortex * rng.uniform(0.85, 1.1)
    values[[7, 46]] = rng.uniform(0.85, 1.1)
    values[[16, 28, 60]] = rng.uniform(0.85, 1.15)
    for number in DEEP:
        values[number] = 1 + (cortex - 1) * rng.uniform(-0.4, 1.3)
    values[[*VENTRICLES]] = rng.uniform(0.05, 0.45)
    values[[CSF, 72]] = rng.uniform(0.05, 0.5)
    values[[*PLEXUS]] = rng.uniform(0.4, 1.5)
    return values


def paint(labels: Labels, lesions: Mask, values: Floats, rng: Random) -> Floats:
    """An image [k, j, i] of 1 mm without noise, white matter about 1."""
    image = values[labels] + np.float32(rng.uniform(0.01, 0.05)) * _grain(labels.shape, rng)
    near = np.float32(distance_transform_edt(~np.isin(labels, VENTRICLES)))
    white = np.isin(labels, WHITE)
    if rng.random() < 0.6:  # the ependymal rim, which is no lesion
        image += np.where(white, np.float32(rng.uniform(0.1, 0.5)) * np.exp(-near / rng.uniform(0.7, 1.6)), 0)
    if rng.random() < 0.4:  # white matter that is a little bright all around
        image += np.where(white, rng.uniform(0.03, 0.12) * np.clip(_field(labels.shape, rng), 0, 1.5), 0)
    if rng.random() < 0.6:  # bright pieces of cortex
        grey = np.isin(labels, (*CORTEX, *DEEP))
        image += np.where(grey, rng.uniform(0.05, 0.35) * np.clip(_field(labels.shape, rng, 9), 0, 1.5), 0)
    if rng.random() < 0.3:  # fluid that flows
        fluid = np.isin(labels, (*VENTRICLES, CSF))
        image += np.where(fluid, rng.uniform(0.2, 1.0) * np.clip(_field(labels.shape, rng, 8), 0, 1), 0)
    return insert_lesions(image, lesions.astype(np.float32), rng)


def insert_lesions(image: Floats, shares: Floats, rng: Random, reference: float = 1.0) -> Floats:
    """Lesions of 1.2 to 2 times the white matter's value, soft at their rims, each a little otherwise.

    shares: how much of each voxel is lesion. reference: the white matter's value.
    """
    if not shares.any():
        return image.astype(np.float32)
    excess = reference * (0.2 + 0.8 * rng.beta(1.5, 2)) * np.exp(0.25 * _field(image.shape, rng, 7))
    soft = gaussian_filter(shares, rng.uniform(0.4, 0.9))
    halo = gaussian_filter(shares, 2.5) * rng.uniform(0, 0.2)
    target = np.maximum(image, reference * 0.95) + excess
    return np.asarray(image + np.maximum(soft, halo) * (target - image), np.float32)


def acquire(image: Floats, lesions: Mask, rng: Random) -> tuple[Floats, Mask]:
    """As a scanner gives it, interpolated to 1 mm: slices, receive field, noise; and the lesions that it shows."""
    shown = lesions.astype(np.float32)
    image = gaussian_filter(image, rng.uniform(0.2, 0.6))
    if rng.random() < 0.65:
        thickness = rng.uniform(1.2, THICKEST)
        axis = 0 if rng.random() < 0.8 else int(rng.integers(1, 3))
        weights = slice_profile(image.shape[axis], thickness, rng.uniform(0, thickness))
        image, shown = (np.moveaxis(np.tensordot(weights, one, (1, axis)), 0, axis) for one in (image, shown))
    knots = rng.standard_normal((3, 3, 3)).astype(np.float32) * rng.uniform(0, 0.12)
    image = image * np.exp(smooth_field(knots, image.shape))
    noise = rng.uniform(0.005, 0.08) * rng.standard_normal((2, *image.shape)).astype(np.float32)
    if rng.random() < 0.5:
        noise = gaussian_filter(noise, (0, 0.7, 0.7, 0.7)) * 2
    return np.hypot(image + noise[0], noise[1]).astype(np.float32), shown > 0.5


def brain_of(labels: Labels, rng: Random) -> Mask:
    """As segment_brain masks it: furrows closed, without the fluid around it, not always at the same depth."""
    tissue = np.pad((CLASS_OF[labels] > 0) & (labels != CSF), 3, mode="edge")
    closed = binary_closing(tissue, iterations=3)[(slice(3, -3),) * 3]
    wider = int(rng.integers(3))
    return np.asarray(binary_dilation(closed, iterations=wider) if wider else closed)


def _grain(shape: tuple[int, ...], rng: Random) -> Floats:
    grain = rng.standard_normal(shape, dtype=np.float32)
    smooth = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 1.5)
    return np.asarray(grain + smooth / smooth.std(), np.float32)


def _field(shape: tuple[int, ...], rng: Random, knots: int = 5) -> Floats:
    return smooth_field(rng.standard_normal((knots,) * 3).astype(np.float32), shape)
