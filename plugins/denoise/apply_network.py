"""The trained network on a whole image: in units of the noise, in tiles, back in the image's own type."""

from __future__ import annotations

from functools import cache
from math import isqrt, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.api import Job, Net, Preview, Volume, tiles

from . import haar_transform
from .blocks import Box, Floats, cast_values
from .noise_estimate import Noise
from .restore_detail import restore_detail

MODEL, THICK = "denoise-haar", "denoise-haar-thick"
MULTIPLE = 4  # of a tile's sides, in bands: the network halves them twice
SOLID = (96, 96, 96)  # bands' voxels along each side of a tile
FLAT, DEEP = 600_000, 128  # bands' voxels of a tile of thick slices; at most so many slices
HALO = 8  # of them; the local mean needs 2 more on its own
EXAMPLE, BRIGHT = 32, 30.0  # bands' voxels along each side of what it is tried on; brightest value over the noise
TILED = 0.9  # of the work is the network's
MIRRORS = {  # axes that are turned round together
    haar_transform.SOLID: ((), (1, 2), (0, 1), (0, 2)),
    haar_transform.FLAT: ((), (0, 2)),  # that takes twice as long as the other, and two more gain 0.03 dB
}


class MirrorAverage:
    """A network asked about an image and its mirror images: the mean of its answers errs less."""

    def __init__(self, net: Net, strides: haar_transform.Strides, job: Job) -> None:
        self._net, self._strides, self._job = net, strides, job
        self.engine, self.precision, self.device = net.engine, net.precision, net.device

    def __call__(self, batch: Floats) -> Floats:
        """[n, bands + 2, k, j, i] to the mean noise [n, bands, k, j, i]. Raises Cancelled between two answers."""
        total: Floats | np.float32 = np.float32(0)
        mirrors = MIRRORS[self._strides]
        for axes in mirrors:
            self._job.progress(0.0)  # hears a cancel: the answers may take seconds
            flipped = np.ascontiguousarray(haar_transform.mirror(batch, axes, self._strides))
            total = total + haar_transform.mirror(self._net(flipped), axes, self._strides)
        return np.asarray(total / np.float32(len(mirrors)), np.float32)

    def lighter(self, job: Job) -> MirrorAverage | None:
        """The same with less need of memory, where the network has such a form."""
        lighter = getattr(self._net, "lighter", None)
        net = lighter(job) if lighter else None
        return MirrorAverage(net, self._strides, job) if net else None


def remove_noise(
    image: Volume, noise: Noise, flat_axis: int | None, mirrored: bool, job: Job, text: str = "trained network"
) -> NDArray[Any]:
    """The stored values [k, j, i] without noise, in their own type.

    noise.level: in stored units, above 0. mirrored: the mean of the answers about mirror images too.
    text: what happens, for the user.
    """
    strides = haar_transform.SOLID if flat_axis is None else haar_transform.FLAT
    name = MODEL if flat_axis is None else THICK
    net: Net = job.model(name, channels=prod(strides) + 2, multiple=MULTIPLE, example=_example(strides))
    net = MirrorAverage(net, strides, job) if mirrored else net
    out = np.empty(image.array.shape, image.array.dtype if image.array.dtype.kind in "iu" else np.float32)
    # thick slices lie along the first axis of what the network sees
    stored, clean = (np.moveaxis(array, flat_axis or 0, 0) for array in (image.array, out))
    zero = np.float32(image.intercept / image.slope if noise.rician else 0)  # a magnitude of 0 lies there
    level = np.float32(noise.level)

    def read(box: Box) -> Floats:
        wide = tuple(slice(part.start - 2, part.stop + 2) for part in box)
        values = (_read_box(stored, wide, strides) + zero) / level
        return haar_transform.channels(values, noise.rician, strides)[:, 2:-2, 2:-2, 2:-2]

    def write(slices: slice, bands: Floats) -> None:
        found = haar_transform.inverse(bands, strides) * level
        start = slices.start * strides[0]
        part = stored[start : start + len(found)]
        result = cast_values(part - found[: len(part), : part.shape[1], : part.shape[2]], out.dtype)
        clean[start : start + len(part)] = result
        if flat_axis in (None, 0):
            job.preview(Preview(start, result * np.float32(image.slope) + np.float32(image.intercept)))

    shape = tuple(-(-n // (step * MULTIPLE)) * MULTIPLE for n, step in zip(stored.shape, strides, strict=True))
    sides = SOLID if flat_axis is None else _flat_sides(shape[0])
    tiles(
        net, shape, job, read=read, write=write, tile=sides, halo=HALO, multiple=MULTIPLE, text=text, span=(0.0, TILED)
    )
    with job.stage("giving back what noise cannot explain"):
        return restore_detail(
            out, image.array, float(level), -float(zero) if noise.rician else None, flat_axis, job, TILED
        )


def _flat_sides(slices: int) -> tuple[int, int, int]:
    """Of a tile: the fewer slices there are, the more of each of them."""
    deep = min(slices, DEEP)
    wide = max(isqrt(FLAT // deep) // MULTIPLE, 1) * MULTIPLE
    return deep, wide, wide


@cache
def _example(strides: haar_transform.Strides) -> Floats:
    """What the network is tried on: cubes of every brightness, up to BRIGHT times the noise of their magnitude."""
    rng = np.random.default_rng(0)
    sides = tuple(EXAMPLE * step for step in strides)
    image = np.kron(rng.uniform(0, BRIGHT, [side // 8 for side in sides]), np.ones((8, 8, 8)))
    noisy = np.hypot(image + rng.standard_normal(sides), rng.standard_normal(sides))
    return haar_transform.channels(noisy.astype(np.float32), True, strides)


def _read_box(array: NDArray[Any], box: tuple[slice, ...], strides: haar_transform.Strides) -> Floats:
    """The voxels of a box that is given in bands and may reach over the border: there the image is mirrored."""
    where = [np.arange(part.start * step, part.stop * step) for part, step in zip(box, strides, strict=True)]
    period = [2 * n for n in array.shape]
    folded = [np.minimum(at % p, p - 1 - at % p) for at, p in zip(where, period, strict=True)]
    return array[np.ix_(*folded)].astype(np.float32)
