"""What loading makes of an image: its grid and size, checks before memory is taken, portions of work, the volumes.

Nothing is parsed here: it serves the window's process.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.notice import Notice
from viewer.data.volume import Volume, slice_window
from viewer.io import memory_budget
from viewer.io.dicom.pixels.read import ReadJob, TargetSlice
from viewer.io.dicom.pixels.slice_weights import parts_of
from viewer.io.errors import OpenError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.data.grid import Grid
    from viewer.data.study import Image
    from viewer.io.read_plan import Plan

LOST = "lost"  # how the badge of an image ends of which slices are blank


def loaded_grid(image: Image) -> Grid:
    """The grid of the volume that loading makes."""
    return image.plan.resampling.grid if image.plan.resampling else image.grid


def loaded_bytes(image: Image) -> int:
    """Bytes of that volume, all time points together."""
    sizes = (*loaded_grid(image).shape, image.timepoints, image.components)
    return int(np.prod(sizes, dtype=object)) * np.dtype(image.dtype).itemsize


def name_of(image: Image) -> str:
    """What sentences call an image: its title, or the name of its first file."""
    return image.title or base_name(image.source.files[0])


def base_name(path: str) -> str:
    """The last part of the path of a file, or of a member of an archive ("archive.zip!member/name")."""
    return path.replace("\\", "/").rsplit("/", 1)[-1].rsplit("!", 1)[-1]


def stopped_sentence(name: str, why: str) -> str:
    """What is said of a file at which a reader process ended: whose fault that was cannot be known."""
    return f"{name} was left out: the reader process {why} at it; copy or convert it and try again, or report it."


def check_claims(image: Image) -> None:
    """Raises OpenError where the files are shorter than the pixels that the plan reads from them."""
    plan: Plan = image.plan
    there = plan.frames[plan.frames["file"] >= 0]
    sizes = np.array(plan.sizes, np.int64)[there["file"]]
    raw = there["offset"] >= 0
    if (there["offset"][raw] + there["length"][raw] > sizes[raw]).any():
        raise OpenError(
            f"{name_of(image)} is truncated: a file ends before its pixels do; copy it again from its source."
        )


def with_lost_slices(image: Image, lost: Sequence[str], slices: int) -> Image:
    """The image with the notice that slices could not be decoded, and why the first of them could not."""
    if not lost:
        return image
    count = f"{len(lost)} of {slices} slices"
    notice = Notice("lost-slices", f"{count} could not be decoded and are blank: {lost[0]}", f"{count} {LOST}")
    return replace(image, notices=(*image.notices, notice))


def check_budget(image: Image) -> None:
    """Raises OpenError where the volume does not fit the memory that is free, or is too large for compressed files."""
    need, plan = loaded_bytes(image), image.plan
    compressed = bool((plan.frames["offset"] < 0).any())
    try:
        memory_budget.check_claim(need, sum(plan.sizes) if compressed else need)
    except OpenError as error:
        raise OpenError(f"{name_of(image)} cannot be loaded: {str(error)[:1].lower()}{str(error)[1:]}") from error


def read_job(image: Image, places: Sequence[tuple[int, int]]) -> ReadJob:
    """What a reader process must know to fill slices `places` (time point, k): the frames of these and no more."""
    plan: Plan = image.plan
    grid = loaded_grid(image)
    wanted: dict[tuple[int, int], int] = {}
    targets = []
    for t, k in places:
        parts = [(s, weight) for s, weight in parts_of(plan, k) if plan.frames[t, s]["file"] >= 0]
        numbered = tuple((wanted.setdefault((t, s), len(wanted)), weight) for s, weight in parts)
        targets.append(TargetSlice(t * grid.shape[0] + k, numbered))
    rows = np.array(list(wanted), np.intp).reshape(-1, 2)
    frames = plan.frames[rows[:, 0], rows[:, 1]]
    used, frames["file"] = np.unique(frames["file"], return_inverse=True)
    cut = replace(
        plan, frames=frames[None], resampling=None, times=(), windows=(), diffusion=(),
        files=tuple(plan.files[n] for n in used), sizes=tuple(plan.sizes[n] for n in used),
        stamps=tuple(plan.stamps[n] for n in used),
    )  # fmt: skip
    moved = plan.resampling is not None and plan.resampling.shifts.any()
    shifts = plan.resampling.shifts[rows[:, 1]] if plan.resampling and moved else None
    shape = (*grid.shape[1:], 3) if image.components == 3 else grid.shape[1:]
    return ReadJob(cut, tuple(targets), image.dtype, shape, shifts)


def badges_of(image: Image) -> tuple[str, ...]:
    """What is said of its volumes in the corner of a view."""
    return tuple(dict.fromkeys((*image.badges, *(("resampled",) if image.plan.resampling else ()))))


def volumes_of(image: Image, grid: Grid, array: NDArray[Any], shown: tuple[int, int]) -> tuple[Volume, ...]:
    """One Volume for each time point of `array` [time point, k, j, i(, 3)].

    shown: time point and k of a slice that is there, from which a window is made where the file has none.
    """
    plan: Plan = image.plan
    windows = plan.windows
    if not windows and image.components == 1:
        windows = (slice_window(array[shown], plan.slope, plan.intercept, plan.padding_range),)
    return tuple(
        Volume(
            part,
            grid,
            image.title,
            image.unit,
            plan.slope,
            plan.intercept,
            windows,
            plan.inverted,
            image.source,
            plan.times[t] if plan.times else "",
            badges_of(image),
            diffusion=plan.diffusion[t] if plan.diffusion else None,
        )
        for t, part in enumerate(array)
    )
