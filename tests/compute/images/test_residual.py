from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from viewer.compute.images.residual import SLICES, residual
from viewer.data.annotations.region import Region
from viewer.data.grid import Grid
from viewer.data.volume import Volume

GRID = Grid.of((24, 96, 96), (2.0, 1.0, 1.0))
SIGMA = 20.0


@pytest.fixture(scope="module")
def clean():
    """Balls of 300 in a body of 100 in air of −1000."""
    rng = np.random.default_rng(1)
    _, j, i = np.indices(GRID.shape)
    array = np.where((j - 48) ** 2 + (i - 48) ** 2 < 42**2, 100.0, -1000.0)
    for y, x in rng.uniform(20, 76, (12, 2)):
        array[(j - y) ** 2 + (i - x) ** 2 < 36] = 300
    return ndimage.gaussian_filter(array, 0.8)


@pytest.fixture(scope="module")
def noisy(clean):
    return clean + np.random.default_rng(2).normal(0, SIGMA, clean.shape)


def volume(array):
    return Volume(array.astype(np.float32), GRID, unit="HU")


def test_pure_noise_taken_away_raises_no_doubt(clean, noisy):
    found = residual(volume(clean), volume(noisy))
    assert found.sd == pytest.approx(SIGMA, rel=0.02)
    assert abs(found.mean) < 0.02 * SIGMA
    assert found.outliers == pytest.approx(0.0027, abs=0.0008)
    assert found.structure == pytest.approx(1, abs=0.05)
    assert not found.biased
    assert not found.structured
    assert found.counts.sum() == pytest.approx(found.voxels, rel=0.002)
    assert found.edges[0] == -found.edges[-1]
    assert -1000 < found.background < 100
    assert found.slices == (24, 24)


def test_edges_smoothed_away_are_found(noisy):
    smoothed = ndimage.gaussian_filter(noisy, (0, 1.2, 1.2))
    found = residual(volume(smoothed), volume(noisy))
    assert found.structured
    assert found.structure > 1.5


def test_a_shift_of_the_values_is_found(clean, noisy):
    found = residual(volume(clean + 0.3 * SIGMA), volume(noisy))
    assert found.mean == pytest.approx(0.3 * SIGMA, rel=0.05)
    assert found.biased
    assert not found.structured


def test_in_a_region_only_its_voxels_count(clean, noisy):
    centre = GRID.to_world((10, 48, 48))
    drawn = Region("box", tuple(map(float, centre)), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (12.2, 10.2), 1.0)
    found = residual(volume(clean), volume(noisy), drawn)
    part = (clean - noisy)[10, 38:59, 36:61]
    assert found.voxels == part.size
    assert found.mean == pytest.approx(part.mean(), rel=1e-3)
    assert found.sd == pytest.approx(part.std(), rel=1e-3)
    assert found.background is None
    assert found.structure is not None
    assert residual(volume(clean), volume(noisy), drawn.moved((0, 0, 2))).mean != found.mean
    with pytest.raises(ValueError, match="draw the region within"):
        residual(volume(clean), volume(noisy), drawn.moved((500, 0, 0)))


def test_few_voxels_tell_no_structure(clean, noisy):
    centre = tuple(map(float, GRID.to_world((10, 48, 48))))
    drawn = Region("ellipse", centre, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (5.0, 5.0), 1.0)
    assert residual(volume(clean), volume(noisy), drawn).structure is None


def test_nothing_changed(noisy):
    found = residual(volume(noisy), volume(noisy))
    assert (found.mean, found.sd, found.outliers) == (0, 0, 0)
    assert not found.biased
    assert not found.structured


def test_a_constant_image_has_no_background():
    flat = volume(np.full(GRID.shape, 7.0))
    found = residual(flat, flat)
    assert found.background is None
    assert found.voxels == flat.array.size


def test_integers_of_a_scale_are_measured_in_the_unit(clean, noisy):
    stored = [Volume(np.rint(one / 2).astype(np.int16), GRID, slope=2.0) for one in (clean, noisy)]
    assert residual(*stored).sd == pytest.approx(SIGMA, rel=0.02)


def test_many_slices_are_measured_in_part_and_it_says_so():
    grid = Grid.of((3 * SLICES, 8, 8))
    rng = np.random.default_rng(0)
    before, after = (Volume(rng.normal(0, 1, grid.shape).astype(np.float32), grid) for _ in range(2))
    steps = []
    found = residual(after, before, progress=steps.append)
    assert found.slices == (SLICES, 3 * SLICES)
    assert steps == sorted(steps)
    assert steps[-1] == 1


def test_other_grids_and_colour_are_refused(clean):
    other = Volume(np.zeros((4, 4, 4), np.float32), Grid.of((4, 4, 4)))
    with pytest.raises(ValueError, match="no difference"):
        residual(volume(clean), other)


@pytest.mark.parametrize(("slope", "spread"), [(1.0, 3.0), (2.0, 300.0), (0.5, 4.0)])
def test_bins_hold_equally_many_steps_of_integers(slope, spread):
    before = np.zeros((8, 64, 64), np.int16)
    after = np.rint(np.random.default_rng(4).normal(0, spread, before.shape)).astype(np.int16)
    grid = Grid.of(before.shape)
    found = residual(*(Volume(one, grid, slope=slope) for one in (after, before)))
    widths = np.diff(found.edges) / slope
    assert widths == pytest.approx(np.full(len(widths), round(widths[0])))
    assert found.edges[0] == pytest.approx(-found.edges[-1])
    middle = len(found.counts) // 2
    assert abs(found.counts[middle] - found.counts[middle + 1]) < 0.3 * found.counts[middle]
    assert found.counts.sum() > 0.997 * after.size
