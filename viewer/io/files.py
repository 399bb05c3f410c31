"""Images that are not DICOM: NIfTI, Analyze, NRRD, MetaImage, PNG and JPEG. Runs in a reader process."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.grid import Grid
from viewer.data.notice import Notice
from viewer.data.shared import SharedHandle, open_shared, write_shared
from viewer.data.study import Image, Source
from viewer.io import nifti
from viewer.io.contents import member_bytes, member_of, modified, open_unchanged
from viewer.io.failure import OpenError
from viewer.io.itk_header import DETACHED, FORMATS, PICTURES, Facts, ending_of, facts_of, voxels
from viewer.io.plan import Plan
from viewer.io.worker import at

NOT_FINITE = Notice("not-a-number", "Some of its values are no numbers (NaN or infinite).", "not a number")
MOST_PIXELS = 1 << 27  # of a picture
PIXELS_BESIDE = (".img", ".img.gz", ".raw", ".zraw", ".raw.gz")


def belongs_to_header(path: str) -> bool:
    """True for the pixels that a header beside it describes: they are opened with it."""
    name = path.lower()
    ending = max((one for one in PIXELS_BESIDE if name.endswith(one)), key=len, default="")
    return bool(ending) and any(os.path.exists(path[: -len(ending)] + header) for header in DETACHED)


def describe(path: str) -> Image:
    """The image in a file, from its header. Raises OpenError with one sentence."""
    facts = facts_of(path)
    ending = ending_of(path)
    if ending in PICTURES and math.prod(facts.size) > MOST_PIXELS:
        raise OpenError(f"It claims {' × '.join(map(str, facts.size))} pixels, more than a picture that is opened has.")
    size, mtime = _length(path), modified(path)
    dtype, slope, intercept = facts.dtype, 1.0, 0.0
    if _kept_as_stored(ending, facts):
        stored = nifti.voxels_of(path, nifti.header_of(path, size, mtime))
        dtype, slope, intercept = stored.dtype, stored.slope, stored.intercept
    plan = Plan(
        kind="picture" if ending in PICTURES else "itk", files=(path,), sizes=(size,), mtimes=(mtime,),
        samples=3 if facts.color else 1, slope=slope, intercept=intercept, times=_times(facts),
    )  # fmt: skip
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    return Image(
        source=Source(patient_name=name[: -len(ending)], series_description=name, files=(path,)),
        grid=_grid(facts, ending in PICTURES),
        dtype="uint8" if facts.color else dtype.name,
        timepoints=facts.times,
        components=3 if facts.color else 1,
        notices=_notices(facts, ending in PICTURES),
        plan=plan,
    )


def fill(handle: SharedHandle, plan: Plan) -> tuple[Notice, ...]:
    """Read the voxels into shared memory [time point, k, j, i(, 3)]; what must be said of them. Raises OpenError."""
    facts = facts_of(plan.files[0])
    if (facts.times, *facts.shape) != handle.shape[:4]:
        raise OpenError("It has changed since it was indexed; open its folder again.")
    finite = True
    with open_shared(handle) as segment:
        for number, (place, plane) in enumerate(_planes(plan, facts)):
            at(number)
            finite = finite and (plane.dtype.kind != "f" or bool(np.isfinite(plane).all()))
            write_shared(segment, handle.offset + place * plane.nbytes, plane.astype(handle.dtype, copy=False))
    return () if finite else (NOT_FINITE,)


def middle(plan: Plan) -> NDArray[Any]:
    """The middle slice [j, i] or [j, i, 3] of the first time point."""
    facts = facts_of(plan.files[0])
    _, plane = next(_planes(plan, facts, skip=facts.shape[0] // 2))
    return np.array(plane)


def _planes(plan: Plan, facts: Facts, skip: int = 0) -> Iterator[tuple[int, NDArray[Any]]]:
    """(place, slice [j, i] or [j, i, 3]); places count slices through all time points, from `skip` on."""
    path, size, mtime = plan.files[0], plan.sizes[0], plan.mtimes[0]
    slices, *plane = facts.shape
    count = slices * facts.times
    if _kept_as_stored(ending_of(path), facts):
        for number, found in enumerate(nifti.planes(path, size, mtime, (count, *plane), skip), skip):
            block, k = divmod(number, slices)
            component, time = divmod(block, facts.repeats)  # a NIfTI file keeps components apart
            yield (time * facts.components + component) * slices + k, found
        return
    open_unchanged(path, size, mtime).close()
    array, _owner = voxels(path)
    if facts.color:
        array = array.reshape(slices, *plane, facts.components)
        yield from ((k, _rgb(array[k])) for k in range(skip, slices))
        return
    apart = np.moveaxis(array.reshape(facts.repeats, *facts.shape, facts.components), -1, 1)
    for number in range(skip, count):
        yield number, apart[np.unravel_index(number, apart.shape[:3])]


def _kept_as_stored(ending: str, facts: Facts) -> bool:
    return FORMATS[ending] == "NiftiImageIO" and not facts.color


def _rgb(plane: NDArray[Any]) -> NDArray[np.uint8]:
    """The first three of the channels, 8 bits each."""
    colors = plane[..., :3]
    return colors if colors.dtype == np.uint8 else (colors >> 8).astype(np.uint8)


def _grid(facts: Facts, picture: bool) -> Grid:
    if picture:
        return Grid.of(facts.shape, placed=False)
    flat = len(facts.size) == 2
    axes = np.eye(3)
    axes[:2, :2] = facts.direction[:2, :2]
    spacing = (1.0, *facts.spacing[1::-1]) if flat else facts.spacing[2::-1]
    origin = (*facts.origin, 0.0) if flat else facts.origin[:3]
    try:
        return Grid.of(facts.shape, spacing, origin, axes if flat else facts.direction[:3, :3])
    except ValueError as error:
        raise OpenError("Its header gives its voxels no valid size or direction; it cannot be placed.") from error


def _times(facts: Facts) -> tuple[str, ...]:
    if facts.color or facts.repeats * facts.components == 1:
        return ()
    parts = [f"component {n + 1}" for n in range(facts.components)] if facts.components > 1 else [""]
    times = [f"time point {n + 1}" for n in range(facts.repeats)] if facts.repeats > 1 else [""]
    return tuple(", ".join(filter(None, (time, part))) for time in times for part in parts)


def _notices(facts: Facts, picture: bool) -> tuple[Notice, ...]:
    notices = []
    if picture:
        notices.append(Notice("no-pixel-spacing", "A picture has no size in mm: each pixel is taken as 1 mm wide."))
    if facts.color and facts.components == 4:
        notices.append(Notice("transparency", "Its transparency is not shown."))
    if facts.color and facts.dtype == np.uint16:
        notices.append(Notice("reduced-colours", "Its colours were reduced from 16 to 8 bits."))
    if not facts.color and facts.components > 1:
        sentence = f"Its {facts.components} values a voxel are shown one after the other, like time points."
        notices.append(Notice("several-values", sentence))
    return tuple(notices)


def _length(path: str) -> int:
    inside = member_of(path)
    return len(member_bytes(*inside)) if inside else os.path.getsize(path)
