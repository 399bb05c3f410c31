"""How alike two images are where a transform lays one over the other, on an even sample of the fixed image's voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.registration.transform_algebra import run_slabs, transform_points, voxel_points
from viewer.data.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats
    from viewer.data.transform import Transform
    from viewer.data.volume import Volume

SAMPLES = 1_000_000  # voxels at the most
LEAST = 64  # that must lie in both images
WINDOW = 5  # samples along each side of the window of local correlation
BINS = 48  # of each image's histogram


@dataclass(frozen=True)
class Similarity:
    """How alike two images are. ncc: normalised cross-correlation, -1…1.

    lncc: the mean of its square in windows of 5 samples a side, 0…1. mi: mutual information of 48 × 48 bins from the
    0.1th to the 99.9th percentile, nats. mse: mean squared difference, in the square of the unit. overlap: share of the
    fixed image's samples that lie in the moving one, 0…1.
    """

    ncc: float
    lncc: float
    mi: float
    mse: float
    overlap: float


def similarity(fixed: Volume, moving: Volume, transform: Transform | None = None) -> Similarity:
    """The similarity of two images where a transform lays one over the other.

    transform: from points of the fixed to points of the moving image, LPS mm; none stands for the identity. The moving
    image is interpolated linearly. Raises ValueError, one sentence, where the two do not overlap or are in colour.
    """
    if fixed.color or moving.color:
        raise ValueError("Images in colour have no similarity here: choose grey ones.")
    steps = _steps(fixed.grid)
    grid = Grid(
        tuple(len(range(0, n, step)) for n, step in zip(fixed.grid.shape, steps, strict=True)),  # type: ignore[arg-type]
        fixed.grid.affine @ np.diag([*steps, 1.0]),
    )
    one = fixed.array[:: steps[0], :: steps[1], :: steps[2]].astype(np.float64) * fixed.slope + fixed.intercept
    two, inside = _resampled(moving, transform, grid)
    inside &= np.isfinite(one) & np.isfinite(two)
    count = int(inside.sum())
    if count < LEAST:
        raise ValueError("The two images do not overlap: bring them over each other first.")
    a, b = one[inside], two[inside]
    return Similarity(
        _correlation(a, b),
        _local(one, two, inside),
        _information(a, b),
        float(np.mean((a - b) ** 2)),
        count / inside.size,
    )


def _steps(grid: Grid) -> tuple[int, int, int]:
    """The steps along k, j, i that leave at most SAMPLES voxels: coarser first where the voxels are finer."""
    steps = np.ones(3, dtype=int)
    while np.prod(np.ceil(np.array(grid.shape) / steps)) > SAMPLES:
        steps[np.argmin(np.where(np.array(grid.shape) > steps, grid.spacing * steps, np.inf))] += 1
    return int(steps[0]), int(steps[1]), int(steps[2])


def _resampled(moving: Volume, transform: Transform | None, grid: Grid) -> tuple[Floats, NDArray[np.bool_]]:
    """The moving image's values [k, j, i] at the fixed grid's voxels, and which of them lie in it."""
    values, inside = np.empty(grid.shape), np.empty(grid.shape, bool)
    size = np.array(moving.grid.shape)
    stored = moving.array.view(np.uint8) if moving.array.dtype == np.bool_ else moving.array

    def fill(first: int, last: int) -> None:
        from scipy import ndimage  # not before the window is there

        points = voxel_points(grid, first, last)
        index = moving.grid.to_index(points if transform is None else transform_points(transform, points))
        inside[first:last] = np.all((index >= -0.5) & (index <= size - 0.5), axis=-1)
        where = np.moveaxis(index, -1, 0)
        values[first:last] = ndimage.map_coordinates(stored, where, np.float64, order=1, mode="nearest")

    run_slabs(grid, fill)
    return values * moving.slope + moving.intercept, inside


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _local(one: Floats, two: Floats, inside: NDArray[np.bool_]) -> float:
    """The mean squared local correlation over windows that lie inside and are not constant.

    Avants et al., MedIA 12, 2008.
    """
    from scipy import ndimage  # not before the window is there

    a, b = np.where(inside, one - one[inside].mean(), 0), np.where(inside, two - two[inside].mean(), 0)
    mean_a, mean_b, aa, bb, ab = (ndimage.uniform_filter(part, WINDOW) for part in (a, b, a * a, b * b, a * b))
    share = ndimage.uniform_filter(inside.astype(np.float64), WINDOW)
    varies_a, varies_b = aa - mean_a**2, bb - mean_b**2
    least_a, least_b = 1e-4 * a[inside].var() + 1e-12, 1e-4 * b[inside].var() + 1e-12
    whole = inside & (share > 1 - 1e-6) & (varies_a > least_a) & (varies_b > least_b)
    if not whole.any():
        return 0.0
    return float(np.mean((ab - mean_a * mean_b)[whole] ** 2 / (varies_a * varies_b)[whole]))


def _information(a: Floats, b: Floats) -> float:
    ends = [np.percentile(part, (0.1, 99.9)) for part in (a, b)]
    if any(low >= high for low, high in ends):
        return 0.0
    a, b = (np.clip(part, low, high) for part, (low, high) in zip((a, b), ends, strict=True))
    joint, _, _ = np.histogram2d(a, b, bins=BINS)
    joint = joint / joint.sum()
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / apart[some])).sum())
