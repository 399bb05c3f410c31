"""Points that name the same places in two images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viewer.data.arrays import Floats


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Pairs of points (n, 3) in LPS mm: each of the fixed space is the same place as that of the moving space.

    names: one a pair. warnings: sentences about the file that they are from, as of pairs that were left out. Raises
    ValueError where the counts differ or a place is not finite.
    """

    fixed: Floats
    moving: Floats
    names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.fixed.shape != self.moving.shape or self.fixed.ndim != 2 or self.fixed.shape[1] != 3:
            raise ValueError("landmarks are as many points (x, y, z) in the fixed as in the moving space")
        if not (np.isfinite(self.fixed).all() and np.isfinite(self.moving).all()):
            raise ValueError("a landmark's place is not a number")
        if self.names and len(self.names) != len(self.fixed):
            raise ValueError("every pair of landmarks has one name")
