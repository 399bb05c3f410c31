"""Real images to train on: read from disk, scaled to 0…1, made smaller so that what noise they have weighs less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

Floats = NDArray[np.float32]
Random = np.random.Generator


def read(path: Path) -> NDArray[Any]:
    """The array [k, j, i] of a file that ITK reads."""
    array: NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    return array


def read_isotropic(path: Path) -> NDArray[Any]:
    """As read, with thick slices interpolated until voxels are about as long as they are wide."""
    image = sitk.ReadImage(str(path))
    i, j, k = image.GetSpacing()
    array: NDArray[Any] = sitk.GetArrayFromImage(image)
    return zoom(array.astype(np.float32), (k / min(i, j), 1, 1), order=1) if k > 1.5 * max(i, j) else array


def normalize(image: NDArray[Any]) -> Floats:
    """Lowest value 0, 99.8th percentile of what is above it 1."""
    image = image.astype(np.float32) - np.float32(image.min())
    return image / max(float(np.percentile(image[image > 0], 99.8)), 1e-6)


def augment(image: Floats, factor: float, rng: Random) -> Floats:
    """Made smaller by `factor` (larger, where it is below 1) along every axis or left as sharp as it is; another gamma.

    It is blurred less before than the sampling theorem asks, to stay as sharp as images are.
    """
    if rng.random() < 0.6:
        image = gaussian_filter(image, 0.35 * factor) if factor > 1 else image
        image = zoom(image, 1 / factor, order=1)
    return np.clip(image, 0, None) ** np.float32(rng.uniform(0.7, 1.4))


def read_picture(path: Path) -> Floats:
    """One slice [1, j, i] of a photograph-like file at half its resolution, which hides what compression did to it."""
    image = read(path).astype(np.float32)
    image = image.mean(axis=2) if image.ndim == 3 else image
    j, i = (n // 2 for n in image.shape)
    return normalize(image[: 2 * j, : 2 * i].reshape(j, 2, i, 2).mean((1, 3)))[None]
