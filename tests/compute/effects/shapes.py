"""Segments and images that effects are tried on."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from viewer.compute.effects.checks import Spacing, Values
from viewer.data.arrays import Mask

SPACINGS = st.sampled_from([(1.0, 1.0, 1.0), (3.0, 0.7, 0.9), (0.6, 2.0, 0.6)])


def away(shape: tuple[int, int, int], spacing: Spacing, shift: Spacing = (0, 0, 0)) -> Values:
    """mm of each voxel's centre from the middle of the box, which is moved by so many mm."""
    middle = [(size - 1) / 2 * step + more for size, step, more in zip(shape, spacing, shift, strict=True)]
    lines = [np.arange(size) * step - at for size, step, at in zip(shape, spacing, middle, strict=True)]
    k, j, i = np.meshgrid(*lines, indexing="ij")
    return np.sqrt(k * k + j * j + i * i)


def ball(radius: float, spacing: Spacing, room: float, shift: Spacing = (0, 0, 0)) -> Mask:
    """A ball in the middle of a box with so many mm of room around it."""
    k, j, i = (int(2 * (radius + room) / step) + 2 for step in spacing)
    return away((k, j, i), spacing, shift) <= radius


def blobs(seed: int, shape: tuple[int, int, int] = (10, 14, 16), share: float = 0.3) -> Mask:
    """Random smooth parts that take that share of the box."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5)
    return noise > np.quantile(noise, 1 - share)


def noisy(seed: int, shape: tuple[int, int, int] = (10, 12, 14)) -> Values:
    """Smooth noise of a few tens."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).standard_normal(shape)
    return (gaussian_filter(noise, 1) * 100).astype(np.float32)


def dice(one: Mask, other: Mask) -> float:
    return 2 * int((one & other).sum()) / max(int(one.sum()) + int(other.sum()), 1)


def volume_of(mask: Mask, spacing: Spacing) -> float:
    return float(mask.sum() * np.prod(spacing))
