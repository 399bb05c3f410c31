"""Borders of masks on a crop: how much they stand out, where exactly they run, and at which faces they end."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_dilation,
    binary_erosion,
    find_objects,
    generate_binary_structure,
    uniform_filter,
)

from .methods.classical import BACKGROUND, STRUCTURE, all_faces, gradient
from .prompts import Mask

Floats = NDArray[np.float32]
SHELL = 2  # voxels to each side of a border that are compared across it
BAND = 3  # voxels to each side of a border that is refined
ALIKE = 1.0  # standard deviations of the noise around the marks: what differs by less may be the same structure
DEVIATION = 1.4826  # standard deviations that a median absolute one of normal noise is
AROUND = generate_binary_structure(3, 3)


def contrast(image: Floats, mask: Mask) -> float:
    """How far the values on both sides of a mask's border lie apart, in their standard deviations; 0 without any."""
    if not mask.any():
        return 0.0
    spans = find_objects(mask.astype(np.uint8))[0]
    around = tuple(slice(max(span.start - SHELL - 1, 0), span.stop + SHELL + 1) for span in spans)
    part = mask[around]
    outside = binary_dilation(part, iterations=SHELL) & ~part
    if not outside.any():
        return 0.0
    here, there = image[around][part & ~binary_erosion(part, iterations=SHELL)], image[around][outside]
    return float(abs(here.mean() - there.mean()) / max(float(np.hypot(here.std(), there.std())), 1e-6))


def edge(image: Floats, mask: Mask) -> Mask:
    """The mask with its border moved to the edge of the image that is at most BAND voxels away: a watershed there."""
    known = np.zeros(mask.shape, np.uint8)
    known[~binary_dilation(mask, iterations=BAND)] = BACKGROUND
    known[binary_erosion(mask, iterations=BAND, border_value=1)] = STRUCTURE
    flooded = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(gradient(image)), sitk.GetImageFromArray(known), markWatershedLine=False
    )
    return np.asarray(sitk.GetArrayViewFromImage(flooded) == STRUCTURE)


def unlike_faces(image: Floats, marked: Mask) -> Mask:
    """The voxels of the faces whose values are not those about the marks: through the others the structure may go on.

    A mark may lie at a border, and a thin structure is all border: of the values about the marks those count that are
    nearer to the marks' own than to the one that differs most from them, and the noise is the lower one of what
    medians say of their surroundings and of the whole crop.
    """
    faces = all_faces(image.shape)
    if not marked.any():
        return faces
    near, smooth = binary_dilation(marked, AROUND, iterations=2), uniform_filter(image, 3)
    grain = np.abs(image - smooth)
    noise = DEVIATION * min(np.median(grain[near]), np.median(grain[::2, ::2, ::2]))
    own, about = np.percentile(smooth[marked], (10, 90)), smooth[near]
    differ = np.maximum(own[0] - about, about - own[1]).clip(0)
    low, high = np.percentile(about[differ <= differ.max() / 2], (10, 90)) + np.array((-1, 1)) * ALIKE * noise
    return np.asarray(faces & ((smooth < low) | (smooth > high)))
