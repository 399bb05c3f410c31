"""A robot annotator: it knows the truth, and draws it with the tools alone, through Qt events, to a Dice of .95.

    python tests/benchmarks/robot.py [CASE …]

Cases (TOMOLENS_DATA names the shared data): liver and vertebra L3 of ct-totalsegmentator, lesions of brain-ms-p07-mni.
Each is done twice. With all tools: outlines in some slices, the slices between by interpolation, then the largest
errors mended until it is enough. With the brush only: strokes of ever smaller discs in every slice. Acts are presses,
drags, turns of the wheel and keys; "hand s" is what they would take a person (tests/benchmarks/robot_hand.py),
"robot s" is the clock. Aim: .95 in all three, with fewer acts than the brush needs.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt

sys.path.insert(0, str(Path(__file__).parents[2]))

from scipy.ndimage import distance_transform_edt, label
from skimage.measure import find_contours

from tests.benchmarks.real_images import data_folder
from tests.benchmarks.robot_hand import Hand, Pixel
from viewer.app import Stage
from viewer.cli.headless_session import find_images, finish
from viewer.cli.virtual_display import ensure_display
from viewer.render.slices.slice_view import SliceView
from viewer.scene.segmentation.brush import STEP
from viewer.scene.segmentation_layer import SegmentationLayer

Mask = NDArray[np.bool_]
ENOUGH = 0.95
CLOSE = 0.9  # contours at that level run through the outermost voxels of a region, not beside them
EFFECTS = 1  # the page of the Segments tab


@dataclass(frozen=True)
class Case:
    """key: every how many slices an outline is drawn; 1: in every one, and nothing is interpolated."""

    name: str
    image: str
    labels: str
    value: int
    key: int
    closer: int = 0  # notches of zoom


CASES = (
    Case("liver", "ct-totalsegmentator/example_ct", "ct-totalsegmentator/example_seg_fast_force_split", 5, 4),
    Case("vertebra L3", "ct-totalsegmentator/example_ct", "ct-totalsegmentator/example_seg_fast_force_split", 29, 2, 7),
    Case("MS lesions", "brain-ms-p07-mni/FLAIR", "brain-ms-p07-mni/lesion_consensus", 1, 1, 4),
)


def dice(made: Mask, truth: Mask) -> float:
    return float(2 * (made & truth).sum() / max(made.sum() + truth.sum(), 1))


class Robot:
    """One case in one window, in the axial view alone."""

    def __init__(self, stage: Stage, truth: Mask, closer: int) -> None:
        self.truth, self.hand = truth, Hand(stage)
        self.window, self.session = stage.window, stage.session
        view = self.window.views.by_name["axial"]
        assert isinstance(view, SliceView)
        self.view = view
        self.hand.double_click(view)
        self.hand.key(Qt.Key.Key_B)
        if closer:
            self.hand.wheel(view, closer, ctrl=True)
        found = self.window.segments.controller.layer
        assert found is not None
        self.layer: SegmentationLayer = found

    @property
    def made(self) -> Mask:
        return np.asarray(self.layer.segmentation.array == 1)

    @property
    def dice(self) -> float:
        return dice(self.made, self.truth)

    def pixels(self, k: int, places: NDArray[np.float64]) -> list[Pixel]:
        """Where places (row, column) of a slice lie on the screen, which is moved where they lie outside."""
        index = np.column_stack([np.full(len(places), k), places])
        world = self.layer.grid.to_world(index)
        seen = [self.view.pixel_of((float(x), float(y), float(z))) for x, y, z in world]
        dx, dy = self.hand.show(self.view, seen)
        return [(x + dx, y + dy) for x, y in seen]

    # ---- with all tools
    def by_outlines(self, key: int) -> None:
        """Outlines in key slices, interpolation, and the largest errors mended."""
        self.hand.key(Qt.Key.Key_D)
        held = np.flatnonzero(self.truth.any(axis=(1, 2)))
        keys = sorted({*held[::key], held[-1]}) if key > 1 else []
        for k in keys:
            self.hand.go_to(self.view, int(k))
            self.outline(int(k), self.truth[k], taking=False)
        if keys:
            effects = self.window.segments.effects
            self.hand.tab(EFFECTS)
            self.hand.click(effects.palette_["fill_between"])
            self.hand.click(effects.apply)
            self.hand.wait()
        while self.dice < ENOUGH:
            k, part, taking = max(self.errors(), key=lambda error: int(error[1].sum()))
            self.hand.go_to(self.view, k)
            self.outline(k, part, taking=taking)

    def errors(self) -> Iterator[tuple[int, Mask, bool]]:
        """What hangs together in a slice and is missing, or too much."""
        made = self.made
        for k in np.flatnonzero((made != self.truth).any(axis=(1, 2))):
            for wrong, taking in ((self.truth[k] & ~made[k], False), (made[k] & ~self.truth[k], True)):
                parts, count = label(wrong)
                yield from ((int(k), parts == number, taking) for number in range(1, count + 1))

    def outline(self, k: int, mask: Mask, *, taking: bool) -> None:
        """Round each part of a mask, and round each of its holes the other way."""
        padded = np.pad(mask, 1)
        for line in find_contours(padded.astype(float), 0.5):
            places = line - 1
            hole = _winding(places) > 0  # the outer lines run the other way round
            self.hand.drag(self.view, self.pixels(k, places), taking=taking != hole)
            if self.window.views.mouse.drawing:  # too short for a lasso
                self.hand.key(Qt.Key.Key_Return)

    # ---- with the brush only
    def by_brush(self) -> None:
        """Strokes of ever smaller discs in every slice; largest slices first."""
        held = np.flatnonzero(self.truth.any(axis=(1, 2)))
        for k in held:
            self.hand.go_to(self.view, int(k))
            self.paint(int(k))
        assert self.dice >= ENOUGH, self.dice

    def paint(self, k: int) -> None:
        """Strokes round the region of the middles of all discs that fit, as far as they reach what is left."""
        spacing = self.layer.grid.spacing[1:]
        depth = distance_transform_edt(np.pad(self.truth[k], 1), spacing)[1:-1, 1:-1] - spacing.min() / 2
        before, rough = -1.0, True
        while (now := dice(self.made[k], self.truth[k])) < ENOUGH and (rough or now > before):
            rough, before = now > before, now
            left = self.truth[k] & ~self.made[k]
            radius = self.resize(max(float(depth[left].max()) * 0.8, 0.5) if rough else 0.45 * float(spacing.min()))
            parts, count = label((depth >= radius) & _near(left, radius, spacing) if rough else left, np.ones((3, 3)))
            for number in range(1, count + 1):
                for line in find_contours(np.pad(parts == number, 1).astype(float), CLOSE):
                    self.hand.drag(self.view, self.pixels(k, line - 1))

    def resize(self, radius: float) -> float:
        """Hold [ or ] until the brush is about that large; its radius then."""
        steps = round(float(np.log(radius / self.session.state.brush.radius) / np.log(STEP)))
        if steps:
            self.hand.key(Qt.Key.Key_BracketRight if steps > 0 else Qt.Key.Key_BracketLeft, times=abs(steps))
        return float(self.session.state.brush.radius)


def _winding(line: NDArray[np.float64]) -> float:
    """Twice the area inside a closed line (row, column), with a sign for the way round."""
    rows, columns = line.T
    return float(np.sum(rows[:-1] * columns[1:] - rows[1:] * columns[:-1]))


def _near(mask: Mask, radius: float, spacing: NDArray[np.float64]) -> Mask:
    return np.asarray(distance_transform_edt(~mask, spacing) <= radius)


def run(case: Case, data: Path, draw: Callable[[Robot], None]) -> tuple[float, int, float, float]:
    """Dice, acts, what they would take a person, and seconds."""
    with Stage() as stage:
        session = stage.session
        files = [data / "nifti" / f"{name}.nii.gz" for name in (case.labels, case.image)]
        for path in files:
            image = next(one for one in find_images(stage, [path]) if Path(one.source.files[0]) == path)
            finish(stage, session.studies.load(image))
        labels, _ = session.document.volume_layers
        truth = np.asarray(labels.volumes[0].array == case.value)
        session.layers.remove(labels)
        stage.picture(Path(os.environ["TOMOLENS_HOME"]) / "ready.png")
        began = time.perf_counter()
        robot = Robot(stage, truth, case.closer)
        draw(robot)
        return robot.dice, robot.hand.acts, robot.hand.seconds, time.perf_counter() - began


def main() -> None:
    ensure_display()
    data, wanted = data_folder(), sys.argv[1:]
    print(f"{'case':14} {'with':12} {'Dice':>6} {'acts':>6} {'hand s':>8} {'robot s':>8}")
    for case in (one for one in CASES if not wanted or one.name in wanted):
        ways = {"all tools": lambda robot, case=case: robot.by_outlines(case.key), "brush only": Robot.by_brush}
        for name, draw in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                os.environ["TOMOLENS_HOME"] = folder
                reached, acts, hand, seconds = run(case, data, draw)
            print(f"{case.name:14} {name:12} {reached:6.3f} {acts:6} {hand:8.0f} {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
