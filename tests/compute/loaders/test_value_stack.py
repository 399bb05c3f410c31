"""Images by slices: as skimage resamples them in one piece, and as numpy finds what is not empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage.transform import resize

from viewer.compute.loaders.preprocessing.orientation import Reorientation
from viewer.compute.loaders.preprocessing.value_stack import NormalizedStack, ValueStack, resized, value_box
from viewer.data.box import whole_box
from viewer.data.grid import Grid
from viewer.data.volume import Volume

SHAPE = (14, 19, 11)


def values(seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 100, SHAPE).astype(np.float32)


def stack(array: Any) -> NormalizedStack:
    return NormalizedStack(array.shape, lambda k: array[k].copy())


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("shape", [(7, 10, 6), (29, 19, 25), (14, 8, 11), SHAPE])
def test_slices_are_resampled_as_in_one_piece(shape: tuple[int, ...], order: int) -> None:
    array = values()
    expected = resize(array.astype(float), shape, order, mode="edge", anti_aliasing=False)
    found = resized(stack(array), shape, order, None)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_axis_by_itself(axis: int) -> None:
    """Slice by slice across it, each in its own range of values; the nearest slice along it."""
    array, shape = values(1), (9, 13, 22)
    moved, wanted = np.moveaxis(array, axis, 0), np.moveaxis(np.empty(shape), axis, 0).shape
    slices = [resize(one.astype(float), wanted[1:], 3, mode="edge", anti_aliasing=False) for one in moved]
    nearest = np.floor((np.arange(wanted[0]) + 0.5) * len(moved) / wanted[0] - 0.5 + 0.5).astype(int)
    expected = np.moveaxis(np.stack(slices)[np.clip(nearest, 0, len(moved) - 1)], 0, axis)
    assert np.allclose(resized(stack(array), shape, 3, axis), expected, atol=2e-3)


def test_stored_values_become_physical_ones_along_the_models_axes() -> None:
    stored = np.random.default_rng(2).integers(-1000, 1000, SHAPE).astype(np.int16)
    volume = Volume(stored, Grid.of(SHAPE, (1, 1, 1)), slope=2.0, intercept=-10.0)
    turn = Reorientation((2, 0, 1), (0, 2))
    heard: list[int] = []
    made = ValueStack(volume, turn, lambda: heard.append(1))
    expected = turn.apply(volume.values())
    assert made.shape == expected.shape
    box = (slice(1, 5), slice(2, 9), slice(0, 7))
    assert np.array_equal(np.stack([made[k, box] for k in range(1, 5)]), expected[box])
    assert len(heard) == 4


def test_the_box_around_what_is_chosen_in_any_image() -> None:
    one, other = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    one[3, 4, 5], other[8, 2, 5] = 1, 2
    stacks = [ValueStack(Volume(a, Grid.of(SHAPE, (1, 1, 1))), Reorientation(), lambda: None) for a in (one, other)]
    assert value_box(stacks, lambda a: a > 0) == (slice(3, 9), slice(2, 5), slice(5, 6))
    assert value_box(stacks, lambda a: a > 5) == whole_box(SHAPE)
