"""What the network took away though noise cannot explain it is given back.

The difference between an image and its denoised version should look like noise (the "method noise" of Buades, Coll
and Morel 2005). A network takes a small lesion of a kind it rarely saw for noise: then the difference holds a spot
that chance does not make. It is looked for with a matched filter the size of the smallest lesion, against the spread
that the filtered difference has around it, and returned, a little smoothed.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, generate_binary_structure, uniform_filter
from scipy.special import ive

from viewer.api import Job

from .blocks import filtered

Floats = NDArray[np.float32]
SPOT = 1.0  # voxels: standard deviation of the matched filter, for spots of about three
CHANCE = 3.75  # standard deviations: chance goes beyond them once in 5,600 voxels
AROUND = 9  # voxels a side in which the spread is measured
LEAST = 2 / 3  # of the spread that white noise has: some of it stays in the result, so that little is in the difference
SMOOTH, RIM = 0.7, 0.5  # voxels: of what is returned, and of the border between what is and what is not
HALO = 9


def given_back(
    result: NDArray[Any],
    image: NDArray[Any],
    level: float,
    zero: float | None,
    flat_axis: int | None,
    job: Job,
    begun: float,
) -> NDArray[Any]:
    """The result [k, j, i] with what was taken from the image by mistake; its own type.

    level: of the noise, in the arrays' unit. zero: the value at which a magnitude is 0, where the noise is Rician;
    None where it is Gaussian. flat_axis: slices along it are looked at one by one. begun: the job's progress so far.
    """

    def work(clean: Floats, noisy: Floats) -> Floats:
        if zero is None:
            mean, spread = clean, np.float32(level)
        else:
            mean, spread = (level * part for part in magnitude((clean - zero) / level))
            mean = mean + zero
        return clean + _missed((noisy - mean) / spread) * spread

    return filtered((result, image), work, HALO, job, flat_axis, begun)


def magnitude(signal: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of a magnitude whose two channels have noise of 1 (Rice 1944)."""
    square = np.square(np.maximum(signal, 0))
    mean = np.float32(sqrt(pi / 8)) * ((2 + square) * ive(0, square / 4) + square * ive(1, square / 4))
    return mean, np.sqrt(np.maximum(2 + square - np.square(mean), 1 - pi / 4))


def _missed(taken: Floats) -> Floats:
    """The part of what was taken, in units of the noise, that is none."""
    spots = gaussian_filter(taken, SPOT, truncate=3)
    white = LEAST * (2 * sqrt(pi) * SPOT) ** (-taken.ndim / 2)
    usual = max(white, 1.4826 * float(np.median(np.abs(spots))))
    spread = np.sqrt(uniform_filter(np.minimum(np.square(spots), (3 * usual) ** 2), AROUND))
    found = np.abs(spots) > CHANCE * np.maximum(spread, usual)
    if not found.any():
        return np.zeros_like(taken)
    wide = binary_dilation(found, generate_binary_structure(taken.ndim, 1)).astype(np.float32)
    return gaussian_filter(wide, RIM, truncate=2) * gaussian_filter(taken, SMOOTH, truncate=3)
