"""A segment whose surface moves step by step, until it lies on edges or parts two kinds of values; exact in mm.

"edges": geodesic active contours (V. Caselles, R. Kimmel, G. Sapiro, IJCV 22 (1997) 61). "regions": the force of
T. Chan and L. Vese (IEEE Trans. Image Process. 10 (2001) 266), which is the value less the middle of the means inside
and outside. "alike": outwards over values like those that the segment had in the beginning, inwards over others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from viewer.compute.effects.checks import Spacing, Values, finite, need_voxels
from viewer.compute.effects.distance import blurred, gradient, gradient_magnitude
from viewer.compute.effects.image.level_set import LevelSet
from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from viewer.data.arrays import Floats32, Mask

By = Literal["edges", "regions", "alike"]
MOVES = 4  # of the surface in a step, each by less than a voxel
BLUR = 1.0  # mm: the Gaussian that noise is blurred with
EDGE = 98.0  # percentile of the gradient that counts as a full edge
HOLD = 4.0  # how much less freely the surface moves there: by a factor of 1 + HOLD²
ALIKE = 2.5  # standard deviations


class Snake:
    """A segment on its way, after so many `steps`.

    It stays within the box: cut it with as many mm around the segment as it may go, say 30.
    """

    def __init__(
        self, image: Values, mask: Mask, spacing: Spacing, by: By = "edges", push: float = 0.0, smoothness: float = 0.3
    ) -> None:
        """push: −1…1, inwards to outwards, besides what the image does; "edges" need it where none is near.

        smoothness: mm, what the curvature weighs. Raises Refusal for an empty segment and an image of one value.
        """
        need_voxels(mask)
        raw = finite(image)
        values = blurred(raw, BLUR, spacing)
        self.by, self.push, self.smoothness, self.steps = by, push, smoothness, 0
        self._level, self._values = LevelSet(mask, spacing), values
        self._flat = self._level.padded(values)
        self._within, self._around, self._spread = float(raw[mask].mean()), 0.0, float(raw[mask].std()) or 1.0
        if by == "edges":
            ease = _ease(values, spacing)
            self._ease = self._level.padded(ease)
            self._drift = [self._level.padded(-slope) for slope in gradient(ease, spacing)]

    @property
    def mask(self) -> Mask:
        """The segment as it is now."""
        return self._level.mask

    def step(self) -> int:
        """Move on a little; how many voxels changed. None did: it has come to rest, or needs another push.

        Raises Refusal where it has shrunk to nothing.
        """
        before = self.mask
        if not before.any():
            raise Refusal("The segment has shrunk to nothing: begin with a larger one, or push it outwards.")
        if self.by == "regions":
            self._within, self._around = (
                float(self._values[part].mean()) if part.any() else 0.0 for part in (before, ~before)
            )
        for _ in range(MOVES):
            self._move()
        self.steps += 1
        return int(np.count_nonzero(self.mask != before))

    def _move(self) -> None:
        band = self._level.band
        if self.by == "edges":
            ease = self._ease[band]
            self._level.move(self.push * ease, self.smoothness * ease, [drift[band] for drift in self._drift])
            return
        if self.by == "regions":
            force = (self._flat[band] - (self._within + self._around) / 2) / ((self._within - self._around) / 2 or 1)
        else:
            force = ALIKE - np.abs(self._flat[band] - self._within) / self._spread
        self._level.move(np.clip(force + self.push, -1, 1), np.full(len(band), self.smoothness, np.float32))


def _ease(values: Floats32, spacing: Spacing) -> Floats32:
    """0…1: how freely the surface moves; little on edges."""
    steep = gradient_magnitude(values, spacing)
    full = float(np.percentile(steep, EDGE)) or 1.0
    return np.asarray(1 / (1 + np.square(HOLD * steep / full)), dtype=np.float32)
