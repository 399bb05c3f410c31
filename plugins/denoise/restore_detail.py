"""What the network took away though noise cannot explain it is given back.

The difference between an image and its denoised version should look like noise (the "method noise" of Buades, Coll
and Morel 2005). A network takes a small lesion of a kind it rarely saw for noise: then the difference holds a spot
that chance does not make. It is looked for with a matched filter the size of the smallest lesion, against the spread
that the filtered difference has around it, and returned. Around what the network saw it may still have blurred: where
the difference goes along with the fine detail of the result, more surely than noise does, that detail is made
stronger (twicing, Tukey 1977, by a locally estimated factor).
"""

from __future__ import annotations

from functools import cache
from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, generate_binary_structure, uniform_filter
from scipy.special import ive

from viewer.api import Job

from .blocks import Floats, filter_blocks

SPOT = 1.0  # voxels: standard deviation of the matched filter, for spots of about three
CHANCE = 3.75  # standard deviations: chance goes beyond them once in 5,600 voxels
AROUND = 9  # voxels a side in which the spread is measured
LEAST = 2 / 3  # of the spread that white noise has: some of it stays in the result, so that little is in the difference
SMOOTH = 0.4  # voxels: of what is returned
DETAIL, NEAR = 1.2, 7  # voxels: what is finer is detail; a side of the block that its factor is estimated in
SURE = 11.0  # squared standard errors of that factor: none where it is less, most of it where it is much more
FAINT = 0.12  # squared noise: detail as faint as this gets half of its factor
HALO, SIDE = 16, 64  # voxels around a block, along each of its sides
STRONG, STEP = 32.0, 1 / 64  # signals in a table, in units of the noise


def restore_detail(
    result: NDArray[Any],
    image: NDArray[Any],
    level: float,
    zero: float | None,
    flat_axis: int | None,
    job: Job,
    start: float,
) -> NDArray[Any]:
    """The result [k, j, i] with what was taken from the image by mistake; its own type.

    level: of the noise, in the arrays' unit. zero: the value at which a magnitude is 0, where the noise is Rician;
    None where it is Gaussian. flat_axis: slices along it are looked at one by one. start: the job's progress so far.
    """

    def work(clean: Floats, noisy: Floats) -> Floats:
        mean: Floats = clean
        spread: Floats | np.float32 = np.float32(level)
        if zero is not None:
            mean, spread = (level * part for part in magnitude((clean - zero) / level))
            mean = mean + zero
        taken = (noisy - mean) / spread
        spots = _spots(taken)
        fuller = clean / spread + spots
        return (fuller + _detail(fuller, taken - spots)) * spread

    return filter_blocks((result, image), work, HALO, job, flat_axis, start, SIDE)


def magnitude(signal: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of a magnitude whose two channels have noise of 1 (Rice 1944)."""
    nodes, mean, spread = _rice()
    strong = np.maximum(signal, nodes[-1])
    means = np.where(signal > nodes[-1], strong + 1 / (2 * strong), np.interp(signal, nodes, mean))
    return means.astype(np.float32), np.interp(signal, nodes, spread).astype(np.float32)


@cache
def _rice() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The same for a table of signals: the Bessel functions take a hundred times as long as a look into it."""
    signal = np.arange(0, STRONG, STEP)
    square = np.square(signal)
    mean = sqrt(pi / 8) * ((2 + square) * ive(0, square / 4) + square * ive(1, square / 4))
    return signal, mean, np.sqrt(np.maximum(2 + square - np.square(mean), 1 - pi / 4))


def _spots(taken: Floats) -> Floats:
    """The part of what was taken, in units of the noise, that is none."""
    response = gaussian_filter(taken, SPOT, truncate=3)
    white = LEAST * (2 * sqrt(pi) * SPOT) ** (-taken.ndim / 2)
    usual = max(white, 1.4826 * float(np.median(np.abs(response))))
    square = uniform_filter(np.minimum(np.square(response), (3 * usual) ** 2), AROUND)  # sums that may end below 0
    found = np.abs(response) > CHANCE * np.sqrt(np.maximum(square, usual**2))
    if not found.any():
        return np.zeros_like(taken)
    wide = binary_dilation(found, generate_binary_structure(taken.ndim, 1))
    spots: Floats = np.where(wide, gaussian_filter(taken, SMOOTH, truncate=3), np.float32(0))
    return spots


def _detail(image: Floats, taken: Floats) -> Floats:
    """What the image's detail lacks; both in units of the noise.

    The factor is that of a regression of what was taken on the detail, in each block, with its standard error.
    """
    detail = image - gaussian_filter(image, DETAIL, truncate=3)
    strength = np.maximum(uniform_filter(np.square(detail), NEAR), 1e-6)
    factor = np.clip(uniform_filter(taken * detail, NEAR) / (strength + FAINT), 0, 1)
    doubt = uniform_filter(np.square(taken), NEAR) / (strength * NEAR**image.ndim)
    sure = 1 - SURE * doubt / np.maximum(np.square(factor), 1e-9)
    lacking: Floats = np.clip(sure, 0, 1) * factor * detail
    return lacking
