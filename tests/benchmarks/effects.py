"""Seconds of each effect on segments, beside what SimpleITK, SciPy and scikit-image take for the same.

    python tests/benchmarks/effects.py [--size 256] [--only margin]

Two volumes: 256³ voxels of 1 mm, and 512×512×400 of 0.7×0.7×1 mm; in each an organ of about 1.5 litres in noise. An
effect gets the box around the organ that the tool cuts for it, and its peer gets the same box; "box" tells its voxels.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from viewer.data.box import mask_box

sys.path.insert(0, str(Path(__file__).parents[2]))

from viewer.compute.effects.image import growcut, livewire, region_growing, snake, threshold, watershed
from viewer.compute.effects.shape import fill_between_slices, fill_holes, hollow, islands, margin, smoothing
from viewer.compute.labels.statistics import statistics
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.volume import Volume

VOLUMES = {256: ((256, 256, 256), (1.0, 1.0, 1.0)), 512: ((400, 512, 512), (1.0, 0.7, 0.7))}
RADIUS = 71.0  # mm: a ball of 1.5 litres
MM = 5.0  # of margins and the like
LABELS = 20


@dataclass(frozen=True)
class Case:
    """The box around the organ with some mm around it."""

    image: Any
    mask: Any
    spacing: tuple[float, float, float]

    @cached_property
    def labels(self) -> Any:
        """The organ in slabs of a segment each."""
        number = 1 + np.arange(self.mask.shape[0]) * LABELS // self.mask.shape[0]
        return self.mask * number[:, None, None].astype(np.uint8)

    @cached_property
    def seeds(self) -> Any:
        """A stroke in the organ, and one around it."""
        seeds = np.zeros(self.mask.shape, np.uint8)
        k, j, i = (size // 2 for size in seeds.shape)
        seeds[k, j - 10 : j + 10, i - 10 : i + 10] = 1
        seeds[k, 2:6, 2:-2] = seeds[k, -6:-2, 2:-2] = 2
        return seeds

    @cached_property
    def sparse(self) -> Any:
        """Every tenth slice."""
        kept = np.zeros(self.mask.shape, np.uint8)
        kept[::10] = self.mask[::10]
        return kept

    @cached_property
    def snake(self) -> snake.Snake:
        """One that is under way: the first step of a new one measures the distances."""
        made = snake.Snake(self.image, self.mask, self.spacing, by="regions")
        made.step()
        return made

    @cached_property
    def middle(self) -> tuple[int, int, int]:
        k, j, i = (size // 2 for size in self.mask.shape)
        return k, j, i

    @cached_property
    def itk(self) -> Any:
        return self.itk_of(self.mask.view(np.uint8))

    @cached_property
    def itk_values(self) -> Any:
        return self.itk_of(self.image)

    def itk_of(self, array: Any) -> Any:
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(self.spacing[::-1])
        return image

    def voxels(self, mm: float) -> list[int]:
        """A radius for ITK, along i, j, k."""
        return [round(mm / step) for step in self.spacing[::-1]]


Call = Callable[[Case], Any]
MEDIAN = 2.0


def _niblack(c: Case) -> Any:
    from skimage.filters import threshold_niblack

    return c.image > threshold_niblack(c.image, [2 * n + 1 for n in c.voxels(MM)[::-1]], 0.0)


def _flooded(c: Case) -> Any:
    from skimage.segmentation import watershed as flood

    steep = sitk.GetArrayFromImage(sitk.GradientMagnitudeRecursiveGaussian(c.itk_values, 1.0))
    return flood(steep, c.seeds)


def _chan_vese(c: Case) -> Any:
    from skimage.segmentation import morphological_chan_vese

    return morphological_chan_vese(c.image, snake.MOVES, c.mask)


def _random_walker(c: Case) -> Any:
    """On every fourth voxel along each axis: on all of them it takes minutes, and tens of gigabytes."""
    from skimage.segmentation import random_walker

    part = (slice(c.middle[0] % 4, None, 4), slice(None, None, 4), slice(None, None, 4))
    return random_walker(c.image[part], c.seeds[part], mode="cg_j")


def _statistics(c: Case) -> Any:
    grid = Grid.of(c.mask.shape, c.spacing)
    segments = tuple(Segment(n + 1, str(n)) for n in range(LABELS))
    return statistics(Segmentation(c.labels, grid, segments), Volume(c.image, grid))


def _itk_statistics(c: Case) -> Any:
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.ComputePerimeterOn()
    shapes.Execute(c.itk_of(c.labels))
    values = sitk.LabelStatisticsImageFilter()
    values.Execute(c.itk_values, c.itk_of(c.labels))


def _edt(c: Case) -> Any:
    return ndimage.distance_transform_edt(~c.mask, c.spacing) <= MM


def _alike(c: Case) -> Any:
    return sitk.ConfidenceConnected(c.itk_values, [c.middle[::-1]], 2, 2.5, 3, 1)


def _quiet(fraction: float) -> None: ...


# Name, mm around the organ, effect, peer and what it is.
EFFECTS: list[tuple[str, float, Call, Call | None, str]] = [
    ("margin, 5 mm", MM, lambda c: margin.grow(c.mask, MM, c.spacing), _edt, "SciPy, distances"),
    ("shrink, 5 mm", 1, lambda c: margin.shrink(c.mask, MM, c.spacing),
     lambda c: sitk.BinaryErode(c.itk, c.voxels(MM), sitk.sitkBall), "ITK, ball"),
    ("hollow, 5 mm", MM, lambda c: hollow.shell(c.mask, MM, c.spacing, "both"), None, ""),
    ("smooth, median", 2 * MEDIAN, lambda c: smoothing.median(c.mask, MEDIAN, c.spacing),
     lambda c: sitk.BinaryMedian(c.itk, c.voxels(MEDIAN), 1, 0), "ITK"),
    ("smooth, Gaussian", MM, lambda c: smoothing.gaussian(c.mask, MEDIAN, c.spacing),
     lambda c: sitk.DiscreteGaussian(sitk.Cast(c.itk, sitk.sitkFloat32), MEDIAN**2) > 0.5, "ITK"),
    ("smooth, opening", 2 * MM, lambda c: smoothing.opening(c.mask, MM, c.spacing),
     lambda c: sitk.BinaryMorphologicalOpening(c.itk, c.voxels(MM), sitk.sitkBall), "ITK, ball"),
    ("smooth, closing", 2 * MM, lambda c: smoothing.closing(c.mask, MM, c.spacing),
     lambda c: sitk.BinaryMorphologicalClosing(c.itk, c.voxels(MM), sitk.sitkBall), "ITK, ball"),
    (f"smooth together, {LABELS} segments", MM, lambda c: smoothing.joint(c.labels, MEDIAN, c.spacing), None, ""),
    ("islands, largest", 0, lambda c: islands.keep_largest(c.mask),
     lambda c: sitk.RelabelComponent(sitk.ConnectedComponent(c.itk)) == 1, "ITK"),
    ("holes", 0, lambda c: fill_holes.fill(c.mask, c.spacing), lambda c: sitk.BinaryFillhole(c.itk), "ITK"),
    ("between slices", 0, lambda c: fill_between_slices.fill(c.sparse, c.spacing, 0), None, ""),
    ("Otsu", 20, lambda c: threshold.otsu(c.image), lambda c: sitk.OtsuThreshold(c.itk_values), "ITK"),
    ("local threshold, 5 mm", 20, lambda c: threshold.local(c.image, c.spacing, MM), _niblack, "scikit-image"),
    ("grow from a click", 20, lambda c: region_growing.connected_threshold(c.image, c.middle, (50, 150), _quiet),
     lambda c: sitk.ConnectedThreshold(c.itk_values, [c.middle[::-1]], 50, 150), "ITK"),
    ("grow over alike values", 20, lambda c: region_growing.confidence_connected(c.image, c.seeds == 1), _alike, "ITK"),
    ("grow from seeds", 20, lambda c: growcut.GrowCut(c.image, c.spacing).grow(c.seeds), _random_walker,
     "scikit-image, random walker on 1/64"),
    ("watershed from seeds", 20, lambda c: watershed.from_markers(c.image, c.seeds, c.spacing), _flooded,
     "scikit-image"),
    ("snake, a step", 30, lambda c: c.snake.step(), _chan_vese, "scikit-image"),
    ("livewire, an anchor", 0, lambda c: livewire.Wire(c.image[c.middle[0]], c.middle[1:]), None, ""),
    (f"statistics, {LABELS} segments", 0, _statistics, _itk_statistics, "ITK, without median"),
]  # fmt: skip


def phantom(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> tuple[Any, Any]:
    """Values and label map of an organ with a wavy surface in noise."""
    k, j, i = (np.arange(n, dtype=np.float32) * mm - n * mm / 2 for n, mm in zip(shape, spacing, strict=True))
    away = np.sqrt((k * k)[:, None, None] + (j * j)[:, None] + i * i)
    away += 4 * (np.sin(k / 5)[:, None, None] * np.sin(j / 5)[:, None] * np.sin(i / 5))
    labels = (away < RADIUS).astype(np.uint8)
    noise = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    return labels * np.float32(100) + noise * 10, labels


def cut(image: Any, labels: Any, spacing: tuple[float, float, float], mm: float) -> Case:
    """As a tool cuts it: find the segment, go so many mm around it."""
    mask = labels == 1
    box = mask_box(mask) or (slice(None),) * 3
    sides = zip(box, spacing, labels.shape, strict=True)
    wide = tuple(
        slice(max(side.start - int(mm / step) - 1, 0), min(side.stop + int(mm / step) + 1, size))
        for side, step, size in sides
    )
    return Case(np.ascontiguousarray(image[wide]), np.ascontiguousarray(mask[wide]), spacing)


def seconds(call: Call, case: Case) -> float:
    start = time.perf_counter()
    call(case)
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, choices=VOLUMES, action="append", help="of the volume; both by default")
    options.add_argument("--only", default="", help="effects with this in their name")
    options.add_argument("--alone", action="store_true", help="without the peers")
    asked = options.parse_args()
    for size in asked.size or VOLUMES:
        shape, spacing = VOLUMES[size]
        image, labels = phantom(shape, spacing)
        start = time.perf_counter()
        cut(image, labels, spacing, 0)
        print(f"\n{'×'.join(str(n) for n in shape[::-1])}: its box is cut in {time.perf_counter() - start:.2f} s\n")
        print("| effect | box, million voxels | s | peer, s | peer |\n|---|---:|---:|---:|---|")
        for name, mm, effect, peer, whose in EFFECTS:
            if asked.only not in name:
                continue
            case = cut(image, labels, spacing, mm)
            assert case.snake if name.startswith("snake") else True
            own = seconds(effect, case)
            theirs = f"{seconds(peer, case):.2f}" if peer and not asked.alone else ""
            print(f"| {name} | {case.mask.size / 1e6:.1f} | {own:.2f} | {theirs} | {whose} |", flush=True)


if __name__ == "__main__":
    main()
