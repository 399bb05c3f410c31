"""A random walk on a grid half as fine: a soft answer of the random walker (Grady, TPAMI 2006), much sooner.

It is an input of the network, not a segmentation: the equations are solved by so many steps of conjugate gradients
with Jacobi's preconditioner and no more, and what has not arrived by then stays undecided.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .classical import BACKGROUND, STRUCTURE

Floats = NDArray[np.float32]
STEPS = 40
BETA = np.float32(100)  # an edge hinders the walk by exp(-BETA * difference²), in standard deviations of the image
LEAST = np.float32(1e-4)  # of a weight, so that the equations stay solvable


def coarse_walk(image: Floats, known: NDArray[np.uint8]) -> Floats:
    """The probability [k, j, i] that a walk ends in the structure; sides are even.

    image: of standard deviation 1. known: classical.markers. All 0 without a seed in the structure.
    """
    marks = _blocks(known)
    seeds, ground = (marks == STRUCTURE).any(-1), (marks == BACKGROUND).any(-1)
    if not seeds.any():
        return np.zeros_like(image)
    free = (~(seeds | ground)).astype(np.float32)
    means: Floats = _blocks(image).mean(-1)
    weights: list[Floats] = [np.exp(-BETA * np.diff(means, axis=axis) ** 2) + LEAST for axis in range(3)]
    ends = _solve(weights, seeds.astype(np.float32), free)
    return ends.repeat(2, 0).repeat(2, 1).repeat(2, 2)


def _blocks(array: NDArray[np.generic]) -> NDArray[Any]:
    """[k, j, i, 8]: the voxels of blocks of 2×2×2."""
    k, j, i = (n // 2 for n in array.shape)
    return array.reshape(k, 2, j, 2, i, 2).transpose(0, 2, 4, 1, 3, 5).reshape(k, j, i, 8)


def _solve(weights: list[Floats], fixed: Floats, free: Floats) -> Floats:
    """Values that are the weighted means of their neighbours where `free` is 1, begun at a half."""
    degree = _neighbour_sum(np.ones_like(fixed), weights)
    inverse = np.asarray(free / np.maximum(degree, LEAST), np.float32)
    x = fixed + np.float32(0.5) * free
    residual = free * (_neighbour_sum(x, weights) - degree * x)
    direction = inverse * residual
    norm = np.vdot(residual, direction)
    for _ in range(STEPS):
        if norm < 1e-6:
            break
        product = free * (degree * direction - _neighbour_sum(direction, weights))
        step = np.float32(norm / np.vdot(direction, product))
        x += step * direction
        residual -= step * product
        scaled = inverse * residual
        before, norm = norm, np.vdot(residual, scaled)
        direction = scaled + np.float32(norm / before) * direction
    return np.clip(x, 0, 1)


def _neighbour_sum(x: Floats, weights: list[Floats]) -> Floats:
    """The sum of the six neighbours of each voxel, weighted by the edges to them."""
    k, j, i = weights
    total = np.zeros_like(x)
    total[:-1] += k * x[1:]
    total[1:] += k * x[:-1]
    total[:, :-1] += j * x[:, 1:]
    total[:, 1:] += j * x[:, :-1]
    total[..., :-1] += i * x[..., 1:]
    total[..., 1:] += i * x[..., :-1]
    return total
