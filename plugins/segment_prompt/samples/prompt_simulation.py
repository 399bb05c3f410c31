"""Prompts as people place them: in the middle of what is wrong, by point, scribble, box or lasso."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from plugins.segment_prompt.prompts import Mask, Prompts

Random = np.random.Generator
Index = tuple[int, ...]


def deepest_voxel(region: Mask) -> Index:
    """The voxel farthest from the region's border, which the faces of the array are, too."""
    box = ndimage.find_objects(region.astype(np.uint8))[0]
    depth = ndimage.distance_transform_edt(np.pad(region[box], 1))
    place = np.unravel_index(np.argmax(depth), depth.shape)
    return tuple(int(p) + s.start - 1 for p, s in zip(place, box, strict=True))


def largest_error(mask: Mask, target: Mask) -> tuple[Mask, bool]:
    """The largest connected part where the mask is wrong, and whether it is missing from the mask (True)."""
    kinds = [largest_part(target & ~mask), largest_part(mask & ~target)]
    missing = bool(kinds[0].sum() >= kinds[1].sum())
    return (kinds[0] if missing else kinds[1]), missing


def largest_part(region: Mask) -> Mask:
    """The largest part whose voxels touch by their faces."""
    parts, count = ndimage.label(region)
    return region if count < 2 else np.asarray(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


def click(prompts: Prompts, mask: Mask, target: Mask) -> Prompts:
    """One point more, in the middle of the largest error: the rule of the gates. Nothing wrong: no point."""
    error, positive = largest_error(mask, target)
    return prompts.with_marks(_point(deepest_voxel(error), mask.shape), positive) if error.any() else prompts


def scribble(region: Mask, axis: int, rng: Random) -> Mask:
    """A line along the middle of the region in the plane across `axis` through its deepest voxel."""
    where = _plane(deepest_voxel(region), axis)
    plane = region[where]
    line = skeletonize(plane) if plane.sum() > 4 else plane
    places = np.argwhere(line)
    reach = np.ptp(places, axis=0).max() * rng.uniform(0.3, 1.0)
    near = np.abs(places - places[rng.integers(len(places))]).max(axis=1) <= max(reach, 1)
    marks = np.zeros_like(region)
    marks[where][tuple(places[near].T)] = True
    return marks


def box(target: Mask, rng: Random) -> Mask:
    """The box about the target, up to a tenth larger on every side."""
    inside = np.zeros_like(target)
    around = ndimage.find_objects(target.astype(np.uint8))[0]
    inside[tuple(slice(max(s.start - _slack(s, rng), 0), s.stop + _slack(s, rng)) for s in around)] = True
    return inside


def lasso(target: Mask, axis: int, rng: Random) -> tuple[Mask, tuple[slice, ...]]:
    """A line drawn loosely around the target in the plane across `axis` through its deepest voxel: inside it, where."""
    where = _slab(deepest_voxel(target), axis)
    inside = np.zeros_like(target)
    outline = ndimage.gaussian_filter(target[where].squeeze(axis).astype(np.float32), rng.uniform(1, 2.5))
    loose = ndimage.binary_fill_holes((outline > rng.uniform(0.1, 0.4)) | target[where].squeeze(axis))
    inside[where] = np.expand_dims(loose, axis)
    return inside, where


def first_prompt(prompts: Prompts, target: Mask, rng: Random) -> Prompts:
    """A point (half of the time), box, scribble or lasso on the target."""
    kind, axis = rng.random(), int(rng.integers(3))
    if kind < 0.5:
        return prompts.with_marks(_loose_point(target, rng), True)
    if kind < 0.7:
        return prompts.with_region(box(target, rng))
    if kind < 0.88:
        return prompts.with_marks(scribble(target, axis, rng), True)
    return prompts.with_region(*lasso(target, axis, rng))


def next_prompt(prompts: Prompts, mask: Mask, target: Mask, rng: Random) -> Prompts:
    """A correction of the largest error: mostly a point, else a scribble in a plane, now and then a negative lasso."""
    error, positive = largest_error(mask, target)
    if not error.any():
        return prompts
    kind, axis = rng.random(), int(rng.integers(3))
    if kind < 0.72:
        return prompts.with_marks(_loose_point(error, rng), positive)
    if kind < 0.95 or positive:
        return prompts.with_marks(scribble(error, axis, rng), positive)
    inside, _ = lasso(error, axis, rng)
    return prompts.with_exclusion(inside & ~target)


def _loose_point(region: Mask, rng: Random) -> Mask:
    """Its deepest voxel, or in one of four cases any."""
    if rng.random() < 0.75:
        return _point(deepest_voxel(region), region.shape)
    places = np.argwhere(region)
    return _point(tuple(places[rng.integers(len(places))]), region.shape)


def _point(place: Index, shape: tuple[int, ...]) -> Mask:
    marks = np.zeros(shape, bool)
    marks[place] = True
    return marks


def _plane(place: Index, axis: int) -> tuple[slice | int, ...]:
    return tuple(place[axis] if a == axis else slice(None) for a in range(3))


def _slab(place: Index, axis: int) -> tuple[slice, ...]:
    return tuple(slice(place[axis], place[axis] + 1) if a == axis else slice(None) for a in range(3))


def _slack(span: slice, rng: Random) -> int:
    return int(rng.integers(0, 2 + (span.stop - span.start) // 10))
