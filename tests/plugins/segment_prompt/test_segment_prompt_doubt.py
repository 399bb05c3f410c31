"""The doubt of a prompted mask: lower where the edge is blurred, of the mask that is given, within the image."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from plugins.segment_prompt.doubt import mask_doubt
from plugins.segment_prompt.methods import classical
from plugins.segment_prompt.methods.classical_answer import classical_answer
from plugins.segment_prompt.prompts import Prompts as Marks
from plugins.segment_prompt.zoom import Look, Scene
from viewer.api import Grid, MaskDoubt, Prompt, Volume

SHAPE = (40, 40, 40)
K, J, L = np.indices(SHAPE)
BALL = (K - 18) ** 2 + (J - 20) ** 2 + (L - 21) ** 2 < 10**2
GRID = Grid.of(SHAPE, (1.5, 1, 1), (-7, 3, 20))
NOISE = np.random.default_rng(0).normal(0, 0.05, SHAPE)
METHODS = ("watershed", "geodesic distance", "random walker")


def found(method, image, grid=GRID, place=(18, 20, 21)) -> tuple[np.ndarray, Look]:
    none = np.zeros(image.shape, bool)
    answer, search = classical_answer(method), classical_answer("watershed")
    scene = Scene(Volume(image.astype(np.float32), grid), none, none, answer, search)
    prompt = Prompt("point", (tuple(grid.to_world(place).tolist()),))
    return scene.find((prompt,), none, lambda: None)


def doubt_of(method, image, grid=GRID, place=(18, 20, 21)) -> MaskDoubt:
    mask, look = found(method, image, grid, place)
    told = mask_doubt(mask, grid, look, method)
    assert told is not None
    return told


@pytest.mark.parametrize("method", METHODS)
def test_a_blurred_and_noisy_edge_is_less_sure(method):
    sharp = doubt_of(method, BALL + NOISE)
    weak = doubt_of(method, 0.35 * gaussian_filter(BALL.astype(float), 3) + 2 * NOISE)
    assert sharp.doubt.dice > weak.doubt.dice
    assert sharp.doubt.entropy < weak.doubt.entropy


@pytest.mark.parametrize("method", METHODS)
def test_the_map_lies_about_the_edge_and_in_the_image(method):
    stored, grid = doubt_of(method, BALL + NOISE).map()
    places = np.argwhere(stored)
    index = GRID.to_index(grid.to_world(places))
    assert len(places)
    assert np.all(index >= -0.5)
    assert np.all(index <= np.array(SHAPE) - 0.5)


def test_where_the_mask_is_not_what_the_method_said_it_is_even_odds():
    mask, look = found("random walker", BALL + NOISE)
    other = mask.copy()
    other[10:14, 18:23, 18:24] = ~other[10:14, 18:23, 18:24]
    stored, grid = mask_doubt(other, GRID, look, "random walker").map()
    k, j, i = grid.nearest(GRID.to_world((12, 20, 21)))
    assert stored[k, j, i] == 255


def test_a_single_slice_is_not_said_to_reach_the_end_of_the_image():
    grid = Grid.of((1, 40, 40), (5, 1, 1))
    told = doubt_of("watershed", (BALL + NOISE)[18:19], grid, (0, 20, 21))
    assert told.shape[0] < 8
    assert "border" not in {flag.code for flag in told.doubt.flags}


def test_what_reaches_the_end_of_the_image_is_said_to():
    tube = ((J - 20) ** 2 + (L - 21) ** 2 < 8**2) + NOISE
    told = doubt_of("watershed", tube)
    assert "border" in {flag.code for flag in told.doubt.flags}


def test_nothing_is_told_of_what_is_too_small_to_be_seen():
    _, look = found("watershed", BALL + NOISE)
    assert mask_doubt(np.zeros(SHAPE, bool), GRID, look, "watershed") is None


@pytest.mark.parametrize("method", METHODS)
def test_a_structure_without_any_edge_is_doubted(method):
    """Everything is found then, which no method doubts by itself."""
    told = doubt_of(method, np.random.default_rng(3).normal(0, 1, SHAPE)).doubt
    assert told.dice < 0.75
    assert {flag.code for flag in told.flags} & {"border", "disagreement"}


def test_what_ends_where_the_image_says_so_is_agreed_on():
    told = doubt_of("watershed", BALL + NOISE).doubt
    assert told.agreement > 0.9
    assert not told.flags


def test_what_ends_where_the_frame_says_so_is_not_agreed_on():
    """Noise all over, and negative marks so far out that a watershed fills what lies between."""
    image = np.random.default_rng(1).normal(0, 1, SHAPE).astype(np.float32)
    shell = np.ones(SHAPE, bool)
    shell[3:-3, 3:-3, 3:-3] = False
    seed = np.zeros(SHAPE, bool)
    seed[20, 20, 20] = True
    marks = Marks.none(SHAPE).with_marks(seed, True).with_exclusion(shell)
    none = np.zeros(SHAPE, bool)
    grid = Grid.of(SHAPE)
    filled = Look(found("watershed", BALL + NOISE, grid)[1].crop, image, marks, none, (~shell).astype(np.float32))
    told = mask_doubt(~shell, grid, filled, "watershed")
    assert told.doubt.agreement < 0.75
    assert "A second answer agrees" in told.doubt.flags[0].sentence


def test_probabilities_without_marks_or_without_anything_open():
    none, full = Marks.none(SHAPE), np.ones(SHAPE, bool)
    image = (BALL + NOISE).astype(np.float32)
    geodesic = partial(classical.geodesic, classical.gradient(image))
    for answer in (geodesic, partial(classical.random_walker, image)):
        assert not (answer(none) > 0.5).any()
        assert (answer(none.with_marks(BALL, True), np.zeros(SHAPE, bool))[BALL] > 0.5).all()
        assert (answer(none.with_marks(full, True)) > 0.5).all()
