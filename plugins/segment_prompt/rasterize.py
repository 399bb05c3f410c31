"""Prompts given in the patient (LPS mm) as voxels [k, j, i] of a grid."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.measure import points_in_poly

from viewer.api import Grid, Prompt, Refusal

from .prompts import Mask, Prompts

Box = tuple[slice, slice, slice]
Places = NDArray[np.float64]

MARKS = ("point", "scribble")  # the other kinds enclose
FLAT = 1e-3  # mm: an edge shorter than this has no length
STEP = 0.5  # voxels between two places of a scribble
SLAB = 8  # slices looked at in one go: every voxel has three coordinates


def rasterize(prompts: tuple[Prompt, ...], grid: Grid, protected: Mask | None = None) -> Prompts:
    """The voxels that prompts speak of, as far as they lie in the grid; where two overlap the later one counts.

    protected: voxels that the structure must not have. Raises Refusal, one sentence, where two prompts say the opposite
    of one voxel, or one asks for a protected voxel.
    """
    found = Prompts.none(grid.shape)
    if protected is not None:
        found = found.with_exclusion(protected)
    for prompt in prompts:
        if prompt.kind in MARKS:
            _refuse_marks(found, prompt, grid, protected)
            marks = np.zeros(grid.shape, bool)
            box, part = _marks(prompt, grid)
            marks[box] = part
            found = found.with_marks(marks, prompt.positive)
        else:
            inside, slice_of = _region(prompt, grid)
            excluded = (slice_of & ~inside) if prompt.positive else inside
            if (found.positive & excluded).any():
                raise Refusal(f"a {prompt.kind} leaves out what a positive prompt asks for: delete one of the two.")
            found = found.with_exclusion(excluded)
            found = replace(found, box=found.box | inside) if prompt.positive else found
    return found


def constrain(mask: Mask, prompts: tuple[Prompt, ...], grid: Grid, protected: Mask) -> None:
    """Make a mask of the grid agree with every prompt, in place."""
    for prompt in prompts:
        if prompt.kind in MARKS:
            box, marks = _marks(prompt, grid)
            mask[box][marks] = prompt.positive
            continue
        for start in np.flatnonzero(mask.any(axis=(1, 2)))[::SLAB].tolist():
            part = slice(start, start + SLAB)
            slab = grid.crop((start, 0, 0), (len(mask[part]), grid.shape[1], grid.shape[2]))
            inside, slice_of = _region(prompt, slab)
            mask[part] &= ~(slice_of & ~inside) if prompt.positive else ~inside
    mask &= ~protected


def _refuse_marks(found: Prompts, prompt: Prompt, grid: Grid, protected: Mask | None) -> None:
    core = tuple(_core(prompt, grid).T)
    if not prompt.positive:
        against = found.positive[core].any()
    elif protected is not None and protected[core].any():
        raise Refusal(f"a positive {prompt.kind} lies in a protected segment: allow overlap, or place it beside it.")
    else:
        against = (found.negative | found.excluded)[core].any()
    if against:
        raise Refusal(
            f"a {prompt.kind} says the opposite of an earlier prompt at the same voxel: delete one of the two."
        )


def _core(prompt: Prompt, grid: Grid) -> NDArray[np.intp]:
    """The voxels [n, 3] of the places and of the lines between them, as far as they lie in the grid."""
    index = grid.to_index(prompt.points)
    parts = [index[:1]]
    for start, end in pairwise(index):
        parts.append(np.linspace(start, end, int(np.ceil(np.abs(end - start).max() / STEP)) + 1))
    voxels = np.rint(np.concatenate(parts)).astype(np.intp)
    return voxels[((voxels >= 0) & (voxels < grid.shape)).all(axis=1)]


def _marks(prompt: Prompt, grid: Grid) -> tuple[Box, Mask]:
    """A box of voxels, and those in it that lie on the places and lines, or within the radius of them."""
    core = _core(prompt, grid)
    if not len(core):
        return (slice(0), slice(0), slice(0)), np.zeros((0, 0, 0), bool)
    wide = prompt.radius >= grid.spacing.min()
    reach = np.ceil(prompt.radius / grid.spacing).astype(int) * wide
    low, high = np.maximum(core.min(axis=0) - reach, 0), np.minimum(core.max(axis=0) + reach + 1, grid.shape)
    marks = np.zeros(high - low, bool)
    marks[tuple((core - low).T)] = True
    if wide:
        marks = distance_transform_edt(~marks, sampling=tuple(grid.spacing)) <= prompt.radius
    k, j, i = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return (k, j, i), marks


def _region(prompt: Prompt, grid: Grid) -> tuple[Mask, Mask]:
    """The voxels inside a box or lasso; those that it speaks of: all of them, or its slice."""
    corner, axes, flat = _frame(prompt)
    half = _half(axes[2], prompt.radius, grid)
    share = (_places(grid) - corner) @ np.linalg.inv(axes)
    slice_of: Mask = np.abs(share[..., 2]) <= half if flat else np.ones(grid.shape, bool)
    if prompt.kind == "box":
        across = share if not flat else share[..., :2]
        return slice_of & ((across >= 0) & (across <= 1)).all(axis=-1), slice_of
    inside = np.zeros(grid.shape, bool)
    outline = (np.array(prompt.points) - corner) @ np.linalg.inv(axes)
    inside[slice_of] = points_in_poly(share[slice_of][:, :2], outline[:, :2])
    return inside, slice_of


def _frame(prompt: Prompt) -> tuple[Places, Places, bool]:
    """A corner, three directions (rows) to measure places by, and whether the third is a plane's unit normal.

    Raises Refusal where the prompt encloses nothing.
    """
    points = np.array(prompt.points)
    if prompt.kind == "lasso":
        return points.mean(axis=0), np.linalg.svd(points - points.mean(axis=0))[2], True
    axes = points[1:] - points[0]
    flat = bool(np.linalg.norm(axes[2]) < FLAT)
    if flat:
        normal = np.cross(axes[0], axes[1])
        axes[2] = normal / max(float(np.linalg.norm(normal)), FLAT**2)
    if abs(np.linalg.det(axes)) < FLAT**2:
        raise Refusal("a box has no extent: draw it from one corner to the opposite one.")
    return points[0], axes, flat


def _half(normal: Places, radius: float, grid: Grid) -> float:
    """How many mm to each side of a plane: the radius, but at least what every voxel reaches that the plane cuts."""
    return max(radius, 0.5 * float(np.abs(normal @ grid.affine[:3, :3]).max()) * (1 + 1e-6))


def _places(grid: Grid) -> Places:
    """LPS mm of every voxel [k, j, i, 3]."""
    k, j, i = (np.arange(n, dtype=np.float64) for n in grid.shape)
    affine = grid.affine
    return np.asarray(
        affine[:3, 3]
        + k[:, None, None, None] * affine[:3, 0]
        + j[:, None, None] * affine[:3, 1]
        + i[:, None] * affine[:3, 2]
    )
