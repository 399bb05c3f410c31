from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plugins.segment_prompt.prompts import Mask, Prompts, thicken

SHAPE = (9, 10, 11)


def random_mask(rng: np.random.Generator, share: float = 0.2) -> Mask:
    return np.asarray(rng.random(SHAPE) < share)


def one_more(prompts: Prompts, kind: int, region: Mask) -> Prompts:
    if kind < 2:
        return prompts.with_marks(region, positive=bool(kind))
    if kind == 2:
        return prompts.with_exclusion(region)
    return prompts.with_region(region, (slice(4, 5),))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(0, 99))
def test_a_mask_agrees_with_every_prompt_and_the_last_one_wins(kinds: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    prompts, demanded = Prompts.none(SHAPE), np.full(SHAPE, -1)
    for kind in kinds:
        region = random_mask(rng)
        prompts = one_more(prompts, kind, region)
        if kind < 2:
            demanded[region] = kind
        elif kind == 2:
            demanded[region] = 0
        else:
            demanded[4][~region[4]] = 0
    given_mask = random_mask(rng, 0.5)
    mask = prompts.constrain(given_mask)
    assert mask[demanded == 1].all()
    assert not mask[demanded == 0].any()
    assert np.array_equal(mask[demanded < 0], given_mask[demanded < 0])


def test_prompts_are_never_changed_in_place() -> None:
    prompts = Prompts.none(SHAPE)
    one_more(one_more(prompts, 1, np.ones(SHAPE, bool)), 3, np.zeros(SHAPE, bool))
    assert not any(part.any() for part in (prompts.positive, prompts.negative, prompts.excluded, prompts.box))


def test_a_mark_is_thickened_to_a_ball_of_two_voxels() -> None:
    marks = np.zeros((9, 9, 9), bool)
    marks[4, 4, 4] = True
    distance = np.linalg.norm(np.indices(marks.shape) - 4, axis=0)
    assert np.array_equal(thicken(marks), distance <= 2)
    marks[:] = False
    marks[0, 0, 0] = True
    assert thicken(marks)[:3].any()
    assert not thicken(marks)[3:].any()
    assert not thicken(np.zeros_like(marks)).any()


def test_the_seeds_of_a_box_are_its_middle() -> None:
    inside = np.zeros(SHAPE, bool)
    inside[0:9, 1:7, 3:6] = True
    seeds = Prompts.none(SHAPE).with_region(inside).seeds()
    assert np.array_equal(np.argwhere(seeds).min(0), (3, 3, 4))
    assert np.array_equal(np.argwhere(seeds).max(0), (5, 4, 4))


def test_seeds_keep_off_what_is_excluded() -> None:
    marks, neighbour = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    marks[4, 4, 4] = True
    neighbour[5:] = True
    seeds = Prompts.none(SHAPE).with_exclusion(neighbour).with_marks(marks, positive=True).seeds()
    assert seeds[4, 4, 4]
    assert not (seeds & neighbour).any()
