"""Where voxels lie in the patient: the one place with affine algebra.

World coordinates are LPS millimetres (DICOM PS3.3 C.7.6.2.1.1: x to the patient's left, y to the back, z to the head).
Indices are in array order [k, j, i] = (slice, row, column); the centre of voxel (0, 0, 0) is the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

from viewer.data.arrays import Floats

PLANES = ("sagittal", "coronal", "axial")  # the plane whose normal is x, y, z
# The sides of the patient that +x/-x, +y/-y, +z/-z point to (PS3.3 C.7.6.1.1.1).
LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular lattice of voxels.

    shape: voxels along k, j, i. affine: 4×4, maps array index (k, j, i, 1) to world (x, y, z, 1) in LPS mm.
    frame_of_reference: the DICOM Frame of Reference UID; "" where unknown. placed: False where nothing tells how the
    image lies in the patient (ultrasound, photographs): world axes are then the picture's own, and no side is known.
    Raises ValueError for a singular affine.
    """

    shape: tuple[int, int, int]
    affine: Floats
    frame_of_reference: str = ""
    placed: bool = True

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        # Beyond that, lengths and determinants overflow.
        finite = affine.shape == (4, 4) and bool((np.abs(affine) < 1e100).all())
        if not finite or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            raise ValueError("the grid's affine must be a finite, invertible 4×4 matrix")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"a grid needs three sizes of at least 1, not {self.shape}")
        # A cosine this small is rounding, and where it is denormal ITK and GDCM turn the whole matrix into NaN.
        axes = affine[:3, :3]
        axes[np.abs(axes) < 1e-12 * np.linalg.norm(axes, axis=0)] = 0
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @classmethod
    def of(
        cls,
        shape: tuple[int, int, int],
        spacing: ArrayLike = (1, 1, 1),
        origin: ArrayLike = (0, 0, 0),
        direction: ArrayLike | None = None,
        frame_of_reference: str = "",
        *,
        placed: bool = True,
    ) -> Grid:
        """A grid of spacing (k, j, i) in mm, origin (x, y, z) in LPS mm and an ITK direction matrix.

        direction: 3×3, columns along i, j, k; None: along x, y and z. Raises ValueError for a singular one.
        """
        axes = np.eye(3) if direction is None else np.asarray(direction, dtype=np.float64).reshape(3, 3)
        affine = np.eye(4)
        affine[:3, :3] = axes[:, ::-1] * np.asarray(spacing, dtype=np.float64)
        affine[:3, 3] = np.asarray(origin, dtype=np.float64)
        return cls(shape, affine, frame_of_reference, placed)

    @cached_property
    def inverse(self) -> Floats:
        """4×4, maps world (x, y, z, 1) to array index (k, j, i, 1)."""
        return np.asarray(np.linalg.inv(self.affine))

    @property
    def origin(self) -> Floats:
        """World position (x, y, z) of the centre of voxel (0, 0, 0), mm."""
        return self.affine[:3, 3]

    @cached_property
    def spacing(self) -> Floats:
        """Distance between voxel centres along k, j, i, mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @cached_property
    def axes(self) -> Floats:
        """3×3; columns are the unit world directions of k, j, i."""
        return self.affine[:3, :3] / self.spacing

    @property
    def direction(self) -> Floats:
        """3×3; columns are the unit world directions of i, j, k, as ITK and DICOM order them."""
        return self.axes[:, ::-1]

    @property
    def centre(self) -> Floats:
        """World position (x, y, z) of the middle of the grid, mm."""
        return self.to_world((np.asarray(self.shape) - 1) / 2)

    @cached_property
    def corners(self) -> Floats:
        """World positions (8, 3) of the outer corners of the corner voxels, mm."""
        ends = [(-0.5, n - 0.5) for n in self.shape]
        return self.to_world(np.array([(k, j, i) for k in ends[0] for j in ends[1] for i in ends[2]]))

    def to_world(self, index: ArrayLike) -> Floats:
        """World positions (…, 3) in mm of array indices (…, 3) in order k, j, i; fractions allowed."""
        return np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, world: ArrayLike) -> Floats:
        """Array indices (…, 3) in order k, j, i, with fractions, of world positions (…, 3) in mm."""
        return (np.asarray(world, dtype=np.float64) - self.affine[:3, 3]) @ self.inverse[:3, :3].T

    def nearest(self, world: ArrayLike) -> tuple[int, int, int] | None:
        """The voxel (k, j, i) that holds the world position, or None outside the grid."""
        k, j, i = (int(n) for n in np.floor(self.to_index(world) + 0.5))
        inside = 0 <= k < self.shape[0] and 0 <= j < self.shape[1] and 0 <= i < self.shape[2]
        return (k, j, i) if inside else None

    @cached_property
    def plane_axes(self) -> tuple[int, int, int]:
        """The array axis that runs closest to x, y and z, each used once: the axis each of PLANES is sliced along."""
        cosines = np.abs(self.axes)
        best = max(permutations(range(3)), key=lambda p: sum(cosines[world, axis] for world, axis in enumerate(p)))
        return best[0], best[1], best[2]

    @property
    def oblique(self) -> bool:
        """True where an axis leaves its closest world axis by more than about half a degree."""
        return bool(np.abs(self.axes).max(axis=0).min() < 0.99996)

    def matches(self, other: Grid, tolerance: float = 1e-3) -> bool:
        """True where both grids have the same shape and all corners agree within `tolerance` voxels."""
        if self.shape != other.shape:
            return False
        gap = np.abs(self.corners - other.corners).max()
        return bool(gap <= tolerance * min(self.spacing.min(), other.spacing.min()))

    def crop(self, start: tuple[int, int, int], shape: tuple[int, int, int]) -> Grid:
        """The grid of the box of `shape` that begins at voxel `start`."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_world(start)
        return Grid(shape, affine, self.frame_of_reference, self.placed)


def orientation_letters(vector: ArrayLike, threshold: float = 0.05) -> str:
    """The patient's sides that an LPS direction points to, strongest first ("L", or "RPF" when oblique)."""
    unit = np.asarray(vector, dtype=np.float64)
    unit = unit / max(float(np.linalg.norm(unit)), 1e-12)
    order = sorted(range(3), key=lambda axis: -abs(unit[axis]))
    return "".join(LETTERS[axis][int(unit[axis] < 0)] for axis in order if abs(unit[axis]) > threshold)
