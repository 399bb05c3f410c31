"""Samples to train on: an image, a structure in it, and the first prompt. Sample n is the same in every run.

Crops of label maps, shapes and real scans; slices may be thick, the receive field uneven, the image noisy; structures
are now and then merged with a neighbour, cut, or stand beside segments that are protected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter1d, zoom
from torch.utils.data import Dataset

from plugins.segment_prompt.methods import classical
from plugins.segment_prompt.prompt_channels import normalize
from plugins.segment_prompt.prompts import Mask, Prompts
from plugins.training import noise, phantoms

from . import label_scenes, real_scenes
from .prompt_simulation import first_prompt, largest_part
from .sources import BODIES, BRAINS, HEADS, SCANS, head_labels, label_map, scan

Floats = NDArray[np.float32]
Labels = NDArray[np.uint8]
Random = np.random.Generator
SIZE = 48
KINDS = {"brain": 0.15, "body": 0.2, "shapes": 0.15, "scan": 0.15, "head": 0.35}
SHAPES = {"shapes": 1.0}  # made of nothing
LEAST, MOST = 12, 0.5  # voxels of a structure, share of the crop


@dataclass(frozen=True)
class Sample:
    """image: normalized; edges: its gradient (classical.gradient); previous: the mask before the first prompt."""

    image: Floats
    edges: NDArray[np.uint8]
    target: Mask
    previous: Mask
    prompts: Prompts


class Samples(Dataset[Sample]):
    """The samples first, first + 1, … of a seed. kinds: how often each comes; SHAPES need no data."""

    def __init__(
        self, data: Path, seed: int, first: int = 0, size: int = SIZE, kinds: Mapping[str, float] = KINDS
    ) -> None:
        self.data, self.seed, self.first, self.size, self.kinds = data, seed, first, size, kinds

    def __len__(self) -> int:
        return 1 << 30

    def __getitem__(self, n: int) -> Sample:
        rng = np.random.default_rng((self.seed, self.first + n))
        while True:
            image, labels, target = self._scene(rng)
            target = _vary(labels, target, rng)
            if LEAST <= target.sum() <= MOST * target.size:
                return _finish(image, labels, target, rng)

    def _scene(self, rng: Random) -> tuple[Floats, Labels, Mask]:
        kind = rng.choice(list(self.kinds), p=list(self.kinds.values()))
        if kind == "scan":
            image, labels, label = real_scenes.from_scan(scan(self.data / rng.choice(SCANS)), self.size, rng)
        elif kind == "head":
            path = self.data / rng.choice(HEADS)
            image, labels, label = real_scenes.from_head(scan(path), head_labels(path), self.size, rng)
        elif kind == "shapes":
            labels, label = label_scenes.from_shapes(self.size, rng)
        else:
            source = label_map(self.data / rng.choice(BRAINS if kind == "brain" else BODIES))
            labels, label = label_scenes.from_map(source, self.size, rng)
        target = labels == label
        if kind not in ("scan", "head"):
            image = label_scenes.paint(labels, target, rng)
        if rng.random() < 0.12:
            image, target = real_scenes.add_lesion(image, rng)
        return image, labels, target


def _vary(labels: Labels, target: Mask, rng: Random) -> Mask:
    """The structure as it is, or one part of it, with a neighbour, or a piece of it."""
    chance = rng.random()
    if chance < 0.05 and len(beside := label_scenes.neighbours(labels, target)):
        target = target | (labels == beside[rng.integers(min(len(beside), 3))])
    elif chance < 0.09 and target.any():
        places = np.argwhere(target)
        side = (np.indices(target.shape).T - places[rng.integers(len(places))]) @ rng.standard_normal(3)
        target = target & (side.T > 0)
    return largest_part(target) if rng.random() < 0.7 else target


def _finish(image: Floats, labels: Labels, target: Mask, rng: Random) -> Sample:
    image = normalize(_degrade(image, rng))
    prompts = Prompts.none(target.shape)
    if rng.random() < 0.2:
        for label in label_scenes.neighbours(labels, target)[: rng.integers(1, 4)]:
            prompts = prompts.with_exclusion((labels == label) & ~target)
    previous = _worn(target, rng) if rng.random() < 0.08 else np.zeros_like(target)
    return Sample(image, classical.gradient(image), target, previous, first_prompt(prompts, target, rng))


def _worn(target: Mask, rng: Random) -> Mask:
    """The target as an earlier segment may have it: moved, too large or too small."""
    moved = np.roll(target, rng.integers(-3, 4, 3), (0, 1, 2))
    change = (lambda mask: mask, binary_dilation, binary_erosion)[rng.integers(3)]
    return np.asarray(change(moved))


def _degrade(image: Floats, rng: Random) -> Floats:
    """Thick slices, a receive field, noise; each of them not always."""
    span = max(float(np.percentile(image, 99) - np.percentile(image, 1)), 1e-3)
    if rng.random() < 0.3:
        image = _thick_slices(image, int(rng.integers(3)), float(rng.uniform(1.5, 5)))
    if rng.random() < 0.4:
        image = (image - image.min()) * phantoms.receive_field(image.shape, rng)
    if rng.random() < 0.7:
        grain = noise.white_noise if rng.random() < 0.5 else noise.interpolation_noise
        image = image + np.float32(span * rng.uniform(0, 0.12)) * grain(image.shape, rng)
    return image


def _thick_slices(image: Floats, axis: int, thickness: float) -> Floats:
    """Slices so many voxels thick across the axis, and what lies between their middles interpolated."""
    blurred = gaussian_filter1d(image, thickness / 2.5, axis=axis)
    factor = [1 / thickness if a == axis else 1.0 for a in range(3)]
    thin = zoom(blurred, factor, order=1, grid_mode=True, mode="nearest")
    back = [n / m for n, m in zip(image.shape, thin.shape, strict=True)]
    return np.asarray(zoom(thin, back, order=1, grid_mode=True, mode="nearest"))
