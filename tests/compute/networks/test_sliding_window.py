"""Networks over images of any size, and what happens where memory is short."""

from __future__ import annotations

import logging
import threading
import time
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import Capped, Mean
from numpy.typing import NDArray

from viewer.compute.engine.job import Job
from viewer.compute.networks.blend import cut_axis, sliding_axis
from viewer.compute.networks.network import DeviceLost, Stopped
from viewer.compute.networks.sliding_window import tiles
from viewer.compute.progress import Cancelled, NetworkRun, Refusal


def image(shape: tuple[int, int, int], seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(10, 3, shape).astype(np.float32)


def run(net: Any, values: NDArray[np.float32], job: Job | None = None, **options: Any) -> NDArray[np.float32]:
    """The result in one piece; slices come in order, each once."""
    slices: list[NDArray[np.float32]] = []

    def write(where: slice, result: NDArray[np.float32]) -> None:
        assert where.start == sum(part.shape[1] for part in slices)
        assert result.shape[1:] == (where.stop - where.start, *values.shape[1:])
        slices.append(result)

    tiles(net, values.shape, job or Job(), read=lambda box: values[None, *box], write=write, **options)  # type: ignore[arg-type]
    return np.concatenate(slices, axis=1)


def whole(net: Any, values: NDArray[np.float32], multiple: int = 8) -> NDArray[np.float32]:
    """What the network gives in one piece, the image grown to the multiple."""
    pad = [(0, -size % multiple) for size in values.shape]
    grown = values
    for axis, (_, more) in enumerate(pad):
        here = [(0, more if n == axis else 0) for n in range(3)]
        grown = np.pad(grown, here, mode="reflect" if more < values.shape[axis] else "edge")
    k, j, i = values.shape
    return net(grown[None, None])[0][:, :k, :j, :i]


sizes = st.tuples(*[st.integers(1, 56)] * 3)


@settings(max_examples=40, deadline=None)
@given(
    shape=sizes,
    side=st.tuples(*[st.integers(24, 48)] * 3),
    halo=st.integers(2, 8),
    multiple=st.sampled_from([2, 4, 8]),
    seed=st.integers(0, 9),
)
def test_tiles_give_what_one_piece_gives(
    shape: tuple[int, int, int], side: tuple[int, int, int], halo: int, multiple: int, seed: int
) -> None:
    values = image(shape, seed)
    reach = (2 * halo) // 3 - 1
    got = run(Mean(reach), values, tile=side, halo=halo, multiple=multiple)
    np.testing.assert_allclose(got, whole(Mean(reach), values, multiple), rtol=1e-4, atol=1e-4)


@given(length=st.integers(1, 700), side=st.integers(1, 128), halo=st.integers(0, 24), multiple=st.integers(1, 16))
def test_an_axis_is_covered_with_weights_that_sum_to_one(length: int, side: int, halo: int, multiple: int) -> None:
    try:
        axis = cut_axis(length, side, halo, multiple)
    except ValueError:
        assert side <= 2 * halo + 2 * multiple
        return
    assert axis.side <= -(-side // multiple) * multiple
    total = np.zeros(axis.starts[-1] + axis.side)
    for start, weights in zip(axis.starts, axis.weights, strict=True):
        assert start % multiple == 0
        assert start < length
        assert weights.min() >= 0
        total[start : start + axis.side] += weights
    assert len(total) == -(-length // multiple) * multiple
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_what_reaches_farther_is_faded_not_cut() -> None:
    """A tile that differs from its neighbour by a constant leaves no step larger than one of the fade's."""

    class Numbered(Mean):
        def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            self.seen.append(batch.shape)
            return np.full_like(batch, len(self.seen))

    got = run(Numbered(), np.zeros((8, 8, 80), np.float32), tile=(8, 8, 56), halo=12)[0, 0, 0]
    assert got[0] == 1
    assert got[-1] == 2
    assert 0 < np.diff(got).max() < 0.25


def test_progress_stage_and_cancel() -> None:
    told: list[float] = []
    net = Mean()
    job = Job(tell=lambda fraction, _: told.append(fraction), cancelled=lambda: len(net.seen) >= 5)
    with pytest.raises(Cancelled):
        run(net, image((56, 56, 56)), job, tile=(32, 32, 32), halo=4, span=(0.5, 0.9), text="thinking")
    assert len(net.seen) == 5
    assert told[0] <= 0.5
    assert list(job.stages) == ["thinking (8 tiles)"]
    whole_job = Job(tell=lambda fraction, _: told.append(fraction))
    run(Mean(), image((56, 56, 56)), whole_job, tile=(32, 32, 32), halo=4, span=(0.5, 0.9))
    assert told[-1] <= 0.9


def walked(net: Capped) -> list[tuple[str, str, int]]:
    """Every rung that was stood on: device, precision, largest side seen there (0 where nothing fitted)."""
    rungs = []
    while net:
        rungs.append((net.device, net.precision, max((max(shape[2:]) for shape in net.seen if shape), default=0)))
        net = net.next  # type: ignore[assignment]
    return rungs


@pytest.mark.parametrize(
    ("room", "rungs"),
    [
        (96 * 24 * 96, [("cuda:0", "float32", 96)]),
        (64 * 24 * 64, [("cuda:0", "float32", 64)]),
        (48 * 24 * 48, [("cuda:0", "float32", 48)]),
        (48 * 24 * 48 // 2, [("cuda:0", "float32", 0), ("cuda:0", "bfloat16", 48)]),
        (1000, [("cuda:0", "float32", 0), ("cuda:0", "bfloat16", 0), ("cpu", "float32", 96)]),
    ],
)
def test_the_ladder_walks_down_and_gives_the_same(
    room: int, rungs: list[tuple[str, str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    values = image((96, 24, 168))
    net = Capped(room)
    job = Job(device="cuda:0")
    job.used = NetworkRun("m", "s", net.engine, net.precision, net.device)
    with caplog.at_level(logging.WARNING):
        got = run(net, values, job)
    assert walked(net) == rungs
    np.testing.assert_allclose(got, whole(Mean(), values), rtol=1e-4, atol=1e-4)
    assert (job.used.device, job.used.precision) == rungs[-1][:2]
    assert ("out of memory" in caplog.text) == (rungs != [("cuda:0", "float32", 96)])


def test_tiles_done_before_memory_ran_short_stay() -> None:
    class Shrinking(Capped):
        def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            self.room = 64 * 24 * 64 if len(self.seen) > 2 else 96 * 24 * 96
            return super().__call__(batch)

    values = image((96, 24, 400))
    net = Shrinking(0)
    np.testing.assert_allclose(run(net, values), whole(Mean(), values), rtol=1e-4, atol=1e-4)
    assert [shape[2:] for shape in net.seen[:3]] == [(96, 24, 88)] * 3
    assert () in net.seen


def test_the_ladder_ends_in_a_memory_error() -> None:
    with pytest.raises(MemoryError):
        run(Capped(10, spare=10), image((50, 50, 50)))


def test_a_lost_device_is_one_sentence() -> None:
    class Lost(Mean):
        def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            raise DeviceLost("cuda:0")

    with pytest.raises(Refusal, match="cuda:0 stopped working"):
        run(Lost(), image((8, 8, 8)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(value: float) -> None:
    values = image((30, 30, 30))
    values[20, 3, 3] = value
    with pytest.raises(Refusal, match="not numbers"):
        run(Mean(), values)


def test_a_network_that_changes_the_size_is_refused() -> None:
    class Half(Mean):
        def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            return batch[..., ::2]

    with pytest.raises(Refusal, match="8×8×4 voxels of 8×8×8"):
        run(Half(), image((8, 8, 8)))


def test_a_halo_that_leaves_nothing_is_the_plugins_fault() -> None:
    with pytest.raises(ValueError, match="halo of 12"):
        run(Mean(), image((50, 50, 50)), tile=(24, 24, 24), halo=12)


@pytest.mark.parametrize("shape", [(1, 40, 33), (1, 1, 1), (3, 200, 2)])
def test_thin_and_constant_images(shape: tuple[int, int, int]) -> None:
    values = np.full(shape, 7, np.float32)
    assert np.allclose(run(Mean(), values, tile=(32, 32, 32), halo=4)[1], 56)


def test_thousands_of_slices_take_the_memory_of_one_row() -> None:
    """Nothing but the row's sums is held: what is read and written is made and dropped slice by slice."""
    import tracemalloc

    written = [0]

    def write(where: slice, result: NDArray[np.float32]) -> None:
        written[0] += where.stop - where.start
        assert np.isfinite(result).all()

    def read(box: tuple[slice, slice, slice]) -> NDArray[np.float32]:
        return np.ones((1, *(part.stop - part.start for part in box)), np.float32)

    class Same(Mean):
        def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            return batch

    tracemalloc.start()
    tiles(Same(), (3000, 64, 64), Job(), read=read, write=write)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written == [3000]
    assert peak < 10 * 96 * 64 * 64 * 4  # the whole image is 31 times a row


@given(side=st.integers(2, 60), more=st.integers(0, 200))
def test_sliding_tiles_overlap_by_half_and_weigh_one(side: int, more: int) -> None:
    axis = sliding_axis(side + more, side)
    assert axis.side == side
    assert axis.starts[0] == 0
    assert axis.starts[-1] == more
    assert all(0 < after - before <= -(-side // 2) for before, after in pairwise(axis.starts))
    total = np.zeros(axis.length)
    for start, row in zip(axis.starts, axis.weights, strict=True):
        total[start : start + side] += row
    assert np.allclose(total, 1, atol=1e-5)


def test_sliding_tiles_begin_where_nnunet_lets_them_begin() -> None:
    """The example in its sources: 110 voxels, patches of 64, steps of a half."""
    assert sliding_axis(110, 64).starts == (0, 23, 46)
    assert sliding_axis(64, 64).starts == (0,)


def test_sliding_tiles_are_all_of_one_size() -> None:
    values, net = image((40, 32, 50)), Mean(0)
    found = run(net, values, tile=(32, 32, 24), halo=None, multiple=2)
    assert np.allclose(found[0], values, atol=1e-4)
    assert set(net.seen) == {(1, 1, 32, 32, 24)}


def test_sliding_tiles_get_smaller_where_memory_is_short() -> None:
    """A tile of 112 in parts whose sides a network with strides of 16 takes."""
    values, net = image((112, 112, 112)), Capped(96**3)
    found = run(net, values, tile=(112, 112, 112), halo=None, multiple=16)
    assert np.allclose(found[0], whole(Mean(), values, 16)[0], atol=1e-3)
    assert set(net.seen) == {(), (1, 1, 96, 96, 96)}


def blended_before(net: Any, values: NDArray[np.float32], axes: Any) -> NDArray[np.float32]:
    """The sums of the whole volume, all weighted results added in the order of the tiles."""
    total: Any = None
    for tile in product(*(range(len(axis.starts)) for axis in axes)):
        box = tuple(axis.inside(n) for axis, n in zip(axes, tile, strict=True))
        result = net(values[None, None, *box])[0]
        k, j, i = (axis.weights[n] for axis, n in zip(axes, tile, strict=True))
        total = np.zeros((len(result), *values.shape), np.float32) if total is None else total
        total[:, *box] += result * (k[:, None, None] * j[:, None] * i)
    return np.asarray(total)


@pytest.mark.parametrize("room", [1, 1 << 30])
def test_sums_by_slabs_are_those_of_the_whole_volume_bit_for_bit(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.compute.networks.blend.ROOM", room)
    values = image((70, 40, 52), seed=5)
    axes = tuple(sliding_axis(length, side) for length, side in zip(values.shape, (32, 24, 28), strict=True))
    assert min(len(axis.starts) for axis in axes) > 2
    found = run(Mean(), values, tile=(32, 24, 28), halo=None, multiple=2)
    assert np.array_equal(found, blended_before(Mean(), values, axes))


def test_many_classes_take_the_sums_of_one_row_once() -> None:
    """Neither a second copy of the sums nor a weighted copy of a whole tile."""
    import tracemalloc

    class Classes(Mean):
        def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.broadcast_to(batch[0, :1], (60, *batch.shape[2:]))[None]

    def read(box: tuple[slice, slice, slice]) -> NDArray[np.float32]:
        return np.ones((1, *(part.stop - part.start for part in box)), np.float32)

    row = 60 * 32 * 48 * 48 * 4
    tracemalloc.start()
    tiles(Classes(), (96, 48, 48), Job(), read=read, write=lambda *_: None, tile=(32, 48, 48), halo=None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert row < peak < 2.1 * row  # the slices that are given on are as many again, at most


def test_a_cancel_takes_effect_within_a_tile() -> None:
    """A network that can be stopped is, and is not waited for longer than it takes a person to wonder."""

    class Slow(Mean):
        stopped, stoppable, spent = threading.Event(), True, False

        def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            if self.stopped.wait(30):
                raise Stopped
            return super().__call__(batch)

        def stop(self) -> None:
            self.stopped.set()

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        run(Slow(), image((16, 16, 16)), Job(cancelled=lambda: time.monotonic() > begun + 0.3))
    assert time.monotonic() - begun < 5
