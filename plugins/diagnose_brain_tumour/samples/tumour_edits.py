"""Slices whose tumour is gone, and tumours in other places: so that plane and level do not speak for a type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from .degradation import Random

Image = NDArray[np.float32]
Box = NDArray[np.float64]  # left, top, right, bottom in pixels
MARGIN = 1.25  # of a box: as far as a tumour's rim may reach


def window(box: Box, shape: tuple[int, ...], factor: float) -> tuple[slice, slice]:
    """Rows and columns of a box that is so many times as large, inside an image."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * factor
    low = np.maximum(np.floor(centre - half), 0).astype(int)
    high = np.minimum(np.ceil(centre + half), shape[::-1]).astype(int)
    return slice(low[1], max(high[1], low[1] + 1)), slice(low[0], max(high[0], low[0] + 1))


def ellipse(rows: int, columns: int) -> Image:
    """1 in the middle, falling smoothly to 0 at the sides."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    return np.asarray(np.clip((1 - np.hypot(x, y)) / 0.3, 0, 1), np.float32)


def fill_tumour(image: Image, box: Box, middle: float, rng: Random) -> Image:
    """A copy without the tumour: what is on the other side of the head's middle column, or its surround, or nothing."""
    image = image.copy()
    place = window(box, image.shape, 1 + rng.random())
    patch = image[place]
    way = rng.integers(4)
    if way == 0:
        patch[:] = rng.uniform(0, 1) * np.percentile(image, 99.5)
        return image
    if way == 1:
        columns = np.clip(np.round(2 * middle) - np.arange(place[1].start, place[1].stop), 0, image.shape[1] - 1)
        new = image[place[0]][:, columns.astype(int)]
    else:
        rim = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]])
        new = gaussian_filter(rng.choice(rim, patch.shape), 1 if way == 2 else max(patch.shape) / 8)
    alpha = ellipse(*patch.shape)
    patch[:] = patch + alpha * (new - patch)
    return image


def paste_tumour(
    image: Image, source: Image, box: Box, head: tuple[float, float, float], rng: Random
) -> tuple[Image, Box]:
    """A copy with the tumour of `source` at a random place in the head (centre column, row, side), and its box."""
    image = image.copy()
    rows, columns = window(box, source.shape, MARGIN)
    patch = source[rows, columns]
    x, y = (rng.uniform(-0.3, 0.3, 2) * head[2] + head[:2]) - (patch.shape[1] / 2, patch.shape[0] / 2)
    x, y = (
        int(np.clip(v, 0, n - m))
        for v, n, m in ((x, image.shape[1], patch.shape[1]), (y, image.shape[0], patch.shape[0]))
    )
    target = image[y : y + patch.shape[0], x : x + patch.shape[1]]
    gain = np.percentile(image, 99) / max(float(np.percentile(source, 99)), 1.0)
    target[:] = target + ellipse(*patch.shape) * (gain * patch - target)
    return image, box + np.tile((x - columns.start, y - rows.start), 2)
