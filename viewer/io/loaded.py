"""What loading makes of an image: its grid and size, checks before memory is taken, portions of work, the volumes.

Nothing is parsed here: it serves the window's process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.grid import Grid
from viewer.data.memory import available_memory
from viewer.data.study import Image
from viewer.data.volume import Volume, Window
from viewer.io.dicom_read import Cell, Job
from viewer.io.failure import OpenError
from viewer.io.plan import Plan
from viewer.io.regular import parts_of

BUDGET = 0.8  # of the memory that is free
MAX_RATIO = 10_000  # decoded to compressed bytes


def loaded_grid(image: Image) -> Grid:
    """The grid of the volume that loading makes."""
    return image.plan.resampling.grid if image.plan.resampling else image.grid


def loaded_bytes(image: Image) -> int:
    """Bytes of that volume, all time points together."""
    sizes = (*loaded_grid(image).shape, image.timepoints, image.components)
    return int(np.prod(sizes, dtype=object)) * np.dtype(image.dtype).itemsize


def name_of(image: Image) -> str:
    return image.name or image.source.series_description or base_name(image.source.files[0])


def base_name(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1].rsplit("!", 1)[-1]


def stopped_sentence(name: str, why: str) -> str:
    return f"{name}: the reader had to be stopped ({why}); the file may be damaged or hostile and was left out."


def check_claims(image: Image) -> None:
    """The pixels that the plan promises must fit into the files. Raises OpenError."""
    plan: Plan = image.plan
    there = plan.frames[plan.frames["file"] >= 0]
    sizes = np.array(plan.sizes, np.int64)[there["file"]]
    raw = there["offset"] >= 0
    if (there["offset"][raw] + there["length"][raw] > sizes[raw]).any():
        raise OpenError(
            f"{name_of(image)} is truncated: a file ends before its pixels do; copy it again from its source."
        )
    if not raw.all() and loaded_bytes(image) > MAX_RATIO * sum(plan.sizes):
        raise OpenError(
            f"{name_of(image)} claims {loaded_bytes(image) / 2**30:.1f} GB of pixels in {sum(plan.sizes):,} bytes; "
            "it is damaged or hostile."
        )


def check_budget(image: Image) -> None:
    """The volume must fit into the memory that is free. Raises OpenError."""
    need, free = loaded_bytes(image), BUDGET * available_memory()
    if need > free:
        raise OpenError(
            f"{name_of(image)} needs {need / 2**30:.1f} GB of memory but only {free / 2**30:.1f} GB are free; "
            "close other images or programs and open it again."
        )


def job_of(image: Image, places: Sequence[tuple[int, int]]) -> Job:
    """What a reader process must know to fill slices `places` (time point, k): the frames of these and no more."""
    plan: Plan = image.plan
    grid = loaded_grid(image)
    wanted: dict[tuple[int, int], int] = {}
    cells = []
    for t, k in places:
        parts = [(s, weight) for s, weight in parts_of(plan, k) if plan.frames[t, s]["file"] >= 0]
        numbered = tuple((wanted.setdefault((t, s), len(wanted)), weight) for s, weight in parts)
        cells.append(Cell(t * grid.shape[0] + k, numbered))
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
    return Job(cut, tuple(cells), image.dtype, shape, shifts)


def volumes_of(image: Image, grid: Grid, array: NDArray[Any]) -> tuple[Volume, ...]:
    """One Volume for each time point of `array` [time point, k, j, i(, 3)], of which the middle slice must be there."""
    plan: Plan = image.plan
    badges = tuple(dict.fromkeys((*image.badges, *(("resampled",) if plan.resampling else ()))))
    windows = plan.windows or ((automatic(plan, array),) if image.components == 1 else ())
    return tuple(
        Volume(
            part,
            grid,
            image.name or image.source.series_description,
            image.unit,
            plan.slope,
            plan.intercept,
            windows,
            plan.inverted,
            image.source,
            plan.times[t] if plan.times else "",
            badges,
            diffusion=plan.diffusion[t] if plan.diffusion else None,
        )
        for t, part in enumerate(array)
    )


def automatic(plan: Plan, array: NDArray[Any]) -> Window:
    """From the 1st to the 99th percentile of the first time point's middle slice, padding left out."""
    slice_ = array[0, array.shape[1] // 2]
    thin = max(1, int((slice_.size / 65536) ** 0.5))
    values = slice_[::thin, ::thin]
    values = values[np.isfinite(values) & (values != (np.nan if plan.padding is None else plan.padding))]
    low, high = np.percentile(values.astype(np.float64), (1, 99)) if values.size else (0.0, 1.0)
    low, high = low * plan.slope + plan.intercept, high * plan.slope + plan.intercept
    return Window(float(low + high) / 2, max(float(abs(high - low)), 1e-6), "auto")
