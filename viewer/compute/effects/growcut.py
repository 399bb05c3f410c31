"""Grow from seeds: every voxel goes to the segment whose seeds reach it on the cheapest way.

GrowCut (V. Vezhnevets, V. Konouchine, GraphiCon 2005) as shortest ways (L. Zhu, I. Kolesov, Y. Gao, R. Kikinis,
A. Tannenbaum, MICCAI 2014 workshop IMIC): a step between neighbours costs the difference of their values.
"""

from __future__ import annotations

import numpy as np

from viewer.compute.effects.asked import Labels, Spacing, Tell, Values, finite, need_seeds, unheard
from viewer.compute.effects.frontier import Costs, spread
from viewer.compute.effects.near import blurred

SMOOTH = 1.0
LOCALITY = 0.01


class GrowCut:
    """Keeps what it found: seeds that are added are grown from what there is, which takes a fraction of the time."""

    def __init__(self, image: Values, spacing: Spacing, smooth: float = SMOOTH, locality: float = LOCALITY) -> None:
        """smooth: standard deviation of the Gaussian that noise is blurred with first, mm; 0 for none.

        locality: what a way costs by its length, in standard deviations of the values per mm: the more, the less it
        pays to go a long way round. Box: about 20 mm around all seeds.
        """
        values = blurred(finite(image), smooth, spacing)
        self._values = values / np.float32(values.std(dtype=np.float64))
        self._steps = [locality * mm for mm in spacing]
        self._cost, self._labels, self._seeds = self._nothing()

    def grow(self, seeds: Labels, tell: Tell = unheard) -> Labels:
        """A label for every voxel; those of the seeds stay. Paint seeds of what is not wanted, too.

        Raises Refusal for seeds of fewer than two segments. After a cancel it goes on from what it had before.
        """
        need_seeds(seeds)
        if not np.array_equal(self._seeds[self._seeds > 0], seeds[self._seeds > 0]):
            self._cost, self._labels, self._seeds = self._nothing()
        added = seeds != self._seeds
        cost = np.where(added, np.float32(0), self._cost)
        labels = np.where(added, seeds, self._labels)
        self._cost, self._labels = spread(self._values, cost, labels, added, self._steps, tell)
        self._seeds = seeds.copy()
        return self._labels.copy()

    def _nothing(self) -> tuple[Costs, Labels, Labels]:
        """Cost, labels and seeds before there are any."""
        none = np.zeros(self._values.shape, np.uint8)
        return np.full(none.shape, np.inf, np.float32), none, none


def from_seeds(
    image: Values,
    seeds: Labels,
    spacing: Spacing,
    *,
    smooth: float = SMOOTH,
    locality: float = LOCALITY,
    tell: Tell = unheard,
) -> Labels:
    """A label for every voxel, by GrowCut with these seeds alone."""
    return GrowCut(image, spacing, smooth, locality).grow(seeds, tell)
