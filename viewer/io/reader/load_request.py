"""A load of an image, seen from the window's process: hands out portions of work and tells what has arrived.

All of it runs on the pool's thread.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.io.errors import OpenError
from viewer.io.reader.load_plan import (
    badges_of,
    base_name,
    check_budget,
    check_claims,
    loaded_grid,
    name_of,
    read_job,
    stopped_sentence,
    volumes_of,
    with_lost_slices,
)
from viewer.io.reader.pool import Pool, PoolRequest
from viewer.processes.shared_array import SharedHandle, create_shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.data.notice import Notice
    from viewer.data.study import Image
    from viewer.data.volume import Volume
    from viewer.io.dicom.pixels.read import ReadJob
    from viewer.io.read_plan import Plan
    from viewer.io.reader.request import Request

# What the reader processes are asked to call.
READ_VOXELS = "viewer.io.images.image_files:read_voxels"
READ_SLICES = "viewer.io.dicom.pixels.read:read_slices"

PORTION = 16 << 20  # least bytes of raw pixels in one request to a reader process
PORTIONS = 4  # requests for a large image
DECODED = 1 << 20  # bytes in one request where they must be decoded
MOST_STOPS = 3  # reader processes that may be lost over one image before it is given up
SLOWEST = 10 << 20  # bytes a second that a file which is read in one go must make
EVERY = 0.05  # seconds between two reports


@dataclass(frozen=True)
class LoadCallbacks:
    """What is called with the answers of a load; see Reader.load."""

    started: Callable[[tuple[Volume, ...]], None]
    filled: Callable[[float], None]
    done: Callable[[tuple[Volume, ...]], None]
    failed: Callable[[str], None]


SliceIndex = tuple[int, int]  # time point and k of a slice


def frame_seconds(pool: Pool, job: ReadJob) -> float:
    """Seconds that the processor may be busy with a slice of the job; 0 where nothing is decoded."""
    parts = max((len(target.parts) for target in job.targets), default=0)
    size = math.prod(job.shape) * np.dtype(job.dtype).itemsize * max(1, parts)
    return pool.frame_seconds(size) if job.is_compressed else 0.0


class LoadRequest:
    """One load. `begin` starts it."""

    def __init__(self, pool: Pool, request: Request, image: Image, callbacks: LoadCallbacks) -> None:
        self._pool, self._request, self._image, self._callbacks = pool, request, image, callbacks
        self._plan: Plan = image.plan
        self._grid = loaded_grid(image)
        self._sizes: list[int] = []  # slices in each portion
        self._arrived: list[int] = []  # slices of it that have arrived
        self._portions_left = 0  # portions
        self._reported = 0.0
        self._volumes: tuple[Volume, ...] = ()
        self._lost: dict[SliceIndex, str] = {}  # slices that cannot be decoded, and why
        self._stops = 0

    def begin(self) -> None:
        """Take memory and ask for the slices, or refuse the image. On the pool's thread only."""
        try:
            check_claims(self._image)
            check_budget(self._image)
            self._array, handle = self._allocate()
        except OpenError as error:
            self._fail(str(error))
            return
        if self._plan.kind == "dicom":
            self._read_slices(handle)
        else:
            self._read_file(handle)

    def _allocate(self) -> tuple[NDArray[Any], SharedHandle]:
        color = (3,) if self._image.components == 3 else ()
        shape = (self._image.timepoints, *self._grid.shape, *color)
        try:
            return create_shared(shape, self._image.dtype)
        except MemoryError as error:
            reason = f"{name_of(self._image)}: there is {error}; close other images and open it again."
            raise OpenError(reason) from error

    # ---- files of other kinds
    def _read_file(self, handle: SharedHandle) -> None:
        self._sizes, self._arrived, self._portions_left = [self._image.timepoints * self._grid.shape[0]], [0], 1

        def stopped(item: int, why: str) -> None:
            self._fail(stopped_sentence(name_of(self._image), why))

        seconds = self._pool.seconds + self._array.nbytes / SLOWEST
        self._ask(READ_VOXELS, (handle, self._plan), self._finish_file, stopped, 0, seconds=seconds)

    def _finish_file(self, notices: tuple[Notice, ...]) -> None:
        self._image = replace(self._image, notices=(*self._image.notices, *notices))
        self._finish_portion(0, (0, self._grid.shape[0] // 2))

    # ---- DICOM
    def _read_slices(self, handle: SharedHandle) -> None:
        """The middle slice of the first time point alone, then the others from the middle outwards."""
        slices = self._grid.shape[0]
        outward = sorted(range(slices), key=lambda k: abs(k - slices // 2))
        places = [(t, k) for t in range(self._image.timepoints) for k in outward]
        raw = bool((self._plan.frames["offset"] >= 0).all())
        portion = max(PORTION, self._array.nbytes // PORTIONS) if raw else DECODED
        count = max(1, portion * len(places) // self._array.nbytes)
        groups = [places[:1], *(places[n : n + count] for n in range(1, len(places), count))]
        self._sizes, self._arrived, self._portions_left = (
            [len(group) for group in groups],
            [0] * len(groups),
            len(groups),
        )
        for number, group in enumerate(groups):
            self._ask_slices(handle, number, group)

    def _ask_slices(self, handle: SharedHandle, number: int, places: list[SliceIndex]) -> None:
        """A slice at which the process ends costs itself: the others are asked for again."""
        job = read_job(self._image, places)

        def done(lost: dict[int, str]) -> None:
            self._lost.update({places[item]: reason for item, reason in lost.items()})
            self._finish_portion(number, next((place for place in places if place not in self._lost), None))

        def stopped(item: int, why: str) -> None:
            name = base_name(job.names[item]) if item < len(places) and job.names[item] else name_of(self._image)
            reason = stopped_sentence(name, why)
            self._stops += 1
            if not job.is_compressed or self._stops > MOST_STOPS or item >= len(places):
                self._fail(reason)
                return
            self._lost[places[item]] = reason
            self._array[places[item]] = self._plan.blank
            self._ask_slices(handle, number, places[:item] + places[item + 1 :])

        if not places:
            self._finish_portion(number, None)
            return
        computing = frame_seconds(self._pool, job)
        self._ask(READ_SLICES, (handle, job), done, stopped, number, computing=computing)

    def _ask(
        self,
        function: str,
        arguments: tuple[Any, ...],
        done: Callable[[Any], None],
        stopped: Callable[[int, str], None],
        number: int,
        *,
        seconds: float = 0.0,
        computing: float = 0.0,
    ) -> None:
        progressed = partial(self._note_progress, number)
        urgency = 0 if number == 0 else 1
        limits = seconds, computing
        self._pool.add(
            PoolRequest(self._request, function, arguments, done, self._refuse, stopped, urgency, *limits, progressed)
        )

    def _note_progress(self, number: int, item: int) -> None:
        self._arrived[number] = max(item, self._arrived[number])
        self._report()

    def _finish_portion(self, number: int, shown: SliceIndex | None) -> None:
        """A portion is done. shown: a slice of it that is there; None where all are lost."""
        self._arrived[number] = self._sizes[number]
        self._portions_left -= 1
        if not self._volumes and shown is not None:
            self._volumes = volumes_of(self._image, self._grid, self._array, shown)
            self._request.answer(self._callbacks.started, self._volumes)
        if self._portions_left:
            self._report()
        elif not self._volumes:
            (self._fail if self._stops else self._refuse)(next(iter(self._lost.values())))
        else:
            self._finish()

    def _finish(self) -> None:
        image = with_lost_slices(self._image, list(self._lost.values()), sum(self._sizes))
        volumes = tuple(replace(one, badges=badges_of(image)) for one in self._volumes)
        self._request.answer(self._callbacks.filled, 1.0)
        self._request.finish(self._callbacks.done, volumes)

    def _report(self) -> None:
        now = time.monotonic()
        if self._volumes and now - self._reported > EVERY:
            self._reported = now
            self._request.answer(self._callbacks.filled, sum(self._arrived) / sum(self._sizes))

    def _refuse(self, reason: str) -> None:
        self._fail(f"{name_of(self._image)} cannot be loaded: {reason[:1].lower()}{reason[1:]}")

    def _fail(self, reason: str) -> None:
        self._request.finish(self._callbacks.failed, reason)
        self._request.abandon()
