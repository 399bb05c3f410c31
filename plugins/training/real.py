"""Real images to train on: read from disk, scaled to 0…1, made smaller so that what noise they have weighs less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

Floats = NDArray[np.float32]
Random = np.random.Generator


def read(path: Path) -> NDArray[np.generic]:
    """The array [k, j, i] of a file that ITK reads."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def scaled(image: NDArray[np.generic]) -> Floats:
    """Lowest value 0, 99.8th percentile of what is above it 1."""
    image = image.astype(np.float32) - np.float32(image.min())
    return image / max(float(np.percentile(image[image > 0], 99.8)), 1e-6)


def varied(image: Floats, factor: float, rng: Random) -> Floats:
    """Made smaller by `factor` along every axis, less blurred than the sampling theorem asks, with another gamma."""
    if factor > 1.01:
        image = zoom(gaussian_filter(image, 0.35 * factor), 1 / factor, order=1)
    return np.clip(image, 0, None) ** np.float32(rng.uniform(0.7, 1.4))
