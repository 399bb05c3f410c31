from __future__ import annotations

import sys

import numpy as np
import psutil
import pytest

from viewer.data.arrays import blank_labels


def test_a_blank_label_map_is_an_array_like_any_other() -> None:
    blank = blank_labels((3, 4, 5), np.uint16)
    assert (blank.shape, blank.dtype, blank.flags.writeable, blank.flags.c_contiguous) == (
        (3, 4, 5),
        np.uint16,
        True,
        True,
    )
    assert not blank.any()
    blank[1, 2, 3] = 700
    assert blank.sum() == blank.copy().sum() == 700
    assert blank_labels((0, 4, 5), np.uint8).shape == (0, 4, 5)


def test_what_there_is_no_memory_for_is_an_error_of_memory() -> None:
    with pytest.raises(MemoryError):
        blank_labels((1 << 30, 1 << 30, 1 << 30), np.uint8)


@pytest.mark.skipif(sys.platform != "linux", reason="counts resident pages as Linux does")
def test_a_blank_label_map_takes_memory_where_it_is_written() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    blank = blank_labels((400, 512, 512), np.uint8)
    blank[:, 100, 100] = 1
    assert blank.sum() == 400  # all of it is read
    assert process.memory_info().rss - before < 40e6  # of 105
