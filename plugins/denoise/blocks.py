"""Work on a large image in blocks: memory stays small, every core works, and a cancel is heard between two blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.api import Job

Box = tuple[slice, slice, slice]
Floats = NDArray[np.float32]
SOLID, FLAT = 48, 384  # voxels along each side of a block of a volume, of a block of a slice


@dataclass(frozen=True)
class Block:
    """A block. core: the voxels it answers for; whole: these and the halo; inner: the core within the whole."""

    core: Box
    whole: Box
    inner: Box


def blocks(shape: tuple[int, int, int], size: tuple[int, int, int], halo: tuple[int, int, int]) -> Iterator[Block]:
    """Blocks whose cores tile the shape, each with as much of the halo as lies in the image."""
    starts = (range(0, n, step) for n, step in zip(shape, size, strict=True))
    for corner in product(*starts):
        sides = [_side(*side) for side in zip(corner, shape, size, halo, strict=True)]
        core, whole, inner = zip(*sides, strict=True)
        yield Block(core, whole, inner)


def _side(start: int, length: int, size: int, halo: int) -> tuple[slice, slice, slice]:
    stop, low, high = min(start + size, length), max(start - halo, 0), min(start + size + halo, length)
    return slice(start, stop), slice(low, high), slice(start - low, stop - low)


def filter_blocks(
    arrays: Sequence[NDArray[Any]],
    work: Callable[..., Floats],
    halo: int,
    job: Job,
    flat_axis: int | None = None,
    start: float = 0.0,
    side: int = SOLID,
) -> NDArray[Any]:
    """What `work` makes of arrays of one shape, in the first one's type: integers are rounded and kept within limits.

    work: gets a block of each with `halo` voxels around it, which must be enough for the core not to depend on the
    rest. flat_axis: the axis along which slices are worked on one by one (work then gets slices); None for a volume.
    start: the job's progress before the first block. side: of the blocks of a volume, in voxels.
    """
    first, size, around = arrays[0], *_sizes(flat_axis, halo, side)
    out = np.empty(first.shape, first.dtype if first.dtype.kind in "iu" else np.float32)
    parts = list(blocks(first.shape, size, around))

    def done(part: Block) -> Floats:
        values = [np.ascontiguousarray(array[part.whole], dtype=np.float32) for array in arrays]
        result = work(*(one if flat_axis is None else one.squeeze(flat_axis) for one in values))
        return (result if flat_axis is None else np.expand_dims(result, flat_axis))[part.inner]

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for count, (part, values) in enumerate(zip(parts, pool.map(done, parts), strict=True), 1):
            out[part.core] = cast_values(values, out.dtype)
            job.progress(start + (1 - start) * count / len(parts))
    finally:
        pool.shutdown(cancel_futures=True)
    return out


def _sizes(flat_axis: int | None, halo: int, side: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    size = [side if flat_axis is None else FLAT] * 3
    around = [halo] * 3
    if flat_axis is not None:
        size[flat_axis], around[flat_axis] = 1, 0
    return (size[0], size[1], size[2]), (around[0], around[1], around[2])


def cast_values(values: Floats, kind: np.dtype[Any]) -> NDArray[Any]:
    """Values in an array's own type: integers are rounded and kept within their limits."""
    if kind.kind == "f":
        return values
    limits = np.iinfo(kind)
    return np.clip(np.rint(values), limits.min, limits.max).astype(kind)
