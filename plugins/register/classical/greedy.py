"""Greedy diffeomorphic registration (Joshi et al. 2004; Yushkevich et al. 2016), coarse to fine.

Each step composes a small smooth update, u ← v + u∘(id + v), and smooths the whole a little. The images are compared on
a fine lattice; the field lives on one twice as coarse, for it is smooth at that scale and an eighth of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from .lattice import (
    Floats,
    Lattice,
    Sampler,
    Shape,
    apply_matrices,
    blur_matrix,
    central_differences,
    column,
    gaussian_matrix,
    interpolation_matrix,
    resize_affine,
)
from .metric_level import MetricLevel

COARSER = 2  # voxels that are compared along a side of a voxel of the field
FLAT = 6  # steps without gain, one after the other, after which a stage ends
ENOUGH = 1e-5  # gain of the metric
LEAST, TRIES = 0.05, 4  # of the Jacobian determinant; and how often a step is cut to keep it
SHORTER = 0.7  # a step's length after one without gain


@dataclass(frozen=True)
class Stage:
    """One resolution. mm: between voxels that are compared. update, whole: sigmas of the smoothing, in those voxels."""

    mm: float
    steps: int
    update: float = 1.7
    whole: float = 0.7
    length: float = 1.0  # of the longest move in a step, in voxels


@dataclass(frozen=True)
class Field:
    """A displacement. mm: [3, k, j, i], along the axes k, j, i of the lattice with that affine (4×4, LPS mm)."""

    mm: Tensor
    affine: Floats

    def interpolate(self, shape: Shape, affine: Floats) -> Field:
        """The field on a lattice of that shape and affine, with the same outer faces; linear."""
        matrices = [interpolation_matrix(m, n, self.mm) for m, n in zip(self.mm.shape[1:], shape, strict=True)]
        return Field(apply_matrices(self.mm, matrices), affine)


def zero_field(lattice: Lattice) -> Field:
    """No displacement, on the lattice of the field that goes with it."""
    shape = _coarse_shape(lattice)
    return Field(lattice.values.new_zeros(3, *shape), resize_affine(lattice.affine, lattice.shape, shape))


def _coarse_shape(lattice: Lattice) -> Shape:
    k, j, i = (-(-n // COARSER) for n in lattice.shape)
    return k, j, i


def refine(
    field: Field,
    level: MetricLevel,
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
    fixed = level.fixed
    coarse = _coarse_shape(fixed)
    affine = resize_affine(fixed.affine, fixed.shape, coarse)
    coarse_mm = column(np.linalg.norm(affine[:3, :3], axis=0), field.mm)
    mm = remove_folds(field.interpolate(coarse, affine).mm / coarse_mm) * coarse_mm
    smooth = _Smoother(fixed, coarse, affine, stage, mm)
    fine_mm = column(fixed.spacing, mm)
    evaluate = level.force_function(between)
    length, best, kept, since = stage.length, -np.inf, mm, 0
    for step in range(stage.steps):
        value, force = evaluate(apply_matrices(mm, smooth.up) / fine_mm)
        tell(step, value)
        if value > best + ENOUGH:
            best, kept, since = value, mm, 0
        else:
            since += 1
            length *= SHORTER
        if since > FLAT:
            break
        update = apply_matrices(force / fine_mm, smooth.down)
        update *= length * stage.mm / (update.square().sum(0).max().sqrt() + 1e-12)
        if pull is not None:
            update += pull(mm, affine)
        mm = _compose(mm, update, coarse_mm, smooth.regularization)
    return Field(kept, affine)


def _compose(mm: Tensor, update: Tensor, voxel: Tensor, calm: list[Tensor]) -> Tensor:
    """Field u ← v + u∘(id + v), smoothed; v is left out where the whole would fold, else everywhere."""
    sampler = Sampler(mm, np.eye(4), Lattice(mm, np.eye(4)).shape)
    for _ in range(TRIES):
        tried = apply_matrices(update + sampler(update / voxel), calm)
        folded = (jacobian_determinant(tried / voxel) < LEAST).to(mm.dtype)[None]
        if not bool(folded.any()):
            return tried
        update = update * (1 - functional.max_pool3d(folded, 5, 1, 2))
    return mm


def remove_folds(moved: Tensor) -> Tensor:
    """[3, k, j, i] in voxels, smoothed until nothing comes near to folding: a step from there could not be made.

    More widely each time, which ends: what is smoothed more widely than it is large is flat.
    """
    sigma = 0.7
    while float(jacobian_determinant(moved).min()) < LEAST and sigma < 2 * max(moved.shape[1:]):
        moved = apply_matrices(moved, [gaussian_matrix(n, sigma, moved) for n in moved.shape[1:]])
        sigma *= 1.2
    return moved


def jacobian_determinant(moved: Tensor) -> Tensor:
    """[k, j, i]: the determinant of the slopes of id + moved, [3, k, j, i] in voxels; below 0 it folds."""
    a, b, c = central_differences(moved)  # along k, j, i
    determinant: Tensor = (
        (1 + a[0]) * ((1 + b[1]) * (1 + c[2]) - b[2] * c[1])
        - a[1] * (b[0] * (1 + c[2]) - b[2] * c[0])
        + a[2] * (b[0] * c[1] - (1 + b[1]) * c[0])
    )
    return determinant


class _Smoother:
    """The matrices that take a field up to the voxels compared, a force down to the field, and calm the field."""

    def __init__(self, fixed: Lattice, coarse: Shape, affine: Floats, stage: Stage, like: Tensor) -> None:
        sizes = list(zip(fixed.shape, coarse, fixed.spacing, np.linalg.norm(affine[:3, :3], axis=0), strict=True))
        self.up = [interpolation_matrix(m, n, like) for n, m, _, _ in sizes]
        self.down = [blur_matrix(n, m, stage.update * stage.mm / s, like) for n, m, s, _ in sizes]
        self.regularization = [gaussian_matrix(m, stage.whole * stage.mm / s, like) for _, m, _, s in sizes]
