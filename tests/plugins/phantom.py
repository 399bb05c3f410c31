"""A head that never was: a skull, tissue and lesions on any grid, with noise of a known level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from viewer.api import Grid, Volume
from viewer.data.study import Source

OBLIQUE = Rotation.from_euler("xyz", (12, -7, 20), degrees=True).as_matrix()


def clean(shape: tuple[int, int, int], spacing: ArrayLike = (1.5, 1.0, 1.0)) -> np.ndarray[Any, Any]:
    """Noise-free values [k, j, i], 0 outside the head, about 300 to 1000 inside."""
    mm = np.asarray(spacing, float)
    index = np.moveaxis(np.indices(shape), 0, -1)
    place = (index - (np.array(shape) - 1) / 2) * mm
    reach = np.maximum((np.array(shape) - 1) * mm / 2, 1)
    radius = np.sqrt(np.square(place / (0.9 * reach)).sum(axis=-1))
    tissue = np.where(np.sin(place[..., 1] / 6) * np.cos(place[..., 2] / 7) > 0, 600, 400)
    values = np.where(radius < 1, tissue, 0)
    values = np.where((radius > 0.9) & (radius < 1), 1000, values)
    for side in (-1, 1):
        lesion = np.linalg.norm(place - side * np.array((0, 0.4, 0.4)) * reach, axis=-1) < 4
        values = np.where(lesion, 900, values)
    return gaussian_filter(values.astype(np.float64), 0.7)  # a voxel holds some of its neighbours


def phantom(
    shape: tuple[int, int, int] = (20, 36, 40),
    sigma: float = 30.0,
    *,
    modality: str = "MR",
    dtype: Any = np.int16,
    spacing: tuple[float, float, float] = (1.5, 1.0, 1.0),
    seed: int = 0,
) -> Volume:
    """The head on an oblique grid; MR with Rician noise, other modalities with Gaussian noise and an offset of −100."""
    rng = np.random.default_rng(seed)
    truth = clean(shape, spacing)
    noisy = truth + rng.normal(0, sigma, shape)
    if modality == "MR":
        noisy = np.hypot(noisy, rng.normal(0, sigma, shape))
    whole = np.dtype(dtype).kind in "iu"
    grid = Grid.of(shape, spacing, (-30, 12, 5), OBLIQUE, "1.2.3.4")
    source = Source(patient_id="phantom", series_uid="1.2.3", modality=modality, dicom=True)
    offset = 0.0 if modality == "MR" else -100.0
    array = (np.rint(noisy) if whole else noisy).astype(dtype)
    return Volume(array, grid, name="Phantom", intercept=offset, source=source)
