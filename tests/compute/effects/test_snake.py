"""Surfaces that move: to where regions part, to edges, exact in mm, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from shapes import away, ball, dice, volume_of

from viewer.compute.effects.image.level_set import LevelSet
from viewer.compute.effects.image.snake import Snake
from viewer.compute.progress import Refusal

UNIT = (1.0, 1.0, 1.0)
THICK = (3.0, 0.8, 0.8)
RADIUS, ROOM = 11.0, 7.0


def organ(spacing, radius):
    """A bright ball in noise, where it is, and a ball of another radius to begin with."""
    mask = ball(RADIUS, spacing, ROOM)
    noise = 15 * np.random.default_rng(2).standard_normal(mask.shape)
    return (mask * 100 + noise).astype(np.float32), mask, away(mask.shape, spacing) <= radius


def run(snake, most=60):
    for _ in range(most):
        if snake.step() == 0:
            break
    return snake.mask


@pytest.mark.parametrize("spacing", [UNIT, THICK])
@pytest.mark.parametrize("radius", [6.0, 15.0])
def test_regions_are_parted_from_inside_and_from_outside(spacing, radius):
    image, mask, start = organ(spacing, radius)
    snake = Snake(image, start, spacing, by="regions")
    assert dice(run(snake), mask) > 0.98
    assert snake.steps < 40


@pytest.mark.parametrize("spacing", [UNIT, THICK])
@pytest.mark.parametrize(("radius", "push"), [(6.0, 1.0), (15.0, -0.7)])
def test_edges_stop_it_from_both_sides(spacing, radius, push):
    image, mask, start = organ(spacing, radius)
    assert dice(run(Snake(image, start, spacing, by="edges", push=push)), mask) > 0.94


def test_values_like_those_at_the_start_are_taken():
    image, mask, start = organ(UNIT, 6.0)
    assert dice(run(Snake(image, start, UNIT, by="alike")), mask) > 0.88


@pytest.mark.parametrize("spacing", [UNIT, THICK])
def test_without_a_force_it_stays(spacing):
    mask = ball(8, spacing, 4)
    level = LevelSet(mask, spacing)
    for _ in range(30):
        nothing = np.zeros(len(level.band), np.float32)
        level.move(nothing, nothing)
    assert np.array_equal(level.mask, mask)


@pytest.mark.parametrize("spacing", [UNIT, THICK])
def test_a_surface_moves_by_the_mm_it_is_told_to(spacing):
    mask = ball(8, spacing, 8)
    level, moved = LevelSet(mask, spacing), 0.0
    while moved < 6:
        band = len(level.band)
        moved += level.move(np.ones(band, np.float32), np.zeros(band, np.float32))
    assert dice(level.mask, away(mask.shape, spacing) <= 8 + moved) > 0.95
    assert (volume_of(level.mask, spacing) * 3 / (4 * np.pi)) ** (1 / 3) == pytest.approx(8 + moved, rel=0.02)


def test_curvature_makes_a_ball_smaller_at_the_known_pace():
    """The radius of a ball under its mean curvature (the sum of both) falls as sqrt(r² − 4·t)."""
    mask = ball(12, UNIT, 4)
    level, time = LevelSet(mask, UNIT), 0.0
    for _ in range(100):
        band = len(level.band)
        time += level.move(np.zeros(band, np.float32), np.ones(band, np.float32))
    radius = (level.mask.sum() * 3 / (4 * np.pi)) ** (1 / 3)
    assert radius == pytest.approx(np.sqrt(144 - 4 * time), rel=0.02)


def test_it_stays_in_its_box_and_may_lie_on_the_face_of_the_image():
    image = np.zeros((12, 20, 20), np.float32)
    image[:6, 5:15, 5:15] = 100
    start = np.zeros(image.shape, bool)
    start[:3, 8:12, 8:12] = True
    found = run(Snake(image, start, UNIT, by="regions", smoothness=0.1))
    assert dice(found, image > 0) > 0.93
    assert found[0, 10, 10]


def test_a_single_slice_is_enough():
    image = np.zeros((1, 40, 40), np.float32)
    image[:, 10:30, 10:30] = 100
    start = np.zeros(image.shape, bool)
    start[:, 17:23, 17:23] = True
    assert dice(run(Snake(image, start, UNIT, by="regions", smoothness=0.1)), image > 0) > 0.95


def test_a_step_can_be_taken_after_another_push():
    image, _, start = organ(UNIT, 8.0)
    snake = Snake(image, start, UNIT, by="edges", push=1.0)
    snake.step()
    grown = int(snake.mask.sum())
    snake.push = -1.0
    for _ in range(3):
        snake.step()
    assert int(start.sum()) < grown
    assert int(snake.mask.sum()) < grown


def test_what_shrinks_to_nothing_is_said():
    image, _, start = organ(UNIT, 4.0)
    snake = Snake(image, start, UNIT, by="edges", push=-1.0, smoothness=1.0)
    with pytest.raises(Refusal, match="shrunk to nothing"):
        run(snake, 200)


def test_bad_input_is_refused():
    image, _, start = organ(UNIT, 4.0)
    with pytest.raises(Refusal, match="empty here"):
        Snake(image, np.zeros_like(start), UNIT)
    with pytest.raises(Refusal, match="a single value"):
        Snake(np.ones_like(image), start, UNIT)
    image[3, 3, 3] = np.nan
    with pytest.raises(Refusal, match="no numbers"):
        Snake(image, start, UNIT)
