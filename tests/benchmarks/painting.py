"""What a brush costs below the window: 100 segments on 512×512×400, strokes through the session's verbs.

    python tests/benchmarks/painting.py [--strokes 60]

Times of one movement of the mouse (the ball of the brush is made, the rules are looked up, the labels are written), of
the end of a stroke (compressed, in the journal on disk, in the history), of undo and redo, of storing the label map and
of the way back after a crash; sizes of the steps as a share of the label map. Aims: a movement within 20 ms at the 95th
percentile, steps of at most 1 % on average.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.effects.footprint import ball
from viewer.scene.document import Document
from viewer.scene.history import History
from viewer.scene.journal.journal import LINES
from viewer.scene.journal.journal_lines import read_steps
from viewer.scene.journal.replay import Recovery
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.masking import Masking, Overlap, paint
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

SHAPE = (400, 512, 512)
GRID = Grid.of(SHAPE, (1.0, 0.7, 0.7))
SEGMENTS = 100
RADII = (3, 10, 30)  # mm
MOVES = 40  # of the mouse in a stroke
OVERLAPS: tuple[Overlap, ...] = ("replace others", "keep others", "allow overlap")


def phantom() -> SegmentationLayer:
    """Balls of 20 mm, spread over the volume."""
    random, labels = np.random.default_rng(0), np.zeros(SHAPE, np.uint8)
    for number in range(1, SEGMENTS + 1):
        place = GRID.to_world(random.uniform((30, 40, 40), (370, 470, 470)))
        box, mask = ball(GRID, place, place, 20.0) or ((), ())
        labels[box][mask] = number
    segments = tuple(Segment(number, f"segment {number}") for number in range(1, SEGMENTS + 1))
    return segmentation_layer(Segmentation(labels, GRID, segments, "phantom"))


class Clock:
    """Milliseconds by what they were spent on."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def time(self, what: str, verb: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        found = verb()
        self.add(what, 1000 * (time.perf_counter() - begun))
        return found

    def add(self, what: str, milliseconds: float) -> None:
        self.times.setdefault(what, []).append(milliseconds)

    def show(self) -> None:
        print(f"| {'ms':40} | median |    p95 |    max | times |\n|---|---|---|---|---|")
        for what, times in self.times.items():
            middle, high = np.percentile(times, (50, 95))
            print(f"| {what:40} | {middle:6.2f} | {high:6.2f} | {max(times):6.1f} | {len(times):5d} |")


def draw(stage: HeadlessStage, layer: SegmentationLayer, number: int, clock: Clock) -> None:
    """A stroke of one brush radius (3…30 mm) along a line."""
    random, masking, radius = (
        np.random.default_rng(number),
        Masking(overlap=OVERLAPS[number % 3]),
        RADII[number // 3 % 3],
    )
    place, drift = random.uniform((60, 80, 80), (340, 430, 430)), random.normal(0, 3, 3)
    stroke, key = Stroke(layer), layer.segmentation.segments[random.integers(SEGMENTS)].key
    for _ in range(MOVES):
        before, start = key, place
        place = np.clip(place + drift, 45, np.array(SHAPE) - 46)
        begun = time.perf_counter()
        box, mask = ball(GRID, GRID.to_world(start), GRID.to_world(place), radius) or ((), ())
        key = paint(stroke, key, box, mask, masking)
        spent = 1000 * (time.perf_counter() - begun)
        clock.add(f"movement, {radius} mm" if key == before else "movement that needs another label map", spent)
    clock.time("end of a stroke", lambda: stage.session.segments.end_stroke(stroke, f"Brush {number}"))


def recovered(stage: HeadlessStage, clock: Clock, journal: Path) -> SegmentationLayer:
    """As the next start would find it."""
    (folder,) = journal.iterdir()
    left = Recovery(folder, "now", *read_steps(folder / LINES))
    layers = clock.time("label map read from the journal", lambda: left.layers(lambda key: None))
    history = History(Document())
    clock.time("every step done again", lambda: left.replay(history, layers))
    return history.document.segmentation_layers[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strokes", type=int, default=60)
    asked, clock = parser.parse_args(), Clock()
    with tempfile.TemporaryDirectory() as home:
        os.environ["TOMOLENS_HOME"] = home
        with HeadlessStage() as stage:
            layer, history = phantom(), stage.session.history
            clock.time("opened label map, stored", lambda: finish(stage, stage.session.segments.add_layer(layer)))
            for number in range(asked.strokes):
                draw(stage, layer, number, clock)
            end = [map.copy() for map in layer.segmentation.maps]
            back = recovered(stage, clock, Path(home) / "state" / "journal")
            same = all(np.array_equal(one, other) for one, other in zip(end, back.segmentation.maps, strict=True))
            for step, verb in (("undo", history.undo), ("redo", history.redo)):
                for _ in range(asked.strokes):
                    clock.time(step, verb)
            sizes = [edit.size for edit in history._done if isinstance(edit, EditLabels)]
            files = sum(path.stat().st_size for path in (Path(home) / "state").rglob("*") if path.is_file())
    clock.show()
    whole = end[0].nbytes
    mean, most = float(np.mean(sizes)), max(sizes)
    print(f"\n{len(sizes)} steps can be undone. Each keeps, of a label map,")
    print(
        f"{mean / whole:.3%} ({mean / 1024:.0f} KB) on average and {most / whole:.3%} ({most / 1024:.0f} KB) at most."
    )
    print(f"Journal: {files / 2**20:.1f} MB. Label maps: {len(end)}. After a crash everything is the same: {same}.")


if __name__ == "__main__":
    main()
