"""How good a registration is, measured whole: what it bends, and how alike the two images are before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from viewer.compute.transform_quality import Smoothness, inverse_consistency, jacobian, smoothness
from viewer.compute.transforms import by_slabs, moved, voxel_points
from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.data.volume import Volume

Tell = Callable[[float, str], None]  # fraction done, what happens now; it may raise to stop the measuring
PERCENTILE = 95


@dataclass(frozen=True)
class Bending:
    """Of a displacement field: its mean and largest length in mm, and its folds and smoothness."""

    mean: float
    largest: float
    smoothness: Smoothness


@dataclass(frozen=True)
class WayBack:
    """How far points come to lie from where they started, there by one registration and back by another, mm."""

    mean: float
    percentile: float  # the 95th
    largest: float


@dataclass(frozen=True)
class Quality:
    """bending: None for a matrix alone. similarity: by metric, before and after."""

    bending: Bending | None = None
    similarity: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def measure(fixed: Volume, moving: Volume, transform: Transform, tell: Tell) -> Quality:
    """Of a transform from points of the fixed to points of the moving image, mm. tell: see Tell."""
    tell(0.0, "what it bends")
    return Quality(bending(transform))


def bending(transform: Transform) -> Bending | None:
    """What a displacement field does on its own lattice; None for a matrix alone."""
    if transform.displacement is None:
        return None
    lengths = np.concatenate([np.linalg.norm(part, axis=-1).ravel() for part in transform.displacement])
    return Bending(float(lengths.mean()), float(lengths.max()), smoothness(jacobian(transform)[0]))


def way_back(forward: Transform, backward: Transform, fixed: Grid, moving: Grid) -> WayBack:
    """Inverse consistency of two registrations, over the voxels of the fixed image that come to lie in the moving one.

    Raises ValueError where none does.
    """
    found = inverse_consistency(forward, backward, fixed)
    inside = np.empty(fixed.shape, bool)
    size = np.array(moving.shape)

    def look(first: int, last: int) -> None:
        index = moving.to_index(moved(forward, voxel_points(fixed, first, last)))
        inside[first:last] = ((index >= -0.5) & (index <= size - 0.5)).all(axis=-1)

    by_slabs(fixed, look)
    if not inside.any():
        raise ValueError("The two images do not overlap: align them by hand first.")
    lengths = found[inside]
    return WayBack(float(lengths.mean()), float(np.percentile(lengths, PERCENTILE)), float(lengths.max()))
