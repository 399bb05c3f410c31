from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from plugins.segment_prompt.prompts import Mask, Prompts
from plugins.segment_prompt.samples import prompt_simulation

SHAPE = (24, 26, 28)


def block(*corners: tuple[int, int]) -> Mask:
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(*one) for one in corners)] = True
    return mask


TARGET = block((4, 17), (5, 16), (6, 15))


def test_the_first_click_lies_in_the_middle() -> None:
    prompts = prompt_simulation.click(Prompts.none(SHAPE), np.zeros(SHAPE, bool), TARGET)
    ((k, j, i),) = np.argwhere(prompts.positive)
    assert min(k - 4, 16 - k, j - 5, 15 - j, i - 6, 14 - i) == 4  # voxels between it and the nearest face
    assert not prompts.negative.any()


@pytest.mark.parametrize("seed", range(6))
def test_the_next_click_lies_at_the_deepest_voxel_of_the_largest_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.roll(TARGET, rng.integers(-4, 5, 3), (0, 1, 2)) | block((0, 3), (0, 4), (0, 5))
    prompts = prompt_simulation.click(Prompts.none(SHAPE), mask, TARGET)
    ((k, j, i),) = np.argwhere(prompts.positive | prompts.negative)
    error, missing = prompt_simulation.largest_error(mask, TARGET)
    depth = distance_transform_edt(np.pad(error, 1))[1:-1, 1:-1, 1:-1]
    assert depth[k, j, i] == depth.max()
    assert prompts.positive.any() == missing == bool(TARGET[k, j, i])


def test_the_largest_error_is_one_part() -> None:
    missing, added = block((4, 6), (5, 7), (6, 8)), block((20, 24), (20, 24), (20, 24))
    error, positive = prompt_simulation.largest_error((TARGET & ~missing) | added, TARGET)
    assert not positive
    assert np.array_equal(error, added)


def test_nothing_wrong_no_click() -> None:
    before = Prompts.none(SHAPE)
    assert prompt_simulation.click(before, TARGET, TARGET) is before
    assert prompt_simulation.next_prompt(before, TARGET, TARGET, np.random.default_rng(0)) is before


@pytest.mark.parametrize("axis", range(3))
def test_a_scribble_lies_in_one_plane_inside(axis: int) -> None:
    for seed in range(5):
        marks = prompt_simulation.scribble(TARGET, axis, np.random.default_rng(seed))
        assert marks.any()
        assert not (marks & ~TARGET).any()
        assert len(np.unique(np.argwhere(marks)[:, axis])) == 1


def test_a_box_and_a_lasso_hold_the_structure() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert not (TARGET & ~prompt_simulation.box(TARGET, rng)).any()
        inside, where = prompt_simulation.lasso(TARGET, seed % 3, rng)
        assert not (TARGET[where] & ~inside[where]).any()
        assert inside.sum() == inside[where].sum() > 0


def test_first_prompts_are_of_every_kind_and_leave_the_structure_free() -> None:
    kinds = set()
    for seed in range(40):
        prompts = prompt_simulation.first_prompt(Prompts.none(SHAPE), TARGET, np.random.default_rng(seed))
        assert not (prompts.excluded & TARGET).any()
        assert not (prompts.positive & ~TARGET).any()
        planes = prompts.box.any((1, 2)).sum(), prompts.box.any((0, 2)).sum(), prompts.box.any((0, 1)).sum()
        kinds.add(("lasso" if min(planes) == 1 else "box") if prompts.box.any() else int(prompts.positive.sum() > 1))
    assert kinds == {0, 1, "box", "lasso"}
