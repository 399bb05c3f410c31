"""What the networks see of a slice: squares of it, turned and scaled, with intensities of 0..1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .networks import CROP_SIZE

DARK = 0.12  # of the 99th percentile: what is darker is air
FILLED = 0.03  # of a row or column: less is noise and ghosts
MARGIN = 1.05
SCALES = (1.3, 0.2)  # the two views of a box: times its longer side; times the side of the head


@dataclass(frozen=True)
class Square:
    """A square of a slice in pixels: its centre (column, row), side, and turn in radians, mirrored or not."""

    x: float
    y: float
    side: float
    turn: float = 0.0
    mirrored: bool = False

    def sample(self, image: Tensor, size: int) -> Tensor:
        """[1, size, size] of an image [rows, columns]: linear, after averaging where pixels would be skipped."""
        x = image[None, None].float()
        factor = max(1, int(self.side / size))
        if factor > 1:
            x = functional.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)
        rows, columns = (n * factor for n in x.shape[2:])
        cos, sin = self.side * np.cos(self.turn), self.side * np.sin(self.turn)
        flip = -1 if self.mirrored else 1
        matrix = [
            [flip * cos / columns, -sin / columns, 2 * self.x / columns - 1],
            [flip * sin / rows, cos / rows, 2 * self.y / rows - 1],
        ]
        grid = functional.affine_grid(
            torch.tensor([matrix], dtype=torch.float32), [1, 1, size, size], align_corners=False
        )
        return functional.grid_sample(x, grid, align_corners=False)[0]

    def inside(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (column, row) [n, 2] of the slice as fractions of the square."""
        offset = (points - (self.x, self.y)) / self.side
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        across = (offset[:, 0] * cos + offset[:, 1] * sin) * (-1 if self.mirrored else 1)
        return np.stack([across, offset[:, 1] * cos - offset[:, 0] * sin], 1) + 0.5

    def box(self, box: NDArray[np.float64]) -> NDArray[np.float64]:
        """The box around the ellipse in a box of the slice (left, top, right, bottom), as fractions of the square."""
        half = (box[2:] - box[:2]) / 2 / self.side
        centre = self.inside((box[:2] + box[2:])[None] / 2)[0]
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        reach = np.hypot(half[0] * np.array([cos, sin]), half[1] * np.array([sin, cos]))
        return np.concatenate([centre - reach, centre + reach])


@dataclass(frozen=True)
class Head:
    """Where the head is in a slice, and its range of intensities (stored values)."""

    square: Square
    low: float
    high: float

    def scaled(self, view: Tensor) -> Tensor:
        """Intensities of 0..1."""
        return ((view - self.low) / max(self.high - self.low, 1e-6)).clamp(0, 1)

    def crop(self, box: NDArray[np.float64], scale: int) -> Square:
        """One of the two squares, by number, that the type of a box (left, top, right, bottom; pixels) is read in."""
        sides = (float((box[2:] - box[:2]).max()), self.square.side)
        x, y = (box[:2] + box[2:]) / 2
        return Square(float(x), float(y), max(SCALES[scale] * sides[scale], 8.0))

    def crops(self, image: Tensor, box: NDArray[np.float64]) -> Tensor:
        """Both views, [2, 1, 128, 128]."""
        return self.scaled(torch.stack([self.crop(box, n).sample(image, CROP_SIZE) for n in range(len(SCALES))]))


def find_head(image: NDArray[np.generic]) -> Head:
    """The square around what is not air, from an image [rows, columns] with square pixels.

    An image of nothing gets the whole of it: that it is none is for the input gate to say.
    """
    small = image[::4, ::4].astype(np.float64)
    low, bright, high = np.percentile(small, (1, 99, 99.5))
    tissue = small > low + DARK * (bright - low)
    rows, columns = np.flatnonzero(tissue.mean(1) > FILLED), np.flatnonzero(tissue.mean(0) > FILLED)
    if not (rows.size and columns.size):
        rows, columns = np.arange(small.shape[0]), np.arange(small.shape[1])
    side = 4 * MARGIN * float(max(np.ptp(rows), np.ptp(columns)) + 1)
    centre = 2 * (columns[0] + columns[-1] + 1), 2 * (rows[0] + rows[-1] + 1)
    return Head(Square(float(centre[0]), float(centre[1]), side), float(low), float(high))
