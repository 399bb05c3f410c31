"""A network over an image of any size: tile by tile, and by smaller ones where memory is short."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.networks.blend import Axis, blend, cut_axis, fits, sliding_axis
from viewer.compute.networks.network import LendingNet, LighterNet, Net, StoppableNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.compute.progress import Progress
    from viewer.data.arrays import Floats32
    from viewer.data.box import Box, Shape

log = logging.getLogger(__name__)

SIDES = (96, 64, 48)  # of the tiles that are tried, one after the other, where larger ones do not fit


def tiles(
    net: Net,
    shape: Shape,
    job: Progress,
    *,
    read: Callable[[Box], Floats32],
    write: Callable[[slice, Floats32], None],
    tile: Shape = (96, 96, 96),
    halo: int | None = 12,
    multiple: int = 8,
    span: tuple[float, float] = (0.0, 1.0),
    text: str = "running the network",
) -> None:
    """Run a network over an image of `shape` voxels [k, j, i].

    read: the channels [c, k, j, i] of a box that lies in the image. write: takes finished slices, in order, each once,
    with their results [c', k, j, i]. tile: the largest that the network sees at once, halo included. halo: voxels of
    context at each cut side; None: tiles overlap by half, as nnU-Net's do, of an image not smaller than one. multiple:
    what the sides of a tile are multiples of; at the image's far borders it is padded to that. span: the job's progress
    before the first tile and after the last. text: what happens, for the user.

    Memory: one row of tiles over the whole slice, times the channels of the result; `write` gets a few slices at a
    time, and may keep them. One tile runs at a time, and sums are kept in the processor's memory; where that is still
    too much, smaller tiles, less precise numbers, then the processor are tried, from the same tile on (an out-of-memory
    ladder; job.used follows). Raises MemoryError at its end; Refusal for values that are not numbers; DeviceLost;
    Cancelled before any tile, and within one where the network can be stopped.
    """
    axes = _axes(shape, tile, halo, multiple)
    count = int(np.prod([len(axis.starts) for axis in axes]))
    ladder = _Ladder(net, job, min(tile) // 4 if halo is None else halo, multiple)

    def begin(number: int) -> None:
        job.progress(span[0] + (span[1] - span[0]) * number / count)

    with job.stage(f"{text} ({count} tiles)" if count > 1 else text):
        blend(ladder.run, axes, read=read, write=write, begin=begin)
    job.progress(span[1])


def _axes(shape: tuple[int, ...], tile: Shape, halo: int | None, multiple: int) -> tuple[Axis, Axis, Axis]:
    k, j, i = (
        sliding_axis(length, side) if halo is None else cut_axis(length, side, halo, multiple)
        for length, side in zip(shape, tile, strict=True)
    )
    return k, j, i


class _Ladder:
    """Runs tiles, and steps down where memory is short. limit: the largest side of what the network sees, 0 for any."""

    def __init__(self, net: Net, job: Progress, halo: int, multiple: int) -> None:
        self._net, self._job, self._halo, self._multiple = net, job, halo, multiple
        self._limit = 0

    def run(self, values: Floats32) -> Floats32:
        """[c, k, j, i] to [c', k, j, i]."""
        while True:
            try:
                return self._within_limit(values)
            except MemoryError:
                if not self._step_down(max(values.shape[1:])):
                    raise

    def _within_limit(self, values: Floats32) -> Floats32:
        if not self._limit or max(values.shape[1:]) <= self._limit:
            return self._whole(values)
        shape = values.shape[1:]
        parts: list[Floats32] = []
        blend(
            self._whole,
            _axes(shape, (self._limit,) * 3, self._halo, self._multiple),
            read=lambda box: values[:, *box],
            write=lambda _, slices: parts.append(slices),
            begin=lambda _: self._job.progress(0.0),
        )
        return np.concatenate(parts, axis=1)

    def _whole(self, values: Floats32) -> Floats32:
        net = self._net
        run = net.lend if isinstance(net, LendingNet) else net  # what it gives is added to the sums at once
        if isinstance(net, StoppableNet) and net.stoppable:
            result: Floats32 = self._job.run_aside(lambda: run(values[None]), net.stop)[0]
        else:
            result = run(values[None])[0]
        return result

    def _step_down(self, side: int) -> bool:
        """To the next smaller tiles, else to the next lighter network; False where there is neither."""
        side = min(side, self._limit or side)
        smaller = [size for size in SIDES if size < side and fits(size, self._halo, self._multiple)]
        if smaller:
            self._limit = smaller[0]
            log.warning("out of memory on %s: going on with tiles of %d voxels", self._net.device, self._limit)
            return True
        net = self._net.lighter(self._job) if isinstance(self._net, LighterNet) else None
        if net is None:
            return False
        log.warning("out of memory on %s: going on in %s on %s", self._net.device, net.precision, net.device)
        if net.device != self._net.device:
            self._limit = 0
        self._net = net
        self._job.runs_on(net.engine, net.precision, net.device)
        return True
