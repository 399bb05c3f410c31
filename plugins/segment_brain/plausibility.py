"""Whether what was found can be the brain of a whole head, which a result alone does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from viewer.api import Grid, Refusal, Volume

from .head_image import SPACING, Box, Floats, shown_box
from .labels import CLASSES, CSF, numbers, to_numbers
from .prediction import Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .atlas.adaptation import AdaptedAtlas

VOLUMES = (500.0, 2200.0)  # ml: what a brain has, without the fluid around it
ROUGH = (400.0, 3600.0)  # ml: and what a first look may take for one, which may hold the skull
LEAST_CONFIDENCE = 0.35  # mean probability of an answer: below it is none
CEREBRUM, CEREBELLUM = (2, 3, 41, 42), (7, 8, 46, 47)
LEFT, RIGHT = (tuple(number for number, _, side in numbers() if side == which) for which in ("left", "right"))
LOWER, BEHIND = 15.0, 5.0  # mm, at least, is the middle of the cerebellum below and behind that of the cerebrum
# Chosen on the development heads of tests/benchmarks/doubt_brain.py, halfway between what went well and what did not:
STRETCH = 1.25  # times as much as along another axis is the atlas of a head stretched at most
TOLD = 0.2  # nats a voxel that the atlas's places tell of the grey values, at least
CUT = 40.0  # cm² of the brain that lie in the last slice of what the image shows, at most


def check_fit(adapted: AdaptedAtlas, values: torch.Tensor, where: torch.Tensor) -> None:
    """Raises Refusal where an atlas lies on a head as it cannot. values: grey values [n] at places [n, 3] of it."""
    sizes = torch.linalg.svdvals(adapted.placement.change)
    stretch = float(sizes[0] / sizes[-1])
    if stretch > STRETCH:
        raise Refusal(
            f"a brain fits what the image shows only where it is stretched {stretch:.2f}-fold: the image does not show "
            "all of the head, or its slices are not as far apart as its header says."
        )
    told = adapted.information(values, where)
    if told < TOLD:
        raise Refusal(
            "the grey values do not tell the tissues of a brain apart: choose an image with other contrast or less "
            "noise, of a whole head."
        )


def check_whole(brain: NDArray[np.bool_], grid: Grid, image: Volume) -> None:
    """Raises Refusal where the image ends within the brain, a mask [k, j, i] on a grid of SPACING mm."""
    area = max(cut_areas(brain, grid, image.grid, shown_box(image.array)))
    if area > CUT:
        raise Refusal(f"the image ends within the brain, over {area:.0f} cm²: choose an image of the whole head.")


def cut_areas(brain: NDArray[np.bool_], grid: Grid, image: Grid, shown: Box) -> list[float]:
    """How many cm² of a brain lie in the first and the last slices of a box of the image, along each of its axes."""
    places = image.to_index(grid.to_world(np.argwhere(brain)))
    inwards = [places[:, axis] - side.start for axis, side in enumerate(shown)]
    outwards = [side.stop - 1 - places[:, axis] for axis, side in enumerate(shown)]
    depths = np.array([*inwards, *outwards]) * np.tile(image.spacing, 2)[:, None]
    counts = np.count_nonzero((depths >= 0) & (depths < SPACING), axis=1)
    return [float(count) * SPACING**2 / 100 for count in counts]


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest of its connected parts (by faces)."""
    parts, count = ndimage.label(mask)
    return parts == 1 + int(np.bincount(parts.ravel())[1:].argmax()) if count else mask


def check_brain(found: Floats, volumes: tuple[float, float]) -> None:
    """Raises Refusal where what was found, a pass of a Prediction, is no brain, or none upright. volumes: ml."""
    classes = found[:CLASSES].argmax(0).astype(np.uint8)
    classes[~largest_part(classes > 0)] = 0
    labels, confidence = to_numbers(classes, found[CLASSES] > 0.5), Prediction((found,)).confidence()
    volume = SPACING**3 * np.count_nonzero((labels > 0) & (labels != CSF)) / 1000
    if not volumes[0] <= volume <= volumes[1]:
        raise Refusal(f"what looks like a brain has {volume:.0f} ml: choose an image of a whole head.")
    if confidence < LEAST_CONFIDENCE:
        raise Refusal(
            f"what looks like a brain is none for sure (mean probability {confidence:.2f}): choose an image of a whole "
            "head, or one with less noise."
        )
    above, before, _ = SPACING * (_middle(labels, CEREBELLUM) - _middle(labels, CEREBRUM))
    if not (-above >= LOWER and before >= BEHIND):
        raise Refusal(
            "no cerebellum was found below and behind the cerebrum: the head lies in another way than the image's "
            "header says, or the image does not show all of it."
        )
    if not _middle(labels, LEFT)[2] > _middle(labels, RIGHT)[2]:
        raise Refusal("the left half was found on the right: the head lies in another way than its header says.")


def _middle(labels: NDArray[np.uint16], numbers: tuple[int, ...]) -> NDArray[np.float64]:
    """Of the voxels with one of the numbers, in voxels; NaN without any."""
    mask = np.isin(labels, numbers)
    counts = [mask.sum(tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    with np.errstate(invalid="ignore"):
        return np.array([count @ np.arange(len(count)) / np.float64(count.sum()) for count in counts])
