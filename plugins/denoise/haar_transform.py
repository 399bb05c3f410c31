"""What the network sees of an image, and how its answer becomes one: the orthonormal Haar transform (Mallat 1989).

White noise of standard deviation 1 is white noise of standard deviation 1 in every band. Done in single precision,
before and after the network: in the network's bfloat16 a CT value of 50 times its noise would be rounded by a tenth
of it.
"""

from __future__ import annotations

from itertools import product
from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

Floats = NDArray[np.float32]
Strides = tuple[int, int, int]
SOLID: Strides = (2, 2, 2)
FLAT: Strides = (1, 2, 2)  # thick slices are halved in their plane only
AROUND = 5  # bands' voxels along each side of the neighbourhood whose mean is taken off the first band
STRONG = 8.0  # signal to noise beyond which magnitude noise is as good as Gaussian


def matrix(strides: Strides) -> Floats:
    """[band, corner]: orthonormal; the first band is the mean times the root of the number of corners."""
    corners = list(product(*(range(n) for n in strides)))
    rows = [[(-1) ** sum(a * b for a, b in zip(band, at, strict=True)) for at in corners] for band in corners]
    return np.array(rows, np.float32) / np.float32(sqrt(prod(strides)))


def forward(image: Floats, strides: Strides) -> Floats:
    """[k, j, i] (sides are multiples of the strides) to [band, k', j', i']."""
    k, j, i = (n // step for n, step in zip(image.shape, strides, strict=True))
    corners = image.reshape(k, strides[0], j, strides[1], i, strides[2]).transpose(1, 3, 5, 0, 2, 4)
    return np.tensordot(matrix(strides), corners.reshape(-1, k, j, i), 1)


def inverse(bands: Floats, strides: Strides) -> Floats:
    """[band, k', j', i'] to [k, j, i]."""
    k, j, i = bands.shape[1:]
    corners = np.tensordot(matrix(strides).T, bands, 1).reshape(*strides, k, j, i).transpose(3, 0, 4, 1, 5, 2)
    return np.ascontiguousarray(corners).reshape(k * strides[0], j * strides[1], i * strides[2])


def mirror(bands: Floats, axes: tuple[int, ...], strides: Strides) -> Floats:
    """[…, c, k', j', i'] of the image that is turned round along some of the axes 0, 1, 2 (k, j, i).

    A band that is a difference along an axis changes its sign; channels after the bands have none.
    """
    signs = np.ones(bands.shape[-4], np.float32)
    for number, band in enumerate(product(*(range(n) for n in strides))):
        signs[number] = (-1) ** sum(band[axis] for axis in axes)
    signed: Floats = bands * signs[:, None, None, None]
    return np.flip(signed, tuple(axis - 3 for axis in axes))


def channels(image: Floats, rician: bool, strides: Strides) -> Floats:
    """[band + 2, k', j', i'] of an image in units of its noise: what the network takes.

    The bands, the first without its local mean, so that a shift of all values changes nothing; then, for Rician noise
    only, the signal's level (its noise depends on that) and 1.
    """
    bands = forward(image, strides)
    level = np.clip(bands[:1] / np.float32(sqrt(prod(strides)) * STRONG), 0, 1) * np.float32(rician)
    bands[0] -= uniform_filter(bands[0], AROUND, mode="nearest")
    return np.concatenate([bands, level, np.full_like(level, rician)])
