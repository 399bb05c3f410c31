"""Predicted against true Dice of the brain's structures, on heads made worse in five ways.

TOMOLENS_DATA=… python tests/benchmarks/doubt_brain.py

A real T1, a real T2 of thick slices, and painted heads of label maps that were not trained on, each as it is and with
noise, motion, slices of 6 mm, a part cut off, and a receive field. The calibration is fitted on the painted heads and
told for the real ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift, uniform_filter1d, zoom
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.segment_brain.labels import STRUCTURES
from plugins.segment_brain.samples.contrast import paint
from plugins.segment_brain.samples.head_maps import draw_head, read_head_map
from plugins.segment_brain.samples.head_samples import HELD_OUT, MAPS
from tests.benchmarks import brain_cases
from tests.benchmarks.brain_gates import dice
from tests.benchmarks.real_images import data_folder
from viewer.api import Grid, Job, Refusal, Segmentation, Volume
from viewer.compute.labels.doubt import Calibration
from viewer.plugin.execute import execute

KINDS = ("none", "noise", "motion", "thick", "crop", "bias")
STRENGTHS = (0.5, 1.0)


class Row(NamedTuple):
    """Of one structure of one image. flags: how many it carries."""

    real: bool
    kind: str
    predicted: float
    true: float
    flags: int


class Case(NamedTuple):
    """names: by number of the label map of truth [k, j, i], our numbers of the structure."""

    name: str
    image: Volume
    truth: NDArray[np.integer]
    names: dict[tuple[int, ...], tuple[int, ...]]


def cases(data: Path) -> Iterator[Case]:
    """The real ones, then painted ones."""
    each = [number for structure in STRUCTURES for number in {structure.left, structure.right} if number != 24]
    case, numbers = brain_cases.oasis(data)
    yield Case("T1", case.image, case.truth, {(n,): (n,) for n in numbers if n in each})
    case = brain_cases.flair_like(data)
    single = {theirs: ours for sides in brain_cases.GIF.values() for theirs, ours in sides if len(ours) == 1}
    yield Case("T2", case.image, case.truth, single)
    for number in HELD_OUT:
        rng = np.random.default_rng(number)
        head = draw_head(read_head_map(data / MAPS.format(number)), 2, rng)
        image, labels = paint(head, 2, rng)
        middle = -(np.array(labels.shape) - 1.0)
        grid = Grid.of(labels.shape, (2, 2, 2), middle)
        yield Case(f"painted {number}", Volume(image, grid), labels, {(n,): (n,) for n in each})


def worse(image: Volume, kind: str, strength: float, rng: np.random.Generator) -> Volume:
    """An image made worse, on its own grid."""
    values = image.values().astype(np.float32)
    bright = float(np.percentile(values, 99))
    steps = image.grid.spacing
    if kind == "noise":
        values = np.hypot(values + 0.2 * strength * bright * rng.standard_normal(values.shape), 0)
    elif kind == "motion":
        moved = [shift(values, rng.normal(0, 3 * strength, 3) / steps, order=1) for _ in range(3)]
        values = np.mean([values, *moved], axis=0)
    elif kind == "thick":
        count = max(1, round(6 * strength / steps[1]))
        index = np.arange(values.shape[1]) // count * count
        values = uniform_filter1d(values, count, axis=1)[:, (index + count // 2).clip(0, values.shape[1] - 1)]
    elif kind == "crop":
        lost = round(60 * strength / steps[0])
        values[:lost] = 0
    elif kind == "bias":
        field = zoom(rng.normal(size=(4, 4, 4)), np.array(values.shape) / 4, order=3)
        values = values * np.exp(strength * gaussian_filter(field, 2))
    return Volume(values.astype(np.float32), image.grid)


def rows(case: Case, kind: str, strength: float) -> Iterator[Row]:
    """Of every structure that is known of a head; none where the image is refused."""
    image = worse(case.image, kind, strength, np.random.default_rng(1))
    try:
        made = execute(Job(), "segment_brain", {"image": image}, {}).outputs["segmentation"]
    except Refusal as refusal:
        print(f"{case.name}, {kind} {strength}: {refusal}", flush=True)
        return
    assert isinstance(made, Segmentation)
    told = {segment.label: segment.doubt for segment in made.segments if not segment.layer}
    values = []
    for theirs, (number,) in case.names.items():
        doubt = told[number]
        true = dice(made.array == number, np.isin(case.truth, theirs))
        if doubt is not None and doubt.dice is not None and not np.isnan(true):
            values.append(true)
            yield Row(not case.name.startswith("painted"), kind, doubt.dice, true, len(doubt.flags))
    print(f"{case.name}, {kind} {strength}: mean Dice {np.mean(values):.3f}", flush=True)


def line(name: str, of: list[Row]) -> str:
    """A row of the table."""
    told, true, flags = (np.array([getattr(row, key) for row in of]) for key in ("predicted", "true", "flags"))
    sides = true < 0.5, true > 0.8
    caught = [f"{np.mean(flags[side] > 0):.0%} of {side.sum()}" if side.any() else "–" for side in sides]
    rank, error = f"{spearmanr(told, true)[0]:.2f}", f"{np.abs(told - true).mean():.3f}"
    return f"| {' | '.join((name, str(len(of)), rank, *caught, error))} |"


def main() -> None:
    """Print the table."""
    found = []
    for case in cases(data_folder()):
        for kind in KINDS:
            for strength in STRENGTHS if kind != "none" else (0.0,):
                found += rows(case, kind, strength)
    fitted = [row for row in found if not row.real]
    calibration = Calibration.fitted([row.predicted for row in fitted], [row.true for row in fitted])
    real = [row for row in found if row.real]
    print(f"calibration, from {len(fitted)} structures: {calibration}")
    print("| images | structures | Spearman | flagged under .5 | flagged over .8 | error |\n|---|---|---|---|---|---|")
    for kind in KINDS:
        print(line(f"real, {kind}", [row for row in real if row.kind == kind]))
    print(line("real", real))
    print(line("real, calibrated", [row._replace(predicted=calibration(row.predicted)) for row in real]))
    print(line("painted", fitted))


if __name__ == "__main__":
    main()
