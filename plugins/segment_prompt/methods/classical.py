"""Segmentation without training from the same prompts: marker watershed, geodesic distance, random walker.

The faces of the crop count as background, as the negative prompts do, or those of their voxels that are given as
`faces`. Without a seed nothing is segmented.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_gradient_magnitude

from plugins.segment_prompt.prompts import Mask, Prompts, thicken

from .random_walk import random_walk

Floats = NDArray[np.float32]
STRUCTURE, BACKGROUND = 1, 2
EDGE = 0.02  # of the highest gradient: the speed of a front on flat ground
NEVER = np.float32(1e30)  # the arrival of a front that starts nowhere


def gradient(image: Floats) -> NDArray[np.uint8]:
    """The gradient's magnitude at a scale of one voxel, 0…255 (its 99th percentile and above)."""
    magnitude = gaussian_gradient_magnitude(image, 1.0)
    steepest = max(float(np.percentile(magnitude, 99)), 1e-6)
    edges: NDArray[np.uint8] = (np.clip(magnitude / steepest, 0, 1) * 255).astype(np.uint8)
    return edges


def all_faces(shape: tuple[int, ...]) -> Mask:
    """The outermost voxels of a crop."""
    faces = np.ones(shape, bool)
    faces[1:-1, 1:-1, 1:-1] = False
    return faces


def markers(prompts: Prompts, faces: Mask | None = None) -> NDArray[np.uint8]:
    """1 in the structure, 2 in the background, 0 where nothing is known."""
    known = np.where(all_faces(prompts.positive.shape) if faces is None else faces, BACKGROUND, 0).astype(np.uint8)
    known[thicken(prompts.negative) | prompts.excluded] = BACKGROUND
    known[prompts.seeds()] = STRUCTURE
    return known


def watershed(edges: NDArray[np.uint8], prompts: Prompts, faces: Mask | None = None) -> Mask:
    """Floods the gradient (see above) from the markers (Beucher and Meyer, 1993)."""
    flooded = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(edges), sitk.GetImageFromArray(markers(prompts, faces)), markWatershedLine=False
    )
    return np.asarray(sitk.GetArrayViewFromImage(flooded) == STRUCTURE)


def geodesic(edges: NDArray[np.uint8], prompts: Prompts, faces: Mask | None = None) -> Floats:
    """Far / (near + far), by when fronts from the seeds and from the background, slowed by edges, arrive.

    Fast marching (Sethian, PNAS 1996), as in Bai and Sapiro (ICCV 2007); above a half is the structure.
    """
    known = markers(prompts, faces)
    speed = sitk.GetImageFromArray(1 / (EDGE + edges.astype(np.float32) / 255))
    near, far = (_arrival(speed, known == kind) for kind in (STRUCTURE, BACKGROUND))
    probability: Floats = far / np.maximum(near + far, np.float32(1e-6))
    return probability


def _arrival(speed: sitk.Image, start: Mask) -> Floats:
    if not start.any():
        return np.full(start.shape, NEVER, np.float32)
    points = np.argwhere(start)[:, ::-1].tolist()
    arrival: Floats = sitk.GetArrayFromImage(sitk.FastMarching(speed, points))
    return arrival


def random_walker(image: Floats, prompts: Prompts, faces: Mask | None = None) -> Floats:
    """The probability that a random walk ends at a seed, not in the background; image: of standard deviation 1."""
    known = markers(prompts, faces)
    return random_walk(image, known == STRUCTURE, known == BACKGROUND)
