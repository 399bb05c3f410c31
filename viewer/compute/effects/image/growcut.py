"""Grow from seeds: every voxel goes to the segment whose seeds reach it on the cheapest way.

GrowCut (V. Vezhnevets, V. Konouchine, GraphiCon 2005) as shortest ways (L. Zhu, I. Kolesov, Y. Gao, R. Kikinis,
A. Tannenbaum, MICCAI 2014 workshop IMIC): a step between neighbours costs the difference of their values.
In a large box ways are found at half the resolution, and at the full one about the borders that come out.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.checks import Spacing, Values, finite, need_seeds, no_progress, sub_progress
from viewer.compute.effects.distance import blurred
from viewer.compute.effects.image.shortest_paths import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats32, Labels, ProgressCallback

SMOOTH = 1.0
LOCALITY = 0.01
LARGE = 4_000_000  # voxels: more are grown at half the resolution first
BAND = 2  # coarse voxels to each side of a border that is found again


class GrowCut:
    """Grows seeds, and keeps what it found: those that are added take a fraction of the time."""

    def __init__(self, image: Values, spacing: Spacing, smooth: float = SMOOTH, locality: float = LOCALITY) -> None:
        """smooth: standard deviation of the Gaussian that noise is blurred with first, mm; 0 for none.

        locality: what a way costs by its length, in standard deviations of the values per mm: the more, the less it
        pays to go a long way round. Box: about 20 mm around all seeds.
        """
        self._alone = Lock()  # a look that was given up may still be at it
        values = blurred(finite(image), smooth, spacing)
        scaled = values / np.float32(values.std(dtype=np.float64))
        self._level = _Level(scaled, np.asarray(spacing, dtype=np.float64), locality)

    def grow(self, seeds: Labels, tell: ProgressCallback = no_progress) -> Labels:
        """A label for every voxel; those of the seeds stay. Paint seeds of what is not wanted, too.

        In boxes of more than LARGE voxels what is thinner than two voxels and far from every border may be missed.
        Raises Refusal for seeds of fewer than two segments. After a cancel it goes on from what it had before.
        """
        need_seeds(seeds)
        with self._alone:
            return self._level.grow(seeds, tell)[1].copy()


class _Level:
    """One resolution."""

    def __init__(self, values: Floats32, spacing: NDArray[np.float64], locality: float) -> None:
        self._values, self._steps = values, spacing * locality
        wide = np.array(values.shape) > 1
        self._factor = np.where(wide & (spacing < 2 * spacing.min(where=wide, initial=np.inf)), 2, 1)
        self._coarse = None
        if values.size > LARGE:
            halved = _blocks(values, self._factor).mean(axis=(1, 3, 5))
            self._coarse = _Level(halved, spacing * self._factor, locality)
        self._cost, self._labels, self._seeds = self._nothing()

    def grow(self, seeds: Labels, tell: ProgressCallback) -> tuple[Floats32, Labels]:
        """Cost of the cheapest way, and label, of each voxel."""
        if self._coarse:
            return self._refined(self._coarse, seeds, tell)
        if not np.array_equal(self._seeds[self._seeds > 0], seeds[self._seeds > 0]):
            self._cost, self._labels, self._seeds = self._nothing()
        added = seeds != self._seeds
        cost = np.where(added, np.float32(0), self._cost)
        labels = np.where(added, seeds, self._labels)
        self._cost, self._labels = spread(self._values, cost, labels, added, self._steps, tell)
        self._seeds = seeds.copy()
        return self._cost, self._labels

    def _refined(self, coarse: _Level, seeds: Labels, tell: ProgressCallback) -> tuple[Floats32, Labels]:
        """From the level below: its borders are found again, from what lies around them."""
        from scipy.ndimage import maximum_filter, minimum_filter

        blocks = _blocks(seeds, self._factor)
        known = blocks.max(axis=(1, 3, 5))
        cost, labels = coarse.grow(known, sub_progress(tell, 0, 0.5))
        mixed = np.where(blocks > 0, blocks, known[:, None, :, None, :, None]).min(axis=(1, 3, 5)) != known
        border = (maximum_filter(labels, 3) != minimum_filter(labels, 3)) | mixed
        near = maximum_filter(border.view(np.uint8), 2 * BAND + 1)
        band, rim = (self._finer(one) > 0 for one in (near, maximum_filter(near, 3)))
        rim &= ~band
        named = np.where(band, seeds, self._finer(labels))
        paid = np.where(rim, self._finer(cost), np.float32(-np.inf))  # nothing goes beyond the rim
        paid[band] = np.where(seeds[band] > 0, np.float32(0), np.float32(np.inf))
        front = rim | (band & (seeds > 0))
        return spread(self._values, paid, named, front, self._steps, sub_progress(tell, 0.5, 1))

    def _finer(self, coarse: Values) -> Values:
        """Each voxel of the level below as often as it has voxels here."""
        for axis, (factor, size) in enumerate(zip(self._factor, self._values.shape, strict=True)):
            coarse = np.repeat(coarse, factor, axis)[(slice(None),) * axis + (slice(size),)]
        return coarse

    def _nothing(self) -> tuple[Floats32, Labels, Labels]:
        """Cost, labels and seeds before there are any."""
        none = np.zeros(self._values.shape, np.uint8)
        return np.full(none.shape, np.inf, np.float32), none, none


def _blocks(array: Values, factor: NDArray[np.int64]) -> Values:
    """Of so many voxels each: [k, within, j, within, i, within]; the last ones go on as the faces are."""
    more = [(0, int(-size % n)) for size, n in zip(array.shape, factor, strict=True)]
    padded = np.pad(array, more, mode="edge")
    return padded.reshape([part for size, n in zip(padded.shape, factor, strict=True) for part in (size // n, n)])
