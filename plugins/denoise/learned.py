"""The trained network on a whole image: in units of the noise, in tiles, back in the image's own type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.api import Job, Net, Preview, Volume, tiles

from .blocks import fitting
from .noise import Noise

Floats = NDArray[np.float32]
MODEL, THICK = "denoise-haar", "denoise-haar-thick"
MULTIPLE = 8  # of a tile's sides: the network halves them three times
SOLID, FLAT = (96, 96, 96), (16, 160, 160)  # voxels along each side of a tile
MIRRORS = ((), (3, 4), (2, 3), (2, 4))  # axes of [n, c, k, j, i] that are turned round together


class Averaged:
    """A network asked about an image and its mirror images: the mean of its answers errs less."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self.engine, self.precision, self.device = net.engine, net.precision, net.device

    def __call__(self, batch: Floats) -> Floats:
        answers = (np.flip(self._net(np.ascontiguousarray(np.flip(batch, axes))), axes) for axes in MIRRORS)
        return np.asarray(sum(answers) / np.float32(len(MIRRORS)), np.float32)

    def lighter(self, job: Job) -> Averaged | None:
        """The same with less need of memory, where the network has such a form."""
        lighter = getattr(self._net, "lighter", None)
        net = lighter(job) if lighter else None
        return Averaged(net) if net else None


def denoised(image: Volume, noise: Noise, flat_axis: int | None, mirrored: bool, job: Job) -> NDArray[Any]:
    """The stored values [k, j, i] without noise, in their own type. noise.level: in stored units, above 0."""
    net: Net = job.model(MODEL if flat_axis is None else THICK, channels=2, multiple=MULTIPLE)
    net = Averaged(net) if mirrored else net
    out = np.empty(image.array.shape, image.array.dtype if image.array.dtype.kind in "iu" else np.float32)
    # thick slices lie along the first axis of what the network sees
    given, made = (np.moveaxis(array, flat_axis or 0, 0) for array in (image.array, out))
    zero = np.float32(image.intercept / image.slope if noise.rician else 0)  # a magnitude of 0 lies there
    level = np.float32(noise.level)

    def read(box: tuple[slice, slice, slice]) -> Floats:
        values = (given[box].astype(np.float32) + zero) / level
        return np.stack([values, np.full_like(values, noise.rician)])

    def write(slices: slice, slab: Floats) -> None:
        made[slices] = fitting(slab[0] * level - zero, out.dtype)
        if flat_axis in (None, 0):
            shown = made[slices].astype(np.float32) * np.float32(image.slope) + np.float32(image.intercept)
            job.preview(Preview(slices.start, shown))

    tiles(net, given.shape, job, read=read, write=write, tile=SOLID if flat_axis is None else FLAT, multiple=MULTIPLE)
    return out
