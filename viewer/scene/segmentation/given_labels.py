"""What a model gave, kept as it came while people edit it: label maps shrink a hundredfold when they are compressed."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viewer.data.arrays import Labels
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.scene.segmentation.label_delta import FAST

DTYPES = frozenset(("|u1", "<u2", "<u4", "<u8"))  # of label maps


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """segments: as they came. dtypes: of each label map. packed: the maps [k, j, i], one after the other, by zlib."""

    segments: tuple[Segment, ...]
    dtypes: tuple[str, ...]
    packed: NDArray[np.uint8]

    @classmethod
    def of(cls, segmentation: Segmentation) -> GivenLabels:
        """Slow for large ones: not for the main thread."""
        packer = zlib.compressobj(FAST)
        parts = [packer.compress(np.ascontiguousarray(part).data) for map in segmentation.maps for part in map]
        packed = np.frombuffer(b"".join([*parts, packer.flush()]), np.uint8)
        return cls(segmentation.segments, tuple(map.dtype.str for map in segmentation.maps), packed)

    def segmentation(self, grid: Grid, name: str = "") -> Segmentation:
        """The segmentation that it was, on its grid; slow as `of`. Raises ValueError, one sentence: it is damaged."""
        damaged = ValueError("What the model gave is damaged on the disk: it cannot be compared or restored.")
        if not self.dtypes or not set(self.dtypes) <= DTYPES:
            raise damaged
        kinds, voxels = [np.dtype(kind) for kind in self.dtypes], math.prod(grid.shape)
        sizes = [voxels * kind.itemsize for kind in kinds]
        unpacker = zlib.decompressobj()
        try:
            data = unpacker.decompress(self.packed.tobytes(), sum(sizes) + 1)
        except zlib.error as error:
            raise damaged from error
        if len(data) != sum(sizes) or not unpacker.eof:
            raise damaged
        maps, at = list[Labels](), 0
        for kind, size in zip(kinds, sizes, strict=True):
            maps.append(np.frombuffer(data, kind, voxels, at).reshape(grid.shape))
            at += size
        return Segmentation(maps[0], grid, self.segments, name, overlapping=tuple(maps[1:]))
