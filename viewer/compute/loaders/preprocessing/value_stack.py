"""Images by slices: read, normalised and resampled without a copy of all of them at full size."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.compute.loaders.preprocessing.resize import linear_weights
from viewer.data.box import Box, whole_box

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viewer.compute.loaders.preprocessing.orientation import Reorientation
    from viewer.data.arrays import Floats32, Mask
    from viewer.data.volume import Volume


class ValueStack:
    """The physical values of an image along a model's axes, by slices of the first. heed: called before each slice."""

    def __init__(self, volume: Volume, turn: Reorientation, heed: Callable[[], None]) -> None:
        self._stored, self._heed = turn.apply(volume.array), heed
        self._slope, self._intercept = np.float32(volume.slope), np.float32(volume.intercept)
        k, j, i = self._stored.shape
        self.shape = k, j, i

    def __getitem__(self, place: tuple[int, Box]) -> Floats32:
        """The part [j, i] of slice k that lies in a box, as a new array; as Volume.values gives it."""
        self._heed()
        k, box = place
        values = self._stored[k, *box[1:]].astype(np.float32, order="C")
        if self._slope != 1:
            values *= self._slope
        if self._intercept:
            values += self._intercept
        return values


class NormalizedStack(NamedTuple):
    """Normalised values, by slices of the first axis. shape: [k, j, i]. read: gives slice k [j, i]."""

    shape: tuple[int, int, int]
    read: Callable[[int], Floats32]


def value_box(stacks: Sequence[ValueStack], chosen: Callable[[Floats32], Mask]) -> Box:
    """The smallest box around the voxels that are chosen in any image; all of an image without any."""
    whole = whole_box(stacks[0].shape)
    slices, rows, columns = (np.zeros(n, bool) for n in stacks[0].shape)
    for number in range(len(slices)):
        for stack in stacks:
            inside = chosen(stack[number, whole])
            slices[number] |= bool(inside.any())
            rows |= inside.any(1)
            columns |= inside.any(0)
    if not slices.any():
        return whole
    k, j, i = (slice(int(ends[0]), int(ends[-1]) + 1) for ends in map(np.flatnonzero, (slices, rows, columns)))
    return k, j, i


def resized(stack: NormalizedStack, shape: tuple[int, ...], order: int, axis: int | None) -> Floats32:
    """To another shape by splines, as skimage.transform.resize does it with mode "edge", to the same range of values.

    axis: is treated by itself, by the nearest slice, where there is one: the others slice by slice. Splines are linear
    and separable: each axis is a matrix, and an image is resampled in its plane while its slices are read.
    """
    if axis:
        turned = np.moveaxis(np.stack([stack.read(k) for k in range(stack.shape[0])]), axis, 0)
        k, j, i = turned.shape
        there = tuple(np.moveaxis(np.empty(shape, np.void), axis, 0).shape)
        return np.moveaxis(resized(NormalizedStack((k, j, i), lambda n: turned[n]), there, order, 0), 0, axis)
    down, along = (spline_matrix(n, m, order) for n, m in zip(stack.shape[1:], shape[1:], strict=True))
    made = np.empty((stack.shape[0], *shape[1:]), np.float32)
    lowest, highest = np.float32(np.inf), np.float32(-np.inf)
    for k, plane in enumerate(made):
        values = stack.read(k)
        low, high = values.min(), values.max()
        lowest, highest = min(lowest, low), max(highest, high)
        across = values if along is None else values @ along.T
        plane[:] = across if down is None else down @ across
        if axis == 0:
            np.clip(plane, low, high, out=plane)
    if axis == 0:
        places = np.asarray((np.arange(shape[0]) + 0.5) * (stack.shape[0] / shape[0]) - 0.5, np.float64)
        return made.take(linear_weights(places, stack.shape[0], nearest=True)[0], 0)
    through = spline_matrix(stack.shape[0], shape[0], order)
    if through is not None:
        made = (through @ made.reshape(len(made), -1)).reshape(shape)
    return np.clip(made, lowest, highest, out=made) if stack.shape != tuple(shape) else made


@cache
def spline_matrix(length: int, wanted: int, order: int) -> Floats32 | None:
    """What makes `wanted` voxels of a line of `length`, edges to edges: [wanted, length]; None for the same voxels."""
    from scipy.ndimage import zoom

    if length == wanted:
        return None
    lines = [zoom(line, wanted / length, order=order, mode="nearest", grid_mode=True) for line in np.eye(length)]
    return np.stack(lines, 1).astype(np.float32)
