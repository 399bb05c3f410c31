"""The transform that takes the fixed points of landmark pairs to the moving ones, by least squares or by splines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from viewer.compute.registration.control_grid import control_grid
from viewer.compute.registration.transform_algebra import run_slabs, voxel_points
from viewer.data.transform import Transform

if TYPE_CHECKING:
    from viewer.data.annotations.landmarks import Landmarks
    from viewer.data.arrays import Floats
    from viewer.data.grid import Grid

Fit = Literal["rigid", "similarity", "affine", "spline"]
LEAST: dict[Fit, int] = {"rigid": 3, "similarity": 3, "affine": 4, "spline": 4}  # pairs that each takes
SPREAD = 1e-4  # of the largest extent of the points: less than that is a line, or a plane
APART = 1e-3  # mm; two fixed points closer than that are one
TINY = 1e-9  # mm²: points all in one place tell of no turn
LATTICE = 2.5  # mm between the vectors of a spline's field, more where that would be more than MOST of them
MOST = 4e6


def fit(landmarks: Landmarks, kind: Fit, grid: Grid | None = None) -> Transform:
    """The transform that fits the pairs, fixed to moving, LPS mm.

    rigid: Kabsch 1976; similarity: with one scale, Umeyama, PAMI 13, 1991; affine: least squares; spline: thin-plate
    splines, which hit every landmark (kernel |r|, Bookstein, PAMI 11, 1989), as a field over `grid`, the fixed image's.
    Raises ValueError, one sentence, for too few pairs, pairs in a line or (affine, spline) in a plane, no grid.
    """
    count, least = len(landmarks.fixed), LEAST[kind]
    if count < least:
        raise ValueError(f"{least} pairs of landmarks are needed, and there are {count}: add {least - count} more.")
    spread = np.linalg.svd(landmarks.fixed - landmarks.fixed.mean(axis=0), compute_uv=False)
    flat = spread < SPREAD * spread[0] if spread[0] > 0 else np.array([True, True, True])
    if flat[1]:
        raise ValueError("The landmarks lie in a line: add one beside it.")
    if kind in ("rigid", "similarity"):
        return Transform(rigid_fit(landmarks, scaled=kind == "similarity"))
    if flat[2]:
        raise ValueError("The landmarks lie in a plane: add one outside of it, or fit a rigid transform.")
    if kind == "affine":
        return Transform(_affine(landmarks))
    if grid is None:
        raise ValueError("A spline bends an image: name the one whose grid its field is to lie on.")
    return _spline(landmarks, grid)


def residuals(landmarks: Landmarks, kind: Fit, grid: Grid | None = None) -> Floats:
    """Fiducial registration error of each pair (n,), mm: how far the fixed point, moved, lies from the moving one.

    Raises ValueError as `fit` does.
    """
    return np.asarray(np.linalg.norm(fit(landmarks, kind, grid)(landmarks.fixed) - landmarks.moving, axis=1))


def rigid_fit(landmarks: Landmarks, *, scaled: bool = False, hold: float = 0.0) -> Floats:
    """The 4×4 of the turn and the shift (scaled: and the one scale) that leave the least squared distance.

    hold: turns that the points tell less of than this share (of fewer than three, or nearly in a line) are not made.
    Raises ValueError, one sentence, where a scale cannot be told.
    """
    here, there = landmarks.fixed.mean(axis=0), landmarks.moving.mean(axis=0)
    common = (landmarks.moving - there).T @ (landmarks.fixed - here)
    left, _, right = np.linalg.svd(common + (hold * np.abs(common).sum() + TINY) * np.eye(3))
    turn = (left * (1.0, 1.0, np.sign(np.linalg.det(left @ right)))) @ right
    scale = (turn * common).sum() / ((landmarks.fixed - here) ** 2).sum() if scaled else 1.0
    if scale <= 0:
        raise ValueError("The moving points of the landmarks all lie in one place: set them apart.")
    matrix = np.eye(4)
    matrix[:3, :3] = scale * turn
    matrix[:3, 3] = there - matrix[:3, :3] @ here
    return matrix


def _affine(landmarks: Landmarks) -> Floats:
    known = np.column_stack([landmarks.fixed, np.ones(len(landmarks.fixed))])
    matrix = np.eye(4)
    matrix[:3] = np.linalg.lstsq(known, landmarks.moving, rcond=None)[0].T
    if abs(np.linalg.det(matrix[:3, :3])) < SPREAD:
        raise ValueError("The moving points of the landmarks lie in a plane: add one outside of it.")
    return matrix


def _spline(landmarks: Landmarks, grid: Grid) -> Transform:
    """The spline x + Σ wᵢ|x − pᵢ| + affine; the affine part is the transform's matrix, the rest its field."""
    fixed, count = landmarks.fixed, len(landmarks.fixed)
    gaps = np.linalg.norm(fixed[:, None] - fixed, axis=-1)
    if (gaps + np.diag(np.full(count, np.inf))).min() < APART:
        raise ValueError("Two landmarks have the same fixed point: remove one of them.")
    known = np.column_stack([fixed, np.ones(count)])
    system = np.block([[gaps, known], [known.T, np.zeros((4, 4))]])
    solved = np.linalg.solve(system, np.vstack([landmarks.moving, np.zeros((4, 3))]))
    matrix = np.eye(4)
    matrix[:3] = solved[count:].T
    weights = solved[:count] @ np.linalg.inv(matrix[:3, :3]).T
    volume = abs(np.linalg.det(grid.affine[:3, :3])) * np.prod(grid.shape, dtype=np.float64)
    lattice = control_grid(grid, max(LATTICE, float(volume / MOST) ** (1 / 3)), 0.0)
    field = np.empty((*lattice.shape, 3), np.float32)

    def fill(first: int, last: int) -> None:
        points = voxel_points(lattice, first, last)
        bend = np.zeros_like(points)
        for place, weight in zip(fixed, weights, strict=True):
            bend += np.linalg.norm(points - place, axis=-1, keepdims=True) * weight
        field[first:last] = bend

    run_slabs(lattice, fill)
    return Transform(matrix, field, lattice)
