"""Segmentation without training from the same prompts: marker watershed, geodesic distance, random walker.

The faces of the crop count as background, as the negative prompts do, or those of their voxels that are given as
`faces`. Without a seed nothing is segmented.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_gradient_magnitude
from skimage.segmentation import random_walker as walk

from .prompts import Mask, Prompts, thicken

Floats = NDArray[np.float32]
STRUCTURE, BACKGROUND = 1, 2
EDGE = 0.02  # of the highest gradient: the speed of a front on flat ground
NEVER = np.float32(1e30)  # the arrival of a front that starts nowhere
BETA = 1000  # of the random walker: how much an edge hinders it; with 130, the default, a first click finds less


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


def geodesic(edges: NDArray[np.uint8], prompts: Prompts, faces: Mask | None = None) -> Mask:
    """What a front reaches from the seeds before it does from the background, slowed by edges (Sethian, PNAS 1996)."""
    return np.asarray(geodesic_probability(edges, prompts, faces) > 0.5)


def geodesic_probability(edges: NDArray[np.uint8], prompts: Prompts, faces: Mask | None = None) -> Floats:
    """Far / (near + far), by when fronts from the seeds and the background arrive (Bai and Sapiro, ICCV 2007)."""
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


def random_walker(image: Floats, prompts: Prompts, faces: Mask | None = None) -> Mask:
    """Where a random walk more probably ends at a seed than in the background (Grady, TPAMI 2006)."""
    return np.asarray(random_walk_probability(image, prompts, faces) > 0.5)


def random_walk_probability(image: Floats, prompts: Prompts, faces: Mask | None = None) -> Floats:
    """The probability that a random walk ends at a seed; 0 everywhere without one."""
    known = markers(prompts, faces)
    if not (known == STRUCTURE).any():
        return np.zeros(known.shape, np.float32)
    if not (known == 0).any() or not (known == BACKGROUND).any():
        return np.asarray(known != BACKGROUND, np.float32)
    ends = walk(image, known, beta=BETA, mode="cg_j", tol=1e-3, prob_tol=np.inf, return_full_prob=True)
    probability: Floats = np.clip(ends[0], 0, 1).astype(np.float32)
    return probability
