"""How strong the noise of an image is, from the image alone.

The finest diagonal Haar band holds little but noise; its median absolute deviation / 0.6745 is the noise's standard
deviation (Donoho and Johnstone 1994). Blocks of equal voxels (masked, clipped) are left out; only the brighter part
(Li's threshold) is asked, for air has noise of its own kind; and of that the more level half, to stay away from edges.
Noise that is correlated between voxels is underestimated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive
from skimage.filters import threshold_li

Floats = NDArray[np.float32]
ENOUGH = 64  # pairs of slices that are looked at
STRONG = 20.0  # signal to noise beyond which the two are the same, and their formula loses its digits
NORMAL = 0.6745  # median absolute deviation of the standard normal distribution


def noise_level(array: NDArray[np.generic], flat_axis: int | None = None, *, rician: bool = False) -> float:
    """The standard deviation of the noise, in the array's unit; 0 where there is none.

    flat_axis: the axis whose slices are too thick, or too few, to compare; None compares in 3-D.
    rician: the image is the magnitude of a complex one (MR).
    """
    means, slopes, details = _bands(array, flat_axis)
    if details.size == 0:
        return 0.0
    if np.ptp(means) > 0:
        bright = means >= min(threshold_li(means), means.max())
        level = bright & (slopes <= np.median(slopes[bright]))
        means, details = means[level], details[level]
    sigma = float(np.median(np.abs(details))) / NORMAL
    return _gaussian(sigma, float(np.median(means))) if rician and sigma else sigma


def _bands(array: NDArray[np.generic], flat_axis: int | None) -> Floats:
    """Mean, slope of the means and finest diagonal detail (3, n) of the blocks of 2×2×2 (or 2×2) voxels.

    Detail and means of white noise are independent, so that choosing by the means does not bias the detail.
    """
    slices = np.moveaxis(array, flat_axis or 0, 0)
    depth = 1 if flat_axis is not None else 2
    starts = range(0, len(slices) - depth + 1, depth)
    chosen = np.unique(np.linspace(0, len(starts) - 1, min(ENOUGH, len(starts))).astype(int))
    return np.concatenate(
        [np.empty((3, 0), np.float32), *(_blocks(slices[k : k + depth]) for k in np.take(starts, chosen))], 1
    )


def _blocks(slab: NDArray[np.generic]) -> Floats:
    depth, rows, columns = len(slab), slab.shape[1] // 2, slab.shape[2] // 2
    if not rows * columns:
        return np.empty((3, 0), np.float32)
    even = slab[:, : 2 * rows, : 2 * columns].astype(np.float32).reshape(depth, rows, 2, columns, 2)
    corners = even.transpose(1, 3, 0, 2, 4).reshape(rows, columns, 4 * depth)
    signs = np.array([(-1) ** bin(n).count("1") for n in range(4 * depth)], np.float32)
    means = corners.mean(axis=2)
    slopes = sum(np.abs(np.diff(means, axis=axis, append=np.take(means, [-1], axis))) for axis in (0, 1))
    bands = np.stack([means, slopes, corners @ signs / np.sqrt(np.float32(4 * depth))])
    return bands[:, np.ptp(corners, axis=2) > 0]


def _gaussian(sigma: float, mean: float) -> float:
    """The noise of the two channels behind a magnitude image, from its own noise and mean (Koay and Basser 2006)."""
    snr = mean / sigma
    if snr > STRONG:
        return sigma
    for _ in range(20):
        snr = float(np.sqrt(max(_koay(snr) * (1 + (mean / sigma) ** 2) - 2, 0.0)))
    return sigma / float(np.sqrt(_koay(snr)))


def _koay(snr: float) -> float:
    """The variance of a magnitude in units of its channels': 0.43 without a signal, towards 1 with a strong one."""
    half = snr**2 / 4
    bessel = (2 + snr**2) * ive(0, half) + snr**2 * ive(1, half)
    return float(2 + snr**2 - np.pi / 8 * bessel**2)
