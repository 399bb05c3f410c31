"""Segments in label maps: each in the first that it fits in, so that those which share voxels lie in several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from viewer.data.arrays import Mask


class LabelLayers:
    """maps: label maps [k, j, i] of one shape and type; there is always a first one."""

    def __init__(self, shape: tuple[int, int, int], kind: DTypeLike) -> None:
        self.maps: list[NDArray[Any]] = [np.zeros(shape, kind)]

    def add(self, mask: Mask, label: int) -> int:
        """Mark the voxels of a mask; the number of the map that has them now."""
        layer = next((n for n, one in enumerate(self.maps) if not one[mask].any()), len(self.maps))
        if layer == len(self.maps):
            self.maps.append(np.zeros_like(self.maps[0]))
        self.maps[layer][mask] = label
        return layer
