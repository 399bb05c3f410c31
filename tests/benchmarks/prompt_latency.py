"""From the release of the button to the mask on the screen, and what prompts take of memory, through the window.

    python tests/benchmarks/prompt_latency.py [--slices 400 1000] [--count 200] [--methods watershed …]

512 × 512 voxels a slice, a body of noise with ellipsoids of 6 to 60 mm; each gets a new segment, a click in its
middle, and three corrections in the middle of the largest error; real Qt mouse events in the axial view, the engine a
process of its own, the journal on the disk, a second between two prompts, the very first one counted. CPU: seconds of
the window and the engine together, a prompt; on a machine with other work they tell more than the clock. Memory:
proportional set size of window and engine at the worst moment of some prompts more, above what it was when the image
was on the screen and no tool was chosen (Linux only). Gate: 95 of 100 prompts within 0.5 s, at most 300 MB.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from brush import send
from memory import Peak, program_bytes
from numpy.typing import NDArray
from straight_cuts import METHODS, middle

sys.path.insert(0, str(Path(__file__).parents[2]))

from PySide6.QtCore import QEvent, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from viewer.app import Stage
from viewer.cli.virtual_display import ensure_display
from viewer.data.box import Box
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume, Window
from viewer.render.slices.slice_view import SliceView
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.session.session import Session
from viewer.tools.prompt.point import PointTool

SIDE, SPACING = 512, (1.0, 0.8, 0.8)
CORRECTIONS = 3
RADII = 3.0, 30.0  # mm
MORE = 3  # structures, whose prompts are watched for memory and not timed: watching takes time
PAUSE = 1.0  # s between a mask and the next press: a person has to see the mask, and to aim
TICK = 5  # ms, after which it is looked whether a prompt has failed
FAR = 14.0  # px: a click nearer to a prompt that is there would choose it
Mask = NDArray[np.bool_]


@dataclass
class Structure:
    """An ellipsoid: its box [k, j, i] in the image, and where it is in that."""

    box: Box
    mask: Mask


@dataclass
class Times:
    """Seconds of each prompt: by the clock, and of the processors."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def phantom(slices: int, count: int) -> tuple[VolumeLayer, list[Structure]]:
    """Noise with so many ellipsoids that do not meet."""
    random = np.random.default_rng(slices)
    array = np.empty((slices, SIDE, SIDE), np.int16)
    noise = random.normal(0, 12, (SIDE, SIDE)).astype(np.int16)
    for k in range(slices):
        array[k] = np.roll(noise, (k * 37, k * 11), (0, 1))
    found: list[Structure] = []
    taken = np.zeros((slices, SIDE, SIDE), bool)
    while len(found) < count:
        radii = np.exp(random.uniform(*np.log(RADII), 3)) / SPACING
        half = np.ceil(radii).astype(int) + 1
        if (2 * half + 4 >= array.shape).any():
            continue
        at = [int(random.integers(h + 1, n - h - 1)) for h, n in zip(half, array.shape, strict=True)]
        box = tuple(slice(a - h, a + h + 1) for a, h in zip(at, half, strict=True))
        if taken[box].any():
            continue
        taken[box] = True
        ball = sum((axis / radius) ** 2 for axis, radius in zip(_around(half), radii, strict=True))
        array[box][np.asarray(ball) <= 1] += np.int16(random.integers(60, 200))
        found.append(Structure((box[0], box[1], box[2]), np.asarray(ball) <= 1))
    grid = Grid.of(array.shape, SPACING)
    source = Source(modality="CT")
    return volume_layer((Volume(array, grid, "phantom", "HU", windows=(Window(60, 300),), source=source),)), found


def _around(half: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
    return np.ogrid[tuple(slice(-h, h + 1) for h in half)]


class Prompting:
    """Clicks in the axial view of a window."""

    def __init__(self, stage: Stage, image: VolumeLayer) -> None:
        view = stage.window.views.by_name["axial"]
        assert isinstance(view, SliceView)
        self.stage, self.session, self.view, self.image = stage, stage.session, view, image
        self.done, self.drawn = [0.0], [0.0]
        self.session.history.changed.connect(lambda: self.done.__setitem__(0, time.perf_counter()))
        self.awake = QTimer(interval=TICK)
        self.awake.start()
        view.frameSwapped.connect(lambda: self.drawn.__setitem__(0, time.perf_counter()))

    def wrong(self, structure: Structure) -> Mask:
        """Where the chosen segment and the structure differ, in the structure's box."""
        layer = self.stage.window.segments.controller.layer
        assert layer is not None
        return (layer.segmentation.maps[layer.active[0]][structure.box] == layer.active[1]) != structure.mask

    def click(self, structure: Structure, times: Times) -> bool:
        """One prompt where it helps most; False where nothing is left to correct, or it would hit another mark."""
        error = self.wrong(structure)
        if not error.any():
            return False
        voxel = middle(error)
        positive = bool(structure.mask[tuple(voxel)])
        x, y, z = self.image.grid.to_world(voxel + [side.start for side in structure.box]).tolist()
        self.session.state.crosshair = (x, y, z)
        self.stage.window.segments.controller.set_prompting(positive=positive, overlap="replace others")
        end = time.perf_counter() + PAUSE
        while time.perf_counter() < end:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        px, py = self.view.pixel_of((x, y, z))
        if any(np.hypot(px - a, py - b) < FAR for mark in self.view.overlay().prompts for a, b in mark.places):
            return False
        send(self.view, QEvent.Type.MouseButtonPress, px, py)
        before, began = cpu_seconds(), time.perf_counter()
        send(self.view, QEvent.Type.MouseButtonRelease, px, py)
        while self.done[0] < began or self.drawn[0] < self.done[0]:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)  # as a window that idles
            failed = [task.error for task in self.session.tasks if task.state == "failed"]
            if failed:
                raise RuntimeError(failed[0])
        times.wall.append(self.drawn[0] - began)
        times.cpu.append(cpu_seconds() - before)
        return True

    def segment(self, structure: Structure, times: Times, most: int) -> None:
        """A structure's prompts, in a segment of its own; at most so many times in all."""
        controller = self.stage.window.segments.controller
        if controller.segment is not None and controller.segment.prompts:
            controller.add()
        for _ in range(CORRECTIONS + 1):
            if len(times.wall) == most or not self.click(structure, times):
                return


def cpu_seconds() -> float:
    """Of this process and of those that it started, so far."""
    own = psutil.Process()
    parts = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return sum(part.user + part.system for part in parts)


def measure(slices: int, count: int, method: str) -> tuple[Times, float]:
    """The prompts of one window, and the MB that they and some more took."""
    times = Times()
    with Stage(Session) as stage:
        image, structures = phantom(slices, -(-count // 2) + MORE)
        stage.session.history.do(AddLayer(image))
        stage.session.layers.show(image, overlay=False)
        stage.picture(Path(os.environ["TOMOLENS_HOME"]) / "warm.png")
        before = program_bytes()
        prompting = Prompting(stage, image)
        stage.session.prompts.method = method
        stage.window.segments.controller.new()
        stage.window.segments.controller.choose_tool(PointTool.id)
        while len(times.wall) < count and structures:
            prompting.segment(structures.pop(), times, count)
        peak = Peak()
        for structure in structures[:MORE]:
            prompting.segment(structure, Times(), CORRECTIONS + 1)
        peak.end()
        return times, (peak.bytes - before) / 1e6


def rows(slices: list[int], count: int, methods: list[str]) -> Iterator[str]:
    for number in slices:
        for method in methods:
            times, memory = measure(number, count, method)
            wall, cpu = np.array(times.wall), np.array(times.cpu)
            figures = (wall[0], *np.percentile(wall, (50, 95)), wall.max(), np.median(cpu), np.percentile(cpu, 95))
            cells = "".join(f"{value:8.2f}" for value in figures)
            yield f"512 × 512 × {number:<6}{method:19}{len(wall):5}{cells}{memory:8.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, nargs="+", default=[400, 1000])
    parser.add_argument("--count", type=int, default=200, help="prompts")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS[:3])
    options = parser.parse_args()
    sys.modules["__main__"].__file__ = None  # else the engine imports what this script does: a second window's worth
    ensure_display()
    heads = "".join(f"{word:>8}" for word in ("first s", "p50 s", "p95 s", "max s", "CPU p50", "CPU p95", "MB"))
    print(f"{'volume':18}{'method':19}{'n':>5}{heads}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TOMOLENS_HOME"] = folder
        for row in rows(options.slices, options.count, options.methods):
            print(row, flush=True)


if __name__ == "__main__":
    main()
