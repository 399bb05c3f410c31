"""How far the mask of a prompt can be trusted, from the look at the image that decided on it.

The network, the random walker and the geodesic distance give probabilities. A watershed gives none: a random walk of
few steps on half as fine a grid (see coarse_walk), from the same marks, is a second opinion, and the mean of both
stands for its probability. Watersheds from shifted marks would cost one each, and differ where the marks do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion

from viewer.api import Grid, MaskDoubt, Segment, Segmentation, entropy, with_doubts

from . import classical
from .borders import unlike_faces
from .coarse_walk import coarse_walk
from .prompt_channels import normalize
from .prompts import Mask
from .zoom import Floats, Look

BAND = 3  # voxels of the crop to each side of the edge that the map is kept for


def second_opinion(look: Look) -> Floats:
    """The probabilities of a watershed's answer: the mean of it and of a coarse random walk, but at the prompts."""
    seeded = replace(look.marks, positive=look.marks.positive | look.core)
    known = classical.markers(seeded, unlike_faces(look.image, seeded.seeds()))
    walked = coarse_walk(normalize(look.image), known)
    told = look.marks.positive | look.marks.negative | look.marks.excluded
    return np.where(told, look.probabilities, (look.probabilities + walked) / 2)


def mask_doubt(mask: Mask, image: Grid, look: Look, probabilities: Floats) -> MaskDoubt | None:
    """Of a mask [k, j, i] of the image, by the probabilities of the look at it; None where nothing of it is seen there.

    Where the mask is not what they say, as where its edge was found anew at the image's resolution, it is even odds.
    """
    inside = _inside(look.crop.grid, image)
    found = (look.crop.cut(mask) > 0.5)[inside]
    if not found.any():
        return None
    k, j, i = (side.start for side in inside)
    grid = look.crop.grid.crop((k, j, i), found.shape)
    p = probabilities[inside]
    stored = entropy(np.where(found, p, 1 - p))
    stored[~(binary_dilation(found, iterations=BAND) & ~binary_erosion(found, iterations=BAND, border_value=1))] = 0
    seen = Segmentation(found.astype(np.uint8), grid, (Segment(1, "structure"),))
    doubt = with_doubts(seen, (), stored).segments[0].doubt
    return None if doubt is None else MaskDoubt.of(doubt, stored, grid)


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
