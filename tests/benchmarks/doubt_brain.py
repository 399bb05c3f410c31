"""Predicted against true Dice of the brain's structures, on heads made worse in five ways.

TOMOLENS_DATA=… python tests/benchmarks/doubt_brain.py [--development]

What was chosen (the temperature of the probabilities, the bounds of plausibility.py, the expected Dice that is trusted)
was chosen on some people's heads: painted ones of two label maps that were not trained on, and a real T1. It is told
for those of two others: a real T1 and a real T2 of thick slices. Each is taken as it is and with noise, motion, slices
of 6 mm, a part cut off, and a receive field.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, shift, uniform_filter1d, zoom

sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.segment_brain.labels import STRUCTURES
from plugins.segment_brain.samples import contrast
from plugins.segment_brain.samples.head_maps import Head, read_head_map
from plugins.segment_brain.samples.head_samples import MAPS
from tests.benchmarks import brain_cases
from tests.benchmarks.brain_gates import dice
from tests.benchmarks.doubt_table import HEAD, Edge, Row, line
from tests.benchmarks.real_images import data_folder
from viewer.api import Grid, Job, Refusal, Segmentation, Volume
from viewer.compute.labels.doubt_map import winner_table
from viewer.compute.labels.label_metrics import surface
from viewer.plugin.execute import execute

KINDS = ("none", "noise", "motion", "thick", "crop", "bias")
STRENGTHS = (0.5, 1.0)
PAINTED = ((9, 1), (10, 2), (9, 3), (10, 4))  # the label map, and the seed of its contrast
C2FVIT = {1: (11, 50), 3: (12, 51), 4: (10, 49)}  # its numbers: ours, left and right


class Case(NamedTuple):
    """names: by number of the label map of truth [k, j, i], our number of the structure."""

    name: str
    image: Volume
    truth: NDArray[np.integer]
    names: dict[tuple[int, ...], int]


def reported(data: Path) -> Iterator[Case]:
    """Heads of people that nothing was chosen on."""
    case, numbers = brain_cases.oasis(data)
    yield Case("T1", case.image, case.truth, {(n,): n for n in numbers if n in _each()})
    case = brain_cases.flair_like(data)
    single = {theirs: ours[0] for sides in brain_cases.GIF.values() for theirs, ours in sides if len(ours) == 1}
    yield Case("T2", case.image, case.truth, single)


def development(data: Path) -> Iterator[Case]:
    """Heads of other people."""
    contrast.CUT = 0.0  # parts are cut off by `worse`
    for number, seed in PAINTED:
        labels = read_head_map(data / MAPS.format(number)).array
        inside = [slice(max(there.min() - 6, 0), there.max() + 7) for there in np.nonzero(labels)]
        labels = np.ascontiguousarray(labels[tuple(inside)][1::2, 1::2, 1::2])
        image, labels = contrast.paint(Head(labels, labels, 1), 2, np.random.default_rng(seed))
        grid = Grid.of(labels.shape, (2, 2, 2), -(np.array(labels.shape[::-1]) - 1.0))
        yield Case(f"painted {number}, {seed}", Volume(image, grid), labels, {(n,): n for n in _each()})
    folder = data / "nifti/brain-oasis-c2fvit"
    image, labels = (sitk.ReadImage(str(folder / name)) for name in ("image_A.nii.gz", "image_A_seg4_mni.nii.gz"))
    head, given = brain_cases.volume(image), sitk.GetArrayFromImage(labels)
    to_left = head.grid.to_world(np.argwhere(np.ones(given.shape, bool)))[:, 0].reshape(given.shape)
    left, truth = to_left > to_left[given > 0].mean(), np.zeros(given.shape, np.uint16)
    for theirs, ours in C2FVIT.items():
        truth[given == theirs] = np.where(left[given == theirs], *ours)
    yield Case("T1 of C2FViT", head, truth, {(n,): n for ours in C2FVIT.values() for n in ours})


def _each() -> set[int]:
    """Our numbers, but that of the fluid around the brain, which FreeSurfer means otherwise."""
    return {number for one in STRUCTURES for number in (one.left, one.right)} - {24}


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


def rows(case: Case, kind: str, strength: float) -> list[Row]:
    """Of every structure that is known of a head; none where the image is refused."""
    image = worse(case.image, kind, strength, np.random.default_rng(1))
    try:
        made = execute(Job(), "segment_brain", {"image": image}, {}).outputs
    except Refusal as refusal:
        print(f"{case.name}, {kind} {strength}: {refusal}", flush=True)
        return []
    found, stored = made["segmentation"], made["doubt"]
    assert isinstance(found, Segmentation)
    assert isinstance(stored, Volume)
    told = {segment.label: segment.doubt for segment in found.segments if not segment.layer}
    rows = []
    for theirs, number in case.names.items():
        doubt, mask, truth = told[number], found.array == number, np.isin(case.truth, theirs)
        true = dice(mask, truth)
        if doubt is not None and doubt.dice is not None and not np.isnan(true):
            rows.append(Row(doubt.dice, true, len(doubt.flags), edge(mask, truth, stored.array)))
    print(f"{case.name}, {kind} {strength}: mean Dice {np.mean([row.true for row in rows]):.3f}", flush=True)
    return rows


def edge(mask: NDArray[np.bool_], truth: NDArray[np.bool_], stored: NDArray[np.integer]) -> Edge:
    """In the shell about a structure: its surface and the voxels that touch it."""
    rim, outer = surface(mask), binary_dilation(mask) & ~mask
    sure = winner_table()[stored]
    return Edge.of(np.concatenate([sure[rim], 1 - sure[outer]]), np.concatenate([truth[rim], truth[outer]]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--development", action="store_true", help="the heads on which it was chosen, instead")
    options = parser.parse_args()
    found: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    images = refused = 0
    for case in (development if options.development else reported)(data_folder()):
        for kind in KINDS:
            for strength in STRENGTHS if kind != "none" else (0.0,):
                images += 1
                told = rows(case, kind, strength)
                refused += not told
                found[kind] += told
    print(f"{refused} of {images} images refused\n{HEAD}")
    for kind, of in found.items():
        print(line(kind, of))
    print(line("all", [row for of in found.values() for row in of]))


if __name__ == "__main__":
    main()
