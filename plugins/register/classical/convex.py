"""A start for large motion: the best of all displacements within a range, made smooth.

By coupled convex optimisation (Heinrich et al., MICCAI 2014; Siebert et al., ConvexAdam, IEEE TMI 2024).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .greedy import Field, remove_folds
from .lattice import Floats, Lattice, Sampler, apply_matrices, downsampling_matrix, resize_affine
from .mind import descriptors

REACH = 5  # displacements to either side along each axis
COUPLING = (0.03, 0.1, 0.3, 1.0, 3.0)  # in units of the spread of the costs, for the farthest displacement
SEARCH = 0.7  # of the progress, for the costs
CELLS = 110_000  # of the lattice that displacements are chosen on, at most


def search_field(
    fixed: Lattice, moving: Lattice, between: Floats, mm: float, progress: Callable[[float], None]
) -> Field:
    """A field that reaches about `mm` far. fixed, moving: one channel each. between: 4×4, LPS mm."""
    here = descriptors(fixed.values)
    there = descriptors(Sampler(moving.values, np.linalg.inv(moving.affine) @ between @ fixed.affine, fixed.shape)())
    step = _cell_side(fixed)
    small = [max(2, n // step) for n in fixed.shape]
    down = [downsampling_matrix(n, m, here) for n, m in zip(fixed.shape, small, strict=True)]
    here, there = apply_matrices(here, down), apply_matrices(there, down)
    affine = resize_affine(fixed.affine, fixed.shape, small)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    stride = np.maximum(1, np.rint(mm / REACH / spacing)).astype(int)
    moves = [tuple(int(a) for a in np.array(one) * stride) for one in product(range(-REACH, REACH + 1), repeat=3)]
    cost = _costs(here, there, moves, lambda part: progress(SEARCH * part))
    ways = torch.tensor(moves, dtype=torch.float32, device=here.device)
    rough = _optimize_coupled(cost, ways, tuple(small), lambda part: progress(SEARCH + (1 - SEARCH) * part))
    scale = torch.as_tensor(spacing, dtype=torch.float32, device=here.device)[:, None, None, None]
    return Field(remove_folds(rough) * scale, affine)


def _cell_side(fixed: Lattice) -> int:
    """How many voxels along a side of a cell."""
    return max(2, int(np.ceil((fixed.values[0].numel() / CELLS) ** (1 / 3))))


def _costs(here: Tensor, there: Tensor, moves: list[tuple[int, ...]], progress: Callable[[float], None]) -> Tensor:
    """[moves, cells]: the mean squared difference of descriptors, averaged over the neighbours."""
    reach = [max(abs(move[axis]) for move in moves) for axis in range(3)]
    padded = functional.pad(there[None], [n for r in reversed(reach) for n in (r, r)], mode="replicate")[0]
    cost = torch.empty(len(moves), here[0].numel(), device=here.device)
    for number, move in enumerate(moves):
        box = tuple(slice(r + m, r + m + n) for r, m, n in zip(reach, move, here.shape[1:], strict=True))
        gap = (here - padded[(slice(None), *box)]).square_().mean(dim=0, keepdim=True)
        cost[number] = functional.avg_pool3d(gap[None], 3, 1, 1, count_include_pad=False).reshape(-1)
        if number % 32 == 0:
            progress(number / len(moves))
    return cost


def _optimize_coupled(cost: Tensor, moves: Tensor, shape: tuple[int, ...], progress: Callable[[float], None]) -> Tensor:
    """[3, k, j, i]: in turns the best displacement near the smooth field, and the smooth field of the best ones."""
    field = _smooth(moves[cost.argmin(0)].T.reshape(3, *shape))
    unit = float(cost.std(dim=0).mean() / moves.square().sum(1).max())
    for number, share in enumerate(COUPLING):
        best = _nearest(cost, moves, field.reshape(3, -1), share * unit, partial(progress, number / len(COUPLING)))
        field = _smooth(moves[best].T.reshape(3, *shape))
    return field


def _nearest(cost: Tensor, moves: Tensor, flat: Tensor, coupling: float, tell: Callable[[], None]) -> Tensor:
    """[cells]: the number of the move of least cost and distance from the field.

    One move after the other: all distances at once would be as large as the costs.
    """
    least, best = torch.full_like(cost[0], torch.inf), torch.zeros_like(cost[0], dtype=torch.long)
    for number, move in enumerate(moves):
        total = cost[number] + coupling * (move[:, None] - flat).square_().sum(0)
        best[total < least] = number
        torch.minimum(least, total, out=least)
        if number % 32 == 0:
            tell()
    return best


def _smooth(field: Tensor) -> Tensor:
    for _ in range(2):
        field = functional.avg_pool3d(field[None], 3, 1, 1, count_include_pad=False)[0]
    return field
