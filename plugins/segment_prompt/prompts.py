"""What a person draws on a crop, and what it demands of a mask. Arrays are boolean, [k, j, i], on the crop's grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
BALL = np.array([place for place in np.ndindex(5, 5, 5) if sum((n - 2) ** 2 for n in place) <= 4]) - 2


@dataclass(frozen=True)
class Prompts:
    """The prompts of a crop as voxels; what was drawn last wins.

    positive, negative: voxels of points and scribbles. excluded: where the structure is not: outside a box or lasso,
    inside a negative one, in a protected segment. box: inside boxes and lassos.
    """

    positive: Mask
    negative: Mask
    excluded: Mask
    box: Mask

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Prompts:
        """Of a crop of that shape, in which nothing was drawn."""
        return cls(*(np.zeros(shape, bool) for _ in range(4)))

    def with_marks(self, marks: Mask, positive: bool) -> Prompts:
        """A point or scribble more: these voxels are of the structure, or are not."""
        if not positive:
            return replace(self, positive=self.positive & ~marks, negative=self.negative | marks)
        free = {"negative": self.negative & ~marks, "excluded": self.excluded & ~marks}
        return replace(self, positive=self.positive | marks, **free)

    def with_region(self, inside: Mask, where: tuple[slice, ...] = ()) -> Prompts:
        """A box or lasso more: in `where` (a lasso's slice; by default everywhere) the structure lies inside it."""
        outside = np.zeros_like(inside)
        outside[where] = ~inside[where]
        return replace(self.with_exclusion(outside), box=self.box | inside)

    def with_exclusion(self, region: Mask) -> Prompts:
        """A negative box or lasso, or a protected segment: nothing of the structure is in it."""
        return replace(self, positive=self.positive & ~region, excluded=self.excluded | region)

    def constrain(self, mask: Mask) -> Mask:
        """The mask as every prompt demands it at its voxels."""
        constrained: Mask = (mask | self.positive) & ~(self.negative | self.excluded)
        return constrained

    def seeds(self) -> Mask:
        """Voxels taken to be of the structure: about the positive marks, else the middle third of the boxes."""
        around = thicken(self.positive) if self.positive.any() else self.marked()
        return around & ~(self.negative | self.excluded)

    def marked(self) -> Mask:
        """Voxels of the structure beyond doubt: the positive marks, else the middle third of the boxes."""
        if self.positive.any() or not self.box.any():
            return self.positive
        middle = np.zeros_like(self.box)
        spans = [np.flatnonzero(self.box.any(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        middle[tuple(slice(*_middle_third(int(span[0]), int(span[-1]))) for span in spans)] = True
        return middle & self.box & ~(self.negative | self.excluded)


def thicken(marks: Mask) -> Mask:
    """Every voxel of the marks as a ball with a radius of two voxels: what is about it is most probably like it."""
    places = (np.argwhere(marks)[:, None] + BALL).reshape(-1, 3)
    thick = np.zeros_like(marks)
    thick[tuple(np.clip(places, 0, np.array(marks.shape) - 1).T)] = True
    return thick


def _middle_third(first: int, last: int) -> tuple[int, int]:
    third = (last - first + 1) // 3
    return first + third, last + 1 - third
