from __future__ import annotations

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.ui.layers.histogram import BINS, value_counts


@pytest.mark.parametrize("value", [0, 700, -1024])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_an_image_of_one_value_has_one_bar(value, dtype):
    volume = Volume(np.full((8, 9, 10), value, dtype), Grid.of((8, 9, 10)))
    counts, edges = value_counts(volume, lambda fraction: None)
    assert len(counts) == BINS
    assert np.count_nonzero(counts) == 1
    assert edges[0] == value
