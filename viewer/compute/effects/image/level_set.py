"""A surface as the zero of a function that is kept near it only: it moves by less than a voxel at a time, in mm.

Upwind differences (S. Osher, J. Sethian, J. Comput. Phys. 79 (1988) 12) in a narrow band (D. Adalsteinsson,
J. Sethian, ibid. 118 (1995) 269), which is kept a distance (M. Sussman, P. Smereka, S. Osher, ibid. 114 (1994) 146)
while the surface stays where it is (G. Russo, P. Smereka, ibid. 163 (2000) 51).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.distance import distance
from viewer.data.arrays import Floats32, Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.compute.effects.checks import Spacing, Values

Slopes = list[tuple[Floats32, Floats32]]  # from the voxel before and to the one after, along k, j, i

LAYERS = 3  # of voxels to each side of the surface that are kept
COURANT = 0.8  # of the time step at which moving would become unstable
FLATTEST = 0.1  # slope, mm per mm, that distances are still found from
RESTORES, BEGINNING = 2, 8  # steps towards a distance after each move, and at first


class LevelSet:
    """A moving surface. band: flat indices, in arrays that `padded` made, of the voxels about it."""

    def __init__(self, mask: Mask, spacing: Spacing) -> None:
        self._shape = tuple(size + 2 for size in mask.shape)
        steps = [float(mm) for mm in spacing]
        self._ways = list(zip((self._shape[1] * self._shape[2], self._shape[2], 1), steps, strict=True))
        far = LAYERS * max(steps)
        self._level = self.padded(np.clip(distance(mask, spacing) - distance(~mask, spacing), -far, far))
        self._kept = np.pad(np.zeros(mask.shape, bool), 1, constant_values=True).reshape(-1)  # the rim never joins
        near = np.abs(self._level) <= max(steps) * 1.001  # all that the surface cuts, and few others
        self.band = np.flatnonzero(near & ~self._kept)
        self._follow()
        self._restore(BEGINNING)

    @property
    def mask(self) -> Mask:
        """The voxels inside [k, j, i]."""
        return np.asarray(self._level.reshape(self._shape)[1:-1, 1:-1, 1:-1] < 0)

    def padded(self, array: Values) -> Floats32:
        """An array [k, j, i] with its faces once more around it, flat: indexed as `band` says."""
        return np.pad(np.asarray(array, dtype=np.float32), 1, mode="edge").reshape(-1)

    def move(self, force: Floats32, tension: Floats32, drift: list[Floats32] | None = None) -> float:
        """Move on for a moment, and say how long it was; each value belongs to a voxel of the band.

        force: speed outwards, mm. tension: what the curvature weighs, mm². drift: along k, j, i, mm.
        """
        slopes = self._slopes()
        rate = -force * np.where(force > 0, _steepness(slopes, outwards=True), _steepness(slopes, outwards=False))
        limit = float(np.abs(force).max(initial=0)) * sum(1 / step**2 for _, step in self._ways) ** 0.5
        for axis, ((before, after), (_, step)) in enumerate(zip(slopes, self._ways, strict=True)):
            rate += tension * (after - before) / step  # of a distance, the curvature is the sum of second derivatives
            limit += 2 * float(tension.max(initial=0)) / step**2
            if drift is not None:
                rate -= drift[axis] * np.where(drift[axis] > 0, before, after)
                limit += float(np.abs(drift[axis]).max(initial=0)) / step
        moment: float = COURANT / max(limit, 1e-6)
        self._level[self.band] += moment * rate
        self._mirror()
        self._follow()
        self._restore(RESTORES)
        return moment

    def _slopes(self) -> Slopes:
        here = self._level[self.band]
        return [
            ((here - self._level[self.band - stride]) / step, (self._level[self.band + stride] - here) / step)
            for stride, step in self._ways
        ]

    def _restore(self, steps: int) -> None:
        """Make it a distance again: at voxels that the surface cuts from their slopes, beyond them step by step."""
        cut, least = self._cut, min(step for _, step in self._ways)
        here = self._level[self.band]
        steepest = [np.maximum(np.abs(before[:cut]), np.abs(after[:cut])) for before, after in self._slopes()]
        self._level[self.band[:cut]] /= np.maximum(np.linalg.norm(steepest, axis=0), FLATTEST)
        sign = here / np.sqrt(np.square(here) + least**2)
        sign[:cut] = 0
        for _ in range(steps):
            slopes = self._slopes()
            steep = np.where(sign > 0, _steepness(slopes, outwards=True), _steepness(slopes, outwards=False))
            self._level[self.band] -= least / 2 * sign * (steep - 1)

    def _mirror(self) -> None:
        """Around the box it goes on as at its faces."""
        level = self._level.reshape(self._shape)
        for axis in range(3):
            faces = np.moveaxis(level, axis, 0)
            faces[0], faces[-1] = faces[1], faces[-2]

    def _follow(self) -> None:
        """The band of where the surface is now."""
        inside = self._level[self.band] < 0
        cut = np.zeros(len(self.band), bool)
        for stride, _ in self._ways:
            for move in (stride, -stride):
                cut |= (self._level[self.band + move] < 0) != inside
        parts = [self.band[cut]]
        self._cut = len(parts[0])
        self._kept[parts[0]] = True
        for _ in range(LAYERS):
            parts.append(np.concatenate([self._joined(parts[-1] + move) for s, _ in self._ways for move in (s, -s)]))
        self.band = np.concatenate(parts)
        self._kept[self.band] = False

    def _joined(self, there: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those that the band does not have yet."""
        fresh: NDArray[np.intp] = there[~self._kept[there]]
        self._kept[fresh] = True
        return fresh


def _steepness(slopes: Slopes, *, outwards: bool) -> Floats32:
    """|∇φ| by the differences from where a surface comes that moves outwards, or inwards (Godunov)."""
    sign = np.float32(1 if outwards else -1)
    squares = (
        np.maximum(np.square(np.maximum(sign * before, 0)), np.square(np.minimum(sign * after, 0)))
        for before, after in slopes
    )
    return np.asarray(np.sqrt(sum(squares)))
