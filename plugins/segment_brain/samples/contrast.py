"""Images of a head: a contrast, a receive field, thick slices, noise, all of chance (SynthSeg: Billot et al., 2023)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter

from plugins.segment_brain.head_image import halve, normalize
from plugins.segment_brain.labels import CLASSES, CSF, LARGEST, class_table

from .head_maps import Floats, Head, Random, smooth_field

THICKEST = 6.0  # mm
NOISE = 0.04  # of the brightest tissue, at most; the texture within tissues alike: what 2 mm leave of 0.1 at 1 mm
AS_TISSUES, STRIPPED, THICK, CUT = 0.75, 0.35, 0.5, 0.25  # how often
OUTER = 500  # numbers above are outside the brain
TISSUE_OF = class_table()
GREY = {  # share of grey matter in what is not fluid, by FreeSurfer's number; the rest is white matter
    2: 0.0, 7: 0.0, 16: 0.2, 28: 0.4, 13: 0.5, 10: 0.6, 31: 0.9, 12: 0.95, 3: 1.0, 8: 1.0, 11: 1.0, 17: 1.0, 18: 1.0,
    26: 1.0,
}  # fmt: skip


def paint(head: Head, spacing: float, rng: Random) -> tuple[Floats, NDArray[np.uint16]]:
    """An image [k, j, i] of a head, from 0 to about 1, and the labels that it still shows."""
    labels, kept = _strip(head, rng) if rng.random() < STRIPPED else (head.labels, head.fine > 0)
    values, texture = _draw_tissues(rng)
    image = np.where(kept, values[head.fine], values[0])
    image = halve(image) if head.over > 1 else image
    image += texture[labels] * rng.standard_normal(labels.shape, dtype=np.float32)
    image *= np.exp(smooth_field(rng.standard_normal((4, 4, 4)).astype(np.float32) * rng.uniform(0, 0.35), image.shape))
    image = gaussian_filter(image, rng.uniform(0, 0.6))
    image = _slices(image, spacing, rng)
    image += rng.uniform(0, NOISE) * rng.standard_normal(image.shape, dtype=np.float32)
    image = normalize(np.abs(image)) ** np.float32(np.exp(rng.normal(0, 0.3)))
    return _cut(image, labels, rng)


def _draw_tissues(rng: Random) -> tuple[Floats, Floats]:
    """By label: mean value and standard deviation within. Both sides of the brain are alike."""
    values = rng.uniform(0.02, 1, LARGEST).astype(np.float32)
    texture = (rng.uniform(0, NOISE, LARGEST) * (rng.random(LARGEST) < 0.9)).astype(np.float32)
    brain = TISSUE_OF > 0
    for table in (values, texture):
        table[brain] = table[TISSUE_OF[brain]]
    if rng.random() < AS_TISSUES:
        values[brain] = _draw_matter(rng)[TISSUE_OF[brain]]
    values[[25, 57]] = rng.uniform(0.02, 1)  # lesions
    values[0] = 0.0 if rng.random() < 0.7 else rng.uniform(0, 0.2)
    texture[0] *= 0.2
    hidden = (np.arange(LARGEST) > OUTER) & (rng.random(LARGEST) < 0.1)
    values[hidden] = values[0]
    return values, texture


def _draw_matter(rng: Random) -> Floats:
    """By class: values that tissues have in common, so that what looks alike is told apart by shape and place."""
    white, grey, fluid = rng.uniform(0.02, 1, 3)
    values = np.full(CLASSES, fluid)
    for number, share in GREY.items():
        values[TISSUE_OF[number]] = share * grey + (1 - share) * white
    return (values + rng.normal(0, 0.03, CLASSES)).clip(0).astype(np.float32)


def _strip(head: Head, rng: Random) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Labels without what is outside the brain, and which fine voxels keep a value.

    With the fluid around it or not, or with a rim of what lies next, as programs that strip skulls do.
    """
    fluid, rim = rng.random() < 0.6, int(rng.choice((0, 0, 1, 2)))
    labels = np.where(_brain(head.labels, fluid, -(-rim // head.over)), head.labels, 0)
    return labels.astype(np.uint16), _brain(head.fine, fluid, rim)


def _brain(labels: NDArray[np.uint16], fluid: bool, rim: int) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (TISSUE_OF[labels] > 0) & ((labels != CSF) | fluid)
    return np.asarray(binary_dilation(inside, iterations=rim), bool) if rim else inside


def _slices(image: Floats, spacing: float, rng: Random) -> Floats:
    """As from slices of up to THICKEST mm along one axis, interpolated back."""
    if rng.random() > THICK:
        return image
    thickness = rng.uniform(spacing, THICKEST)
    axis = int(rng.integers(3))
    weights = slice_profile(image.shape[axis], thickness / spacing, rng.uniform(0, thickness / spacing))
    return np.moveaxis(np.tensordot(weights, image, (1, axis)), 0, axis)


def slice_profile(count: int, thickness: float, start: float) -> Floats:
    """The matrix [n, n] that takes samples to those of slices `thickness` apart, the first at `start`, and back."""
    at = np.arange(count)
    centres = np.arange(start, count, thickness)
    take = np.exp(-0.5 * ((at - centres[:, None]) / (thickness / 2.355)) ** 2)
    take /= take.sum(1, keepdims=True)
    back = np.array([np.interp(at, centres, row) for row in np.eye(len(centres))]).T
    return (back @ take).astype(np.float32)


def _cut(image: Floats, labels: NDArray[np.uint16], rng: Random) -> tuple[Floats, NDArray[np.uint16]]:
    """Some images do not show the whole head: nothing beyond a plane."""
    if rng.random() > CUT:
        return image, labels
    axis, beyond = int(rng.integers(3)), int(rng.integers(2, image.shape[0] // 4))
    seen = np.ones(image.shape[axis], bool)
    seen[slice(None, beyond) if rng.random() < 0.5 else slice(-beyond, None)] = False
    seen = seen.reshape([-1 if a == axis else 1 for a in range(3)])
    return np.where(seen, image, 0).astype(np.float32), np.where(seen, labels, 0).astype(np.uint16)
