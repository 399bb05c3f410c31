"""The doubt of one mask, and where it is: kept with the segment whose voxels it was computed with."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.annotations.doubt import Doubt
from viewer.data.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 1 << 24  # voxels


@dataclass(frozen=True)
class MaskDoubt:
    """A doubt in numbers and as a map, which has a grid of its own in the space of the image.

    shape: its voxels along k, j, i. affine: the first three rows of its grid's, LPS mm. packed: base64 of zlib of its
    voxels, of one byte each, in 1/255 bit. Raises ValueError, one sentence, where these do not fit each other.
    """

    doubt: Doubt
    shape: tuple[int, int, int]
    affine: tuple[float, ...]
    packed: str

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or math.prod(self.shape) > LARGEST:
            raise ValueError("a doubt map is empty or too large")
        if len(self.affine) != 12:
            raise ValueError(f"a doubt map is placed by 12 numbers, not {len(self.affine)}")
        self.map()

    @classmethod
    def of(cls, doubt: Doubt, entropy: NDArray[np.uint8], grid: Grid) -> MaskDoubt:
        """From the map's voxels [k, j, i] on a grid."""
        packed = base64.b64encode(zlib.compress(np.ascontiguousarray(entropy, np.uint8).tobytes())).decode()
        return cls(doubt, grid.shape, tuple(grid.affine[:3].ravel().tolist()), packed)

    def map(self) -> tuple[NDArray[np.uint8], Grid]:
        """Its voxels [k, j, i] in 1/255 bit, and where they lie."""
        length = math.prod(self.shape)
        try:
            voxels = zlib.decompressobj().decompress(base64.b64decode(self.packed, validate=True), length + 1)
        except (binascii.Error, zlib.error) as error:
            raise ValueError("a doubt map is damaged") from error
        if len(voxels) != length:
            raise ValueError("a doubt map has another size than its grid")
        affine = np.vstack([np.reshape(self.affine, (3, 4)), (0, 0, 0, 1)])
        return np.frombuffer(voxels, np.uint8).reshape(self.shape), Grid(self.shape, affine)
