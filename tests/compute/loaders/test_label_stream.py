"""Labels between voxels: the same as by all channels at every place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.compute.loaders.preprocessing.label_stream import LabelStream, LinearHead
from viewer.compute.loaders.preprocessing.resize import SliceInterpolator
from viewer.compute.progress import Cancelled


def streamed(array: Any, places: Any, nearest: Any, step: int, head: LinearHead | None = None) -> Any:
    parts: list[Any] = []
    stream = LabelStream(array.shape[1:], places, nearest, lambda part, labels: parts.append((part, labels)), int)
    stream.head = head
    for start in range(0, array.shape[1], step):
        slab = array[:, start : start + step].copy()
        stream.take(slice(start, start + slab.shape[1]), slab)
        slab[:] = np.nan  # whoever gave it uses it again
    assert [part.start for part, _ in parts] == list(range(len(places[0])))
    return np.concatenate([labels for _, labels in parts])


def mixed(array: Any, places: Any, nearest: Any) -> Any:
    """All channels at every place, as an interpolator of images gives them."""
    slabs: list[Any] = []
    stream = SliceInterpolator(array.shape[1:], places, nearest, lambda _, slab: slabs.append(slab.copy()))
    stream.take(slice(0, array.shape[1]), array)
    return np.concatenate(slabs, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(1, 7)] * 3),
    st.tuples(*[st.integers(1, 12)] * 3),
    st.integers(1, 4),
    st.tuples(*[st.booleans()] * 3),
    st.integers(0, 2**32 - 1),
)
def test_labels_are_those_of_all_channels_mixed(shape: Any, wanted: Any, step: int, nearest: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = rng.normal(size=(4, *shape)).astype(np.float32)
    array[:, : shape[0] // 2] = array[:, :1, :1, :1]  # a part that is of one label
    places = tuple(np.sort(rng.uniform(-1, n, m)) for n, m in zip(shape, wanted, strict=True))
    assert np.array_equal(streamed(array, places, nearest, step), mixed(array, places, nearest).argmax(0))


@pytest.mark.parametrize("points", [7, 1 << 15])
def test_a_last_layer_after_mixing_is_the_same_as_before(points: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.compute.loaders.preprocessing.label_stream.POINTS", points)
    rng = np.random.default_rng(3)
    features = rng.normal(size=(5, 6, 8, 7)).astype(np.float32)
    head = LinearHead(rng.normal(size=(30, 5)).astype(np.float32), rng.normal(size=30).astype(np.float32))
    channels = np.einsum("cf,fkji->ckji", head.weights, features) + head.bias[:, None, None, None]
    places = (np.linspace(0, 5, 11), np.linspace(-0.3, 7, 17), np.linspace(0.2, 6.5, 9))
    found = streamed(features, places, (False,) * 3, 2, head)
    every = mixed(channels.astype(np.float32), places, (False,) * 3)
    assert len(np.unique(found)) > 5
    best, second = np.sort(every, 0)[:-3:-1]
    clear = best - second > 1e-4
    assert clear.mean() > 0.99
    assert np.array_equal(found[clear], every.argmax(0)[clear])


def test_a_cancel_is_heard_at_every_slice() -> None:
    def heed() -> None:
        raise Cancelled

    stream = LabelStream((2, 2, 2), (np.arange(2.0),) * 3, (False,) * 3, lambda *_: None, heed)
    with pytest.raises(Cancelled):
        stream.take(slice(0, 2), np.zeros((3, 2, 2, 2), np.float32))
