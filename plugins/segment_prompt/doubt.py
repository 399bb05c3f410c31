"""How far the mask of a prompt can be trusted, from the look at the image that decided on it.

The network, the random walker and the geodesic distance give probabilities. A watershed gives none: the mean of three
answers stands for its probability, its own, that of a watershed whose frame is narrower, and that of a random walk of
few steps on half as fine a grid (random_walk.coarse_walk).

What a classical method takes for certain may still be another structure than was meant, because the frame of what is
looked at is its background. So the predicted Dice is no more than its agreement with a second answer: of a watershed
with the one in a narrower frame, which differs where the frame and not the image made the edge, of the others with a
watershed. Each costs less than a single look.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion

from viewer.api import Doubt, Grid, MaskDoubt, Segment, Segmentation, entropy, with_doubts

from .borders import unlike_faces
from .methods import classical
from .methods.random_walk import coarse_walk
from .prompt_channels import normalize
from .prompts import Mask, Prompts
from .zoom import Floats, Look

BAND = 3  # voxels of the crop to each side of the edge that the map is kept for
NARROW = 0.7  # of the crop's sides has the narrower frame
REACH = 3  # voxels to the crop's end within which a mask goes on beyond it: there no frame is narrower


def mask_doubt(mask: Mask, image: Grid, look: Look, method: str) -> MaskDoubt | None:
    """Of a mask [k, j, i] of the image that a method found by a look; None where nothing of it is seen there.

    Where the mask is not what the method said, as where its edge was found anew at the image's resolution, it is even
    odds.
    """
    inside = _inside(look.crop.grid, image)
    found = (look.crop.cut(mask) > 0.5)[inside]
    if not found.any():
        return None
    probabilities, second = _opinions(look, method)
    k, j, i = (side.start for side in inside)
    grid = look.crop.grid.crop((k, j, i), found.shape)
    p = probabilities[inside]
    stored = entropy(np.where(found, p, 1 - p))
    stored[~(binary_dilation(found, iterations=BAND) & ~binary_erosion(found, iterations=BAND, border_value=1))] = 0
    seen = Segmentation(found.astype(np.uint8), grid, (Segment(1, "structure"),))
    passes = () if second is None else (second[inside].astype(np.uint8),)
    doubt = with_doubts(seen, passes, stored).segments[0].doubt
    return None if doubt is None else MaskDoubt.of(_judged(doubt), stored, grid)


def _opinions(look: Look, method: str) -> tuple[Floats, Mask | None]:
    """Probabilities, and the second answer, of a classical method."""
    if method == "network":
        return look.probabilities, None
    marks, own = look.marks, look.probabilities
    seeded = replace(marks, positive=marks.positive | look.core)
    if method != "watershed":
        return own, _watershed(look.image, seeded)
    frame = _narrower(own > 0.5)
    second = np.zeros_like(marks.positive)
    part = Prompts(*(one[frame] for one in (seeded.positive, seeded.negative, seeded.excluded, seeded.box)))
    second[frame] = _watershed(look.image[frame], part)
    known = classical.markers(seeded, unlike_faces(look.image, seeded.marked()))
    walked = coarse_walk(normalize(look.image), known == classical.STRUCTURE, known == classical.BACKGROUND)
    told = marks.positive | marks.negative | marks.excluded
    return np.where(told, own, (own + second + walked) / 3), second


def _watershed(image: Floats, marks: Prompts) -> Mask:
    return marks.constrain(classical.watershed(classical.gradient(image), marks, unlike_faces(image, marks.marked())))


def _narrower(mask: Mask) -> tuple[slice, ...]:
    """The middle of a crop, and along each axis its whole length towards an end that the mask reaches."""
    frame = []
    for axis, size in enumerate(mask.shape):
        there = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        cut = round(size * (1 - NARROW) / 2)
        first = 0 if there.size and there[0] < REACH else cut
        last = size if there.size and there[-1] >= size - REACH else size - cut
        frame.append(slice(first, last))
    return tuple(frame)


def _judged(doubt: Doubt) -> Doubt:
    """The part of its surface that is the end of the image says nothing of it; the flag of agreement in words that fit.

    What fills an image without any edge is certain otherwise.
    """
    flags = (
        replace(one, sentence=f"A second answer agrees by a Dice of {doubt.agreement:.2f} only.")
        if one.code == "disagreement"
        else one
        for one in doubt.flags
    )
    dice = None if doubt.dice is None else doubt.dice * (1 - doubt.border)
    return replace(doubt, dice=dice, flags=tuple(flags))


def _inside(crop: Grid, image: Grid) -> tuple[slice, ...]:
    """The voxels of a crop whose middles lie in the image: its sides are whole multiples, and may reach beyond it.

    Of an image of a single slice one layer of them: a second one would make an end of the image of each side of it.
    """
    first = image.to_index(crop.origin)
    steps = crop.spacing / image.spacing
    lows = np.maximum(np.ceil((-0.5 - first) / steps - 1e-6), 0).astype(int)
    highs = np.minimum(np.floor((np.array(image.shape) - 0.5 - first) / steps + 1e-6) + 1, crop.shape).astype(int)
    single = np.array(image.shape) == 1
    lows = np.where(single, (lows + highs) // 2, lows)
    highs = np.where(single, lows + 1, np.maximum(highs, lows + 1))
    return tuple(slice(low, high) for low, high in zip(lows.tolist(), highs.tolist(), strict=True))
