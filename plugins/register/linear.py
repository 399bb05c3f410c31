"""Rigid, similarity and affine registration: preconditioned ascent of a metric on lattices, coarse to fine.

A step moves the fixed space by exp(δ): the slope with respect to δ is a product of the metric's slope, the slopes of
the warped image and the velocities that the generators give to each voxel. It is scaled by the Gauss-Newton matrix of
those velocities, and its length in mm shrinks when the metric stops rising.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import expm
from torch import Tensor

from plugins.register.lattice import Lattice, Sampler, slopes
from plugins.register.metrics import Metric

Floats = NDArray[np.float64]
Kind = Literal["rigid", "similarity", "affine"]
DAMPING = 1e-3
OVERLAP = 0.1  # of the fixed voxels that must lie in the moving image


def generators(kind: Kind, centre: Floats, reach: float) -> Floats:
    """[n, 4, 4]: velocities about `centre` in LPS mm: translations (1 mm), then turns, then stretches, which move what
    is `reach` mm away by 1 mm."""
    found = []
    for axis in range(3):
        one = np.zeros((4, 4))
        one[axis, 3] = 1
        found.append(one)
    for a, b in ((1, 2), (2, 0), (0, 1)):
        found.append(_about(centre, reach, [(b, a, 1.0), (a, b, -1.0)]))
    if kind == "similarity":
        found.append(_about(centre, reach, [(axis, axis, 1.0) for axis in range(3)]))
    if kind == "affine":
        found += [_about(centre, reach, [(axis, axis, 1.0)]) for axis in range(3)]
        found += [_about(centre, reach, [(a, b, 1.0), (b, a, 1.0)]) for a, b in ((0, 1), (0, 2), (1, 2))]
    return np.array(found)


def _about(centre: Floats, reach: float, entries: list[tuple[int, int, float]]) -> Floats:
    one = np.zeros((4, 4))
    for row, column, value in entries:
        one[row, column] = value / reach
    one[:3, 3] = -one[:3, :3] @ centre
    return one


@dataclass(frozen=True)
class Fit:
    """matrix: 4×4, fixed to moving LPS mm. value: of the metric there; -inf where the images hardly overlap."""

    matrix: Floats
    value: float


class Hill:
    """A metric of two images as a function of the matrix between them. weight: of the fixed voxels, [1, k, j, i]."""

    def __init__(self, fixed: Lattice, moving: Lattice, metric: Metric, weight: Tensor | None = None) -> None:
        self._fixed, self._moving, self._metric = fixed, moving, metric
        self._weight = torch.ones_like(fixed.values[:1]) if weight is None else weight
        k, j, i = (torch.arange(n, dtype=torch.float32, device=fixed.values.device) for n in fixed.shape)
        index = torch.stack([part.reshape(-1) for part in torch.meshgrid(k, j, i, indexing="ij")])
        affine = torch.as_tensor(fixed.affine, dtype=torch.float32, device=index.device)
        world = affine[:3, :3] @ index + affine[:3, 3:]
        self._world = torch.cat([world, torch.ones_like(world[:1])])  # [4, n]: x, y, z, 1
        self._to_mm = torch.linalg.inv(affine[:3, :3]).T.contiguous()

    def look(self, matrix: Floats) -> tuple[float, Tensor, Tensor]:
        """The value, the warped image, and the slope of the one with respect to the other."""
        sampler = Sampler(
            self._moving.values, np.linalg.inv(self._moving.affine) @ matrix @ self._fixed.affine, self._fixed.shape
        )
        weight = sampler.inside() * self._weight
        if float(weight.sum()) < OVERLAP * float(self._weight.sum()):
            return -np.inf, weight, weight
        warped = sampler()
        value, slope = self._metric.of(warped, weight)
        return value, warped, slope * weight

    def way_up(self, warped: Tensor, slope: Tensor, basis: Floats) -> Floats:
        """The step along each generator, up to its length: the slope, scaled by the Gauss-Newton matrix."""
        across = self._to_mm @ slopes(warped).reshape(3, -1)  # per mm along x, y, z; channels follow one another
        c = warped.shape[0]
        world = self._world.repeat(1, c)
        moves = (across[:, None] * world[None]).reshape(12, -1)
        vectors = basis[:, :3].reshape(len(basis), 12)
        gain = vectors @ (moves @ slope.reshape(-1)).double().cpu().numpy()
        matrix = vectors @ (moves @ moves.T).double().cpu().numpy() @ vectors.T
        return np.linalg.solve(matrix + DAMPING * np.trace(matrix) / len(matrix) * np.eye(len(matrix)), gain)

    def motion(self, velocity: Floats) -> float:
        """The mean speed, mm, that a 4×4 velocity gives to the image's voxels."""
        moved = torch.as_tensor(velocity[:3], dtype=torch.float32, device=self._world.device) @ self._world[:, ::7]
        return float(moved.norm(dim=0).mean())


def climb(
    hill: Hill,
    matrix: Floats,
    basis: Floats,
    *,
    steps: int,
    length: float,
    shortest: float,
    tell: Callable[[float], None] = lambda value: None,
) -> Fit:
    """From `matrix` to the nearest maximum. length, shortest: of the first step and of the last, mm."""
    value, warped, slope = hill.look(matrix)
    velocity = None
    for _ in range(steps):
        if length < shortest or value == -np.inf:
            break
        if velocity is None:
            velocity = np.tensordot(hill.way_up(warped, slope, basis), basis, axes=1)
            velocity /= max(hill.motion(velocity), 1e-12)
        tried = matrix @ expm(length * velocity)
        found = hill.look(tried)
        if found[0] > value:
            (value, warped, slope), matrix, velocity = found, tried, None
            length *= 1.3
            tell(value)
        else:
            length *= 0.4
    return Fit(matrix, value)
