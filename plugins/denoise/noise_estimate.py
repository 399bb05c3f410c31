"""How strong the noise of an image is, from the image alone.

The standard deviation inside small blocks is the noise's wherever there is nothing else in them: in the tenth of the
blocks whose mean differs least from their neighbours' (for white noise the two are independent, so that the choice
does not bias the figure). Unlike the finest wavelet band, this sees the noise of CT and of interpolated images, whose
energy lies in lower frequencies. Blocks of equal voxels (masked, clipped) are left out, and only the brighter part
(Li's threshold) is asked, for air has noise of its own kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive
from skimage.filters import threshold_li

Floats = NDArray[np.float32]
SLAB, SLICE = (2, 4, 4), (1, 4, 4)  # voxels along each side of a block
LEVEL = 0.1  # of the blocks are asked, the most level ones
ENOUGH = 64  # layers of blocks that are looked at
RAYLEIGH = (1.6, 2.3)  # mean over deviation of air in a magnitude image: 1.91 in theory
STRONG = 20.0  # signal to noise beyond which magnitude noise is as good as Gaussian, and its formula loses its digits


@dataclass(frozen=True)
class Noise:
    """A noise. level: standard deviation in the array's unit, 0 where there is none. rician: of a magnitude image."""

    level: float
    rician: bool

    def __str__(self) -> str:
        return "Rician" if self.rician else "Gaussian"


def noise_level(array: NDArray[np.generic], flat_axis: int | None = None, *, rician: bool = False) -> float:
    """The standard deviation of the noise, in the array's unit; 0 where there is none.

    flat_axis: the axis whose slices are too thick, or too few, to compare; None compares in 3-D.
    rician: the image is the magnitude of a complex one (MR); the level is that of its two channels.
    """
    means, slopes, variances = _blocks(np.moveaxis(array, flat_axis or 0, 0), SLAB if flat_axis is None else SLICE)
    if means.size == 0:
        return 0.0
    if np.ptp(means) > 0:
        bright = means >= min(threshold_li(means), means.max())
        level = bright & (slopes <= np.quantile(slopes[bright], LEVEL))
        means, variances = means[level], variances[level]
    sigma = float(np.sqrt(np.median(variances)))
    return _gaussian(sigma, float(np.median(means))) if rician and sigma else sigma


def is_magnitude(array: NDArray[np.generic], flat_axis: int | None = None) -> bool:
    """Whether the darkest tenth of the image is distributed as air is in the magnitude of a complex image."""
    means, _, variances = _blocks(np.moveaxis(array, flat_axis or 0, 0), SLAB if flat_axis is None else SLICE)
    if means.size == 0 or means.min() <= 0:
        return False
    dark = means <= np.quantile(means, LEVEL)
    return RAYLEIGH[0] < float(np.median(means[dark] / np.sqrt(variances[dark]))) < RAYLEIGH[1]


def _blocks(array: NDArray[np.generic], side: tuple[int, int, int]) -> Floats:
    """Mean, slope of the means and variance (3, n) of blocks all over the image, layer by layer."""
    side = tuple(min(a, b) for a, b in zip(side, array.shape, strict=True))
    starts = range(0, len(array) - side[0] + 1, side[0])
    chosen = np.unique(np.linspace(0, len(starts) - 1, min(ENOUGH, len(starts))).astype(int))
    return np.concatenate([_layer(array[k : k + side[0]], side) for k in np.take(starts, chosen)], 1)


def _layer(slab: NDArray[np.generic], side: tuple[int, int, int]) -> Floats:
    depth, height, width = side
    rows, columns = slab.shape[1] // height, slab.shape[2] // width
    even = slab[:, : rows * height, : columns * width].astype(np.float32)
    voxels = even.reshape(depth, rows, height, columns, width).transpose(1, 3, 0, 2, 4).reshape(rows, columns, -1)
    count = voxels.shape[2]
    if count < 2:
        return np.empty((3, 0), np.float32)
    means = voxels.mean(axis=2)
    slopes = _step(means, 0) + _step(means, 1)
    # the median of a chi-squared variable lies below its mean (Wilson and Hilferty 1931)
    variances = voxels.var(axis=2, ddof=1) / (1 - 2 / (9 * (count - 1))) ** 3
    return np.stack([means, slopes, variances])[:, np.ptp(voxels, axis=2) > 0]


def _step(means: Floats, axis: int) -> Floats:
    """The larger of the two steps to a block's neighbours."""
    steps = np.abs(np.diff(means, axis=axis))
    none = np.zeros_like(np.take(means, [0], axis))
    larger: Floats = np.maximum(np.concatenate([steps, none], axis), np.concatenate([none, steps], axis))
    return larger


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
