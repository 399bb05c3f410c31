"""A head that is cut off, and an atlas that lies on a head as it cannot, are refused; a whole head is not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from plugins.segment_brain.head_image import coarse_grid, shown_box
from plugins.segment_brain.plausibility import CUT, STRETCH, TOLD, check_fit, check_whole, cut_areas
from viewer.api import Grid, Refusal, Volume

FINE = Grid.of((100, 120, 110))  # of a ball of a radius of 40 mm
GRID = coarse_grid(FINE)


def ball(grid: Grid) -> np.ndarray:
    places = grid.to_world(np.argwhere(np.ones(grid.shape, bool)))
    return (np.linalg.norm(places - FINE.centre, axis=1) < 40).reshape(grid.shape)


def image(lost: int = 0, grid: Grid = FINE) -> Volume:
    """Noise all over, of which the first slices are filled up."""
    values = np.random.default_rng(0).integers(1, 100, grid.shape).astype(np.int16)
    values[:lost] = 0
    return Volume(values, grid)


def test_what_was_filled_up_at_the_ends_is_not_shown():
    assert shown_box(image().array) == (slice(0, 100), slice(0, 120), slice(0, 110))
    assert shown_box(image(7).array) == (slice(7, 100), slice(0, 120), slice(0, 110))
    padded = np.pad(image().array, ((0, 3), (2, 0), (1, 4)), constant_values=-5)
    assert shown_box(padded) == (slice(0, 100), slice(2, 122), slice(1, 111))


def test_a_brain_that_the_image_cuts_is_refused_with_the_area():
    check_whole(ball(GRID), GRID, image())
    check_whole(ball(GRID), GRID, image(8))  # nothing of it is lost
    with pytest.raises(Refusal, match=r"the image ends within the brain, over [45]. cm²"):
        check_whole(ball(GRID), GRID, image(50))


def test_the_area_is_that_of_the_section_on_any_grid():
    section = np.pi * 40**2 / 100
    areas = cut_areas(ball(GRID), GRID, FINE, (slice(50, 100), slice(0, 120), slice(0, 110)))
    assert areas[0] == pytest.approx(section, rel=0.03)
    assert max(areas[1:]) == 0
    turned = Grid.of((110, 120, 20), (1.0, 1.0, 5.0), FINE.origin, FINE.direction[:, ::-1])
    areas = cut_areas(ball(GRID), GRID, turned, (slice(0, 110), slice(0, 120), slice(10, 20)))
    assert areas[2] == pytest.approx(section, rel=0.03)
    assert section > CUT


@pytest.mark.parametrize(
    ("change", "told", "words"),
    [
        (np.eye(3), TOLD + 0.01, ""),
        (np.diag([1.0, 1.0, 0.8 * STRETCH]), 1.0, ""),
        (np.diag([1.0, 1.0, STRETCH + 0.1]), 1.0, "stretched 1.35-fold"),
        (np.eye(3), TOLD - 0.01, "do not tell the tissues of a brain apart"),
    ],
)
def test_an_atlas_that_lies_as_it_cannot_is_refused(change, told, words):
    placement = SimpleNamespace(change=torch.tensor(change))
    adapted = SimpleNamespace(placement=placement, information=lambda values, where: told)
    if not words:
        check_fit(adapted, torch.zeros(1), torch.zeros(1, 3))
        return
    with pytest.raises(Refusal, match=words):
        check_fit(adapted, torch.zeros(1), torch.zeros(1, 3))
