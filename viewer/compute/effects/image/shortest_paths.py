"""Cheapest ways from some voxels to all others: a front that moves on over many voxels at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from viewer.compute.effects.checks import Spacing
    from viewer.data.arrays import Floats32, Labels, Mask, ProgressCallback

Indices = NDArray[np.intp]
WIDTH = 0.1  # of the front, in cost: what is so near to its cheapest voxel moves on with it


def spread(
    values: Floats32, cost: Floats32, labels: Labels, front: Mask, steps: Spacing, tell: ProgressCallback
) -> tuple[Floats32, Labels]:
    """The cost of the cheapest way to each voxel [k, j, i], and the label where it begins.

    A step to the neighbour by a face costs the difference of their values and what `steps` says for its axis.
    cost, labels: what is known so far, infinite where nothing is. front: where ways go on from.
    Dijkstra's ways, found in batches (delta-stepping: U. Meyer, P. Sanders, J. Algorithms 49 (2003) 114).
    """
    value, price, label, queued = (
        np.pad(array, 1, constant_values=rim).reshape(-1)
        for array, rim in ((values, 0), (cost, -np.inf), (labels, 0), (front, False))
    )
    shape = [size + 2 for size in values.shape]
    waiting: Indices = np.flatnonzero(queued)
    ways = list(zip((shape[1] * shape[2], shape[2], 1), steps, strict=True))
    moves = [(sign * stride, np.float32(step)) for stride, step in ways for sign in (1, -1)]
    done = 0
    while len(waiting):
        costs = price[waiting]
        near = costs <= costs.min() + WIDTH
        now, waiting = waiting[near], waiting[~near]
        queued[now] = False
        waiting = np.concatenate([waiting, *_moved(value, price, label, queued, now, moves)])
        done += len(now)
        tell(min(done / values.size, 1.0))
    inner = (slice(1, -1),) * 3
    return price.reshape(shape)[inner], label.reshape(shape)[inner]


def _moved(
    value: Floats32, price: Floats32, label: Labels, queued: Mask, now: Indices, moves: Sequence[tuple[int, Any]]
) -> Iterator[Indices]:
    """Move on from some voxels; what is new in the front, move by move. The rim has cost −∞: nothing goes there."""
    own, spent, name = value[now], price[now], label[now]
    for stride, step in moves:
        there = now + stride
        offer = np.abs(value[there] - own) + spent + step
        better = offer < price[there]
        there = there[better]
        price[there] = offer[better]
        label[there] = name[better]
        fresh = there[~queued[there]]
        queued[fresh] = True
        yield fresh
