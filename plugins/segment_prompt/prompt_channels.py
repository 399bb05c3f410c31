"""What the network sees of an image and its prompts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .methods import classical
from .prompts import Mask, Prompts, thicken

Floats = NDArray[np.float32]
CHANNELS = ("image", "previous mask", "positive", "negative", "box", "likeness", "watershed", "random walk")
CLASSICAL = slice(CHANNELS.index("watershed"), len(CHANNELS))  # answers of methods without training
ALIKE = 0.3  # standard deviations of the crop: at this distance from the clicked values likeness falls to 1/e


def normalize(image: NDArray[np.generic]) -> Floats:
    """Mean 0, standard deviation 1, without the highest and the lowest half percent of the values."""
    values = image.astype(np.float32)
    values = np.clip(values, *np.percentile(values, (0.5, 99.5)).astype(np.float32))
    normalized: Floats = (values - values.mean()) / max(float(values.std()), 1e-6)
    return normalized


def channels(
    image: Floats, edges: NDArray[np.uint8], previous: Mask, prompts: Prompts, seeded: Prompts | None = None
) -> Floats:
    """[8, k, j, i] in the order of CHANNELS, from a normalized image, its classical.gradient, and the last answer.

    seeded: the prompts with what is known of the structure besides, for the methods without training.
    """
    seeded = seeded or prompts
    return np.stack(
        [
            image,
            previous,
            thicken(prompts.positive),
            thicken(prompts.negative) | prompts.excluded,
            prompts.box,
            likeness(image, prompts.seeds()),
            classical.watershed(edges, seeded),
            classical.random_walker(image, seeded),
        ]
    ).astype(np.float32)


def likeness(image: Floats, seeds: Mask) -> Floats:
    """1 where the image has a value that it has at the seeds (their 10th, 50th or 90th percentile), towards 0 else."""
    if not seeds.any():
        return np.zeros_like(image)
    values = np.percentile(image[seeds], (10, 50, 90)).astype(np.float32)
    distance = np.min([np.abs(image - value) for value in np.unique(values)], axis=0)
    alike: Floats = np.exp(-distance / np.float32(ALIKE))
    return alike
