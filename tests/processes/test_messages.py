from __future__ import annotations

import os
from pickle import PicklingError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.processes import messages
from viewer.processes.shared_array import FOLDER, PREFIX, create_shared


def segments() -> set[str]:
    return {path.name for path in FOLDER.glob(f"{PREFIX}{os.getpid()}-*")}


@given(
    hnp.arrays(st.sampled_from([np.int16, np.uint8, np.float32, np.bool_, np.complex64]), hnp.array_shapes(min_side=0)),
    st.integers(0, 2),
)
def test_values_arrive_as_they_were(small: np.ndarray[Any, Any], turns: int) -> None:
    large = np.resize(small, (40, 50, 60)) if small.size else np.zeros((40, 50, 60))
    value = {"one": (np.rot90(large, turns), small), "two": [np.asfortranarray(large), "text", None]}
    data, kept = messages.lend(value)
    there = messages.borrow(data)
    np.testing.assert_array_equal(there["one"][0], value["one"][0])
    assert there["one"][1].dtype == small.dtype
    np.testing.assert_array_equal(there["two"][0], large)
    assert len(data) < 64 * 1024
    del kept, there
    back = messages.take(messages.give(value))
    np.testing.assert_array_equal(back["one"][0], value["one"][0])


def test_a_shared_array_is_not_copied_and_one_that_occurs_twice_is_one() -> None:
    array, handle = create_shared((64, 64, 64), np.int16)
    before = segments()
    volume = Volume(array, Grid.of(array.shape))
    data, _kept = messages.lend((volume, array))
    assert segments() == before
    there, again = messages.borrow(data)
    assert there.array is again
    array[1, 2, 3] = 7
    assert there.array[1, 2, 3] == 7
    with pytest.raises(ValueError, match="read-only"):
        there.array[0] = 1
    assert handle.name in before


def test_lent_and_given_segments_go_with_their_owner() -> None:
    before = segments()
    data, kept = messages.lend(np.ones(100_000))
    assert len(segments() - before) == 1
    del kept
    assert segments() == before
    taken = messages.take(messages.give([np.ones(100_000)]))
    assert len(segments() - before) == 1
    taken[0][0] = 2
    del taken
    assert segments() == before
    with pytest.raises(FileNotFoundError):
        messages.borrow(data)


def test_what_cannot_be_given_leaves_no_segment() -> None:
    before = segments()
    with pytest.raises((PicklingError, TypeError, AttributeError)):  # pickle's own choice
        messages.give((np.ones(100_000), lambda: None))
    assert segments() == before


def test_a_result_made_of_an_input_is_a_copy_of_its_own() -> None:
    array, _ = create_shared((100_000,), np.int16)
    taken = messages.take(messages.give(array))
    taken[0] = 5
    assert array[0] == 0


def test_arrays_of_objects_and_records_travel_too() -> None:
    record = np.zeros(10_000, [("a", "i4"), ("b", "f8")])
    thing = np.array([{"x": 1}] * 10_000, object)
    back = messages.take(messages.give((record, thing)))
    assert back[0].dtype == record.dtype
    assert back[1][5] == {"x": 1}
