"""How well two label maps agree: overlap and distances of surfaces, label by label.

The definitions are MONAI's (monai.metrics), written out because others differ:
- The surface of a mask is its voxels with a face on something else, or on the edge of the image. (ITK's filters do not
  count the edge of the image.)
- Distances run between centres of voxels, in mm, from every voxel of one surface to the nearest of the other surface.
  (itk::HausdorffDistanceImageFilter measures from all voxels to the nearest of the other mask.)
- HD95 is the larger of the two directed 95th percentiles, each interpolated between the two nearest ranks. (Others take
  one percentile of both directions together.)
- ASSD is the mean of all distances of both directions together, each voxel counted once. (Others take the mean of the
  two means.) NSD is the share of both surfaces' voxels within the tolerance, the tolerance included. (Nikolov's own
  code weighs each by its area.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.box import box_union, label_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats, Mask, ProgressCallback
    from viewer.data.grid import Grid

HIGHEST = 65_535  # label up to which boxes are found by a table; atlases have labels of nine digits
AT_ONCE = 20_000  # voxels of a surface between two chances to cancel
LEAF = 32  # points in a leaf of the search tree: twice as fast as the default on surfaces that lie apart


@dataclass(frozen=True)
class Agreement:
    """How well two masks agree. dice: 2|A∩B| / (|A|+|B|). Distances in mm, None where one of the two is empty.

    hd95: the larger of the two directed 95th percentiles. assd: mean over both surfaces. nsd: share of both surfaces
    that lies within the tolerance of the other (Nikolov et al. 2018).
    """

    dice: float
    hd95: float | None = None
    assd: float | None = None
    nsd: float | None = None


def label_metrics(
    reference: NDArray[Any], other: NDArray[Any], grid: Grid, tolerance: float = 1.0
) -> dict[int, Agreement]:
    """Agreement by label (but 0) of two maps [k, j, i] of unsigned integers on `grid`. tolerance: of nsd, mm."""
    if reference.shape != other.shape:
        raise ValueError("The label maps have different sizes: resample one onto the other first.")
    labels, reference, other = _numbered(reference, other)
    boxes, others, found = label_boxes(reference), label_boxes(other), {}
    for number in sorted({*boxes, *others}):
        box = box_union(boxes.get(number), others.get(number))
        assert box is not None
        one, two = reference[box] == number, other[box] == number
        label = int(labels[number]) if labels is not None else number
        found[label] = agreement(one, two, surface_distances(one, two, grid.spacing), tolerance)
    return found


def _numbered(one: NDArray[Any], two: NDArray[Any]) -> tuple[NDArray[Any] | None, NDArray[Any], NDArray[Any]]:
    """The labels by number where a table of all up to the highest would be too long, and the maps of such numbers."""
    if max(one.max(initial=0), two.max(initial=0)) <= HIGHEST:
        return None, one, two
    found = np.union1d(np.unique(one), np.unique(two))
    labels = np.union1d(found, np.zeros(1, found.dtype))
    kind = np.min_scalar_type(len(labels))
    return labels, np.searchsorted(labels, one).astype(kind), np.searchsorted(labels, two).astype(kind)


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances of two surfaces. first, second: their voxels (n, 3), as k, j, i.

    there, back: mm from each voxel of the first, of the second, to the nearest of the other surface.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    there: Floats
    back: Floats

    @property
    def worst(self) -> tuple[float, NDArray[np.intp]]:
        """The largest distance (the Hausdorff distance, mm), and the voxel from which it runs."""
        ends = ((self.there, self.first), (self.back, self.second))
        far, voxels = max(ends, key=lambda end: float(end[0].max()))
        return float(far.max()), voxels[int(far.argmax())]


def surface_distances(
    one: Mask, two: Mask, spacing: Floats, tell: ProgressCallback = lambda fraction: None
) -> SurfaceDistances | None:
    """Distances between two masks [k, j, i]; None where one of them is empty. spacing: along k, j, i in mm.

    By trees of the surfaces' voxels: exact, and on surfaces that lie near each other some times faster than a distance
    transform of the box. tell: gets the progress, 0…1; may raise Cancelled.
    """
    from scipy.spatial import cKDTree  # not before the window is there

    if not (one.any() and two.any()):
        return None
    voxels = [np.argwhere(surface(mask)) for mask in (one, two)]
    trees = [cKDTree(each * spacing, LEAF) for each in voxels]
    total, done = sum(map(len, voxels)), 0
    found: list[Floats] = []
    for each, tree in zip(voxels, reversed(trees), strict=True):
        far = np.empty(len(each))
        for start in range(0, len(each), AT_ONCE):
            tell(done / total)
            part = slice(start, start + AT_ONCE)
            far[part], _ = tree.query(each[part] * spacing, workers=-1)
            done += len(far[part])
        found.append(far)
    return SurfaceDistances(voxels[0], voxels[1], found[0], found[1])


def agreement(one: Mask, two: Mask, apart: SurfaceDistances | None, tolerance: float = 1.0) -> Agreement:
    """Agreement of two masks [k, j, i], at least one of them not empty.

    apart: the distances of their surfaces, None where one is empty. tolerance: of nsd, mm.
    """
    shared, ours, theirs = (int(np.count_nonzero(mask)) for mask in (one & two, one, two))
    dice = 2 * shared / max(ours + theirs, 1)
    if apart is None:
        return Agreement(dice)
    every = np.concatenate([apart.there, apart.back])
    hd95 = max(float(np.percentile(each, 95)) for each in (apart.there, apart.back))
    return Agreement(dice, hd95, float(every.mean()), float((every <= tolerance).mean()))


def surface(mask: Mask) -> Mask:
    """The voxels of a mask [k, j, i] with a face on something else, or on the edge of the array."""
    inner = np.zeros_like(mask)
    core = (slice(1, -1),) * 3
    inner[core] = mask[core]
    for axis in range(3):
        for side in (slice(None, -2), slice(2, None)):
            beside = tuple(side if other == axis else slice(1, -1) for other in range(3))
            inner[core] &= mask[beside]
    return mask & ~inner
