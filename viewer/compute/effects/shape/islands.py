"""The parts of a segment that hang together by faces, and which of them stay. Box: around the segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.effects.checks import Spacing, need_voxels
from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.data.arrays import Mask

MOST = 20  # parts that are worth a segment each


def keep_largest(mask: Mask, count: int = 1) -> Mask:
    """The mask of the `count` largest parts; of equal ones, the first in the array."""
    parts, sizes = _parts(mask)
    return _chosen(parts, _by_size(sizes)[:count], sizes)


def remove_small(mask: Mask, spacing: Spacing, volume: float) -> Mask:
    """The mask of the parts of at least so many mm³."""
    parts, sizes = _parts(mask)
    return _chosen(parts, np.flatnonzero(sizes * float(np.prod(spacing)) >= volume), sizes)


def keep_at(mask: Mask, seed: Sequence[int]) -> Mask:
    """The part that holds a voxel (k, j, i). Raises Refusal where the voxel is not the segment's."""
    parts, sizes = _parts(mask)
    return _chosen(parts, [_at(parts, seed)], sizes)


def remove_at(mask: Mask, seed: Sequence[int]) -> Mask:
    """All but the part that holds a voxel (k, j, i). Raises Refusal where the voxel is not the segment's."""
    return mask & ~keep_at(mask, seed)


def split(mask: Mask, most: int = MOST) -> list[Mask]:
    """The mask of each part, the largest first; after `most` − 1 of them all others together."""
    parts, sizes = _parts(mask)
    order = _by_size(sizes)
    alone = [_chosen(parts, [part], sizes) for part in order[: most - 1]]
    others = order[most - 1 :]
    return [*alone, _chosen(parts, others, sizes)] if len(others) else alone


def _parts(mask: Mask) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """A number for each part, from 1, and the voxels of each number; those of 0 do not count."""
    from scipy.ndimage import label

    need_voxels(mask)
    parts, _ = label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts, sizes


def _by_size(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers of the parts, the largest first."""
    return np.argsort(-sizes[1:], kind="stable") + 1


def _chosen(parts: NDArray[Any], numbers: Sequence[int] | NDArray[np.int64], sizes: NDArray[np.int64]) -> Mask:
    table = np.zeros(len(sizes), bool)
    table[numbers] = True
    table[0] = False
    return np.asarray(table[parts])


def _at(parts: NDArray[Any], seed: Sequence[int]) -> int:
    inside = all(0 <= at < size for at, size in zip(seed, parts.shape, strict=True))
    number = int(parts[tuple(seed)]) if inside else 0
    if not number:
        raise Refusal("There is nothing of the segment at that place: choose a place inside one of its parts.")
    return number
