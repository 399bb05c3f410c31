from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from viewer.compute.images.detail_retention import contrast_retention, edge_retention
from viewer.data.grid import Grid
from viewer.data.volume import Volume

GRID = Grid.of((40, 60, 60), (1.5, 1.0, 1.0))
BALLS = {1: ((20, 20, 20), 6.0, 80.0), 2: ((22, 40, 38), 4.0, -60.0)}  # label: centre, radius in mm, contrast


@pytest.fixture(scope="module")
def truth():
    """A body of 200 with balls of known contrast, and their labels."""
    values, labels = np.full(GRID.shape, 200.0, np.float32), np.zeros(GRID.shape, np.uint8)
    world = GRID.to_world(np.moveaxis(np.indices(GRID.shape), 0, -1))
    for label, (centre, radius, contrast) in BALLS.items():
        ball = np.linalg.norm(world - GRID.to_world(centre), axis=-1) <= radius
        values[ball] += contrast
        labels[ball] = label
    return values, labels


def volume(values):
    return Volume(np.asarray(values, np.float32), GRID)


def test_the_truth_keeps_all_of_itself(truth):
    values, labels = truth
    found = contrast_retention(volume(values), volume(values), labels)
    assert [one.label for one in found] == [1, 2]
    for one, (_, radius, contrast) in zip(found, BALLS.values(), strict=True):
        assert one.retention == pytest.approx(1)
        assert one.reference == pytest.approx(contrast, rel=1e-4)
        assert one.diameter == pytest.approx(2 * radius, rel=0.06)
    assert edge_retention(volume(values), volume(values)) == pytest.approx(1)


@pytest.mark.parametrize("part", [0.3, 0.8])
def test_contrast_and_edges_halved_are_measured_as_such(truth, part):
    values, labels = truth
    dull = 200 + part * (values - 200) + 15
    assert [one.retention for one in contrast_retention(volume(values), volume(dull), labels)] == pytest.approx(
        [part] * 2
    )
    assert edge_retention(volume(values), volume(dull)) == pytest.approx(part, rel=1e-3)


def test_smoothing_costs_edges_and_noise_does_not(truth):
    values, labels = truth
    smooth = volume(ndimage.gaussian_filter(values, 1.5))
    noisy = volume(values + np.random.default_rng(1).normal(0, 20, values.shape))
    assert edge_retention(volume(values), smooth) < 0.6
    assert edge_retention(volume(values), noisy) == pytest.approx(1, abs=0.08)
    large, small = contrast_retention(volume(values), smooth, labels)
    assert small.retention < large.retention < 0.95


def test_lesions_without_surroundings_are_left_out(truth):
    values, _ = truth
    assert contrast_retention(volume(values), volume(values), np.ones(GRID.shape, np.uint8)) == []


def test_other_grids_are_refused(truth):
    values, labels = truth
    other = Volume(values, Grid.of(GRID.shape, (1.5, 1, 1), (3, 0, 0)))
    with pytest.raises(ValueError, match="grid"):
        contrast_retention(volume(values), other, labels)
