"""The mask of a structure from its prompts, at the scale of the structure: the crop grows until nothing is cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion

from viewer.api import Grid, Prompt, Refusal, Volume

from .borders import contrast, edge
from .crops import SIDE, Crop
from .prompts import Mask
from .prompts import Prompts as Marks
from .rasterize import constrain, rasterize

Floats = NDArray[np.float32]
Answer = Callable[[Floats, Marks, Mask, Mask], Floats]  # image, marks, previous mask, core -> probabilities, on a crop

FACTOR = 1.5  # that a crop grows by: along an axis on which the mask nearly reaches its end, or for another scale
FIRST = 0.75  # of SIDE voxels of the finest spacing that the first crop is wide at least
MARGIN = 0.5  # of the extent of prompts and mask, to each side
COARSE = 1.3  # times the finest spacing: where a crop is coarser the newest prompt's surroundings are looked at again
THICK, DOUBT = 2, 5  # voxels of the rim of a structure that is refined, and around a negative mark, that may change


@dataclass(frozen=True, eq=False)
class Look:
    """What a method was shown on a crop, its values and what was said of them, and its probabilities [k, j, i]."""

    crop: Crop
    image: Floats
    marks: Marks
    core: Mask
    probabilities: Floats


@dataclass(frozen=True, eq=False)
class Scene:
    """What masks [k, j, i] are found in. initial: the structure before any prompt. protected: what it must not have.

    answer: the method. search: a fast one that tells at which scale to ask it.
    """

    image: Volume
    initial: Mask
    protected: Mask
    answer: Answer
    search: Answer

    @property
    def grid(self) -> Grid:
        """The image's, which all masks are on."""
        return self.image.grid

    def find(self, prompts: tuple[Prompt, ...], previous: Mask, go_on: Callable[[], None]) -> tuple[Mask, Look]:
        """The mask that the prompts ask for, of which the last is the newest, and the look that decided on it.

        previous: what those before it gave. go_on: called before each look at the image; it may raise Cancelled.
        Raises Refusal where they contradict each other.
        """
        known, mask, ground = self.initial, previous, np.zeros(self.grid.shape, bool)
        wider: Crop | None = self._first_crop(prompts, previous, go_on)
        while wider is not None:
            go_on()
            crop, look = wider, self._look(self.answer, wider, prompts, mask, known, ground)
            known = mask = self._put_back(crop, look.probabilities)
            box, decided = crop.put_back(_ground(look.probabilities))
            ground[box] |= decided
            wider = crop.wider(look.probabilities > 0.5, FACTOR)
        if crop.pitch > COARSE * float(self.grid.spacing.min()):
            self._refine(mask, prompts)
        constrain(mask, prompts, self.grid, self.protected)
        return mask, look

    def _first_crop(self, prompts: tuple[Prompt, ...], previous: Mask, go_on: Callable[[], None]) -> Crop:
        """About what is known; of a structure of unknown size the one at whose scale its border stands out most."""
        least = self._least_crop(prompts, previous)
        if previous.any() or self.initial.any():
            return least
        crop: Crop | None = least
        tried: list[tuple[float, Crop]] = []
        while crop is not None:
            go_on()
            look = self._look(self.search, crop, prompts, self.initial, self.initial, self.protected)
            tried.append((contrast(look.image, look.probabilities > 0.5), crop))
            crop = crop.wider(np.ones(look.image.shape, bool), FACTOR)
        return max(tried, key=lambda one: one[0])[1]

    def _put_back(self, crop: Crop, values: Floats) -> Mask:
        mask = np.zeros(self.grid.shape, bool)
        box, inside = crop.put_back(values)
        mask[box] = inside
        return mask

    def _least_crop(self, prompts: tuple[Prompt, ...], previous: Mask) -> Crop:
        places = [self.grid.to_index(prompt.points) for prompt in prompts]
        places += [ends for mask in (previous, self.initial) if (ends := _ends(mask)) is not None]
        low, high = np.concatenate(places).min(axis=0), np.concatenate(places).max(axis=0)
        least = FIRST * SIDE * float(self.grid.spacing.min()) / self.grid.spacing
        margin = np.maximum(MARGIN * (high - low), (least - (high - low)) / 2)
        return Crop.around(self.grid, low - margin, high + margin)

    def _look(
        self, answer: Answer, crop: Crop, prompts: tuple[Prompt, ...], previous: Mask, known: Mask, ground: Mask
    ) -> Look:
        """At a crop: probabilities on its grid, as the prompts demand them.

        known: a mask whose inner part is taken to be of the structure where no prompt speaks against it. ground: what
        is taken to be none of it, so that what grows goes on from where it was cut off and nowhere else.
        """
        protected, before, inner = (crop.cut(mask) > 0.5 for mask in (self.protected, previous, known))
        seen, image = rasterize(prompts, crop.grid, protected), crop.cut(self.image.array)
        check_values(image)
        core = _core(inner, seen)
        told = replace(seen, excluded=seen.excluded | ((crop.cut(ground) > 0.5) & ~seen.positive))
        values = answer(image, told, before, core)
        values[told.negative | told.excluded] = 0
        values[seen.positive] = 1
        return Look(crop, image, seen, core, values)

    def _refine(self, mask: Mask, prompts: tuple[Prompt, ...]) -> None:
        """The border around the newest prompt once more, at the image's own resolution, in place: see edge."""
        middle = self.grid.to_index(prompts[-1].points).mean(axis=0)
        half = SIDE / 2 * float(self.grid.spacing.min()) / self.grid.spacing
        crop = Crop.around(self.grid, middle - half, middle + half)
        coarse = crop.cut(mask) > 0.5
        box, found = crop.put_back(edge(crop.cut(self.image.array), coarse).astype(np.float32))
        mask[box] = found


def _ground(probabilities: Floats) -> Floats:
    """1 where a look has decided on background: not at the rim of the structure, nor where the crop ends."""
    return np.asarray(binary_erosion(probabilities <= 0.5, iterations=THICK), np.float32)


def check_values(image: Floats) -> None:
    """Raises Refusal where there is nothing to tell apart."""
    if not np.isfinite(image).all():
        raise Refusal("the image holds voxels without a value (NaN) around the prompts: fill them first.")
    if image.min() == image.max():
        raise Refusal("the image has one value all around the prompts: there is nothing to tell apart.")


def _core(known: Mask, marks: Marks) -> Mask:
    """The part of a mask that nothing was said against: not its rim, and not around negative marks."""
    if not known.any():
        return known
    against = binary_dilation(marks.negative | marks.excluded, iterations=DOUBT)
    return np.asarray(binary_erosion(known, iterations=THICK) & ~against)


def _ends(mask: Mask) -> NDArray[np.float64] | None:
    """The first and the last voxel [2, 3] of the box around a mask; None where it is empty."""
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    if not len(slices):
        return None
    part = mask[slices[0] : slices[-1] + 1]
    spans = [slices, np.flatnonzero(part.any(axis=(0, 2))), np.flatnonzero(part.any(axis=(0, 1)))]
    return np.array([[span[0] for span in spans], [span[-1] for span in spans]], float)
