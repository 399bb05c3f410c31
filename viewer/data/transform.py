"""A map between two spaces, in ITK's direction: it takes points of the fixed space to points of the moving space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viewer.data.arrays import Floats
from viewer.data.grid import Grid
from viewer.data.printable_text import keep_printable
from viewer.data.provenance import Provenance
from viewer.data.study import Source

STEPS = 50  # of the search for a place in the fixed space


@dataclass(frozen=True)
class SignOff:
    """What a person said of a registration. verdict: may it be used. reader: name. time: ISO 8601 with zone."""

    verdict: Literal["accepted", "rejected"]
    reader: str
    remark: str
    time: str

    def __post_init__(self) -> None:
        keep_printable(self, "reader", "remark")


class ImageReference(NamedTuple):
    """An image, for what refers to it (one of two for a transform): where it lies and whose it is."""

    grid: Grid
    source: Source


@dataclass(frozen=True, eq=False)
class Transform:
    """x ↦ A·(x + u(x)): a displacement field, where there is one, then a 4×4 matrix; LPS mm throughout.

    matrix: 4×4. displacement: [k, j, i, 3] (x, y, z in mm) on `grid`, zero outside it; the two come together, and
    anything else raises ValueError.
    """

    matrix: Floats
    displacement: NDArray[np.float32] | None = None
    grid: Grid | None = None
    name: str = ""
    provenance: Provenance | None = None
    sign_off: SignOff | None = None

    def __post_init__(self) -> None:
        if (self.displacement is None) != (self.grid is None):
            raise ValueError("a displacement field and its grid come together")
        if self.displacement is not None and self.grid is not None and self.displacement.shape != (*self.grid.shape, 3):
            raise ValueError(f"a field of shape {self.displacement.shape} does not fit a grid of {self.grid.shape}")

    def __call__(self, points: ArrayLike) -> Floats:
        """Moving-space positions (…, 3) of fixed-space positions (…, 3), mm; the field is interpolated linearly."""
        moved = np.asarray(points, dtype=np.float64)
        if self.displacement is not None and self.grid is not None:
            moved = moved + _interpolate(self.displacement, self.grid.to_index(moved))
        return moved @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def placed(self, grid: Grid) -> Grid:
        """The grid of an image where the matrix puts it in the fixed space; the field's part is left out."""
        return Grid(grid.shape, np.linalg.inv(self.matrix) @ grid.affine, grid.frame_of_reference, grid.placed)

    def inverse_point(self, point: ArrayLike) -> Floats:
        """The fixed-space position (3,) of a moving-space one, mm; to 0.001 mm where the field does not fold.

        Through the field by fixed-point iteration (Chen et al., Medical Physics 35, 2008).
        """
        target = np.linalg.inv(self.matrix) @ (*np.asarray(point, dtype=np.float64), 1.0)
        found: Floats = target[:3]
        for _ in range(STEPS if self.displacement is not None else 0):
            before, found = found, found + target[:3] - np.linalg.solve(self.matrix, (*self(found), 1.0))[:3]
            if np.abs(found - before).max() < 1e-3:
                break
        return found


def _interpolate(field: NDArray[np.float32], index: Floats) -> Floats:
    """Linear interpolation of field [k, j, i, c] at indices (…, 3), 0 beyond the field.

    As ITK: the outermost voxels reach to their outer faces, with the value of their centres.
    """
    size = np.array(field.shape[:3])
    inside = ((index >= -0.5) & (index <= size - 0.5)).all(axis=-1)
    at = np.clip(index, 0, size - 1)
    low = np.minimum(at.astype(np.intp), np.maximum(size - 2, 0))
    part = at - low
    out = np.zeros((*index.shape[:-1], field.shape[3]))
    for corner in np.ndindex(2, 2, 2):
        k, j, i = (np.minimum(low + corner, size - 1)[..., axis] for axis in range(3))
        weight = np.prod(np.where(corner, part, 1 - part), axis=-1)
        out += weight[..., None] * field[k, j, i]
    return out * np.asarray(inside)[..., None]
