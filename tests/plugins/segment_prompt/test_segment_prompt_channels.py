from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.segmentation import random_walker

from plugins.segment_prompt.methods import classical
from plugins.segment_prompt.methods.random_walk import BETA, random_walk
from plugins.segment_prompt.prompt_channels import CHANNELS, channels, likeness, normalize
from plugins.segment_prompt.prompts import Mask, Prompts
from plugins.segment_prompt.samples.prompt_simulation import click

SHAPE = (24, 24, 24)
BALL: Mask = np.linalg.norm(np.indices(SHAPE) - 11.5, axis=0) < 7
IMAGE = normalize(BALL + 0.1 * np.random.default_rng(0).standard_normal(SHAPE))
EDGES = classical.gradient(IMAGE)
NONE = np.zeros(SHAPE, bool)
CLICKED = click(Prompts.none(SHAPE), NONE, BALL)
METHODS: dict[str, Callable[[Prompts], Mask]] = {
    "watershed": lambda prompts: classical.watershed(EDGES, prompts),
    "geodesic": lambda prompts: classical.geodesic(EDGES, prompts) > 0.5,
    "random walker": lambda prompts: classical.random_walker(IMAGE, prompts) > 0.5,
}


def dice(a: Mask, b: Mask) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.mark.parametrize("method", METHODS)
def test_a_classical_method_finds_a_ball_by_one_click(method: str) -> None:
    assert dice(METHODS[method](CLICKED), BALL) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_classical_method_finds_a_ball_by_its_box(method: str) -> None:
    inside = np.zeros(SHAPE, bool)
    inside[4:20, 4:20, 4:20] = True
    assert dice(METHODS[method](Prompts.none(SHAPE).with_region(inside)), BALL) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_without_a_seed_a_classical_method_finds_nothing(method: str) -> None:
    assert not METHODS[method](Prompts.none(SHAPE)).any()


@pytest.mark.parametrize("method", METHODS)
def test_a_negative_mark_takes_a_part_away(method: str) -> None:
    half = BALL & (np.arange(24) < 12)
    before = METHODS[method](CLICKED)
    after = METHODS[method](click(CLICKED, before, half))
    assert dice(after, half) > dice(before, half) + 0.1


def test_normalized_values_have_no_scale() -> None:
    values: NDArray[np.float64] = np.random.default_rng(0).normal(-300, 50, SHAPE)
    assert normalize(values).mean() == pytest.approx(0, abs=1e-3)
    assert normalize(values).std() == pytest.approx(1, abs=1e-3)
    assert np.allclose(normalize(values), normalize(values * 3 + 7), atol=1e-4)
    assert not normalize(np.full(SHAPE, 7)).any()


def test_likeness_is_one_at_the_clicked_values() -> None:
    found = likeness(IMAGE, CLICKED.seeds())
    assert found[BALL].mean() > 2 * found[~BALL].mean()
    assert found.max() == pytest.approx(1, abs=0.05)
    assert not likeness(IMAGE, NONE).any()


def test_channels_say_what_was_drawn() -> None:
    region = np.zeros(SHAPE, bool)
    region[20:] = True
    prompts = CLICKED.with_exclusion(region)
    seen = dict(zip(CHANNELS, channels(IMAGE, EDGES, BALL, prompts), strict=True))
    assert np.array_equal(seen["image"], IMAGE)
    assert np.array_equal(seen["previous mask"], BALL)
    assert seen["positive"].sum() == 33
    assert np.array_equal(seen["negative"], region)
    assert not seen["box"].any()
    assert dice(seen["watershed"] > 0, BALL) > 0.9


def test_a_walk_is_the_random_walker() -> None:
    known = classical.markers(CLICKED)
    beta = BETA * 10 * float(IMAGE.std())  # scikit-image divides by 10 standard deviations
    seeds, ground = known == classical.STRUCTURE, known == classical.BACKGROUND
    expected = random_walker(IMAGE, known, beta=beta, mode="cg_j", prob_tol=1.0, return_full_prob=True)[0]
    found = random_walk(IMAGE, seeds, ground)
    assert dice(found > 0.5, expected > 0.5) > 0.97
    assert found[seeds].min() == 1
    assert found[ground].max() == 0


def test_a_walk_arrives_where_the_random_walker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.segment_prompt.methods.random_walk.STEPS", 2000)
    image = np.random.default_rng(1).normal(0, 0.1, (12, 12, 12)).astype(np.float32)
    known = np.zeros(image.shape, np.uint8)
    known[:2, :2, :2], known[-2:] = classical.STRUCTURE, classical.BACKGROUND
    beta = BETA * 10 * float(image.std())
    expected = random_walker(image, known, beta=beta, mode="bf", return_full_prob=True)[0]
    found = random_walk(image, known == classical.STRUCTURE, known == classical.BACKGROUND)
    assert np.abs(found - expected).max() < 0.02


def test_a_walk_without_a_seed_ends_nowhere() -> None:
    assert not classical.random_walker(IMAGE, Prompts.none(SHAPE)).any()
