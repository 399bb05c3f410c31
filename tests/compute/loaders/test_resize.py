from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from viewer.compute.loaders.preprocessing.resize import SliceInterpolator, interpolate_axis


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2), st.integers(0, 2**32 - 1))
def test_along_an_axis_as_scipy_does(length: int, wanted: int, axis: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = [3, 4, 2]
    shape[axis] = length
    array = rng.normal(size=shape).astype(np.float32)
    places = np.sort(rng.uniform(-2, length + 1, wanted))
    shape[axis] = wanted
    index = np.indices(shape).astype(float)
    index[axis] = places.reshape([wanted if n == axis else 1 for n in range(3)])
    expected = map_coordinates(array, index, order=1, mode="nearest")
    assert np.allclose(interpolate_axis(array, axis, places), expected, atol=1e-5)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 7), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_stream_gives_the_same_as_all_at_once(length: int, wanted: int, step: int, nearest: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = rng.normal(size=(2, length, 4, 5)).astype(np.float32)
    places = (np.sort(rng.uniform(-1, length, wanted)), np.linspace(0, 3, 6), np.linspace(0, 4, 3))
    given_on: list[tuple[slice, np.ndarray]] = []
    stream = SliceInterpolator(
        (length, 4, 5), places, (nearest, False, False), lambda part, slab: given_on.append((part, slab.copy()))
    )
    for start in range(0, length, step):
        slab = array[:, start : start + step].copy()
        stream.take(slice(start, start + slab.shape[1]), slab)
        slab[:] = np.nan  # whoever gave it uses it again
    assert [part.start for part, _ in given_on] == [0, *(part.stop for part, _ in given_on)][:-1]
    found = np.concatenate([slab for _, slab in given_on], 1)
    expected = interpolate_axis(array, 1, places[0], nearest)
    for axis in (1, 2):
        expected = interpolate_axis(expected, axis + 1, places[axis])
    assert found.shape == expected.shape
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("room", [1, 1 << 30])
def test_it_holds_few_slices(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.compute.loaders.preprocessing.resize.ROOM", room)
    sizes: list[int] = []
    places = (np.arange(100) / 4.0, np.arange(4.0), np.arange(5.0))
    stream = SliceInterpolator((25, 4, 5), places, (False,) * 3, lambda part, _: sizes.append(part.stop - part.start))
    for k in range(25):
        stream.take(slice(k, k + 1), np.zeros((2, 1, 4, 5), np.float32))
        assert stream._held is not None
        assert stream._held.shape[1] <= 2
    assert sum(sizes) == 100
    assert max(sizes) <= (1 if room == 1 else 8)
