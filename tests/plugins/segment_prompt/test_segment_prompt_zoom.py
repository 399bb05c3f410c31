"""What is looked at grows with the structure, from where it was cut off and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from plugins.segment_prompt.crops import Crop
from plugins.segment_prompt.methods.classical_answer import classical_answer
from plugins.segment_prompt.prompts import Mask, Prompts
from plugins.segment_prompt.zoom import Scene
from viewer.api import Grid, Job, Prompt, Segmentation, Volume
from viewer.api import Prompts as PromptList
from viewer.plugin.execute import execute

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


@pytest.mark.parametrize("method", ["watershed", "geodesic distance", "random walker"])
def test_a_correction_at_the_border_leaves_the_rest_as_it_was(method: str) -> None:
    k, j, i = np.ogrid[:100, :100, :100]
    ball = ((k - 50) / 9) ** 2 + ((j - 48) / 14) ** 2 + ((i - 52) / 11) ** 2 <= 1
    values = np.random.default_rng(0).normal(0, 12, SHAPE) + 100 * ball
    image = Volume(values.astype(np.int16), Grid.of(SHAPE, (0.8, 0.8, 0.8)))
    border = image.grid.to_world((50, 61, 52))  # its outermost voxel
    clicks = [Prompt("point", (tuple(at.tolist()),), True) for at in (image.grid.to_world((50, 48, 52)), border)]
    for count in (1, 2):
        inputs = {"image": image, "prompts": PromptList(tuple(clicks[:count]))}
        found = execute(Job(), "segment_prompt", inputs, {"method": method}).outputs["mask"]
        assert isinstance(found, Segmentation)
        mask = found.array > 0
        assert 2 * np.count_nonzero(mask & ball) / (np.count_nonzero(mask) + np.count_nonzero(ball)) > 0.8


@pytest.mark.parametrize("method", ["watershed", "random walker"])
def test_a_mark_whose_surroundings_reach_over_the_border_does_not_make_the_crop_one_structure(method: str) -> None:
    ball = np.linalg.norm(np.indices((32, 32, 32)) - 16, axis=0) <= 3
    image = (np.random.default_rng(0).normal(0, 5, ball.shape) + 180 * ball).astype(np.float32)
    marks, none = np.zeros_like(ball), np.zeros_like(ball)
    marks[16, 16, (16, 19)] = True  # its middle, and its last voxel
    answer = classical_answer(method)(image, Prompts.none(ball.shape).with_marks(marks, True), none, none) > 0.5
    assert np.count_nonzero(answer) < 5 * np.count_nonzero(ball)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_rises_evenly_is_cut_out_as_it_is(axis: int) -> None:
    image = Grid.of((90, 120, 200), (2.0, 1.0, 0.7))
    ramp = np.broadcast_to(
        np.arange(image.shape[axis]).reshape([-1 if a == axis else 1 for a in range(3)]), image.shape
    )
    for low, high in (((5, 5, 5), (84, 110, 190)), ((40, 40.5, 41), (60, 80, 90))):
        crop = Crop.around(image, np.array(low, float), np.array(high, float))
        inner = (slice(3, -3),) * 3
        index = image.to_index(crop.grid.to_world(np.stack(np.indices(crop.grid.shape), -1)))[..., axis]
        assert crop.cut(ramp)[inner] == pytest.approx(index[inner], abs=0.05)
