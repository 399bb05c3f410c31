"""Overlapping tiles of an image, and one image of their results.

Neighbouring tiles overlap by twice the halo. In the middle third of the overlap one fades into the other (a squared
sine, the flank of a Hann window); every voxel is a weighted mean with weights that sum to one. What lies nearer to a
cut side than two thirds of the halo is not used: a network whose output depends on nothing farther away than that gives
the same as in one piece, provided that tiles begin where its strides do. So they begin at multiples of `multiple`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.arrays import Floats32
    from viewer.data.box import Box

ROOM = 16 << 20  # bytes of finished slices that are given on in one go


@dataclass(frozen=True, eq=False)
class Axis:
    """How one axis of an image is cut. length: voxels; starts: where tiles begin; side: of each tile, in voxels.

    weights: [tile, voxel of it]. The last tile may reach beyond the image, by less than the multiple.
    """

    length: int
    starts: tuple[int, ...]
    side: int
    weights: Floats32

    def inside(self, tile: int) -> slice:
        """The part of the axis that a tile covers."""
        return slice(self.starts[tile], min(self.starts[tile] + self.side, self.length))


def cut_axis(length: int, side: int, halo: int, multiple: int) -> Axis:
    """The fewest tiles of at most `side` voxels (rounded up to the multiple) that cover the axis, all of one size.

    Raises ValueError where nothing is left of a tile between its halos.
    """
    lap, padded = _up(2 * halo, multiple), _up(length, multiple)
    side = min(_up(side, multiple), padded)
    if side < padded and side <= lap:
        raise ValueError(f"tiles of {side} voxels leave nothing within a halo of {halo}")
    count = 1 if side == padded else -(-(padded - lap) // (side - lap))
    side = _up(-(-(padded + lap * (count - 1)) // count), multiple)
    starts = tuple(min(n * (side - lap), padded - side) for n in range(count))
    return Axis(length, starts, side, _weights(starts, side, padded, lap))


def _weights(starts: tuple[int, ...], side: int, padded: int, lap: int) -> Floats32:
    fade = max(lap / 6, 0.5)
    rise = np.sin(np.pi / 2 * np.clip((np.arange(side) + 0.5 - lap / 2 + fade) / (2 * fade), 0, 1)) ** 2
    weights = np.ones((len(starts), side))
    weights[1:] *= rise
    weights[:-1] *= rise[::-1]
    total = np.zeros(padded)
    for start, row in zip(starts, weights, strict=True):
        total[start : start + side] += row
    return np.stack([row / total[start : start + side] for start, row in zip(starts, weights, strict=True)]).astype(
        "f4"
    )


def sliding_axis(length: int, side: int) -> Axis:
    """Tiles of `side` voxels, evenly spread, that overlap by half of that or more; a Gaussian weighs each.

    As nnU-Net cuts an image (Isensee et al., Nature Methods 2021): a network whose normalization depends on the whole
    tile gives what it gives there. The length is that of a tile at least.
    """
    count = -(-2 * (length - side) // side) + 1
    starts = tuple(round(n * (length - side) / max(count - 1, 1)) for n in range(count))
    bell = np.exp(-0.5 * ((np.arange(side) - side // 2) / (side / 8)) ** 2)
    total = np.zeros(length)
    for start in starts:
        total[start : start + side] += bell
    return Axis(length, starts, side, np.stack([bell / total[start : start + side] for start in starts]).astype("f4"))


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def fits(side: int, halo: int, multiple: int) -> bool:
    """Whether an axis can be cut into tiles of that size."""
    return _up(side, multiple) > _up(2 * halo, multiple)


def blend(
    run: Callable[[Floats32], Floats32],
    axes: tuple[Axis, Axis, Axis],
    *,
    read: Callable[[Box], Floats32],
    write: Callable[[slice, Floats32], None],
    begin: Callable[[int], None],
) -> None:
    """Give each tile [c, k, j, i] to `run` and the blended slices [c', k, j, i] to `write`, in order, each once.

    begin: hears the number of each tile before it runs. Memory: the sums of one row of tiles, and the result of one
    tile. Raises Refusal for values that are not numbers, and where the result of a tile has another size.
    """
    rows, sheet = axes[0], tuple(axis.length for axis in axes[1:])
    places = list(product(*(range(len(axis.starts)) for axis in axes[1:])))
    ends = (*rows.starts[1:], rows.length)
    sums = np.zeros((0, rows.side, *sheet), np.float32)
    for row, (start, end) in enumerate(zip(rows.starts, ends, strict=True)):
        for number, place in enumerate(places):
            begin(row * len(places) + number)
            tile = (row, *place)
            box, result = _run(run, read, axes, tile)
            if not len(sums):
                sums = np.zeros((len(result), rows.side, *sheet), np.float32)
            _add(sums[:, : result.shape[1], box[1], box[2]], result, axes, tile)
            del result
        step = max(1, ROOM // (len(sums) * sheet[0] * sheet[1] * sums.itemsize))
        for first in range(start, end, step):
            part = slice(first, min(first + step, end))
            write(part, sums[:, part.start - start : part.stop - start].copy())
        _move_up(sums, end - start)


def _add(sums: Floats32, result: Floats32, axes: tuple[Axis, Axis, Axis], tile: tuple[int, ...]) -> None:
    """Add the weighted result of a tile, channel by channel: no copy of all of it is made."""
    k, j, i = (axis.weights[n][:size] for axis, n, size in zip(axes, tile, result.shape[1:], strict=True))
    weights = k[:, None, None] * j[:, None] * i
    for total, channel in zip(sums, result, strict=True):
        total += channel * weights


def _move_up(sums: Floats32, count: int) -> None:
    """Drop the first slices of [c, k, j, i] in place; zeros come behind. Slice by slice, for they overlap."""
    kept = sums.shape[1] - count
    for k in range(kept):
        sums[:, k] = sums[:, k + count]
    sums[:, kept:] = 0


def _run(
    run: Callable[[Floats32], Floats32],
    read: Callable[[Box], Floats32],
    axes: tuple[Axis, Axis, Axis],
    tile: tuple[int, ...],
) -> tuple[Box, Floats32]:
    """Where the tile lies, and its result there."""
    k, j, i = (axis.inside(n) for axis, n in zip(axes, tile, strict=True))
    values = _padded(read((k, j, i)), axes)
    result = run(values)
    if result.shape[1:] != values.shape[1:]:
        raise Refusal(
            f"the network makes {_text(result.shape[1:])} voxels of {_text(values.shape[1:])}: "
            "only one that keeps the size can run by tiles."
        )
    return (k, j, i), result[:, : k.stop - k.start, : j.stop - j.start, : i.stop - i.start]


def _padded(values: Floats32, axes: tuple[Axis, Axis, Axis]) -> Floats32:
    """Grown to the tile's size at the image's far border: mirrored there, or repeated where there is too little."""
    if not np.isfinite(values).all():
        raise Refusal("the image holds values that are not numbers: replace them, then run it again.")
    grown = np.ascontiguousarray(values, np.float32)
    for number, axis in enumerate(axes, 1):
        missing = axis.side - values.shape[number]
        if missing:
            pad = [(0, missing if n == number else 0) for n in range(grown.ndim)]
            grown = np.pad(grown, pad, mode="reflect" if missing < values.shape[number] else "edge")
    return grown


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
