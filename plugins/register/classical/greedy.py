"""Greedy diffeomorphic registration (Joshi et al. 2004; Yushkevich et al. 2016), coarse to fine.

Each step composes a small smooth update, u ← v + u∘(id + v), and smooths the whole a little. The images are compared on
a fine lattice; the field lives on one twice as coarse, for it is smooth at that scale and an eighth of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from plugins.register.classical.lattice import (
    Lattice,
    Sampler,
    blurring,
    column,
    filtered,
    gaussian,
    resized,
    slopes,
    stretching,
)
from plugins.register.classical.metric_level import Sight

Floats = NDArray[np.float64]
COARSER = 2  # voxels that are compared along a side of a voxel of the field
FLAT = 6  # steps without gain, one after the other, after which a stage ends
ENOUGH = 1e-5  # gain of the metric
LEAST, TRIES = 0.05, 4  # of the Jacobian determinant; and how often a step is cut to keep it
SHORTER = 0.7  # a step's length after one without gain


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
    sight: Sight,
    between: Floats,
    stage: Stage,
    *,
    pull: Callable[[Tensor, Floats], Tensor] | None = None,
    tell: Callable[[int, float], None] = lambda step, value: None,
) -> Field:
    """One stage: better the field until the metric no longer rises; the best field that was seen.

    between: 4×4, LPS mm of the fixed to LPS mm of the moving image. pull: a further displacement [3, k, j, i] in mm for
    a field [3, k, j, i] and its affine (landmarks), added to every update.
    """
    fixed = sight.fixed
    coarse = [-(-n // COARSER) for n in fixed.shape]
    affine = resized(fixed.affine, fixed.shape, coarse)
    coarse_mm = column(np.linalg.norm(affine[:3, :3], axis=0), field.mm)
    mm = unfolded(field.on(tuple(coarse), affine).mm / coarse_mm) * coarse_mm
    smooth = _Smoothing(fixed, coarse, affine, stage, mm)
    fine_mm = column(fixed.spacing, mm)
    look = sight.towards(between)
    length, best, kept, since = stage.length, -np.inf, mm, 0
    for step in range(stage.steps):
        value, force = look(filtered(mm, smooth.up) / fine_mm)
        tell(step, value)
        if value > best + ENOUGH:
            best, kept, since = value, mm, 0
        else:
            since += 1
            length *= SHORTER
        if since > FLAT:
            break
        update = filtered(force / fine_mm, smooth.down)
        update *= length * stage.mm / (update.square().sum(0).max().sqrt() + 1e-12)
        if pull is not None:
            update += pull(mm, affine)
        mm = _composed(mm, update, coarse_mm, smooth.calm)
    return Field(kept, affine)


def _composed(mm: Tensor, update: Tensor, voxel: Tensor, calm: list[Tensor]) -> Tensor:
    """u ← v + u∘(id + v), smoothed; v is left out where the whole would fold, and everywhere if that does not help."""
    sampler = Sampler(mm, np.eye(4), tuple(mm.shape[1:]))
    for _ in range(TRIES):
        tried = filtered(update + sampler(update / voxel), calm)
        folded = (jacobian(tried / voxel) < LEAST).to(mm.dtype)[None]
        if not bool(folded.any()):
            return tried
        update = update * (1 - functional.max_pool3d(folded, 5, 1, 2))
    return mm


def unfolded(moved: Tensor) -> Tensor:
    """[3, k, j, i] in voxels, smoothed until nothing comes near to folding: a step from there could not be made.

    More widely each time, which ends: what is smoothed more widely than it is large is flat.
    """
    sigma = 0.7
    while float(jacobian(moved).min()) < LEAST and sigma < 2 * max(moved.shape[1:]):
        moved = filtered(moved, [gaussian(n, sigma, moved) for n in moved.shape[1:]])
        sigma *= 1.2
    return moved


def jacobian(moved: Tensor) -> Tensor:
    """[k, j, i]: the determinant of the slopes of id + moved, [3, k, j, i] in voxels; below 0 it folds."""
    a, b, c = slopes(moved)  # along k, j, i
    return (
        (1 + a[0]) * ((1 + b[1]) * (1 + c[2]) - b[2] * c[1])
        - a[1] * (b[0] * (1 + c[2]) - b[2] * c[0])
        + a[2] * (b[0] * c[1] - (1 + b[1]) * c[0])
    )


class _Smoothing:
    """The matrices that take a field up to the voxels compared, a force down to the field, and calm the field."""

    def __init__(self, fixed: Lattice, coarse: list[int], affine: Floats, stage: Stage, like: Tensor) -> None:
        sizes = list(zip(fixed.shape, coarse, fixed.spacing, np.linalg.norm(affine[:3, :3], axis=0), strict=True))
        self.up = [stretching(m, n, like) for n, m, _, _ in sizes]
        self.down = [blurring(n, m, stage.update * stage.mm / s, like) for n, m, s, _ in sizes]
        self.calm = [gaussian(m, stage.whole * stage.mm / s, like) for _, m, _, s in sizes]
