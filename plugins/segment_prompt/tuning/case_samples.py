"""Samples of accepted structures: crops about each, mirrored, turned and noisy, with a first prompt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, map_coordinates

from plugins.segment_prompt.methods import classical
from plugins.segment_prompt.prompt_channels import normalize
from plugins.segment_prompt.prompts import Mask, Prompts
from plugins.segment_prompt.samples.label_scenes import sampling_places
from plugins.segment_prompt.samples.prompt_simulation import first_prompt
from plugins.segment_prompt.samples.sample_set import LEAST, Sample
from viewer.api import TuningCase

Floats = NDArray[np.float32]
Random = np.random.Generator
SIDES = (1.4, 3.0)  # of a crop, in extents of the structure
JITTER = 0.12  # of the side, by which a crop misses the structure's middle
GATE_SIDE = 2.0  # extents: the crops that models are compared on
GRAIN = 0.1  # standard deviations of the image, of the noise that is added at most


def random_sample(case: TuningCase, size: int, rng: Random) -> Sample:
    """A crop [size]³ about the structure as the network may see it, and a first prompt on the structure."""
    middle, extent = _place(case)
    side = extent * rng.uniform(*SIDES)
    image, target = _cut(case, sampling_places(middle + rng.uniform(-JITTER, JITTER, 3) * side, side, size, rng))
    noise = np.float32(rng.uniform(0, GRAIN)) * rng.standard_normal(image.shape, dtype=np.float32)
    image = normalize(normalize(image) + noise)
    prompts = first_prompt(Prompts.none(target.shape), target, rng)
    return Sample(image, classical.gradient(image), target, np.zeros_like(target), prompts)


def plain_sample(case: TuningCase, size: int) -> Sample:
    """The crop [size]³ of twice the structure's extent about its middle, without a prompt."""
    middle, extent = _place(case)
    steps = ((np.arange(size) + 0.5) / size - 0.5) * extent * GATE_SIDE
    places = np.stack(np.meshgrid(*(steps + centre for centre in middle), indexing="ij"))
    image, target = _cut(case, places)
    image = normalize(image)
    none = np.zeros_like(target)
    return Sample(image, classical.gradient(image), target, none, Prompts.none(target.shape))


def _place(case: TuningCase) -> tuple[NDArray[np.float64], float]:
    """The middle of the structure along k, j, i and its largest extent, both in mm from the array's first voxel."""
    spans = [np.flatnonzero(case.mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    low, high = (np.array([span[end] for span in spans]) * case.spacing for end in (0, -1))
    return (low + high) / 2, float((high - low + case.spacing).max())


def _cut(case: TuningCase, places: NDArray[np.float64]) -> tuple[Floats, Mask]:
    """Image and structure at places [3, k, j, i] in mm; beyond the image it goes on as it ends."""
    at = places / np.array(case.spacing)[:, None, None, None]
    image: Floats = map_coordinates(case.image, at, order=1, mode="nearest", output=np.float32)
    target = map_coordinates(case.mask.astype(np.float32), at, order=1) > 0.5
    if target.sum() < LEAST:  # it is finer than the voxels of the crop
        target = map_coordinates(binary_dilation(case.mask), at, order=0)
    return image, np.asarray(target)
