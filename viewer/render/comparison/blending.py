"""Two slices in one picture: the styles of a comparison as arithmetic on arrays, no drawing.

Greys are float32 [rows, columns] from 0 to 1 within a window, NaN where an image has no voxel; pictures are float32
[rows, columns, 3] from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viewer.render.colormaps import colour_table

if TYPE_CHECKING:
    from viewer.data.arrays import Mask
    from viewer.data.volume import Window

Grey = NDArray[np.float32]
Picture = NDArray[np.float32]

EDGE_BLUR = 1.2  # samples: the scale of the edges that contours follow
EDGE_LEAST = 0.03  # of the window's width a sample: a weaker slope is no edge
EDGE_COLOR = np.array([0.25, 0.95, 1.0], np.float32)


@dataclass(frozen=True, eq=False)
class Slice:
    """One image on the samples of a slice. values: physical, [rows, columns] or [rows, columns, 3] of a colour image.

    inverted: low values are bright.
    """

    values: NDArray[np.float32]
    window: Window
    colormap: str = "grey"
    inverted: bool = False

    @property
    def missing(self) -> Mask:
        """Where the image has no voxel, [rows, columns]."""
        return np.isnan(self.values if self.values.ndim == 2 else self.values[..., 0])

    def grey(self, window: Window | None = None) -> Grey:
        """Grey values 0…1, [rows, columns], within its own window or another one."""
        if self.values.ndim == 3:
            return np.asarray(self.values.mean(axis=-1) / 255, np.float32)
        window = window or self.window
        width = np.float32(window.width or 1.0)
        out = np.clip((self.values - np.float32(window.lower)) / width, 0, 1)
        return np.asarray(1 - out if self.inverted else out, np.float32)

    def colours(self) -> Picture:
        """RGB 0…1, [rows, columns, 3], in its own colour map; black where there is no voxel."""
        if self.values.ndim == 3:
            return np.asarray(np.nan_to_num(self.values / np.float32(255)), np.float32)
        grey = np.nan_to_num(self.grey())
        if self.colormap == "grey":
            return np.repeat(grey[..., None], 3, axis=-1)
        table = colour_table(self.colormap)[:, :3].astype(np.float32) / 255
        return np.where(self.missing[..., None], np.float32(0), table[(grey * 255 + 0.5).astype(np.uint8)])


def blend(fixed: Slice, moving: Slice, share: float) -> Picture:
    """Both through each other; share: the moving one's part."""
    return fixed.colours() * np.float32(1 - share) + moving.colours() * np.float32(share)


def two_colours(fixed: Slice, moving: Slice) -> Picture:
    """The fixed in green, the moving in magenta: grey where they agree."""
    green, magenta = np.nan_to_num(fixed.grey()), np.nan_to_num(moving.grey())
    return np.stack([magenta, green, magenta], axis=-1)


def composite(fixed: Slice, moving: Slice, mask: Mask) -> Picture:
    """The moving image where the mask [rows, columns] says so, else the fixed: a wipe, a checkerboard."""
    return np.where(mask[..., None], moving.colours(), fixed.colours())


def checks(across: NDArray[np.float64], along: NDArray[np.float64], side: float) -> Mask:
    """Every other field of a checkerboard with fields of `side` mm; across [columns], along [rows] in mm."""
    return np.asarray((np.floor(across[None, :] / side) + np.floor(along[:, None] / side)) % 2 == 1)


def contours(below: Slice, edged: Slice) -> Picture:
    """The edges of one image over the other."""
    strength = edges(edged.grey())[..., None]
    return np.asarray(below.colours() * (1 - strength) + EDGE_COLOR * strength, np.float32)


def edges(grey: Grey) -> Grey:
    """0…1: the crests of the slope, one sample wide (non-maximum suppression, Canny, PAMI 8, 1986)."""
    from scipy.ndimage import gaussian_filter  # not before the window is there

    smooth = gaussian_filter(np.nan_to_num(grey), EDGE_BLUR)
    down, right = np.gradient(smooth)
    slope = np.hypot(down, right)
    padded = np.pad(slope, 1)
    level = np.abs(right) >= np.abs(down)
    before = np.where(level, padded[1:-1, :-2], padded[:-2, 1:-1])
    after = np.where(level, padded[1:-1, 2:], padded[2:, 1:-1])
    crest = (slope >= before) & (slope > after)
    return np.asarray(np.where(crest, np.clip((slope - EDGE_LEAST / 2) / EDGE_LEAST, 0, 1), 0), np.float32)


def difference(fixed: Slice, moving: Slice, window: Window | None) -> Picture:
    """Moving minus fixed in parts of the window's width, from −1 to 1 through the colours of a difference.

    window: one for both, else each in its own. Black where only one of them is.
    """
    gap = moving.grey(window) - fixed.grey(window)
    table = colour_table("difference")[:, :3].astype(np.float32) / 255
    there = ~np.isnan(gap)
    place = np.where(there, (gap + 1) * 127.5 + 0.5, 0).astype(np.uint8)
    return np.where(there[..., None], table[place], np.float32(0))
