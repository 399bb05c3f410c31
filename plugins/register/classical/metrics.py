"""How alike two images are, and how the likeness changes with each voxel of the second: analytic, no autograd.

Every metric is a class with `evaluate(warped, weight)`: it gives the mean likeness (higher is better) and a function
that gives its slope [c, k, j, i] with respect to the warped image: most looks ask for the likeness alone. Slopes are
only used up to a factor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .lattice import apply_matrices, box_matrix, box_sum_matrix

Slope = Callable[[], Tensor]
EPS = 1e-6
BINS = 32
LEAST = 1e-8  # variance in a box that is more than rounding
FLOOR = 1e-4  # of the variance in a box, that of the whole image being 1: less is as good as flat


class Metric(Protocol):
    """How alike a warped image [c, k, j, i] is to the fixed one that the metric was made for."""

    def evaluate(self, warped: Tensor, weight: Tensor | None = None) -> tuple[float, Slope]:
        """The likeness, and what gives its slope. weight: [1, k, j, i] in 0…1, what counts; None for all."""


class MeanSquares:
    """Minus the mean squared difference, in units of the fixed image's variance.

    For images in one unit, label shares and descriptors.
    """

    def __init__(self, fixed: Tensor) -> None:
        self._fixed = fixed
        self._scale = 1 / (float(fixed.var()) + EPS)

    def evaluate(self, warped: Tensor, weight: Tensor | None = None) -> tuple[float, Slope]:
        """Minus the mean squared difference, and what gives its slope."""
        gap = self._fixed - warped
        weighted = gap if weight is None else gap * weight
        total = gap.numel() if weight is None else float(weight.sum()) * gap.shape[0] + EPS
        return -self._scale * float((weighted * gap).sum()) / total, lambda: weighted


class LocalCorrelation:
    """The squared correlation within a box around every voxel (Avants et al., MedIA 2008), with the exact slope.

    radius: of the box, in voxels. still: what is flat in both images counts as alike, so that identical images are as
    alike as can be and nothing bends where nothing is seen. Without it flat parts count for nothing, as does what lies
    outside: less overlap does not look better.
    """

    def __init__(self, fixed: Tensor, radius: int = 2, *, still: bool = False) -> None:
        self._still = still
        self._fixed = (fixed - fixed.mean()) / (fixed.std() + EPS)
        shape = fixed.shape[1:]
        self._mean = [box_matrix(n, radius, fixed) for n in shape]
        self._back = [box_sum_matrix(n, radius, fixed) for n in shape]
        self._average = apply_matrices(self._fixed, self._mean)
        self._spread = (apply_matrices(self._fixed**2, self._mean) - self._average**2).clamp(min=0)

    def evaluate(self, warped: Tensor, weight: Tensor | None = None) -> tuple[float, Slope]:
        """The mean squared local correlation, and what gives its slope."""
        fixed, mean = self._fixed, self._average
        warped = (warped - warped.mean()) / (warped.std() + EPS)
        sums = apply_matrices(torch.cat([warped, warped * warped, warped * fixed]), self._mean)
        average = sums[0:1]
        spread = sums[1:2] - average * average
        spread = spread.clamp_(min=0) + FLOOR if self._still else spread.clamp_(min=LEAST)
        common = sums[2:3] - average * mean
        share = common / (spread * (self._spread + FLOOR))  # a / (b c)
        likeness = share * common
        turn = likeness / spread  # a² / (b c²)
        if self._still:
            flat = self._spread / (self._spread + FLOOR)
            likeness = 1 - (flat * (1 - FLOOR / spread) - likeness).clamp_(min=0)  # below 0 is rounding
            turn = turn + flat * FLOOR / spread**2
        if weight is not None:
            likeness, share, turn = likeness * weight, share * weight, turn * weight

        def slope() -> Tensor:
            parts = apply_matrices(torch.cat([share, turn, turn * average - share * mean]), self._back)
            return fixed * parts[0:1] - warped * parts[1:2] + parts[2:3]

        return float(likeness.mean()), slope


class MutualInformation:
    """Mutual information in nats from a joint histogram (Mattes et al., TMI 2003).

    Hard bins for the fixed image, cubic B-splines for the moving one.
    """

    def __init__(self, fixed: Tensor, low: float, high: float, bins: int = BINS) -> None:
        self._bins, self._low, self._high = bins, low, high
        first, last = _range(fixed)
        part = ((fixed - first) / max(last - first, EPS)).clamp(0, 1)
        self._row = (part * (bins - 1)).round().long().reshape(-1) * (bins + 3)
        self._shape = fixed.shape

    def evaluate(self, warped: Tensor, weight: Tensor | None = None) -> tuple[float, Slope]:
        """The mutual information in nats, and what gives its slope."""
        bins = self._bins
        scale = (bins - 1) / max(self._high - self._low, EPS)
        at = ((warped.reshape(-1) - self._low) * scale).clamp(0, bins - 1)
        low = at.floor().clamp(max=bins - 2)
        t = at - low
        index = self._row + low.long()
        ones = torch.ones_like(t) if weight is None else weight.reshape(-1)
        joint = torch.zeros(bins * (bins + 3), device=t.device)
        for n, share in enumerate(_spline(t)):
            joint += torch.bincount(index + n, share * ones, minlength=bins * (bins + 3))
        total = joint.sum() + EPS
        joint = (joint / total).reshape(bins, bins + 3)
        rows, columns = joint.sum(1, keepdim=True), joint.sum(0, keepdim=True)
        pointwise = torch.log((joint + 1e-10) / (rows * columns + 1e-10))

        def slope() -> Tensor:
            table = torch.log((joint + 1e-10) / (columns + 1e-10)).reshape(-1)
            parts = (share * table[index + n] for n, share in enumerate(_spline_slope(t)))
            return (sum(parts, torch.zeros_like(t)) * ones * scale).reshape(self._shape)

        return float((joint * pointwise).sum()), slope


def _range(image: Tensor) -> tuple[float, float]:
    """The 0.1st and 99.9th percentile, from at most a million voxels."""
    values = image.reshape(-1)
    values = values[:: max(1, values.numel() // 1_000_000)]
    low, high = np.percentile(values.cpu().numpy(), (0.1, 99.9))
    return float(low), float(high)


def mutual_information(fixed: Tensor, moving: Tensor) -> MutualInformation:
    """The metric with bins over the moving image's whole range."""
    return MutualInformation(fixed, *_range(moving))


def _spline(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four cubic B-spline weights of a place t in 0…1 between the second and the third knot."""
    one = 1 - t
    return one**3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (3 * one**3 - 6 * one**2 + 4) / 6, t**3 / 6


def _spline_slope(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    one = 1 - t
    return -(one**2) / 2, (3 * t**2 - 4 * t) / 2, -(3 * one**2 - 4 * one) / 2, t**2 / 2


class Joint:
    """Several metrics, each of its own channels of one image: their weighted sum.

    parts: (metric, channels, weight).
    """

    def __init__(self, parts: list[tuple[Metric, int, float]]) -> None:
        self._parts = parts

    def evaluate(self, warped: Tensor, weight: Tensor | None = None) -> tuple[float, Slope]:
        """The weighted sum of the metrics, and what gives its slope."""
        total, slopes, first = 0.0, [], 0
        for metric, channels, share in self._parts:
            value, slope = metric.evaluate(warped[first : first + channels], weight)
            total += share * value
            slopes.append((slope, share))
            first += channels
        return total, lambda: torch.cat([_normalize(slope(), share) for slope, share in slopes])


def _normalize(slope: Tensor, share: float) -> Tensor:
    """So that metrics pull by their share, whatever the size of their slopes."""
    return slope * (share / (float(slope.abs().mean()) + EPS))
