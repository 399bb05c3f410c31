"""What became of lesions from one study to the next: new, enlarged, stable, shrunk, vanished, merged or split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from viewer.data.arrays import Labels

ChangeClass = Literal["new", "enlarged", "stable", "shrunk", "vanished", "merged", "split"]
CLASSES: tuple[ChangeClass, ...] = get_args(ChangeClass)
COVERED = 0.1  # of the smaller of two lesions must lie in the other: less is a neighbour
ENLARGED = 0.30  # of the prior volume


@dataclass(frozen=True)
class ChangeLimit:
    """What a difference must exceed to be called one: mm³, and a share of the prior volume; see test_retest."""

    volume: float
    share: float = ENLARGED

    def exceeded(self, prior: float, current: float) -> bool:
        """Whether two volumes, mm³, differ by more than both."""
        return abs(current - prior) > max(self.volume, self.share * prior)


@dataclass(frozen=True)
class LesionChange:
    """One lesion, or several that became one. prior, current: their labels in both maps; volumes in mm³."""

    kind: ChangeClass
    prior: tuple[int, ...]
    current: tuple[int, ...]
    prior_volume: float
    current_volume: float

    @property
    def difference(self) -> float:
        """mm³ more than before."""
        return self.current_volume - self.prior_volume


def lesion_changes(prior: Labels, current: Labels, voxel: float, limit: ChangeLimit) -> tuple[LesionChange, ...]:
    """Of two label maps [k, j, i] on one grid, a label a lesion; the largest current ones first, what vanished last.

    voxel: mm³. Lesions belong together where one covers COVERED of the smaller; of several that meet the group is one
    change: two that became one are merged, one that fell apart is split, whatever their volumes. What would be new or
    vanished and is not larger than the limit is left out: no change is claimed there.
    """
    sizes = [np.bincount(labels.ravel()) for labels in (prior, current)]
    changes = []
    for before, now in _groups(prior, current, *sizes):
        prior_volume, volume = (
            float(size[list(group)].sum()) * voxel for size, group in zip(sizes, (before, now), strict=True)
        )
        kind = _kind(before, now, prior_volume, volume, limit)
        if kind in ("new", "vanished") and max(prior_volume, volume) <= limit.volume:
            continue
        changes.append(LesionChange(kind, before, now, prior_volume, volume))
    return tuple(sorted(changes, key=lambda one: (not one.current, -max(one.current_volume, one.prior_volume))))


def change_limit(first: Labels, second: Labels, voxel: float) -> ChangeLimit:
    """The 95 % limit of test and retest, from two label maps of one state on one grid (Bland and Altman, 1986).

    Half the width of the limits of agreement of the volumes of lesions that are in both, and what came or went between
    the two: no difference below it is a change.
    """
    sizes = [np.bincount(labels.ravel()) for labels in (first, second)]
    paired, alone = [], [0.0]
    for before, now in _groups(first, second, *sizes):
        volumes = [float(size[list(group)].sum()) * voxel for size, group in zip(sizes, (before, now), strict=True)]
        paired += [volumes[1] - volumes[0]] if before and now else []
        alone += [] if before and now else [max(volumes)]
    spread = 1.96 * float(np.std(paired)) if paired else 0.0
    return ChangeLimit(max(spread, float(np.percentile(alone, 95))))


def _kind(
    before: tuple[int, ...], now: tuple[int, ...], prior: float, current: float, limit: ChangeLimit
) -> ChangeClass:
    if not before or not now:
        return "vanished" if before else "new"
    if len(before) > len(now):
        return "merged"
    if len(now) > len(before):
        return "split"
    if not limit.exceeded(prior, current):
        return "stable"
    return "enlarged" if current > prior else "shrunk"


def _groups(
    prior: Labels, current: Labels, prior_sizes: Labels, current_sizes: Labels
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Lesions of both maps that meet, as labels of the one and of the other; alone those that meet none."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    both = (prior > 0) & (current > 0)
    pairs, shared = np.unique(np.stack([prior[both], current[both]]).astype(np.int64), axis=1, return_counts=True)
    smaller = np.minimum(prior_sizes[pairs[0]], current_sizes[pairs[1]])
    pairs = pairs[:, shared >= COVERED * smaller]
    first = len(prior_sizes)  # nodes: labels of the prior map, then of the current one
    nodes = first + len(current_sizes)
    edges = coo_array((np.ones(pairs.shape[1]), (pairs[0], first + pairs[1])), shape=(nodes, nodes))
    _, group = connected_components(edges, directed=False)
    found: dict[int, tuple[list[int], list[int]]] = {}
    for place, (sizes, start) in enumerate(((prior_sizes, 0), (current_sizes, first))):
        for label in np.flatnonzero(sizes[1:]) + 1:
            found.setdefault(int(group[start + label]), ([], []))[place].append(int(label))
    return [(tuple(before), tuple(now)) for before, now in found.values()]
