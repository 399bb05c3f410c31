"""What is looked at grows with the structure, from where it was cut off and nowhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from plugins.segment_prompt.prompts import Mask, Prompts
from plugins.segment_prompt.zoom import Scene
from viewer.api import Grid, Prompt, Volume

SHAPE = (100, 100, 100)
Floats = NDArray[np.float32]


def scene(answer: object) -> Scene:
    noise = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
    none = np.zeros(SHAPE, bool)
    return Scene(Volume(noise, Grid.of(SHAPE)), none, none, answer, rod)


def rod(image: Floats, marks: Prompts, previous: Mask, core: Mask) -> Floats:
    """Along k through the middle of what is seen, to both of its ends."""
    _, j, i = image.shape
    found = np.zeros(image.shape, np.float32)
    found[:, j // 2 - 3 : j // 2 + 3, i // 2 - 3 : i // 2 + 3] = 1
    return found


class RodThenAll:
    """A method that floods whatever it is shown at its second look."""

    def __init__(self) -> None:
        self.excluded: list[Mask] = []

    def __call__(self, image: Floats, marks: Prompts, previous: Mask, core: Mask) -> Floats:
        self.excluded.append(marks.excluded)
        return rod(image, marks, previous, core) if len(self.excluded) == 1 else np.ones(image.shape, np.float32)


def test_what_was_background_stays_so_where_the_crop_grows() -> None:
    answer = RodThenAll()
    clicked = (Prompt("point", ((50.0, 50.0, 50.0),), True),)
    start = np.zeros(SHAPE, bool)
    start[48:52, 48:52, 48:52] = True  # its size is known: the first look is a close one
    mask, look = scene(answer).find(clicked, start, lambda: None)
    assert len(answer.excluded) > 1
    assert not answer.excluded[0].any()
    assert answer.excluded[1].any()
    assert not look.marks.excluded.any()  # nobody said so: it may be doubted
    assert mask[0, 50, 50]
    assert mask[-1, 50, 50]  # along the rod it went on
    beside = [mask[50, 50 + away, 50] for away in range(8, 16)]
    assert not any(beside)
