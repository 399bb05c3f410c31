from __future__ import annotations

from math import prod

import numpy as np
import pytest
from any_grid import grids
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.render.volumes import downsampling as module
from viewer.render.volumes.downsampling import Limits, factors, limits, reduce, reduced_grid


def run(volume, by):
    steps, count = reduce(volume, by), 0
    try:
        while True:
            next(steps)
            count += 1
    except StopIteration as end:
        return end.value, count


@given(grids(), st.integers(1, 30), st.integers(1, 20000))
def test_the_limits_are_kept_and_no_direction_vanishes(grid, side, voxels):
    shape = [n // f for n, f in zip(grid.shape, factors(grid, Limits(side, voxels)), strict=True)]
    assert max(shape) <= side
    assert prod(shape) <= voxels
    assert min(shape) >= 1


def test_the_finest_directions_give_way_first():
    assert factors(Grid.of((100, 512, 512), (2.5, 0.9, 0.9)), Limits(4096, 7_000_000)) == (1, 2, 2)


def test_a_chest_ct_stays_within_the_budget_on_the_processor():
    for slices in (100, 400):
        volume = Volume(np.empty((slices, 512, 512), np.int16), Grid.of((slices, 512, 512), (1, 0.8, 0.8)))
        shape = reduced_grid(volume.grid, factors(volume.grid, limits(volume, software=True, side=512))).shape
        extra = prod(shape) * (2 + module.SHADING)
        assert extra <= 0.6 * volume.array.nbytes


def test_a_small_volume_is_used_as_it_is():
    volume = Volume(np.zeros((64, 64, 64), np.int16), Grid.of((64, 64, 64)))
    assert factors(volume.grid, limits(volume, software=True, side=512)) == (1, 1, 1)
    assert run(volume, (1, 1, 1)) == (volume, 0)


def test_a_card_is_limited_by_its_textures():
    volume = Volume(np.zeros((8, 300, 100), np.int16), Grid.of((8, 300, 100)))
    assert factors(volume.grid, limits(volume, software=False, side=128)) == (1, 3, 1)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_blocks_become_their_means(dtype):
    array = np.random.default_rng(1).integers(0, 200, (7, 8, 9)).astype(dtype)
    out, steps = run(Volume(array, Grid.of(array.shape)), (2, 1, 3))
    wanted = array[:6].reshape(3, 2, 8, 1, 3, 3).mean(axis=(1, 3, 5))
    assert np.abs(out.array - wanted).max() <= 0.5
    assert out.array.dtype == dtype
    assert steps >= 3


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_other_types_become_16_bits_with_their_values_kept(dtype):
    array = (np.random.default_rng(1).random((4, 5, 6)) * 5000 - 2000).astype(dtype)
    if array.dtype.kind == "f":
        array[0, 0, :3] = np.nan, np.inf, -np.inf
    out, _ = run(Volume(array, Grid.of(array.shape), slope=2.0, intercept=-7.0), (1, 1, 1))
    assert out.array.dtype == np.uint16
    finite = np.isfinite(array)
    assert out.values()[finite] == pytest.approx(array[finite] * 2.0 - 7.0, abs=0.2)


def test_nothing_finite_is_still_a_volume():
    out, _ = run(Volume(np.full((2, 2, 2), np.nan, np.float32), Grid.of((2, 2, 2))), (1, 1, 1))
    assert (out.array == 0).all()


@given(grids())
def test_the_means_lie_where_their_blocks_lay(grid):
    by = tuple(min(2, n) for n in grid.shape)
    small = reduced_grid(grid, by)
    block = grid.to_world(np.moveaxis(np.indices(by), 0, -1).reshape(-1, 3)).mean(axis=0)
    assert small.to_world((0, 0, 0)) == pytest.approx(block, abs=1e-6)
    assert small.spacing == pytest.approx(grid.spacing * by)
