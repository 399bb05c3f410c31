"""Loading an image, seen from the window's process: hands out portions of work and tells what has arrived.

All of it runs on the pool's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from viewer.data.notice import Notice
from viewer.data.shared import SharedHandle, create_shared
from viewer.data.study import Image
from viewer.data.volume import Volume
from viewer.io.failure import OpenError
from viewer.io.loaded import (
    base_name,
    check_budget,
    check_claims,
    job_of,
    loaded_grid,
    name_of,
    stopped_sentence,
    volumes_of,
)
from viewer.io.plan import Plan
from viewer.io.pool import Pool, Unit
from viewer.io.request import Task

PORTION = 16 << 20  # least bytes of raw pixels in one request to a reader process
PORTIONS = 4  # requests for a large image
DECODED = 1 << 20  # bytes in one request where they must be decoded
SLOWEST = 10 << 20  # bytes a second that a file which is read in one go must make
EVERY = 0.05  # seconds between two reports


@dataclass(frozen=True)
class Callbacks:
    """What a load tells; see Reader.load."""

    started: Callable[[tuple[Volume, ...]], None]
    filled: Callable[[float], None]
    done: Callable[[tuple[Volume, ...]], None]
    failed: Callable[[str], None]


class Loading:
    """One load. `begin` starts it."""

    def __init__(self, pool: Pool, task: Task, image: Image, callbacks: Callbacks) -> None:
        self._pool, self._task, self._image, self._callbacks = pool, task, image, callbacks
        self._plan: Plan = image.plan
        self._grid = loaded_grid(image)
        self._sizes: list[int] = []  # slices in each portion
        self._there: list[int] = []  # slices of it that have arrived
        self._left = 0  # portions
        self._reported = 0.0
        self._volumes: tuple[Volume, ...] = ()

    def begin(self) -> None:
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
            self._sizes, self._there, self._left = [self._image.timepoints * self._grid.shape[0]], [0], 1
            self._ask("viewer.io.files:fill", (handle, self._plan), self._plan.files, self._file_there, 0)

    def _allocate(self) -> tuple[NDArray[Any], SharedHandle]:
        color = (3,) if self._image.components == 3 else ()
        shape = (self._image.timepoints, *self._grid.shape, *color)
        try:
            return create_shared(shape, self._image.dtype)
        except MemoryError as error:
            reason = f"{name_of(self._image)}: there is {error}; close other images and open it again."
            raise OpenError(reason) from error

    def _file_there(self, notices: tuple[Notice, ...]) -> None:
        self._image = replace(self._image, notices=(*self._image.notices, *notices))
        self._slices_there(0, None)

    def _read_slices(self, handle: SharedHandle) -> None:
        """The middle slice of the first time point alone, then the others from the middle outwards."""
        slices = self._grid.shape[0]
        outward = sorted(range(slices), key=lambda k: abs(k - slices // 2))
        places = [(t, k) for t in range(self._image.timepoints) for k in outward]
        raw = bool((self._plan.frames["offset"] >= 0).all())
        portion = max(PORTION, self._array.nbytes // PORTIONS) if raw else DECODED
        count = max(1, portion * len(places) // self._array.nbytes)
        groups = [places[:1], *(places[n : n + count] for n in range(1, len(places), count))]
        self._sizes, self._there, self._left = [len(group) for group in groups], [0] * len(groups), len(groups)
        for number, group in enumerate(groups):
            job = job_of(self._image, group)
            done = partial(self._slices_there, number)
            self._ask("viewer.io.dicom_read:fill", (handle, job), job.names, done, number)

    def _ask(
        self,
        function: str,
        arguments: tuple[Any, ...],
        files: Sequence[str],
        done: Callable[[Any], None],
        number: int,
    ) -> None:
        def failed(reason: str) -> None:
            self._fail(f"{name_of(self._image)} cannot be loaded: {reason[:1].lower()}{reason[1:]}")

        def stopped(item: int, why: str) -> None:
            self._fail(stopped_sentence(base_name(files[item]) if item < len(files) else name_of(self._image), why))

        urgency = 0 if number == 0 else 1
        unit = Unit(self._task, function, arguments, done, failed, stopped, urgency)
        unit.progressed = partial(self._progressed, number)
        if self._plan.kind != "dicom":
            unit.seconds = self._pool.seconds + self._array.nbytes / SLOWEST
        self._pool.add(unit)

    def _progressed(self, number: int, item: int) -> None:
        self._there[number] = item
        self._report()

    def _slices_there(self, number: int, nothing: None) -> None:
        self._there[number] = self._sizes[number]
        self._left -= 1
        if number == 0:
            self._volumes = volumes_of(self._image, self._grid, self._array)
            self._task.tell(self._callbacks.started, self._volumes)
        if self._left:
            self._report()
        else:
            self._task.tell(self._callbacks.filled, 1.0)
            self._task.finish(self._callbacks.done, self._volumes)

    def _report(self) -> None:
        now = time.monotonic()
        if self._volumes and now - self._reported > EVERY:
            self._reported = now
            self._task.tell(self._callbacks.filled, sum(self._there) / sum(self._sizes))

    def _fail(self, reason: str) -> None:
        self._task.finish(self._callbacks.failed, reason)
        self._task.abandon()
