"""What a plugin took away from an image: the residual, result minus input ("method noise").

A good denoiser takes away noise and nothing else: the residual has no mean and no structure (A. Buades, B. Coll,
J.-M. Morel, A review of image denoising algorithms, with a new one, Multiscale Model. Simul. 4 (2005) 490, 2.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.images.region_statistics import voxels_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from viewer.data.annotations.region import Region
    from viewer.data.arrays import Floats32, ProgressCallback
    from viewer.data.volume import Volume

SLICES = 64  # of a whole image that are measured, evenly spread
BINS = 101
AIR = -1000.0  # HU
MARGIN = 4  # voxels around a region, so that gradients at its rim are true
SMOOTH = 1.0  # voxels: the gradient is that of structure, not of the noise that is left
EDGES, FLAT = 90, 50  # percentiles of the gradient: edges lie above the first, flat parts below the second
ENOUGH = 400  # voxels from which edges can be told from flat parts
BIASED, CERTAIN = 0.1, 4.0  # in SD, and in standard errors: a mean beyond both is no chance
STRUCTURED = 1.25  # SD at edges over SD in flat parts


@dataclass(frozen=True, eq=False)
class Residual:
    """A residual. mean, sd: in the unit. outliers: the share beyond 3 SD from the mean (0.27 % of Gaussian noise).

    counts [n], edges [n + 1]: the histogram, even about zero. structure: SD at the result's edges over that in its
    flat parts, 1 for even noise; None where there are too few voxels to tell. background: the input's value up to
    which voxels were left out, None where none were. slices: measured, and of how many.
    """

    voxels: int
    mean: float
    sd: float
    outliers: float
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    structure: float | None
    background: float | None
    slices: tuple[int, int]

    @property
    def biased(self) -> bool:
        """True where the mean is too far from zero to be noise."""
        return abs(self.mean) > self.sd * max(BIASED, CERTAIN / math.sqrt(self.voxels))

    @property
    def structured(self) -> bool:
        """True where more was changed at edges than in flat parts."""
        return self.structure is not None and self.structure > STRUCTURED


def residual(
    result: Volume, before: Volume, region: Region | None = None, progress: ProgressCallback = lambda fraction: None
) -> Residual:
    """Measure result − before in the region, else in the whole image without its background (Otsu 1979).

    progress: 0…1, called at every slice; what it raises ends the work. Raises ValueError, one sentence, where the two
    cannot be compared or nothing is left to measure.
    """
    if result.color or before.color or not result.grid.matches(before.grid):
        raise ValueError("The result does not lie on its input's grid, or is in colour: they have no difference.")
    background = None if region else _background(before)
    changes, slopes, count = [], [], 0
    parts = _in_region(result, before, region) if region else _slices(result, before, background)
    total = min(SLICES, before.grid.shape[0])
    for change, slope in parts:
        changes.append(change)
        slopes.append(slope)
        count += 1
        progress(min(1.0, count / total))
    change, slope = (np.concatenate(part) if part else np.empty(0, np.float32) for part in (changes, slopes))
    if not change.size:
        raise ValueError("There is no voxel to measure here: draw the region within the image.")
    mean, sd = float(change.mean(dtype=np.float64)), float(change.std(dtype=np.float64))
    counts, edges = np.histogram(change, _bins(change, _step(result, before)))
    outliers = float(np.mean(np.abs(change - mean) > 3 * sd)) if sd else 0.0
    structure = _structure(change, slope)
    measured = (count, before.grid.shape[0] if not region else count)
    return Residual(change.size, mean, sd, outliers, counts, edges, structure, background, measured)


def _step(result: Volume, before: Volume) -> float:
    """What residuals are whole multiples of: the slope of integers of one scale; 0 where there is no such step."""
    whole = all(one.array.dtype.kind in "iu" for one in (result, before))
    same = (result.slope, result.intercept) == (before.slope, before.intercept)
    return abs(result.slope) if whole and same else 0.0


def _bins(change: Floats32, step: float) -> NDArray[np.float64]:
    """Edges even about zero, which hold 99.9 % of the values; each bin as many steps wide as every other."""
    reach = float(np.percentile(np.abs(change), 99.9)) or step or 1.0
    if not step:
        return np.linspace(-reach, reach, BINS + 1)
    steps = int(np.ceil(2 * reach / step / BINS)) | 1  # an odd number: one bin is even about zero
    count = int(np.ceil(reach / step / steps))
    return np.arange(-count - 0.5, count + 1) * (step * steps)


def _slices(result: Volume, before: Volume, background: float | None) -> Iterator[tuple[Floats32, Floats32]]:
    """Residual and gradient of the voxels above the background, slice by slice."""
    n = before.grid.shape[0]
    for k in np.unique(np.linspace(0, n - 1, min(n, SLICES)).round().astype(int)):
        after, given = _values(result, k), _values(before, k)
        inside = np.isfinite(after) & np.isfinite(given)
        if background is not None:
            inside &= given > background
        yield (after - given)[inside], _slope(after, result)[inside]


def _in_region(result: Volume, before: Volume, region: Region) -> Iterator[tuple[Floats32, Floats32]]:
    (k, j, i), inside = voxels_in(before.grid, region)
    rows, columns = (slice(max(0, part.start - MARGIN), part.stop + MARGIN) for part in (j, i))
    home = (slice(j.start - rows.start, j.stop - rows.start), slice(i.start - columns.start, i.stop - columns.start))
    for place, mask in zip(range(k.start, k.stop), inside, strict=True):
        if mask.any():
            after, given = (_values(one, place)[rows, columns] for one in (result, before))
            known = mask & np.isfinite((after - given)[home])
            yield (after - given)[home][known], _slope(after, result)[home][known]


def _values(volume: Volume, k: int) -> Floats32:
    stored = volume.array[k].astype(np.float32)
    return np.asarray(stored * np.float32(volume.slope) + np.float32(volume.intercept))


def _slope(values: Floats32, volume: Volume) -> Floats32:
    """Gradient magnitude in the slice, unit/mm, of the image smoothed by a Gaussian."""
    from scipy import ndimage

    gradient = np.zeros(values.shape, np.float32)
    for axis, mm in enumerate(volume.grid.spacing[1:]):
        order = [0, 0]
        order[axis] = 1
        gradient += np.square(ndimage.gaussian_filter(values, SMOOTH, order) / np.float32(mm))
    return np.asarray(np.sqrt(gradient))


def _structure(change: Floats32, slope: Floats32) -> float | None:
    """SD of the residual at edges over its SD in flat parts, both about the mean."""
    if change.size < ENOUGH:
        return None
    flat, steep = np.percentile(slope, (FLAT, EDGES))
    off = np.square(change - change.mean(dtype=np.float64))
    quiet = float(off[slope <= flat].mean(dtype=np.float64))
    edge = float(off[slope >= steep].mean(dtype=np.float64))
    return (edge / quiet) ** 0.5 if quiet > 0 and steep > flat else None


def _background(volume: Volume) -> float | None:
    """The value that parts the background from the rest best; None in an image of a single value."""
    from skimage.filters import threshold_otsu

    stored = volume.array[:: max(1, volume.grid.shape[0] // 32), ::2, ::2].astype(np.float32)
    sample = stored[np.isfinite(stored)] * np.float32(volume.slope) + np.float32(volume.intercept)
    if volume.unit == "HU":
        sample = np.maximum(sample, AIR)  # what a scanner writes outside its circle is no tissue of its own
    if not sample.size or sample.min() == sample.max():
        return None
    low, high = np.percentile(sample, (0.5, 99.5))
    if high <= low:
        return None
    return float(threshold_otsu(np.clip(sample, low, high)))
