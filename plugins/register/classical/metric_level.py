"""Two images as a metric sees them at one resolution: what is compared, where, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .lattice import Floats, Lattice, Sampler, central_differences
from .metrics import Metric

OVERLAP = 0.1  # of the fixed voxels that count, the share that must lie in the moving image


@dataclass(frozen=True)
class MetricLevel:
    """Two images at one resolution. fixed, moving: lattices of as many channels as the metric compares.

    fixed_mask, moving_mask: where they count, [1, k, j, i] in 0…1 on the same lattices; None for everywhere.
    """

    fixed: Lattice
    moving: Lattice
    metric: Metric
    fixed_mask: Tensor | None = None
    moving_mask: Tensor | None = None

    def sampler(self, between: Floats) -> Sampler:
        """What samples the moving image, its mask as the last channel, at the fixed voxels. between: 4×4, LPS mm."""
        values = self.moving.values
        if self.moving_mask is not None:
            values = torch.cat([values, self.moving_mask])
        return Sampler(values, np.linalg.inv(self.moving.affine) @ between @ self.fixed.affine, self.fixed.shape)

    def split(self, sampled: Tensor, inside: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The warped image, and what of it counts."""
        weight = inside
        if self.moving_mask is not None:
            sampled, mask = sampled[:-1], sampled[-1:]
            weight = mask if weight is None else weight * mask
        if self.fixed_mask is not None:
            weight = self.fixed_mask if weight is None else weight * self.fixed_mask
        return sampled, weight

    def force_function(self, between: Floats) -> Callable[[Tensor], tuple[float, Tensor]]:
        """A function of a displacement [3, k, j, i] in fixed voxels: metric, and force [3, k, j, i] on each voxel.

        The force is per voxel. What lay outside the moving image before does not count. between: 4×4, LPS mm.
        """
        sampler = self.sampler(between)
        part = sampler.inside()
        inside = None if bool(part.all()) else part

        def evaluate(moved: Tensor) -> tuple[float, Tensor]:
            warped, weight = self.split(sampler(moved), inside)
            value, slope = self.metric.evaluate(warped, weight)
            return value, (central_differences(warped) * slope()).sum(dim=1)

        return evaluate

    def overlaps(self, weight: Tensor) -> bool:
        """True where the images overlap enough to be compared."""
        whole = float(self.fixed_mask.sum()) if self.fixed_mask is not None else weight.numel()
        return float(weight.sum()) >= OVERLAP * whole
