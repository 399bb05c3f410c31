"""Greedy diffeomorphic registration (Joshi et al., NeuroImage 2004; Yushkevich et al., NeuroImage 2016), coarse to fine.

Each step composes a small smooth update, u ← v + u∘(id + v), and smooths the whole a little. The images are compared on
a fine lattice; the field lives on one twice as coarse, for it is smooth at that scale and an eighth of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plugins.register.lattice import Lattice, Sampler, blurring, filtered, gaussian, resized, slopes, stretching
from plugins.register.metrics import Metric

Floats = NDArray[np.float64]
COARSER = 2  # voxels that are compared along a side of a voxel of the field
FLAT = 12  # steps without gain after which a stage ends


@dataclass(frozen=True)
class Stage:
    """mm: between voxels that are compared. steps: at most. update, whole: sigmas of the smoothing, in those voxels."""

    mm: float
    steps: int
    update: float = 1.7
    whole: float = 0.7
    length: float = 1.0  # of the longest move in a step, in voxels


@dataclass(frozen=True)
class Field:
    """mm: displacement [3, k, j, i] along the axes k, j, i of the lattice with that affine."""

    mm: Tensor
    affine: Floats

    def on(self, shape: tuple[int, int, int], affine: Floats) -> Field:
        """Interpolated on a lattice with the same outer faces."""
        matrices = [stretching(m, n, self.mm) for m, n in zip(self.mm.shape[1:], shape, strict=True)]
        return Field(filtered(self.mm, matrices), affine)


def zero(lattice: Lattice) -> Field:
    shape = [-(-n // COARSER) for n in lattice.shape]
    return Field(lattice.values.new_zeros(3, *shape), resized(lattice.affine, lattice.shape, shape))


def refine(
    field: Field,
    fixed: Lattice,
    moving: Lattice,
    between: Floats,
    metric: Metric,
    stage: Stage,
    *,
    tell: Callable[[int, float], None] = lambda step, value: None,
) -> Field:
    """One stage: better the field until the metric no longer rises.

    fixed, moving: shrunk to the stage's voxels. between: 4×4, LPS mm of the fixed to LPS mm of the moving image.
    """
    shape = fixed.shape
    coarse = [-(-n // COARSER) for n in shape]
    affine = resized(fixed.affine, shape, coarse)
    field = field.on(tuple(coarse), affine)
    fine_mm = _column(fixed.spacing, field.mm)
    coarse_mm = _column(np.linalg.norm(affine[:3, :3], axis=0), field.mm)
    up = [stretching(m, n, field.mm) for m, n in zip(coarse, shape, strict=True)]
    down = [
        blurring(n, m, stage.update * stage.mm / s, field.mm)
        for n, m, s in zip(shape, coarse, fixed.spacing, strict=True)
    ]
    calm = [
        gaussian(m, stage.whole * stage.mm / s, field.mm)
        for m, s in zip(coarse, np.linalg.norm(affine[:3, :3], axis=0), strict=True)
    ]
    sampler = Sampler(moving.values, np.linalg.inv(moving.affine) @ between @ fixed.affine, shape)
    itself = np.eye(4)
    mm, best, since = field.mm, -np.inf, 0
    for step in range(stage.steps):
        warped = sampler(filtered(mm, up) / fine_mm)
        value, slope = metric.of(warped)
        force = (slopes(warped) * slope).sum(dim=1) / fine_mm
        update = filtered(force, down)
        update *= stage.length * stage.mm / (update.square().sum(0).max().sqrt() + 1e-12)
        mm = update + Sampler(mm, itself, tuple(coarse))(update / coarse_mm)
        mm = filtered(mm, calm)
        tell(step, value)
        since = 0 if value > best + 1e-5 else since + 1
        best = max(best, value)
        if since > FLAT:
            break
    return Field(mm, affine)


def _column(mm: Floats, like: Tensor) -> Tensor:
    return torch.as_tensor(mm.astype(np.float32), device=like.device)[:, None, None, None]
